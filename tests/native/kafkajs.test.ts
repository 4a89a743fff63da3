import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import Kafka from "@confluentinc/kafka-javascript";
import { Cluster, unique, until } from "./support.ts";

setDefaultTimeout(60_000);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(async () => {
  await cluster.stop();
});

/** A client of the promise-based layer, which says nothing. */
function client(): Kafka.KafkaJS.Kafka {
  return new Kafka.KafkaJS.Kafka({
    kafkaJS: { brokers: [cluster.address], logLevel: Kafka.KafkaJS.logLevel.NOTHING },
  });
}

describe("the promise-based layer", () => {
  test("sends messages and runs a consumer over them", async () => {
    const topic = await cluster.topic([], 2);
    const producer = client().producer();
    await producer.connect();
    const sent = await producer.send({
      topic,
      messages: [
        { key: "k", value: "one", headers: { trace: "1", list: ["a", "b"] } },
        { key: "k", value: Buffer.from("two") },
        { key: "k", value: null },
      ],
    });
    expect(sent).toMatchObject([{ topicName: topic, errorCode: 0, baseOffset: "0" }]);

    const consumer = client().consumer({
      kafkaJS: { groupId: unique("group"), fromBeginning: true, autoCommit: false },
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic] });
    const seen: { value: string | null; headers: string[] }[] = [];
    await consumer.run({
      eachMessage: async ({ message }) => {
        const headers = Object.keys(message.headers ?? {});
        seen.push({ value: message.value?.toString() ?? null, headers });
      },
    });
    await until("three messages", () => seen.length === 3);
    expect(seen).toEqual([
      { value: "one", headers: ["trace", "list"] },
      { value: "two", headers: [] },
      { value: null, headers: [] },
    ]);
    await consumer.disconnect();
    await producer.disconnect();
  });

  test("runs over batches, resolves offsets and commits them", async () => {
    const values = Array.from({ length: 100 }, (_, index) => String(index));
    const topic = await cluster.topic(values);
    const consumer = client().consumer({
      kafkaJS: { groupId: unique("group"), fromBeginning: true, autoCommit: false },
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic] });
    const seen: string[] = [];
    await consumer.run({
      eachBatch: async ({ batch, resolveOffset }) => {
        for (const message of batch.messages) {
          seen.push(String(message.value));
          resolveOffset(message.offset);
        }
      },
    });
    await until("all messages", () => seen.length === 100);
    expect(seen).toEqual(values);
    await consumer.commitOffsets([{ topic, partition: 0, offset: "100" }]);
    const committed = await consumer.committed([{ topic, partition: 0 }]);
    expect(committed).toMatchObject([{ topic, partition: 0, offset: "100" }]);
    await consumer.disconnect();
  });
});
