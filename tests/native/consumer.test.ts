import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type {
  Metadata,
  TopicPartitionOffset,
  WatermarkOffsets,
} from "@confluentinc/kafka-javascript";
import { Cluster, type Consumer, call, close, consumerOf, take, texts, until } from "./support.ts";

setDefaultTimeout(60_000);

let cluster: Cluster;
let consumer: Consumer;
beforeAll(async () => {
  cluster = await Cluster.start();
  consumer = await consumerOf(cluster.address, { "enable.partition.eof": true });
});
afterAll(async () => {
  await close(consumer);
  await cluster.stop();
});

const values = Array.from({ length: 20 }, (_, index) => `v${index}`);

describe("a consumer", () => {
  test("knows the brokers and the partitions of a topic", async () => {
    const topic = await cluster.topic([], 3);
    const metadata = await call<Metadata>((done) => consumer.getMetadata({ topic }, done));
    expect(metadata.brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([cluster.address]);
    const found = metadata.topics.find(({ name }) => name === topic);
    expect(found?.partitions.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(found?.partitions[0]).toMatchObject({ leader: 1, replicas: [1], isrs: [1] });
  });

  test("asks the broker for a partition's first and last offset", async () => {
    const topic = await cluster.topic(values);
    const offsets = await call<WatermarkOffsets>((done) =>
      consumer.queryWatermarkOffsets(topic, 0, 20_000, done),
    );
    expect(offsets).toEqual({ lowOffset: 0, highOffset: 20 });
  });

  test("knows those offsets without asking after it has read", async () => {
    const topic = await cluster.topic(values);
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    await take(consumer, 20);
    expect(consumer.getWatermarkOffsets(topic, 0).highOffset).toBe(20);
    // librdkafka's "invalid", where it has not read yet.
    expect(consumer.getWatermarkOffsets("unread", 0).highOffset).toBe(-1001);
  });

  test("finds the offset for a time", async () => {
    const topic = await cluster.topic();
    for (const time of [1_000_000, 2_000_000, 3_000_000]) {
      cluster.producer.produce(topic, 0, Buffer.from("x"), null, time);
    }
    await cluster.flush();
    const found = await call<TopicPartitionOffset[]>((done) =>
      consumer.offsetsForTimes([{ topic, partition: 0, offset: 1_500_000 }], 20_000, done),
    );
    expect(found).toMatchObject([{ topic, partition: 0 }]);
  });

  test("reads what it is assigned, from the offset it is given", async () => {
    const topic = await cluster.topic(values);
    consumer.assign([{ topic, partition: 0, offset: 15 }]);
    expect(consumer.assignments()).toMatchObject([{ topic, partition: 0 }]);
    expect(texts(await take(consumer, 5))).toEqual(values.slice(15));
    expect(consumer.position()).toMatchObject([{ topic, partition: 0, offset: 20 }]);
    consumer.unassign();
    expect(consumer.assignments()).toEqual([]);
  });

  test("adds partitions to its assignment and takes them away", async () => {
    const topic = await cluster.topic([], 3);
    const own = await consumerOf(cluster.address);
    own.incrementalAssign([{ topic, partition: 0, offset: 0 }]);
    own.incrementalAssign([{ topic, partition: 2, offset: 0 }]);
    const assigned = () => own.assignments().map(({ partition }) => partition);
    expect(assigned()).toEqual([0, 2]);
    own.incrementalUnassign([{ topic, partition: 0 }]);
    expect(assigned()).toEqual([2]);
    expect(() => own.incrementalUnassign([{ topic, partition: 0 }])).toThrow();
    cluster.producer.produce(topic, 0, Buffer.from("not this"));
    cluster.producer.produce(topic, 2, Buffer.from("this"));
    await cluster.flush();
    expect(texts(await take(own, 1))).toEqual(["this"]);
    await close(own);
  });

  test("goes back to where it is told to seek", async () => {
    const topic = await cluster.topic(values);
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    expect(texts(await take(consumer, 20))).toEqual(values);
    await call((done) => consumer.seek({ topic, partition: 0, offset: 18 }, 20_000, done));
    expect(texts(await take(consumer, 2))).toEqual(["v18", "v19"]);
  });

  test("is told of an error when it seeks where it is not assigned", async () => {
    const failed = call((done) =>
      consumer.seek({ topic: "nowhere", partition: 0, offset: 1 }, 20_000, done),
    );
    expect(await failed.catch((error) => error)).toMatchObject({ code: expect.any(Number) });
  });

  test("reads nothing of a paused partition until it is resumed", async () => {
    const topic = await cluster.topic([], 2);
    consumer.assign([
      { topic, partition: 0, offset: 0 },
      { topic, partition: 1, offset: 0 },
    ]);
    consumer.pause([{ topic, partition: 0 }]);
    cluster.producer.produce(topic, 0, Buffer.from("held back"));
    cluster.producer.produce(topic, 1, Buffer.from("first"));
    cluster.producer.produce(topic, 1, Buffer.from("second"));
    await cluster.flush();
    expect(texts(await take(consumer, 2))).toEqual(["first", "second"]);
    consumer.resume([{ topic, partition: 0 }]);
    expect(texts(await take(consumer, 1))).toEqual(["held back"]);
  });

  test("says when it has come to a partition's end", async () => {
    const topic = await cluster.topic(values.slice(0, 3));
    const ends: TopicPartitionOffset[] = [];
    const onEnd = (end: TopicPartitionOffset) => ends.push(end);
    consumer.on("partition.eof", onEnd);
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    await take(consumer, 3);
    await until("the end", async () => {
      await call((done) => consumer.consume(1, done));
      return ends.some((end) => end.topic === topic && end.offset === 3);
    });
    consumer.off("partition.eof", onEnd);
  });

  test("gets no messages, and no error, when a timeout passes without any", async () => {
    const topic = await cluster.topic();
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    consumer.setDefaultConsumeTimeout(1);
    expect(await call<unknown[]>((done) => consumer.consume(10, done))).toEqual([]);
    consumer.setDefaultConsumeTimeout(200);
  });

  test("commits, and is told what is committed", async () => {
    const topic = await cluster.topic(values);
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    const messages = await take(consumer, 20);
    const committed = async () => {
      const list = [{ topic, partition: 0 }];
      const offsets = await call<TopicPartitionOffset[]>((done) =>
        consumer.committed(list, 20_000, done),
      );
      return offsets[0]?.offset;
    };
    expect(await committed()).toBeUndefined();
    consumer.commitSync([{ topic, partition: 0, offset: 5 }]);
    expect(await committed()).toBe(5);
    consumer.commitMessageSync(messages[9] as TopicPartitionOffset);
    expect(await committed()).toBe(10);
    await call((done) => consumer.commitCb([{ topic, partition: 0, offset: 12 }], done));
    await until("the commit", async () => (await committed()) === 12);
    consumer.commit({ topic, partition: 0, offset: 14, metadata: "note" });
    await until("the commit", async () => (await committed()) === 14);
  });

  test("throws an error with librdkafka's code where it has nothing to commit", () => {
    consumer.unassign();
    expect(() => consumer.commitSync(undefined as never)).toThrow(
      expect.objectContaining({ code: -168 }),
    );
  });

  test("refuses a setting that librdkafka does not know", async () => {
    const failed = consumerOf(cluster.address, { "no.such.setting": 1 });
    expect(await failed.catch((error) => error.message)).toContain(
      "No such configuration property",
    );
  });

  test("is not fooled by a method taken from another class", () => {
    const producer = Object.getPrototypeOf(cluster.producer.getClient());
    expect(() => producer.flush.call(consumer.getClient(), 1, () => {})).toThrow(
      "Illegal invocation",
    );
    expect(() => producer.flush.call({}, 1, () => {})).toThrow("Illegal invocation");
  });

  test("emits the statistics of librdkafka as text", async () => {
    const own = await consumerOf(cluster.address, { "statistics.interval.ms": 50 });
    let statistics = "";
    own.on("event.stats", ({ message }) => {
      statistics = message;
    });
    own.assign([{ topic: await cluster.topic(), partition: 0, offset: 0 }]);
    await until("statistics", async () => {
      await call((done) => own.consume(1, done));
      return statistics !== "";
    });
    expect(JSON.parse(statistics)).toMatchObject({ type: "consumer" });
    await close(own);
  });

  test("emits the log lines that are asked for", async () => {
    const own = await consumerOf(cluster.address, { debug: "all" });
    const lines: { severity: number; fac: string; message: string; name: string }[] = [];
    own.on("event.log", (line) => lines.push(line));
    await until("a line", async () => {
      await call((done) => own.getMetadata({}, done));
      return lines.length > 0;
    });
    expect(lines[0]).toMatchObject({ severity: 7, name: expect.stringContaining("#consumer-") });
    await close(own);
  });

  test("can be used again after it has been disconnected", async () => {
    const topic = await cluster.topic(values);
    const own = await consumerOf(cluster.address);
    await close(own);
    expect(own.isConnected()).toBe(false);
    await call((done) => own.connect({}, done));
    own.assign([{ topic, partition: 0, offset: 0 }]);
    expect(texts(await take(own, 20))).toEqual(values);
    await close(own);
  });
});
