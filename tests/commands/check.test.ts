import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkDatabase } from "../../src/store/check.ts";
import { makeLivedIn } from "../support/lived-in.ts";
import { newDirectory, openRaw } from "../support/store.ts";
import { run } from "./support.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

function damaged(statement: string): readonly string[] {
  using directory = newDirectory();
  makeLivedIn(directory.file());
  {
    using raw = openRaw(directory.file());
    raw.run(statement);
  }
  return checkDatabase(directory.file(), "full").problems;
}

test("a store in which everything has happened is sound, and check says what it holds", async () => {
  using directory = newDirectory();
  makeLivedIn(directory.file());
  expect(checkDatabase(directory.file(), "full")).toEqual({
    problems: [],
    isWhole: true,
    notes: [],
    events: 31,
    deadLetters: 1,
  });
  for (const quick of [[], ["--quick"]]) {
    const named = await run({}, "check", ...quick, directory.file());
    const bySetting = await run({ DATABASE_PATH: directory.file() }, "check", ...quick);
    for (const { exitCode, stdout, stderr } of [named, bySetting]) {
      expect({ exitCode, stdout, stderr }).toEqual({
        exitCode: 0,
        stdout: "sound: 31 events, 1 dead letters\n",
        stderr: "",
      });
    }
  }
});

test.each([
  ["delete from arrest_event where id = 31", "changes that left an event which is not there: 1"],
  [
    "delete from arrest_event_change where event_id = 31",
    "neither a batch from Kafka nor a change has made: 1",
  ],
  [
    "update arrest_event set officer_id = 1234 where id = 3",
    "not what their newest change made of them: 1",
  ],
  [
    "update arrest_event set version = 5 where id = 5",
    "version is not that of their newest change: 1",
  ],
  ["update sqlite_sequence set seq = 20 where name = 'arrest_event'", "could be given again: 12"],
  [
    'update ingest_batch set last_id = last_id + 5 where "partition" = 0',
    "share events with the one before: 1",
  ],
  [
    'update ingest_batch set last_offset = first_offset where "partition" = 1',
    "fewer offsets than events: 1",
  ],
  ["drop index arrest_event_by_officer_id", "the index arrest_event_by_officer_id is missing"],
  ["drop table dead_letter_forwarding", "the table dead_letter_forwarding is missing"],
  ["update __drizzle_migrations set hash = 'x'", "is not the one of this service"],
  [
    "insert into __drizzle_migrations (hash, created_at) values ('x', 9999999999999)",
    "a newer version of this service has migrated it",
  ],
])("check finds what is wrong after: %s", (statement, problem) => {
  expect(damaged(statement)).toContainEqual(expect.stringContaining(problem));
});

test("a table of somebody else is noted", () => {
  using directory = newDirectory();
  makeLivedIn(directory.file());
  {
    using raw = openRaw(directory.file());
    raw.run("create table notes (text)");
  }
  const { problems, notes } = checkDatabase(directory.file(), "full");
  expect({ problems, notes }).toEqual({
    problems: [],
    notes: ["the table notes is not of this service"],
  });
});

test("a position that lies before what is stored is noted: a topic that was made anew has it too", () => {
  using directory = newDirectory();
  makeLivedIn(directory.file());
  {
    using raw = openRaw(directory.file());
    raw.run('update consumer_offset set next_offset = 5 where "partition" = 0');
    raw.run('delete from consumer_offset where "partition" = 1');
  }
  expect(checkDatabase(directory.file(), "full").notes).toEqual([
    expect.stringMatching(/^arrest_event \[0\] is read on from 5, although \d+ has been stored/),
    expect.stringContaining("arrest_event [1] has no position, although 9 has been stored"),
  ]);
});

test.each([
  ["bytes that were overwritten", (bytes: Buffer) => bytes.fill(0xa5, 4096, 16_384)],
  ["an end that is missing", (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
])("a file with %s is exit code 65", async (_, damage) => {
  using directory = newDirectory();
  makeLivedIn(directory.file());
  writeFileSync(directory.file(), damage(readFileSync(directory.file())));
  const { exitCode, stderr } = await run({}, "check", directory.file());
  expect(exitCode).toBe(65);
  expect(stderr).toMatch(/^arrest-events check: \S/);
});

test("a file that is no database is exit code 65, and one that is missing 66", async () => {
  using directory = newDirectory();
  writeFileSync(directory.file("notes"), "These are notes.\n".repeat(500));
  expect((await run({}, "check", directory.file("notes"))).exitCode).toBe(65);
  expect((await run({}, "check", join(directory.path, "missing"))).exitCode).toBe(66);
});
