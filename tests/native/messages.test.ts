import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { DeliveryReport, Message } from "@confluentinc/kafka-javascript";
import {
  addon,
  Cluster,
  call,
  close,
  consumerOf,
  producerOf,
  take,
  texts,
  until,
} from "./support.ts";

setDefaultTimeout(60_000);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(async () => {
  await cluster.stop();
});

/** Reads the first partition of a topic from its beginning. */
async function read(topic: string, count: number): Promise<Message[]> {
  const consumer = await consumerOf(cluster.address);
  consumer.assign([{ topic, partition: 0, offset: 0 }]);
  try {
    return await take(consumer, count);
  } finally {
    await close(consumer);
  }
}

describe("a message", () => {
  test("comes with its value, key, headers, offset and timestamp", async () => {
    const topic = await cluster.topic();
    const headers = [{ trace: "abc" }, { trace: "again" }, { raw: Buffer.from([0, 255, 1]) }];
    const value = Buffer.from("value ünïcode");
    cluster.producer.produce(topic, 0, value, "key", 1_700_000_000_123, undefined, headers);
    await cluster.flush();
    const [message] = await read(topic, 1);
    expect(message?.value?.toString()).toBe("value ünïcode");
    expect(message?.key?.toString()).toBe("key");
    expect(message).toMatchObject({
      topic,
      partition: 0,
      offset: 0,
      size: value.length,
      timestamp: 1_700_000_000_123,
    });
    expect(message?.headers).toEqual([
      { trace: Buffer.from("abc") },
      { trace: Buffer.from("again") },
      { raw: Buffer.from([0, 255, 1]) },
    ]);
  });

  test("keeps null and empty apart, in its value and in its key", async () => {
    const topic = await cluster.topic();
    cluster.producer.produce(topic, 0, null, null);
    cluster.producer.produce(topic, 0, Buffer.alloc(0), Buffer.alloc(0));
    cluster.producer.produce(topic, 0, Buffer.alloc(0), "");
    await cluster.flush();
    const messages = await read(topic, 3);
    expect(messages.map(({ value }) => value?.length ?? null)).toEqual([null, 0, 0]);
    expect(messages.map(({ key }) => key?.length ?? null)).toEqual([null, 0, 0]);
  });

  test("carries every byte unchanged, also from a view into a larger buffer", async () => {
    const topic = await cluster.topic();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    cluster.producer.produce(topic, 0, bytes, bytes);
    cluster.producer.produce(topic, 0, bytes.subarray(100, 110));
    await cluster.flush();
    const [whole, part] = await read(topic, 2);
    expect(whole?.value).toEqual(bytes);
    expect(whole?.key).toEqual(bytes);
    expect(part?.value).toEqual(bytes.subarray(100, 110));
  });

  test("may be large", async () => {
    const topic = await cluster.topic();
    const large = Buffer.alloc(900_000, "x");
    cluster.producer.produce(topic, 0, large, "k".repeat(1_000));
    await cluster.flush();
    const [message] = await read(topic, 1);
    expect(message?.value?.equals(large)).toBe(true);
    expect(message?.key?.toString()).toBe("k".repeat(1_000));
  });

  test("has a Buffer of its own, that stays as it is when others come", async () => {
    const topic = await cluster.topic(Array.from({ length: 500 }, (_, index) => `value ${index}`));
    const first = await read(topic, 500);
    await read(topic, 500);
    Bun.gc(true);
    expect(Buffer.isBuffer(first[0]?.value)).toBe(true);
    expect(texts(first)).toEqual(Array.from({ length: 500 }, (_, index) => `value ${index}`));
  });

  test("with a header that is neither string nor Buffer is refused", async () => {
    const topic = await cluster.topic();
    const headers = [{ wrong: 1 }] as never;
    expect(() =>
      cluster.producer.produce(topic, 0, Buffer.from("x"), null, null, null, headers),
    ).toThrow("Header value must be a string or buffer");
  });

  test("that is a string and not a Buffer is refused", () => {
    expect(() => cluster.producer.produce("any", 0, "text" as never)).toThrow(
      "Message must be a buffer or null",
    );
  });
});

describe("a delivery report", () => {
  test("brings back an opaque of every kind", async () => {
    const producer = await producerOf({ "bootstrap.servers": cluster.address, dr_cb: true });
    const reports: DeliveryReport[] = [];
    producer.on("delivery-report", (_error, report) => reports.push(report));
    const topic = await cluster.topic();
    const opaques = [
      { object: true },
      [1, 2],
      () => 1,
      Symbol("opaque"),
      "string",
      "",
      42,
      0,
      -1.5,
      12n,
      true,
      false,
      null,
    ];
    for (const opaque of opaques) {
      producer.produce(topic, 0, Buffer.from("x"), null, null, opaque);
    }
    producer.produce(topic, 0, Buffer.from("x"));
    Bun.gc(true);
    await call((done) => producer.flush(20_000, done));
    await until("all reports", () => reports.length === opaques.length + 1);
    expect(reports.slice(0, -1).map(({ opaque }) => opaque)).toEqual(opaques);
    expect(reports.at(-1)).not.toHaveProperty("opaque");
    await close(producer);
  });

  test("tells where the message is, and has the message when it is asked for", async () => {
    const producer = await producerOf({ "bootstrap.servers": cluster.address, dr_msg_cb: true });
    const reports: DeliveryReport[] = [];
    producer.on("delivery-report", (error, report) => {
      expect(error).toBeNull();
      reports.push(report);
    });
    const topic = await cluster.topic(["before"]);
    producer.produce(topic, 0, Buffer.from("value"), "key", 1_700_000_000_000);
    producer.produce(topic, 0, null);
    await call((done) => producer.flush(20_000, done));
    await until("two reports", () => reports.length === 2);
    expect(reports[0]).toMatchObject({ topic, partition: 0, offset: 1, size: 5 });
    expect(reports[0]?.value?.toString()).toBe("value");
    expect(reports[0]?.key?.toString()).toBe("key");
    expect(reports[1]).toMatchObject({ value: null, key: null, offset: 2, size: 0 });
    await close(producer);
  });

  test("comes with an error for what could not be delivered", async () => {
    const producer = await producerOf({ "bootstrap.servers": cluster.address, dr_cb: true });
    const codes: number[] = [];
    producer.on("delivery-report", (error, report) => {
      expect(report.opaque).toBe("lost");
      codes.push(error.code);
    });
    const topic = await cluster.topic();
    const produce = 0;
    const tooLarge = 10;
    addon.mockCluster.failNext(cluster.producer.getClient(), produce, [tooLarge]);
    producer.produce(topic, 0, Buffer.from("x"), null, null, "lost");
    await call((done) => producer.flush(20_000, done));
    await until("the report", () => codes.length === 1);
    expect(codes).toEqual([tooLarge]);
    await close(producer);
  });
});
