import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { eventOfMessage, query, ServiceProcess } from "../promises/support.ts";
import { makeLivedIn } from "../support/lived-in.ts";
import { newDirectory, openRaw } from "../support/store.ts";
import { run } from "./support.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

test("a backup that is made while the service writes is a moment of it, is sound, and is served by another instance", async () => {
  using directory = newDirectory();
  const DATABASE_PATH = directory.file();
  await using service = await ServiceProcess.start({ DATABASE_PATH, KAFKA_BROKERS: "none" });
  let acknowledged = 0;
  let isWriting = true;
  const writing = (async () => {
    while (isWriting) {
      const answer = await service.post(eventOfMessage(acknowledged));
      if (answer.status !== 201) throw new Error(`refused with ${answer.status}`);
      acknowledged++;
    }
  })();
  const copies = [];
  for (const name of ["first.sqlite", "second.sqlite"]) {
    const before = acknowledged;
    const { exitCode, stdout, stderr } = await run(
      { DATABASE_PATH },
      "backup",
      directory.file(name),
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^backed up: \d+ events, 0 dead letters, [\d.]+ MB, checked\n$/);
    copies.push({ name, before, after: acknowledged });
  }
  isWriting = false;
  await writing;
  for (const { name, before, after } of copies) {
    const ids = query<{ id: number }>(
      directory.file(name),
      "select id from arrest_event order by id",
    ).map(({ id }) => id);
    // What was acknowledged before is in it, and nothing is missing in between; one more may have been under way.
    expect(ids).toEqual(ids.map((_, index) => index + 1));
    expect(ids.length).toBeGreaterThanOrEqual(before);
    expect(ids.length).toBeLessThanOrEqual(after + 1);
    expect((await run({}, "check", directory.file(name))).exitCode).toBe(0);
  }
  await using restored = await ServiceProcess.start({
    DATABASE_PATH: directory.file("second.sqlite"),
    KAFKA_BROKERS: "none",
  });
  const events = await restored.events();
  expect(events.length).toBeGreaterThanOrEqual(copies[1]?.before ?? Number.NaN);
  expect((await restored.post(eventOfMessage(0))).headers.get("location")).toEndWith(
    `/${events.length + 1}`,
  );
});

test("a file that is there is not overwritten, with exit code 73", async () => {
  using directory = newDirectory();
  const DATABASE_PATH = directory.file();
  expect((await run({ DATABASE_PATH }, "migrate")).exitCode).toBe(0);
  const target = directory.file("notes.txt");
  writeFileSync(target, "not to be lost");
  const { exitCode, stdout, stderr } = await run({ DATABASE_PATH }, "backup", target);
  expect({ exitCode, stdout }).toEqual({ exitCode: 73, stdout: "" });
  expect(stderr).toContain("is there already");
  expect(readFileSync(target, "utf8")).toBe("not to be lost");
});

test("a backup of a damaged database fails with exit code 73 and leaves nothing behind", async () => {
  using directory = newDirectory();
  const DATABASE_PATH = directory.file();
  expect((await run({ DATABASE_PATH }, "migrate")).exitCode).toBe(0);
  const bytes = readFileSync(DATABASE_PATH);
  bytes.fill(0xff, 4096, 3 * 4096);
  writeFileSync(DATABASE_PATH, bytes);
  const { exitCode, stderr } = await run({ DATABASE_PATH }, "backup", directory.file("copy"));
  expect(exitCode).toBe(73);
  expect(stderr).toMatch(/^arrest-events backup: \S/);
  expect(readdirSync(directory.path).filter((name) => name.startsWith("copy"))).toEqual([]);
});

test("a database whose rows contradict each other is backed up, which exit code 65 tells", async () => {
  using directory = newDirectory();
  const DATABASE_PATH = directory.file();
  makeLivedIn(DATABASE_PATH);
  {
    using raw = openRaw(DATABASE_PATH);
    raw.run("update arrest_event set officer_id = 1234 where id = 3");
  }
  const copy = directory.file("copy");
  const { exitCode, stdout, stderr } = await run({ DATABASE_PATH }, "backup", copy);
  expect(exitCode).toBe(65);
  expect(stdout).toStartWith("backed up: 31 events, 1 dead letters, ");
  expect(stderr).toContain("not what their newest change made of them: 1");
  expect(query(copy, "select officer_id from arrest_event where id = 3")).toEqual([
    { officer_id: 1234 },
  ]);
});

test("a backup of no database fails with exit code 73, and makes none", async () => {
  using directory = newDirectory();
  const DATABASE_PATH = directory.file("missing.sqlite");
  const { exitCode, stderr } = await run({ DATABASE_PATH }, "backup", directory.file("copy"));
  expect(exitCode).toBe(73);
  expect(stderr).toContain("there is no database");
  expect(readdirSync(directory.path)).toEqual([]);
});

test("a directory that is not there is told so with exit code 73", async () => {
  using directory = newDirectory();
  const DATABASE_PATH = directory.file();
  expect((await run({ DATABASE_PATH }, "migrate")).exitCode).toBe(0);
  const { exitCode, stderr } = await run({ DATABASE_PATH }, "backup", directory.file("no/copy"));
  expect(exitCode).toBe(73);
  expect(stderr).toContain("unable to open database");
});
