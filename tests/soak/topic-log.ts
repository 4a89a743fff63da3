import {
  type EofEvent,
  KafkaConsumer,
  type LibrdKafkaError,
  type Message,
  type TopicPartitionOffset,
} from "@confluentinc/kafka-javascript";
import { call } from "../kafka/support/admin.ts";
import { inTime } from "../support/until.ts";

/** How long the broker may take to answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** How many messages are taken at once. */
const PORTION = 5000;

/**
 * The topic as its broker has it, and what the group has committed, seen by a client that never joins the
 * group. It reads committed messages only, as the service does.
 */
export class TopicLog implements AsyncDisposable {
  readonly #consumer: KafkaConsumer;
  readonly #topic: string;
  /** The offset to read on from, by partition. */
  readonly #next = new Map<number, number>();
  readonly #ended = new Map<number, number>();

  private constructor(consumer: KafkaConsumer, topic: string) {
    this.#consumer = consumer;
    this.#topic = topic;
    consumer.on("partition.eof", ({ partition, offset }: EofEvent) => {
      this.#ended.set(partition, offset);
    });
  }

  static async connect(brokers: string, topic: string, group: string): Promise<TopicLog> {
    const consumer = new KafkaConsumer(
      {
        "bootstrap.servers": brokers,
        "group.id": group,
        "enable.auto.commit": false,
        "enable.partition.eof": true,
        "isolation.level": "read_committed",
        "topic.metadata.refresh.interval.ms": 2000,
        "reconnect.backoff.max.ms": 1000,
        // What is fetched ahead is memory, and this reader is in no hurry.
        "queued.max.messages.kbytes": 4096,
      },
      { "auto.offset.reset": "error" },
    );
    // The broker is broken on purpose; what is asked of it then fails by itself.
    consumer.on("event.error", () => undefined);
    await call((done) => consumer.connect({}, done));
    consumer.setDefaultConsumeTimeout(50);
    return new TopicLog(consumer, topic);
  }

  /** The end of each partition's log: the offset behind all that is committed or aborted. */
  async ends(partitions: number): Promise<number[]> {
    const ends: number[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const { highOffset } = await call<{ highOffset: number }>((done) =>
        this.#consumer.queryWatermarkOffsets(this.#topic, partition, TIMEOUT_MS, done),
      );
      ends.push(highOffset);
    }
    return ends;
  }

  /** What the group has committed, by partition; `undefined` where it has not. */
  async committed(partitions: number): Promise<(number | undefined)[]> {
    const asked = Array.from({ length: partitions }, (_, partition) => ({
      topic: this.#topic,
      partition,
    }));
    const answered = await call<TopicPartitionOffset[]>((done) =>
      this.#consumer.committed(asked, TIMEOUT_MS, (error: LibrdKafkaError, offsets) =>
        done(error, offsets as TopicPartitionOffset[]),
      ),
    );
    const offsets = new Map(answered.map(({ partition, offset }) => [partition, offset]));
    return asked.map(({ partition }) => {
      const offset = offsets.get(partition);
      // A negative one stands for none.
      return offset !== undefined && offset >= 0 ? offset : undefined;
    });
  }

  /** Reads all that is new in the log since the last time, to the ends that are given at least. */
  async read(ends: readonly number[], take: (message: Message) => void): Promise<void> {
    const behind = [...ends.entries()].filter(
      ([partition, end]) => (this.#next.get(partition) ?? 0) < end,
    );
    if (behind.length === 0) return;
    this.#ended.clear();
    this.#consumer.assign(
      behind.map(([partition]) => ({
        topic: this.#topic,
        partition,
        offset: this.#next.get(partition) ?? 0,
      })),
    );
    const isRead = () =>
      behind.every(([partition, end]) => (this.#ended.get(partition) ?? 0) >= end);
    const readAll = async () => {
      // Messages may have been fetched before the end of their partition was told.
      for (let taken: Message[] = []; !isRead() || taken.length > 0; ) {
        taken = await call<Message[]>((done) => this.#consumer.consume(PORTION, done));
        for (const message of taken) {
          this.#next.set(message.partition, message.offset + 1);
          take(message);
        }
      }
    };
    await inTime("reading the log", readAll());
    this.#consumer.unassign();
    // Behind the marks of transactions too, and behind what came after the ends had been asked for.
    for (const [partition, end] of this.#ended) {
      this.#next.set(partition, Math.max(end, this.#next.get(partition) ?? 0));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((closed) => this.#consumer.disconnect(() => closed()));
  }
}
