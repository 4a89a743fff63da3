import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import Kafka, { type Producer } from "@confluentinc/kafka-javascript";
import {
  addon,
  Cluster,
  call,
  close,
  consumerOf,
  producerOf,
  take,
  texts,
  unique,
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

/** A producer that has asked its coordinator for its transactions. */
async function transactional(): Promise<Producer> {
  const producer = await producerOf({
    "bootstrap.servers": cluster.address,
    "transactional.id": unique("transaction"),
  });
  await call((done) => producer.initTransactions(20_000, done));
  return producer;
}

describe("a producer", () => {
  test("keeps the order of what it sends to a partition", async () => {
    const values = Array.from({ length: 2_000 }, (_, index) => String(index));
    const topic = await cluster.topic(values);
    const consumer = await consumerOf(cluster.address);
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    expect(texts(await take(consumer, 2_000))).toEqual(values);
    await close(consumer);
  });

  test("chooses the partition by the key", async () => {
    const topic = await cluster.topic([], 4);
    for (let index = 0; index < 40; index++) {
      cluster.producer.produce(topic, null, Buffer.from("x"), `key ${index % 8}`);
    }
    await cluster.flush();
    const consumer = await consumerOf(cluster.address);
    consumer.assign([0, 1, 2, 3].map((partition) => ({ topic, partition, offset: 0 })));
    const partitions = new Map<string, Set<number>>();
    for (const { key, partition } of await take(consumer, 40)) {
      const name = String(key);
      partitions.set(name, (partitions.get(name) ?? new Set()).add(partition));
    }
    expect(partitions.size).toBe(8);
    for (const each of partitions.values()) expect(each.size).toBe(1);
    await close(consumer);
  });

  test("refuses a message when its queue is full", async () => {
    const producer = await producerOf({
      "bootstrap.servers": cluster.address,
      "queue.buffering.max.messages": 10,
      "linger.ms": 1_000,
    });
    const topic = await cluster.topic();
    const fill = () => {
      for (let index = 0; index < 50; index++) producer.produce(topic, 0, Buffer.from("x"));
    };
    expect(fill).toThrow(expect.objectContaining({ code: -184 }));
    await close(producer);
  });

  test("reports that a flush has timed out", async () => {
    const producer = await producerOf({ "bootstrap.servers": cluster.address });
    const topic = await cluster.topic();
    // Produce requests that fail and are tried again are not flushed in time.
    addon.mockCluster.failNext(cluster.producer.getClient(), 0, Array(10).fill(6));
    producer.produce(topic, 0, Buffer.from("x"));
    const error = await call((done) => producer.flush(1, done)).catch((failure) => failure);
    expect(error).toMatchObject({ code: -185 });
    addon.mockCluster.failNext(cluster.producer.getClient(), 0, []);
    await call((done) => producer.flush(20_000, done));
    await close(producer);
  });

  test("is told when no broker can be reached", async () => {
    const producer = new Kafka.Producer({ "bootstrap.servers": "127.0.0.1:1" } as never);
    const codes: number[] = [];
    producer.on("event.error", ({ code }) => codes.push(code));
    const failed = await call((done) => producer.connect({ timeout: 300 }, done)).catch(
      (error) => error,
    );
    expect(failed).toMatchObject({ code: expect.any(Number) });
    await until("it is disconnected", () => !producer.isConnected());
  });

  test("says what a connection is refused for before anything is connected", () => {
    const producer = new Kafka.Producer({ "bootstrap.servers": "127.0.0.1:1" } as never);
    expect(() => producer.produce("any", 0, Buffer.from("x"))).toThrow("Producer not connected");
    expect(() => producer.getClient().poll()).toThrow("Producer is disconnected");
  });

  test("names what its functions are made of", () => {
    const client = cluster.producer.getClient();
    expect(client.constructor.name).toBe("Producer");
    expect(() => client.constructor({}, {})).toThrow();
    expect(() => client.flush()).toThrow("Need to specify a timeout and a callback");
    expect(Kafka.features).toContain("snappy");
  });
});

describe("a transactional producer", () => {
  test("shows its messages together, and only once they are committed", async () => {
    const topic = await cluster.topic();
    const producer = await transactional();
    await call((done) => producer.beginTransaction(done));
    producer.produce(topic, 0, Buffer.from("one"));
    producer.produce(topic, 0, Buffer.from("two"));
    await call((done) => producer.commitTransaction(20_000, done));
    const consumer = await consumerOf(cluster.address, { "isolation.level": "read_committed" });
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    expect(texts(await take(consumer, 2))).toEqual(["one", "two"]);
    await close(consumer);
    await close(producer);
  });

  test("sends a consumer's offsets with its messages", async () => {
    const source = await cluster.topic(["in"]);
    const target = await cluster.topic();
    const producer = await transactional();
    const group = unique("group");
    const consumer = await consumerOf(cluster.address, { "group.id": group });
    consumer.subscribe([source]);
    const [message] = await take(consumer, 1);
    await call((done) => producer.beginTransaction(done));
    producer.produce(target, 0, message?.value ?? null);
    const offsets = [{ topic: source, partition: 0, offset: 1 }];
    await call((done) => producer.sendOffsetsToTransaction(offsets, consumer, 20_000, done));
    await call((done) => producer.commitTransaction(20_000, done));
    // That they are committed cannot be seen: the mock cluster drops them.
    await call((done) => producer.beginTransaction(done));
    const wrong = call((done) =>
      producer.sendOffsetsToTransaction(offsets, {} as never, 20_000, done),
    );
    expect(await wrong.catch((error) => error)).toBeInstanceOf(Error);
    await call((done) => producer.abortTransaction(20_000, done));
    await close(consumer);
    await close(producer);
  });

  test("may be aborted", async () => {
    const producer = await transactional();
    await call((done) => producer.beginTransaction(done));
    producer.produce(await cluster.topic(), 0, Buffer.from("x"));
    await call((done) => producer.abortTransaction(20_000, done));
    await call((done) => producer.beginTransaction(done));
    await call((done) => producer.commitTransaction(20_000, done));
    await close(producer);
  });

  test("is told what kind of error it has met", async () => {
    const producer = await producerOf({ "bootstrap.servers": cluster.address });
    const error = await call((done) => producer.initTransactions(1_000, done)).catch((e) => e);
    expect(error).toMatchObject({
      isFatal: false,
      isRetriable: false,
      isTxnRequiresAbort: false,
      code: expect.any(Number),
    });
    await close(producer);
  });
});

describe("an admin client", () => {
  test("made from a producer keeps it alive and shares its connection", async () => {
    const producer = await producerOf({ "bootstrap.servers": cluster.address });
    const topic = await cluster.topic([], 3);
    const { createFrom } = Kafka.AdminClient as unknown as {
      createFrom(client: Producer): {
        describeTopics(
          topics: string[],
          options: object,
          done: (error: unknown, found: { name: string; partitions: object[] }[]) => void,
        ): void;
        disconnect(): void;
      };
    };
    const admin = createFrom(producer);
    Bun.gc(true);
    const found = await call<{ name: string; partitions: object[] }[]>((done) =>
      admin.describeTopics([topic], { timeout: 500 }, done),
    ).catch((error) => error);
    // The mock cluster may not describe topics; it answers all the same.
    if (Array.isArray(found)) expect(found[0]?.name).toBe(topic);
    else expect(found).toMatchObject({ code: expect.any(Number) });
    admin.disconnect();
    await close(producer);
  });

  test("of its own is told what the broker refuses", async () => {
    const admin = Kafka.AdminClient.create({ "bootstrap.servers": cluster.address });
    const topic = { topic: unique("refused"), num_partitions: 1, replication_factor: 1 };
    const error = await call((done) => admin.createTopic(topic, 500, done as never)).catch(
      (failure) => failure,
    );
    expect(error).toMatchObject({ code: expect.any(Number) });
    admin.disconnect();
  });
});
