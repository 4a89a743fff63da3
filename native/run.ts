import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What stops a build, in words for who started it. */
export class BuildError extends Error {}

/** How a command of a build is run. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a command, its output in a log of this name in `work`.
 *
 * @throws BuildError with the end of that when it fails
 */
export async function run(
  name: string,
  work: string,
  command: readonly string[],
  cwd: string,
  { env = {}, onLine }: RunOptions = {},
): Promise<void> {
  const log = join(work, `${name}.log`);
  appendFileSync(log, `$ ${command.join(" ")}\n`);
  const child = Bun.spawn(["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", ...command], {
    cwd,
    // librdkafka's configure colours its output by TERM.
    env: { ...process.env, TERM: "dumb", LC_ALL: "C", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of child.stdout) {
    const text = decoder.decode(chunk, { stream: true });
    appendFileSync(log, text);
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine?.(line);
  }
  if ((await child.exited) === 0) return;
  const tail = readFileSync(log, "utf8").trimEnd().split("\n").slice(-40).join("\n");
  throw new BuildError(`${name} failed:\n\n${tail}\n\nThe whole log: ${log}`);
}
