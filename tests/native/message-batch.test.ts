import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { KafkaConsumer } from "@confluentinc/kafka-javascript";
import type { Message, MessageBatch } from "../../src/ingest/message-batch.ts";
import {
  addon,
  type BatchResult,
  Cluster,
  type Consumer,
  close,
  consumerOf,
  takeBatch,
  until,
} from "./support.ts";

setDefaultTimeout(60_000);

const ERR__STATE = -172;
const ERR__AUTO_OFFSET_RESET = -140;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(async () => {
  await cluster.stop();
});

/** A consumer that reads a topic's first partition from an offset on. */
async function reader(topic: string, offset = 0, settings = {}): Promise<Consumer> {
  const consumer = await consumerOf(cluster.address, settings);
  consumer.assign([{ topic, partition: 0, offset }]);
  return consumer;
}

/** Takes batches until they hold so many messages. */
async function takeAll(
  consumer: KafkaConsumer,
  count: number,
  limits: Parameters<typeof takeBatch>[1] = {},
): Promise<MessageBatch[]> {
  const batches: MessageBatch[] = [];
  await until(`${count} messages`, async () => {
    const { batch, error } = await takeBatch(consumer, { waitMs: 200, ...limits });
    expect(error).toBeNull();
    if (batch.length > 0) batches.push(batch);
    return batches.reduce((sum, { length }) => sum + length, 0) >= count;
  });
  return batches;
}

function messagesOf(batches: readonly MessageBatch[]): Message[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.length }, (_, index) => batch.message(index)),
  );
}

async function read(topic: string, count: number): Promise<Message[]> {
  const consumer = await reader(topic);
  const batches = await takeAll(consumer, count);
  await close(consumer);
  Bun.gc(true);
  return messagesOf(batches);
}

describe("a message of a batch", () => {
  test("comes with its value, key, headers, offset and timestamp", async () => {
    const topic = await cluster.topic();
    const headers = [
      { trace: "abc" },
      { trace: "again" },
      { raw: Buffer.from([0, 255, 1]) },
      { empty: "" },
      { ümlaut: "ü" },
    ];
    const value = Buffer.from("value ünïcode");
    cluster.producer.produce(topic, 0, value, "key", 1_700_000_000_123, undefined, headers);
    cluster.producer.produce(topic, 0, Buffer.from("next"), "other", 1_700_000_000_124);
    await cluster.flush();
    expect(await read(topic, 2)).toEqual([
      {
        topic: "topic",
        partition: 0,
        offset: 0,
        timestamp: 1_700_000_000_123,
        key: Buffer.from("key"),
        value,
        headers: [
          ["trace", Buffer.from("abc")],
          ["trace", Buffer.from("again")],
          ["raw", Buffer.from([0, 255, 1])],
          ["empty", Buffer.alloc(0)],
          ["ümlaut", Buffer.from("ü")],
        ],
      },
      {
        topic: "topic",
        partition: 0,
        offset: 1,
        timestamp: 1_700_000_000_124,
        key: Buffer.from("other"),
        value: Buffer.from("next"),
        headers: [],
      },
    ]);
  });

  test("keeps null and empty apart, in its value and in its key", async () => {
    const topic = await cluster.topic();
    cluster.producer.produce(topic, 0, null, null);
    cluster.producer.produce(topic, 0, Buffer.alloc(0), null);
    cluster.producer.produce(topic, 0, null, "");
    cluster.producer.produce(topic, 0, Buffer.alloc(0), Buffer.alloc(0));
    await cluster.flush();
    const messages = await read(topic, 4);
    expect(messages.map(({ value }) => value?.length ?? null)).toEqual([null, 0, null, 0]);
    expect(messages.map(({ key }) => key?.length ?? null)).toEqual([null, null, 0, 0]);
  });

  test("carries every byte unchanged, among others, and may be large", async () => {
    const topic = await cluster.topic();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const large = Buffer.alloc(900_000, bytes);
    for (const value of [bytes, large, Buffer.alloc(1), bytes]) {
      cluster.producer.produce(topic, 0, value, bytes);
    }
    await cluster.flush();
    const messages = await read(topic, 4);
    expect(messages.map(({ value }) => value)).toEqual([bytes, large, Buffer.alloc(1), bytes]);
    expect(messages.map(({ key }) => key)).toEqual([bytes, bytes, bytes, bytes]);
  });

  test("comes once and in order, whichever partition it is of", async () => {
    const topic = await cluster.topic([], 3);
    for (let index = 0; index < 3000; index++) {
      cluster.producer.produce(topic, index % 3, Buffer.from(`${index}`));
    }
    await cluster.flush();
    const consumer = await consumerOf(cluster.address);
    consumer.assign([0, 1, 2].map((partition) => ({ topic, partition, offset: 0 })));
    const messages = messagesOf(await takeAll(consumer, 3000, { max: 700 }));
    for (const partition of [0, 1, 2]) {
      const own = messages.filter((message) => message.partition === partition);
      expect(own.map(({ offset }) => offset)).toEqual(own.map((_, index) => index));
      expect(own.map(({ value }) => Number(value))).toEqual(
        own.map((_, index) => index * 3 + partition),
      );
    }
    await close(consumer);
  });
});

describe("a batch", () => {
  test("is empty, and answered at once, when nothing is there and nothing is waited for", async () => {
    const consumer = await consumerOf(cluster.address);
    const { batch, ends, error } = await takeBatch(consumer);
    expect([batch.length, batch.bytes.length, ends, error]).toEqual([0, 0, [], null]);
    await close(consumer);
  });

  test("takes no more messages than it is allowed", async () => {
    const topic = await cluster.topic(Array.from({ length: 50 }, (_, index) => `${index}`));
    const consumer = await reader(topic);
    const batches = await takeAll(consumer, 50, { max: 7 });
    for (const { length } of batches) expect(length).toBeLessThanOrEqual(7);
    expect(messagesOf(batches).map(({ offset }) => offset)).toEqual(Array.from(Array(50).keys()));
    await close(consumer);
  });

  test("ends with the message that reaches the bytes it is allowed", async () => {
    const value = Buffer.alloc(100_000, "x");
    const topic = await cluster.topic(Array.from({ length: 20 }, () => value));
    const consumer = await reader(topic);
    const batches = await takeAll(consumer, 20, { maxBytes: 200_001 });
    for (const { length } of batches) expect(length).toBeLessThanOrEqual(3);
    expect(batches.some(({ length }) => length === 3)).toBe(true);
    expect(messagesOf(batches).every((message) => message.value?.equals(value))).toBe(true);
    await close(consumer);
  });

  test("waits for its first message and for no other", async () => {
    const topic = await cluster.topic();
    const consumer = await reader(topic);
    const startedAt = performance.now();
    const taken = takeBatch(consumer, { waitMs: 30_000 });
    cluster.producer.produce(topic, 0, Buffer.from("first"));
    expect((await taken).batch.length).toBe(1);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    await close(consumer);
  });

  test("tells the ends of partitions that were reached, and waits on for a message", async () => {
    const topic = await cluster.topic(["a", "b"], 2);
    const consumer = await consumerOf(cluster.address, { "enable.partition.eof": true });
    consumer.assign([0, 1].map((partition) => ({ topic, partition, offset: 0 })));
    const ends = new Map<number, number>();
    let read = 0;
    await until("both ends", async () => {
      const taken = await takeBatch(consumer, { waitMs: 200 });
      read += taken.batch.length;
      for (let index = 0; index < taken.ends.length; index += 2) {
        ends.set(taken.ends[index] as number, taken.ends[index + 1] as number);
      }
      return ends.size === 2;
    });
    expect(read).toBe(2);
    expect(Object.fromEntries(ends)).toEqual({ 0: 2, 1: 0 });
    await close(consumer);
  });

  test("has none of an assignment that was made before", async () => {
    const topic = await cluster.topic(Array.from({ length: 100 }, (_, index) => `${index}`));
    const consumer = await reader(topic);
    await takeAll(consumer, 1, { max: 1 });
    // The others have been fetched by now, and are dropped.
    consumer.assign([{ topic, partition: 0, offset: 90 }]);
    const offsets = messagesOf(await takeAll(consumer, 10)).map(({ offset }) => offset);
    expect(offsets).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    await close(consumer);
  });

  test("tells of an error, and of the messages beside it", async () => {
    const topic = await cluster.topic(["a", "b", "c"], 2);
    const consumer = await consumerOf(cluster.address, {}, { "auto.offset.reset": "error" });
    consumer.assign([
      { topic, partition: 0, offset: 0 },
      { topic, partition: 1, offset: 1000 },
    ]);
    const errors: BatchResult["error"][] = [];
    let read = 0;
    await until("messages and error", async () => {
      const { batch, error } = await takeBatch(consumer, { waitMs: 200 });
      read += batch.length;
      if (error !== null) errors.push(error);
      return errors.length > 0 && read === 3;
    });
    expect(errors[0]).toEqual({ code: ERR__AUTO_OFFSET_RESET, message: expect.any(String) });
    await close(consumer);
  });

  test("serves the callbacks of its client, rebalances among them", async () => {
    const topic = await cluster.topic(["a"]);
    const assigned: number[] = [];
    const consumer = await consumerOf(cluster.address, { rebalance_cb: true });
    consumer.on("rebalance", (_, partitions) => {
      assigned.push(...partitions.map(({ partition }) => partition));
    });
    consumer.subscribe([topic]);
    await takeAll(consumer, 1);
    expect(assigned).toEqual([0]);
    await close(consumer);
  });

  test("that is under way is answered when its client is disconnected", async () => {
    const consumer = await consumerOf(cluster.address);
    const taken = takeBatch(consumer, { waitMs: 500 });
    await close(consumer);
    expect((await taken).batch.length).toBe(0);
    expect((await takeBatch(consumer)).error).toMatchObject({ code: ERR__STATE });
  });

  test("holds its client while it is under way", async () => {
    const begin = async () =>
      takeBatch(await consumerOf(cluster.address, { event_cb: false }), { waitMs: 500 });
    const pending = Array.from({ length: 5 }, begin);
    const collect = setInterval(() => Bun.gc(true), 10);
    const lengths = (await Promise.all(pending)).map(({ batch }) => batch.length);
    clearInterval(collect);
    expect(lengths).toEqual([0, 0, 0, 0, 0]);
  });

  test("is refused to what is no consumer, and with limits that are none", async () => {
    const done = () => undefined;
    for (const client of [cluster.producer.getClient(), {}, null]) {
      expect(() => addon.consumeBatch(client, 1, 1, 0, done)).toThrow("Illegal invocation");
    }
    const consumer = await consumerOf(cluster.address);
    const client = consumer.getClient();
    for (const messages of [0, -1, 2 ** 31, Number.NaN, "1"]) {
      expect(() => addon.consumeBatch(client, messages as number, 1, 0, done)).toThrow(
        "maxMessages must be",
      );
    }
    for (const bytes of [0, 2 ** 30 + 1]) {
      expect(() => addon.consumeBatch(client, 1, bytes, 0, done)).toThrow("maxBytes must be");
    }
    expect(() => addon.consumeBatch(client, 1, 1, -1, done)).toThrow("waitMs must be");
    expect(() => addon.consumeBatch(client, 1, 1, 0, null as never)).toThrow("callback must be");
    await close(consumer);
  });
});
