import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { answersOf, FIXTURES } from "../../scripts/fixture.ts";
import { checkDatabase } from "../../src/store/check.ts";
import { openForWriting } from "../../src/store/database.ts";
import { MIGRATIONS } from "../../src/store/migrations.ts";
import { newDirectory, rows } from "../support/store.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

const versions = readdirSync(FIXTURES)
  .filter((name) => name.endsWith(".sqlite.gz"))
  .map((name) => name.replace(".sqlite.gz", ""));

const schemaOf = (path: string) =>
  rows(path, "select type, name, sql from sqlite_master order by type, name");

function unpack(version: string, path: string): void {
  writeFileSync(path, Bun.gunzipSync(readFileSync(join(FIXTURES, `${version}.sqlite.gz`))));
}

test("this version has its database among those of the releases; `bun scripts/fixture.ts` makes it", () => {
  expect(versions).toContain(manifest.version);
});

test("all migrations that are checked in are in the executable", () => {
  const folder = join(import.meta.dir, "../../drizzle");
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  expect(MIGRATIONS.map(({ tag }) => `${tag}.sql`).sort()).toEqual(files.sort());
});

test.each(versions)(
  "a database of %s is migrated to the schema of a new one, and is sound",
  (version) => {
    using directory = newDirectory();
    const path = directory.file("old.sqlite");
    unpack(version, path);
    openForWriting(path).$client.close();
    openForWriting(directory.file("new.sqlite")).$client.close();
    expect(schemaOf(path)).toEqual(schemaOf(directory.file("new.sqlite")));
    expect(checkDatabase(path, "full")).toEqual({
      problems: [],
      isWhole: true,
      notes: [],
      events: 31,
      deadLetters: 1,
    });
  },
);

test.each(versions)("a database of %s is served as it was then", async (version) => {
  using directory = newDirectory();
  unpack(version, directory.file());
  const answered = JSON.parse(readFileSync(join(FIXTURES, `${version}.json`), "utf8"));
  // Later versions may answer further members.
  expect(await answersOf(directory.file())).toMatchObject(answered);
});
