import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Keeps the last few builds of each kind in the directory of them. */
export function prune(cache: string): void {
  const entries = readdirSync(cache, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "work")
    .map(({ name }) => ({ name, used: statSync(join(cache, name)).mtimeMs }))
    .sort((a, b) => b.used - a.used);
  const ofLibrdkafka = entries.filter(({ name }) => name.startsWith("librdkafka-"));
  const ofCurl = entries.filter(({ name }) => name.startsWith("curl-"));
  const ofAddon = entries.filter(({ name }) => !/^(librdkafka|curl)-/.test(name));
  for (const { name } of [...ofLibrdkafka.slice(2), ...ofCurl.slice(2), ...ofAddon.slice(4)]) {
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}
