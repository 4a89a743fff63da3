import { describe, expect, test } from "bun:test";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { eventOfMessage, ServiceProcess, temporaryDirectory } from "../promises/support.ts";
import { send } from "../support/kafka.ts";
import { openRaw } from "../support/store.ts";
import { until } from "../support/until.ts";
import { messageOf } from "./support/kafka-log.ts";
import { type Fault, FaultyDisk, HAS_SHIM, type Strike, WITHOUT_SHIM } from "./support/shim.ts";
import { differencesFromLog, FIRST_OF_HTTP, readStore, STORE } from "./support/stored.ts";

const TOPIC = "arrest_event";

/** Enough small transactions for a log of more than 10,000 pages, at which a checkpoint is made. */
const MANY = 7000;

/** A store that does not exist yet, on a disk that can be made to fail. */
async function newStore() {
  const directory = temporaryDirectory();
  const path = join(directory.path, "disk");
  mkdirSync(path);
  const disk = await FaultyDisk.at(path, directory.path);
  const databasePath = join(disk.directory, STORE);
  return {
    disk,
    databasePath,
    settings: { ...disk.environment(), DATABASE_PATH: databasePath, KAFKA_BROKERS: "none" },
    [Symbol.dispose]: () => {
      disk[Symbol.dispose]();
      directory[Symbol.dispose]();
    },
  };
}

/** Starts the service, creates an event, and stops it in order. */
async function createEvent(settings: Record<string, string>, sequence: number): Promise<void> {
  await using service = await ServiceProcess.start(settings);
  expect((await service.post(eventOfMessage(sequence))).status).toBe(201);
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(0);
}

async function subjects(service: ServiceProcess): Promise<number[]> {
  return (await service.events()).map(({ subject_id }) => subject_id);
}

describe.skipIf(!HAS_SHIM).concurrent(`at a start${WITHOUT_SHIM}`, () => {
  const newStores: [what: string, Fault, Strike, reason: string][] = [
    ["a disk without any room", "no-space", {}, "unable to open database file"],
    ["a disk that gets full on the way", "no-space", { after: 20_000 }, "database or disk is full"],
    ["a read-only file system", "read-only", {}, "unable to open database file"],
    ["I/O errors on writes", "write-error", {}, "disk I/O error"],
    ["I/O errors on fsync", "sync-error", {}, "disk I/O error"],
  ];
  test.each(newStores)(
    "a new store on %s ends the process with exit code 73 and the reason; the next start makes up for it",
    async (_, fault, strike, reason) => {
      using store = await newStore();
      store.disk.strike(fault, strike);
      await using refused = ServiceProcess.spawn(store.settings);
      expect(await refused.ended()).toBe(73);
      await until("the reason to be told", () => refused.output().includes(reason));
      expect(refused.output()).toContain(`DATABASE_PATH cannot be opened for writing: ${reason}`);
      store.disk.lift(fault);
      await createEvent(store.settings, 0);
    },
    120_000,
  );

  const stores: [what: string, Fault, reason: string][] = [
    ["a disk without any room", "no-space", "disk I/O error"],
    ["a read-only file system", "read-only", "attempt to write a readonly database"],
    ["I/O errors on writes", "write-error", "disk I/O error"],
    ["I/O errors on reads", "read-error", "disk I/O error"],
  ];
  test.each(stores)(
    "a store on %s is left as it is, with exit code 73 and the reason",
    async (_, fault, reason) => {
      using store = await newStore();
      await createEvent(store.settings, 0);
      store.disk.strike(fault);
      await using refused = ServiceProcess.spawn(store.settings);
      expect(await refused.ended()).toBe(73);
      await until("the reason to be told", () => refused.output().includes("cannot start"));
      expect(refused.output()).toContain(`DATABASE_PATH cannot be opened for writing: ${reason}`);
      store.disk.lift(fault);
      await using service = await ServiceProcess.start(store.settings);
      expect(await subjects(service)).toEqual([1]);
    },
    120_000,
  );

  test("a store whose disk cannot sync is read, and written as soon as it can", async () => {
    using store = await newStore();
    await createEvent(store.settings, 0);
    store.disk.strike("sync-error");
    await using service = await ServiceProcess.start(store.settings);
    expect(await subjects(service)).toEqual([1]);
    expect((await service.post(eventOfMessage(1))).status).toBe(503);
    await until("readiness to be red", async () => !(await service.fetch("/readyz")).ok);
    store.disk.lift("sync-error");
    await until("readiness to be green", async () => (await service.fetch("/readyz")).ok);
    expect((await service.post(eventOfMessage(2))).status).toBe(201);
    expect(await subjects(service)).toEqual([1, 3]);
  }, 120_000);
});

describe.skipIf(!HAS_SHIM).concurrent(`while the service runs${WITHOUT_SHIM}`, () => {
  test("a disk that cannot be read fails requests and readiness, and not the process", async () => {
    using store = await newStore();
    await createEvent(store.settings, 0);
    await using service = await ServiceProcess.start(store.settings);
    store.disk.strike("read-error");
    {
      // Once another program has written, nothing that the service has of the store in its memory counts.
      using raw = openRaw(store.databasePath);
      raw.run("pragma user_version = 0");
    }
    expect((await service.fetch("/arrest_events/1")).status).toBe(500);
    expect((await service.fetch("/arrest_events")).status).toBe(500);
    const readiness = await service.fetch("/readyz");
    expect(readiness.status).toBe(503);
    expect(await readiness.json()).toMatchObject({
      checks: { store: { status: "failing", problem: "the store cannot be read" } },
    });
    const refused = await service.post(eventOfMessage(1));
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).not.toBeNull();
    expect((await service.fetch("/livez")).status).toBe(200);

    store.disk.lift("read-error");
    await until("readiness to be green", async () => (await service.fetch("/readyz")).ok);
    expect((await service.post(eventOfMessage(2))).status).toBe(201);
    expect(await subjects(service)).toEqual([1, 3]);
  }, 120_000);

  test("a disk that fails during the last checkpoint of a stop loses nothing", async () => {
    using store = await newStore();
    await using service = await ServiceProcess.start(store.settings);
    expect((await service.post(eventOfMessage(0))).status).toBe(201);
    store.disk.strike("write-error", { on: "database" });
    service.signal("SIGTERM");
    await service.ended();
    expect(store.disk.hits("write-error")).toBeGreaterThan(0);
    await until("the failure to be told", () => service.output().includes("not stopped in order"));
    store.disk.lift("write-error");
    await using next = await ServiceProcess.start(store.settings);
    expect(await subjects(next)).toEqual([1]);
  }, 120_000);

  const growths: [what: string, on: "database" | "index", stopsReading: boolean][] = [
    // The log takes what comes until the file can grow.
    ["the database file cannot grow at a checkpoint, which reading outlasts", "database", false],
    ["the index of the log cannot grow, which stops reading for so long", "index", true],
  ];
  test.each(growths)(
    "each message is stored once although %s",
    async (_, on, stopsReading) => {
      using store = await newStore();
      const broker = await startEmbeddedBroker(TOPIC);
      await using service = await ServiceProcess.start({
        ...store.settings,
        KAFKA_BROKERS: broker.address,
        INGEST_BATCH_SIZE: "10",
      });
      await service.line("partitions assigned");
      store.disk.strike("no-space", { on });
      await send(
        broker.address,
        TOPIC,
        Array.from({ length: MANY }, (_, sequence) => messageOf(sequence)),
      );
      await until("the disk to refuse", () => store.disk.hits("no-space") > 0);
      const reached = async (messages: number) => {
        const { checks } = await service.json<{
          checks: { kafka: { partitions: { next_offset: number }[] } };
        }>("/readyz");
        const next = checks.kafka.partitions.reduce((sum, { next_offset }) => sum + next_offset, 0);
        return next >= messages;
      };
      if (stopsReading) {
        await until("readiness to be red", async () => !(await service.fetch("/readyz")).ok);
        expect(await reached(MANY)).toBe(false);
      } else {
        await until("everything to be stored", () => reached(MANY));
        expect((await service.fetch("/readyz")).ok).toBe(true);
      }
      const bytes = statSync(store.databasePath).size;
      store.disk.lift("no-space");
      await until("everything to be stored", () => reached(MANY));
      expect((await service.post(eventOfMessage(FIRST_OF_HTTP))).status).toBe(201);
      // The checkpoint has been made up for.
      expect(statSync(store.databasePath).size).toBeGreaterThan(bytes);
      await service.kill();
      await broker.close();
      const stored = readStore(store.databasePath);
      expect(differencesFromLog(stored)).toEqual([]);
      expect(stored.positions.reduce((sum, next) => sum + next, 0)).toBe(MANY);
      expect(stored.ofHttp.size).toBe(1);
    },
    120_000,
  );
});
