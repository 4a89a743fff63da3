import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { seededRandom } from "../../src/simulate/random.ts";
import { eventOfMessage, ServiceProcess, temporaryDirectory } from "../promises/support.ts";
import { send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { Disk } from "./support/disk.ts";
import { messageOf } from "./support/kafka-log.ts";
import { readRecording } from "./support/recording.ts";
import { FaultyDisk, HAS_SHIM, WITHOUT_SHIM } from "./support/shim.ts";
import {
  differencesFromLog,
  FIRST_OF_HTTP,
  readStore,
  STORE,
  type Stored,
  writeFiles,
} from "./support/stored.ts";

const TOPIC = "arrest_event";
const MESSAGES = 200;

/** A new store on a disk that can be made to fail, and whose power can be cut. */
async function newStore() {
  const directory = temporaryDirectory();
  const path = join(directory.path, "disk");
  mkdirSync(path);
  const disk = await FaultyDisk.at(path, directory.path);
  return {
    disk,
    settings: {
      ...disk.environment(),
      DATABASE_PATH: join(disk.directory, STORE),
      KAFKA_BROKERS: "none",
    },
    /** What is stored after the power was cut when the recording was so long, and nothing unsynced survived. */
    afterPowerCut: (position: number): Stored => {
      const cut = new Disk();
      for (const operation of readRecording(disk.recording)) {
        if (operation.end <= position) cut.apply(operation);
      }
      const random = seededRandom(0);
      const restored = join(directory.path, "restored");
      writeFiles(restored, cut.afterPowerCut(random, "nothing"), random);
      return readStore(join(restored, STORE));
    },
    [Symbol.dispose]: () => {
      disk[Symbol.dispose]();
      directory[Symbol.dispose]();
    },
  };
}

/** The subjects of the events that came by HTTP. */
const subjectsOf = ({ ofHttp }: Stored): number[] => [...ofHttp.keys()].sort((a, b) => a - b);

describe.skipIf(!HAS_SHIM).concurrent(`after an fsync that failed once${WITHOUT_SHIM}`, () => {
  test.each([
    ["in the same process", false],
    ["in the next process, this one being killed", true],
  ])(
    "a change that is acknowledged %s survives a power cut, although the disk has dropped the messages before it",
    async (_, isKilled) => {
      using store = await newStore();
      const broker = await startEmbeddedBroker(TOPIC);
      const settings = { ...store.settings, KAFKA_BROKERS: broker.address };
      await using service = await ServiceProcess.start(settings);
      await service.line("partitions assigned");

      store.disk.strike("sync-error", { times: 1, on: "log" });
      await send(
        broker.address,
        TOPIC,
        Array.from({ length: MESSAGES }, (_, sequence) => messageOf(sequence)),
      );
      // The sync before the next commit to the group fails, and the messages are what it was for.
      await until("the sync to fail", () => store.disk.hits("sync-error") === 1);
      if (isKilled) await service.kill();
      await using next = isKilled ? await ServiceProcess.start(settings) : undefined;
      const wanted = eventOfMessage(FIRST_OF_HTTP);
      const asked = next ?? service;
      await until("a change to be acknowledged", async () => (await asked.post(wanted)).ok);
      const position = store.disk.position();
      await asked.kill();
      await broker.close();

      const stored = store.afterPowerCut(position);
      expect(subjectsOf(stored)).toEqual([FIRST_OF_HTTP + 1]);
      expect(differencesFromLog(stored)).toEqual([]);
    },
    120_000,
  );

  test("a change that was refused for it is not there after the process is killed", async () => {
    using store = await newStore();
    await using service = await ServiceProcess.start(store.settings);
    expect((await service.post(eventOfMessage(0))).status).toBe(201);
    store.disk.strike("sync-error", { times: 1, on: "log" });
    expect((await service.post(eventOfMessage(1))).status).toBe(503);
    await service.kill();
    await using next = await ServiceProcess.start(store.settings);
    expect((await next.events()).map(({ subject_id }) => subject_id)).toEqual([1]);
  }, 120_000);

  test("what a checkpoint had moved is moved once more", async () => {
    using store = await newStore();
    await using service = await ServiceProcess.start(store.settings);
    expect((await service.post(eventOfMessage(FIRST_OF_HTTP))).status).toBe(201);
    store.disk.strike("sync-error", { times: 1, on: "database" });
    service.signal("SIGTERM");
    await service.ended();
    expect(store.disk.hits("sync-error")).toBe(1);
    // Starts with a checkpoint, after which the log is written anew from its beginning.
    await using next = await ServiceProcess.start(store.settings);
    expect((await next.post(eventOfMessage(FIRST_OF_HTTP + 1))).status).toBe(201);
    const position = store.disk.position();
    await next.kill();
    expect(subjectsOf(store.afterPowerCut(position))).toEqual([
      FIRST_OF_HTTP + 1,
      FIRST_OF_HTTP + 2,
    ]);
  }, 120_000);
});
