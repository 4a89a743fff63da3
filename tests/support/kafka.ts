import {
  KafkaConsumer,
  type LibrdKafkaError,
  type Message,
  type MessageHeader,
  Producer,
  type ProducerGlobalConfig,
  type TopicPartitionOffset,
} from "@confluentinc/kafka-javascript";
import { formatTimestamp } from "../../src/arrest-event.ts";
import { inTime, until } from "./until.ts";

/** A message to send. */
export interface Sent {
  readonly partition?: number;
  readonly value: Buffer | string | null;
  readonly key?: Buffer | string | null;
  readonly headers?: MessageHeader[];
  readonly timestamp?: number;
}

/** A message whose event can be told from others by its officer. */
export function message(officer: number, partition = 0): Sent {
  return {
    partition,
    value: JSON.stringify({
      officer_id: officer,
      subject_id: 1204,
      arrest_type_id: 2,
      crime_type_id: 31,
      arrested_at: formatTimestamp(Date.UTC(2026, 10, 22)),
    }),
  };
}

/** Messages of the officers `from` to `to`, dealt out to so many partitions. */
export function messages(from: number, to: number, partitions = 1): Sent[] {
  return numbers(from, to).map((officer) => message(officer, officer % partitions));
}

/** The whole numbers from one to another, both included. */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Sends messages in order and resolves once the broker has acknowledged all of them. */
export async function send(brokers: string, topic: string, sent: readonly Sent[]): Promise<void> {
  const producer = new Producer({
    "bootstrap.servers": brokers,
    "enable.idempotence": true,
    dr_cb: true,
  });
  let reports = 0;
  const failures: LibrdKafkaError[] = [];
  producer.on("delivery-report", (error) => {
    reports++;
    if (error) failures.push(error);
  });
  await new Promise<void>((resolve, reject) => {
    producer.connect({}, (error) => (error ? reject(error) : resolve()));
  });
  for (const { partition = 0, value, key, headers, timestamp } of sent) {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    producer.produce(topic, partition, bytes, key, timestamp, undefined, headers);
  }
  const delivered = async () => {
    while (reports < sent.length) {
      await new Promise<void>((flushed) => producer.flush(100, () => flushed()));
      await Bun.sleep(1);
    }
  };
  await inTime("sending", delivered());
  await new Promise<void>((closed) => producer.disconnect(() => closed()));
  if (failures[0] !== undefined) throw failures[0];
}

/** The messages that a partition's log holds now. */
export async function messagesOf(
  brokers: string,
  topic: string,
  partition = 0,
): Promise<Message[]> {
  const consumer = new KafkaConsumer(
    {
      "bootstrap.servers": brokers,
      "group.id": `looking-${crypto.randomUUID()}`,
      "enable.auto.commit": false,
      "enable.partition.eof": true,
    },
    { "auto.offset.reset": "earliest" },
  );
  let atEnd = false;
  consumer.on("partition.eof", () => {
    atEnd = true;
  });
  await new Promise<void>((resolve, reject) => {
    consumer.connect({}, (error) => (error ? reject(error) : resolve()));
  });
  try {
    consumer.assign([{ topic, partition, offset: 0 }]);
    consumer.setDefaultConsumeTimeout(50);
    const found: Message[] = [];
    const readAll = async () => {
      while (!atEnd) {
        const read = await new Promise<Message[]>((resolve, reject) => {
          consumer.consume(1000, (error, messages) => (error ? reject(error) : resolve(messages)));
        });
        found.push(...read);
      }
    };
    await inTime(`reading ${topic}`, readAll());
    return found;
  } finally {
    await new Promise<void>((closed) => consumer.disconnect(() => closed()));
  }
}

/** A client of a group that never joins it: it may commit for the group and ask what is committed. */
async function asGroup<T>(
  brokers: string,
  groupId: string,
  use: (client: KafkaConsumer) => Promise<T>,
): Promise<T> {
  const client = new KafkaConsumer(
    { "bootstrap.servers": brokers, "group.id": groupId, "enable.auto.commit": false },
    {},
  );
  await new Promise<void>((resolve, reject) => {
    client.connect({}, (error) => (error ? reject(error) : resolve()));
  });
  try {
    return await use(client);
  } finally {
    await new Promise<void>((closed) => client.disconnect(() => closed()));
  }
}

/** The offsets that the group has committed in Kafka, by partition. */
export function committedOffsets(
  brokers: string,
  groupId: string,
  topic: string,
  partitions: readonly number[] = [0, 1, 2, 3],
): Promise<(number | undefined)[]> {
  const asked = partitions.map((partition) => ({ topic, partition }));
  return asGroup(
    brokers,
    groupId,
    (client) =>
      new Promise((resolve, reject) => {
        client.committed(asked, 10_000, (error, answered) => {
          if (error) return reject(error);
          const offsets = new Map(
            (answered as TopicPartitionOffset[]).map(({ partition, offset }) => [
              partition,
              offset,
            ]),
          );
          resolve(partitions.map((partition) => offsets.get(partition)));
        });
      }),
  );
}

/** Commits an offset for a group without members, as another program would have. */
export function commitOffset(
  brokers: string,
  groupId: string,
  position: TopicPartitionOffset,
): Promise<void> {
  return asGroup(brokers, groupId, async (client) => {
    client.commitSync(position);
  });
}

/** Makes a topic of four partitions, by asking for it. */
export async function createTopic(brokers: string, topic: string): Promise<void> {
  const client = new Producer({
    "bootstrap.servers": brokers,
    "allow.auto.create.topics": true,
  } as ProducerGlobalConfig);
  await new Promise<void>((resolve, reject) => {
    client.connect({}, (error) => (error ? reject(error) : resolve()));
  });
  await until(
    "the topic is there",
    () =>
      new Promise<boolean>((resolve, reject) => {
        client.getMetadata({ topic, timeout: 10_000 }, (error, metadata) => {
          if (error) return reject(error);
          const found = metadata.topics.find(({ name }) => name === topic);
          resolve(found?.partitions.length === 4);
        });
      }),
  );
  await new Promise<void>((closed) => client.disconnect(() => closed()));
}

/** An address of loopback where nobody listens. */
export function unusedAddress(): string {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: () => undefined },
  });
  listener.stop(true);
  return `127.0.0.1:${listener.port}`;
}
