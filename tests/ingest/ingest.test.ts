import { describe, expect, test } from "bun:test";
import { decodeMessage } from "../../src/ingest/message.ts";
import { openWriter, type Position } from "../../src/store/write.ts";
import { brokerOfFile } from "../support/broker.ts";
import { startIngest } from "../support/ingest.ts";
import {
  commitOffset,
  committedOffsets,
  createTopic,
  message,
  messages,
  numbers,
  type Sent,
  send,
} from "../support/kafka.ts";
import { contents, newDirectory, rows } from "../support/store.ts";
import { until } from "../support/until.ts";

// A group's first assignment takes the broker three seconds, which tests side by side wait out together.
const PATIENCE_MS = 120_000;

const broker = brokerOfFile();

/** Asserts that each partition's messages were stored once and in their order; officer n was sent to n % 4. */
function expectOnceAndInOrder(officers: readonly number[], last: number): void {
  for (const partition of [0, 1, 2, 3]) {
    expect(officers.filter((officer) => officer % 4 === partition)).toEqual(
      numbers(1, last).filter((officer) => officer % 4 === partition),
    );
  }
}

/** Leaves positions in a store, as an earlier run would have. */
function storePositions(path: string, topic: string, positions: readonly Position[]): void {
  const writer = openWriter(path, "kafka", topic, decodeMessage);
  writer.setPositions(positions);
  writer.close();
}

describe("ingest", () => {
  test.concurrent(
    "keeps a batch whose messages are partly no events, and those as dead letters",
    async () => {
      using directory = newDirectory();
      const topic = "mixed";
      const bad: Sent = {
        value: Buffer.from([0xff, 0, 10]),
        key: Buffer.from([0, 200]),
        headers: [{ trace: Buffer.from([1, 255]) }, { trace: "again" }, { empty: "" }],
        timestamp: 1_700_000_000_123,
      };
      await send(broker.address, topic, [
        message(1),
        bad,
        message(2),
        { value: null },
        { value: "{" },
        message(3),
        { value: '{"officer_id":0}' },
        message(4),
      ]);
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        now: () => Date.now(),
      });
      await run.stored(8);
      await run.stop();
      const { officers, deadLetters, positions } = contents(directory.file());
      expect(officers).toEqual([1, 2, 3, 4]);
      expect(deadLetters).toEqual([
        { partition: 0, offset: 1, reason: "not_utf8" },
        { partition: 0, offset: 3, reason: "no_value" },
        { partition: 0, offset: 4, reason: "not_json" },
        { partition: 0, offset: 6, reason: "invalid_event" },
      ]);
      expect(positions.map(({ next }) => next)).toEqual([8, 0, 0, 0]);
      const [letter] = rows<Record<string, unknown>>(
        directory.file(),
        'select cluster, topic, key, value, headers, timestamp from dead_letter where "offset" = 1',
      );
      expect(letter).toEqual({
        cluster: "kafka",
        topic,
        key: new Uint8Array([0, 200]),
        value: new Uint8Array([0xff, 0, 10]),
        headers: JSON.stringify([
          ["trace", Buffer.from([1, 255]).toString("base64")],
          ["trace", Buffer.from("again").toString("base64")],
          ["empty", ""],
        ]),
        timestamp: 1_700_000_000_123,
      });
      expect(run.status()).toMatchObject({ state: "stopped", storedEvents: 4, deadLetters: 4 });
      expect(run.store.every((error) => error === undefined)).toBe(true);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "begins where the store says, else where the group says, else at the earliest message",
    async () => {
      using directory = newDirectory();
      const topic = "beginnings";
      await send(broker.address, topic, messages(1, 40, 4));
      // Partition 0 is known to both, 1 to the group, 2 to the store, and 3 to neither.
      for (const partition of [0, 1]) {
        await commitOffset(broker.address, topic, { topic, partition, offset: 8 });
      }
      storePositions(directory.file(), topic, [
        { partition: 0, nextOffset: 3 },
        { partition: 2, nextOffset: 10 },
      ]);
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      await run.stored(7 + 2 + 0 + 10);
      expect(run.status().partitions).toEqual(
        numbers(0, 3).map((partition) => ({ partition, nextOffset: 10, endOffset: 10, lag: 0 })),
      );
      await run.stop();
      const { officers } = contents(directory.file());
      // Partition 0 holds 4, 8, …, 40 at the offsets 0 to 9, the others 1, 5, … and so on.
      const partition = (number: number) => officers.filter((officer) => officer % 4 === number);
      expect(partition(0)).toEqual([16, 20, 24, 28, 32, 36, 40]);
      expect(partition(1)).toEqual([33, 37]);
      expect(partition(2)).toEqual([]);
      expect(partition(3)).toEqual([3, 7, 11, 15, 19, 23, 27, 31, 35, 39]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "reads a topic that was made anew from its start, and warns",
    async () => {
      using directory = newDirectory();
      const topic = "made-anew";
      await send(broker.address, topic, messages(1, 5));
      storePositions(directory.file(), topic, [{ partition: 0, nextOffset: 1000 }]);
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      await run.stored(5);
      await run.stop();
      const { officers, positions } = contents(directory.file());
      expect(officers).toEqual([1, 2, 3, 4, 5]);
      expect(positions[0]).toMatchObject({ partition: 0, next: 5 });
      expect(run.lines.filter(({ level }) => level === "warn")).toMatchObject([
        { partition: 0, storedOffset: 1000, endOffset: 5, readFrom: 0 },
      ]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "stores a beginning before the first message, so that a lost group commit changes nothing",
    async () => {
      using directory = newDirectory();
      const topic = "first-position";
      await createTopic(broker.address, topic);
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      await run.reading();
      expect(contents(directory.file()).positions.map(({ next }) => next)).toEqual([0, 0, 0, 0]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "stops reading while the store fails, and then stores everything once and in order",
    async () => {
      using directory = newDirectory();
      const topic = "failing";
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        batch: { batchSize: 7, lingerMs: 1 },
      });
      await send(broker.address, topic, messages(1, 100, 4));
      await run.stored(100);
      run.faults.ingest = new Error("disk full");
      await send(broker.address, topic, messages(101, 400, 4));
      const failing = await until("the store fails", () => {
        const status = run.status();
        return status.state === "store-failing" && status;
      });
      expect(failing.storedEvents).toBe(100);
      expect(failing.partitions.reduce((sum, { lag }) => sum + lag, 0)).toBeGreaterThan(0);
      // Bad messages that come meanwhile are none the store has refused: they wait like all others.
      await send(broker.address, topic, [{ partition: 0, value: "{" }, ...messages(401, 480, 4)]);
      await until("several attempts", () => run.store.filter((error) => error).length >= 3);
      expect(contents(directory.file())).toMatchObject({ deadLetters: [] });
      expect(contents(directory.file()).officers).toHaveLength(100);

      run.faults.ingest = undefined;
      await run.stored(481);
      expect(run.status()).toMatchObject({ state: "reading", storedEvents: 480, deadLetters: 1 });
      await run.stop();
      const { officers, deadLetters } = contents(directory.file());
      expectOnceAndInOrder(officers, 480);
      expect(deadLetters).toEqual([{ partition: 0, offset: 100, reason: "not_json" }]);
      expect(run.logged("the store cannot be written: reading stops")).toBe(true);
      expect(run.logged("the store can be written again")).toBe(true);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "stores no more than 5,000 messages at once while changes over HTTP are made",
    async () => {
      using directory = newDirectory();
      const topic = "sharing";
      await send(broker.address, topic, messages(1, 24_000));
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        batch: { batchSize: 20_000, lingerMs: 50 },
        isSharing: () => true,
      });
      const sizes = () =>
        rows<{ size: number }>(
          directory.file(),
          "select sum(last_id - first_id + 1) as size from ingest_batch group by stored_at",
        ).map(({ size }) => size);
      await run.stored(24_000);
      expect(Math.max(...sizes())).toBe(5000);

      await run.stop();
      expectOnceAndInOrder(contents(directory.file()).officers, 24_000);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "reports messages that are removed from the log before it has read them, with their number",
    async () => {
      using directory = newDirectory();
      const topic = "trimmed";
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        batch: { batchSize: 1, lingerMs: 0 },
        librdkafka: { "queued.max.messages.kbytes": "256", "fetch.message.max.bytes": "200000" },
      });
      await send(broker.address, topic, messages(1, 1));
      await run.stored(1);
      run.faults.ingest = new Error("disk full");
      // The broker keeps 5 MB of a partition: these are 12 MB.
      const padding = "x".repeat(100_000);
      const sent = 120;
      for (const { value } of messages(2, sent + 1)) {
        const padded = JSON.stringify({ ...JSON.parse(String(value)), padding });
        await send(broker.address, topic, [{ partition: 0, value: padded }]);
      }
      run.faults.ingest = undefined;
      const gap = await until("the gap is reported", () =>
        run.lines.find(({ msg }) => msg.startsWith("messages were removed from the topic")),
      );
      await run.stored(sent + 1 - Number(gap["missed"]));
      const metrics = await run.metrics();
      expect(metrics.value("arrest_events_ingest_gaps_total")).toBe(1);
      expect(metrics.value("arrest_events_ingest_missed_messages_total")).toBe(
        Number(gap["missed"]),
      );
      await run.stop();
      const { officers, positions } = contents(directory.file());
      expect(gap["missed"]).toBeGreaterThan(10);
      expect(officers.length).toBe(sent + 1 - Number(gap["missed"]));
      expect(positions[0]).toMatchObject({ partition: 0, next: sent + 1 });
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "loses nothing when it is stopped while the store fails",
    async () => {
      using directory = newDirectory();
      const topic = "stopped-failing";
      // A group of its own each time: the broker makes one that was left wait for long, and only the
      // store's positions count anyway.
      const start = (groupId: string) =>
        startIngest({ brokers: broker.address, topic, path: directory.file(), groupId });
      await using first = start(topic);
      await send(broker.address, topic, messages(1, 40, 4));
      await first.stored(40);
      first.faults.ingest = new Error("disk full");
      await send(broker.address, topic, messages(41, 80, 4));
      await until("the store fails", () => first.status().state === "store-failing");
      await first.stop();
      expect(await committedOffsets(broker.address, topic, topic)).toEqual([10, 10, 10, 10]);
      await using second = start(`${topic}-again`);
      await second.stored(40);
      await second.stop();
      expectOnceAndInOrder(contents(directory.file()).officers, 80);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "waits with an assignment that the store cannot take, says so, and can be stopped",
    async () => {
      using directory = newDirectory();
      const topic = "unassignable";
      await send(broker.address, topic, messages(1, 8, 4));
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      run.faults.setPositions = new Error("disk full");
      await until("two attempts", () => run.store.filter((error) => error).length >= 2);
      expect(run.status()).toMatchObject({ partitions: [], problem: "disk full" });
      run.faults.setPositions = undefined;
      await run.stored(8);
      expect(run.store.at(-1)).toBeUndefined();

      await using other = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file("other.sqlite"),
        groupId: "unassignable-to-the-end",
      });
      other.faults.setPositions = new Error("disk full");
      await until("an attempt", () => other.store.some((error) => error));
      await other.stop();
      expect(contents(directory.file("other.sqlite")).officers).toEqual([]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "tells the group how far the store is, while it reads and when it stops",
    async () => {
      using directory = newDirectory();
      const topic = "told";
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      await send(broker.address, topic, messages(1, 20, 4));
      await run.stored(20);
      await until("the group has been told", async () => {
        const offsets = await committedOffsets(broker.address, topic, topic);
        return offsets.every((offset) => offset === 5);
      });
      await send(broker.address, topic, messages(21, 24, 4));
      await run.stored(24);
      await run.stop();
      expect(await committedOffsets(broker.address, topic, topic)).toEqual([6, 6, 6, 6]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "waits for a topic that does not exist yet, says so, and reads it from its start",
    async () => {
      using directory = newDirectory();
      const topic = "made-later";
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      const waiting = await until("it waits", () => {
        const status = run.status();
        return status.state === "waiting" && status.problem !== undefined && status;
      });
      expect(waiting.problem).toContain("topic");
      await send(broker.address, topic, messages(1, 8, 4));
      await run.stored(8);
      await until("the trouble is over", () => run.status().problem === undefined);
      expect(run.status().state).toBe("reading");
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "gives the time of the last batch by the clock that it is handed",
    async () => {
      using directory = newDirectory();
      const topic = "clock";
      const start = Date.UTC(2030, 0, 1) - Date.now();
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        now: () => Date.now() + start,
      });
      expect(run.status()).toMatchObject({ state: "connecting", lastStoredAt: null });
      await send(broker.address, topic, [{ value: "{" }]);
      await run.stored(1);
      expect(run.status().lastStoredAt).toBeGreaterThanOrEqual(Date.UTC(2030, 0, 1));
      await run.stop();
      const [letter] = rows<{ refused_at: number }>(
        directory.file(),
        "select refused_at from dead_letter",
      );
      expect(letter?.refused_at).toBeGreaterThanOrEqual(Date.UTC(2030, 0, 1));
    },
    PATIENCE_MS,
  );
});
