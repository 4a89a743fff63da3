import { expect, test } from "bun:test";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { describeSettings } from "../src/settings.ts";

const readme = await Bun.file(join(import.meta.dir, "../README.md")).text();

test("the README lists the settings as the code has them", () => {
  const rows = describeSettings().map(({ name, fallback, about }) => {
    const byDefault = /^\S+$/.test(fallback) ? `\`${fallback}\`` : fallback;
    return `| \`${name}\` | ${byDefault} | ${about} |`;
  });
  const table = ["| name | default | |", "| --- | --- | --- |", ...rows].join("\n");
  const between = readme.split("<!-- settings -->\n")[1]?.split("\n<!-- /settings -->")[0];
  expect(between).toBe(table);
});

test("the README starts the version of Bun that the project is pinned to", () => {
  const versions = new Set(
    [...readme.matchAll(/bun@(\d+\.\d+\.\d+)/g)].map(([, version]) => version),
  );
  expect([...versions]).toEqual([manifest.engines.bun]);
});

test("the files that the README names are there", async () => {
  const paths = [...readme.matchAll(/\]\(((?!https?:)[^)#]+)\)/g)].map(([, path]) => String(path));
  expect(paths.length).toBeGreaterThan(5);
  for (const path of paths) {
    expect({ path, exists: await Bun.file(join(import.meta.dir, "..", path)).exists() }).toEqual({
      path,
      exists: true,
    });
  }
});
