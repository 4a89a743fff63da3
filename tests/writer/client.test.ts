import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { parseConfig } from "../../src/config.ts";
import {
  type Change,
  type ChangeResult,
  StoreUnavailableError,
  startWriter,
  type WriterClient,
  WriterStartError,
} from "../../src/writer/client.ts";
import { messages, send, unusedAddress } from "../support/kafka.ts";
import { contents, fields, newDirectory, openRaw } from "../support/store.ts";
import { inTime, until } from "../support/until.ts";

const PATIENCE_MS = 120_000;

/** A writer thread with a store of its own. */
async function start(environment: Record<string, string> = { KAFKA_BROKERS: "none" }) {
  const directory = newDirectory();
  const path = directory.file();
  const writer = await startWriter(
    parseConfig({ DATABASE_PATH: path, LOG_LEVEL: "silent", ...environment }, false),
  );
  return {
    path,
    writer,
    async [Symbol.asyncDispose]() {
      // Of a thread that died there is nothing to stop.
      await inTime(
        "stopping the writer",
        writer.stop(10_000).catch(() => undefined),
      );
      directory[Symbol.dispose]();
    },
  };
}

const create = (officerId: number): Change => ({ kind: "create", fields: fields({ officerId }) });

/** What became of changes: the officers of those that were made, and how the others ended. */
async function settle(changes: readonly Promise<ChangeResult>[]) {
  const settled = await inTime("the answers", Promise.allSettled(changes));
  const made: number[] = [];
  let unknown = 0;
  for (const result of settled) {
    if (result.status === "rejected") {
      if (!(result.reason instanceof StoreUnavailableError)) unknown++;
    } else if (result.value.kind === "done") {
      made.push(result.value.event.officerId);
    } else {
      throw new Error(`a change ended as ${result.value.kind}`);
    }
  }
  return { made, refused: settled.length - made.length - unknown, unknown };
}

async function startError(environment: Record<string, string>): Promise<WriterStartError> {
  const started = startWriter(parseConfig({ LOG_LEVEL: "silent", ...environment }, false));
  const error = await inTime(
    "the refusal",
    started.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
  );
  expect(error).toBeInstanceOf(WriterStartError);
  return error as WriterStartError;
}

async function refusal(writer: WriterClient): Promise<unknown> {
  return writer.change(create(1)).then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

test("changes that a silence of the writer thread has refused leave room for others once it is over", async () => {
  using directory = newDirectory();
  const config = parseConfig(
    { DATABASE_PATH: directory.file(), LOG_LEVEL: "silent", KAFKA_BROKERS: "none" },
    false,
  );
  const writer = await startWriter(config, { silenceMs: 500, metricsMs: 1000 });
  try {
    using other = openRaw(directory.file());
    other.run("begin immediate");
    // More events than may wait.
    const events = Array.from({ length: 10_000 }, () => fields());
    const refused = await inTime(
      "the refusals",
      Promise.allSettled(
        Array.from({ length: 25 }, () => writer.change({ kind: "create-batch", events })),
      ),
    );
    other.run("rollback");
    expect(refused.every(({ status }) => status === "rejected")).toBe(true);
    await until("a change to be made", async () => {
      const [made] = await Promise.allSettled([writer.change(create(1))]);
      return made?.status === "fulfilled" || undefined;
    });
  } finally {
    await writer.stop(10_000);
  }
});

describe("the writer thread", () => {
  test.concurrent("makes changes, tells its status, and stops", async () => {
    await using store = await start();
    const { writer } = store;
    expect(await writer.change(create(1))).toEqual({
      kind: "done",
      event: { id: 1, ...fields({ officerId: 1 }), version: 1 },
    });
    expect(await writer.change({ kind: "update", id: 1, fields: { officerId: 2 } })).toEqual({
      kind: "done",
      event: { id: 1, ...fields({ officerId: 2 }), version: 2 },
    });
    expect(await writer.change({ kind: "delete", id: 9 })).toEqual({ kind: "not-found" });
    expect(await writer.change(create(0))).toMatchObject({ kind: "failed" });
    expect(writer.status()).toEqual({
      store: { writable: true },
      ingest: {
        state: "off",
        mode: "none",
        brokers: null,
        topic: "arrest_event",
        groupId: "arrest-events",
        partitions: [],
        storedEvents: 0,
        deadLetters: 0,
        lastStoredAt: null,
        lastMessageAt: null,
        lastCommittedAt: null,
        forwarding: null,
      },
    });
    await writer.stop(10_000);
    expect(await refusal(writer)).toBeInstanceOf(StoreUnavailableError);
    expect(Bun.peek.status(writer.died)).toBe("pending");
    expect(contents(store.path).officers).toEqual([2]);
    // A second stop has nothing to wait for.
    await inTime("a second stop", writer.stop(10_000));
  });

  test.concurrent("answers changes that come at once, each with its own result and in order", async () => {
    await using store = await start();
    const officers = Array.from({ length: 3000 }, (_, index) => index + 1);
    const { made, refused } = await settle(
      officers.map((each) => store.writer.change(create(each))),
    );
    expect(refused).toBe(0);
    expect(made).toEqual(officers);
    expect(contents(store.path).officers).toEqual(officers);
  });

  test.concurrent("refuses changes at once when too many are waiting", async () => {
    await using store = await start();
    const changes = Array.from({ length: 12_000 }, (_, index) =>
      store.writer.change(create(index + 1)),
    );
    const { made, refused, unknown } = await settle(changes);
    expect(unknown).toBe(0);
    // One group is under way, and ten thousand changes wait.
    expect(refused).toBeGreaterThan(0);
    expect(made.length).toBeGreaterThanOrEqual(10_000);
    expect(contents(store.path).officers).toEqual(made);
  });

  test.concurrent("refuses batches at once when too many events are waiting", async () => {
    await using store = await start();
    // The first event of each is refused, so that none of them takes the store long.
    const events = Array.from({ length: 10_000 }, (_, index) => fields({ officerId: index }));
    const batches = Array.from({ length: 30 }, () =>
      store.writer.change({ kind: "create-batch", events }),
    );
    const settled = await inTime("the answers", Promise.allSettled(batches));
    const refused = settled.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    // One batch is under way, and two hundred thousand events wait.
    expect(refused).toHaveLength(9);
    for (const reason of refused) expect(reason).toBeInstanceOf(StoreUnavailableError);
    expect(await store.writer.change(create(1))).toMatchObject({ kind: "done" });
  });

  test.concurrent("has made exactly the changes that it acknowledged when it stops", async () => {
    await using store = await start();
    const changes = Array.from({ length: 5000 }, (_, index) =>
      store.writer.change(create(index + 1)),
    );
    const stopped = store.writer.stop(10_000);
    const late = store.writer.change(create(9999));
    const { made, unknown } = await settle([...changes, late]);
    await inTime("the stop", stopped);
    expect(unknown).toBe(0);
    expect(contents(store.path).officers).toEqual(made);
  });

  test.concurrent(
    "refuses changes while the store cannot be written, and finds out when it can",
    async () => {
      await using store = await start();
      using other = openRaw(store.path);
      other.run("begin immediate");
      const { made, refused } = await settle(
        [1, 2, 3].map((each) => store.writer.change(create(each))),
      );
      expect([made, refused]).toEqual([[], 3]);
      const broken = await until("the status says so", () => {
        const status = store.writer.status();
        return !status.store.writable && status;
      });
      expect(broken.store).toEqual({ writable: false, problem: "database is locked" });
      other.run("rollback");
      await until(
        "nobody has to write for it to be noticed",
        () => store.writer.status().store.writable,
      );
      expect(await store.writer.change(create(4))).toMatchObject({ kind: "done" });
      expect(contents(store.path).officers).toEqual([4]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "reads the embedded broker, and forgets its offsets with it",
    async () => {
      using directory = newDirectory();
      const environment = { KAFKA_BROKERS: "embedded", DATABASE_PATH: directory.file() };
      for (const [first, last] of [
        [1, 20],
        [21, 30],
      ] as const) {
        await using store = await start(environment);
        const { writer } = store;
        const { brokers, mode } = writer.status().ingest;
        expect(mode).toBe("embedded");
        await send(brokers ?? "", "arrest_event", messages(first, last, 4));
        const count = last - first + 1;
        await until("they are stored", () => writer.status().ingest.storedEvents === count);
        expect(await writer.change(create(1000))).toMatchObject({ kind: "done" });
      }
      const { officers } = contents(directory.file());
      const expected = [...Array.from({ length: 30 }, (_, index) => index + 1), 1000, 1000];
      expect(officers.toSorted((a, b) => a - b)).toEqual(expected);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "stops in order while no broker is there",
    async () => {
      await using store = await start({ KAFKA_BROKERS: unusedAddress() });
      expect(await store.writer.change(create(1))).toMatchObject({ kind: "done" });
      await until("it is told of", () => store.writer.status().ingest.problem !== undefined);
      expect(store.writer.status()).toMatchObject({
        store: { writable: true },
        ingest: { state: "connecting" },
      });
      await inTime("the stop", store.writer.stop(10_000));
      expect(contents(store.path).officers).toEqual([1]);
    },
    PATIENCE_MS,
  );
});

describe("the writer thread does not start", () => {
  test("with settings that librdkafka refuses: it names each, and no value", async () => {
    using directory = newDirectory();
    const secret = "hunter2-s3cr3t";
    const error = await startError({
      DATABASE_PATH: directory.file(),
      KAFKA_BROKERS: "127.0.0.1:1",
      KAFKA_CONF_CLIENT_ID: "fine",
      KAFKA_CONF_SECURITY_PROTOCOL: secret,
      KAFKA_CONF_SESSION_TIMEOUT_MS: "7".repeat(20),
      KAFKA_CONF_SALS_PASSWORD: secret,
    });
    expect(error.exitCode).toBe(78);
    for (const name of ["security.protocol", "session.timeout.ms", "sals.password"]) {
      expect(error.message).toContain(name);
    }
    expect(error.message).not.toContain("client.id");
    expect(`${error.message}${error.stack}`).not.toMatch(/s3cr3t|777|-\d/);
  });

  test("with a file that is no database, and says which", async () => {
    using directory = newDirectory();
    writeFileSync(directory.file(), "These are notes, not an SQLite database.\n".repeat(100));
    const error = await startError({ DATABASE_PATH: directory.file(), KAFKA_BROKERS: "none" });
    expect(error.exitCode).toBe(73);
    expect(error.message).toBe(`${directory.file()} is not an SQLite database`);
  });

  test("with a file that cannot be made, and says which setting that is", async () => {
    using directory = newDirectory();
    writeFileSync(directory.file("file"), "");
    for (const path of [directory.path, directory.file("file/events.sqlite")]) {
      const error = await startError({ DATABASE_PATH: path, KAFKA_BROKERS: "none" });
      expect(error.exitCode).toBe(73);
      expect(error.message).toStartWith("DATABASE_PATH cannot be opened for writing: ");
    }
  });
});

test("the death of the writer thread is told, and nobody waits for it for ever", async () => {
  let worker: Worker | undefined;
  const RealWorker = globalThis.Worker;
  globalThis.Worker = class extends RealWorker {
    constructor(...parameters: ConstructorParameters<typeof RealWorker>) {
      super(...parameters);
      worker = this as unknown as Worker;
    }
  } as typeof RealWorker;
  try {
    await using store = await start();
    const { writer } = store;
    await writer.change(create(1));
    const changes = Array.from({ length: 3000 }, (_, index) => writer.change(create(index + 2)));
    worker?.terminate();
    const { made, unknown } = await settle(changes);
    expect(await inTime("the news", writer.died)).toBeInstanceOf(Error);
    expect(await refusal(writer)).toBeInstanceOf(StoreUnavailableError);
    // What died cannot be stopped in order, and whoever asks for that must hear of it.
    await expect(inTime("a stop", writer.stop(10_000))).rejects.toThrow("writer thread");
    const { officers } = contents(store.path);
    // Of one group nobody knows whether it was made; all that was acknowledged is there, nothing else.
    expect(unknown).toBeWithin(1, 1001);
    expect([0, unknown]).toContain(officers.length - 1 - made.length);
    expect(officers.slice(0, made.length + 1)).toEqual([1, ...made]);
  } finally {
    globalThis.Worker = RealWorker;
  }
});
