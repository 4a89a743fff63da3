import { describe, expect, test } from "bun:test";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { decodeMessage } from "../../src/ingest/message.ts";
import { openForWriting, UnusableDatabaseError } from "../../src/store/database.ts";
import { openReader } from "../../src/store/read.ts";
import { openWriter } from "../../src/store/write.ts";
import { fields, newDirectory, openRaw, rows } from "../support/store.ts";

const ROOT = join(import.meta.dir, "../..");
const MIGRATIONS = join(ROOT, "drizzle");

const schemaOf = (path: string) =>
  rows(path, "select type, name, sql from sqlite_master order by type, name");

function refusalOf(path: string): string {
  try {
    openForWriting(path).$client.close();
  } catch (error) {
    expect(error).toBeInstanceOf(UnusableDatabaseError);
    return (error as Error).message;
  }
  throw new Error("the database was opened");
}

/** The files of a directory and what is in them. */
const contentsOf = (directory: string) =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(directory, path), readFileSync(path, "utf8")]),
  );

describe("the migrations", () => {
  test("make the tables in a file that is missing, and its directory", () => {
    using directory = newDirectory();
    const path = directory.file("new/deep/events.sqlite");
    openForWriting(path).$client.close();
    const tables = rows<{ name: string }>(
      path,
      "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name",
    );
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["arrest_event", "consumer_offset", "dead_letter"]),
    );
  });

  test("make the tables in an empty file", () => {
    using directory = newDirectory();
    writeFileSync(directory.file(), "");
    openForWriting(directory.file()).$client.close();
    expect(schemaOf(directory.file()).length).toBeGreaterThan(3);
  });

  test("change nothing when they have been applied before", () => {
    using directory = newDirectory();
    const path = directory.file();
    const writer = openWriter(path, "kafka", "arrest_event", decodeMessage);
    writer.apply([{ kind: "create", fields: fields() }]);
    writer.close();
    const before = { schema: schemaOf(path), events: rows(path, "select * from arrest_event") };
    openForWriting(path).$client.close();
    openForWriting(path).$client.close();
    expect({ schema: schemaOf(path), events: rows(path, "select * from arrest_event") }).toEqual(
      before,
    );
    expect(rows(path, "select * from __drizzle_migrations")).toHaveLength(
      readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql")).length,
    );
  });

  test("are applied when a start was broken off before the first of them", () => {
    using directory = newDirectory();
    using raw = openRaw(directory.file());
    raw.run(
      "create table __drizzle_migrations (id serial primary key, hash text not null, created_at numeric)",
    );
    openWriter(directory.file(), "kafka", "arrest_event", decodeMessage).close();
    expect(rows(directory.file(), "select * from __drizzle_migrations")).toHaveLength(1);
  });

  test("that are checked in are all that the schema asks for", async () => {
    using directory = newDirectory();
    cpSync(MIGRATIONS, directory.path, { recursive: true });
    const generate = Bun.spawn(
      [
        process.execPath,
        join(ROOT, "node_modules/drizzle-kit/bin.cjs"),
        "generate",
        "--dialect=sqlite",
        "--schema=./src/store/schema.ts",
        `--out=${relative(ROOT, directory.path)}`,
      ],
      { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const output = await new Response(generate.stdout).text();
    expect(await generate.exited, output).toBe(0);
    expect(output).toContain("No schema changes");
    expect(contentsOf(directory.path)).toEqual(contentsOf(MIGRATIONS));
  }, 60_000);
});

describe("a file is refused and left as it was", () => {
  function expectUntouched(path: string, message: RegExp): void {
    const before = readFileSync(path);
    expect(refusalOf(path)).toMatch(message);
    expect(readFileSync(path).equals(before)).toBe(true);
  }

  test("when a newer version of the service has migrated it", () => {
    using directory = newDirectory();
    const path = directory.file();
    openForWriting(path).$client.close();
    using raw = openRaw(path);
    raw.run("insert into __drizzle_migrations (hash, created_at) values ('new', 9999999999999)");
    raw.run("pragma wal_checkpoint(truncate)");
    expectUntouched(path, /migrated by a newer version of this service: run that version/);
  });

  test("when it is the database of another program", () => {
    using directory = newDirectory();
    using raw = openRaw(directory.file());
    raw.run("create table notes (text)");
    expectUntouched(
      directory.file(),
      /holds tables that are not of this service: set DATABASE_PATH/,
    );
  });

  test("when it is the database of another program that uses Drizzle", () => {
    using directory = newDirectory();
    using raw = openRaw(directory.file());
    raw.run("create table notes (text)");
    raw.run(
      "create table __drizzle_migrations (id serial primary key, hash text not null, created_at numeric)",
    );
    for (const createdAt of [1, 9_999_999_999_999]) {
      raw.run("delete from __drizzle_migrations");
      raw.run("insert into __drizzle_migrations (hash, created_at) values ('x', ?)", [createdAt]);
      expectUntouched(directory.file(), /holds tables that are not of this service/);
    }
  });

  test("when it is no database at all", () => {
    using directory = newDirectory();
    writeFileSync(directory.file(), "These are notes, not an SQLite database.\n".repeat(100));
    expectUntouched(directory.file(), /is not an SQLite database/);
  });

  test("and can be used by its owner, because no connection stays open", () => {
    using directory = newDirectory();
    using raw = openRaw(directory.file());
    raw.run("create table notes (text)");
    refusalOf(directory.file());
    raw.run("pragma locking_mode = exclusive");
    expect(() => raw.run("insert into notes values ('still mine')")).not.toThrow();
  });
});

test("a reader is refused a file that is missing, and does not make it", () => {
  using directory = newDirectory();
  expect(() => openReader(directory.file())).toThrow();
  expect(readdirSync(directory.path)).toEqual([]);
});
