import {
  AdminClient,
  type KafkaConsumer,
  type TopicPartition,
} from "@confluentinc/kafka-javascript";

/** How long a question to the broker may take before it counts as not answered, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 5000;

/** How many questions may wait at once: each holds a thread of the client, and polling needs one as well. */
const MAX_QUESTIONS = 16;

/** How long to wait for the topic's id, in milliseconds. Brokers that cannot tell it do not answer at all. */
const TOPIC_ID_TIMEOUT_MS = 2000;

/** The id that Kafka gives where there is none: a UUID of zeros. */
const NO_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA";

/** The first and the next offset of a partition's log. */
export interface Watermarks {
  readonly low: number;
  readonly high: number;
}

/** How far the group was told that a partition is stored, and by which store; other programs leave no such name. */
export interface CommittedOffset {
  readonly offset: number;
  readonly storeId: string | undefined;
}

interface CommitMetadata {
  readonly offset: number;
  readonly metadata: string | null;
}

/** What a connected consumer can ask the brokers about its topic. */
export class TopicQuestions {
  readonly #consumer: KafkaConsumer;
  readonly #topic: string;
  /** Asked for ahead, while the group takes its time over the first assignment. */
  #nextTopicId: Promise<string | undefined> | undefined;
  #tellsTopicId: boolean;

  /** @param tellsTopicId whether the brokers may know topic ids */
  constructor(consumer: KafkaConsumer, topic: string, tellsTopicId: boolean) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.#tellsTopicId = tellsTopicId;
  }

  /** Asks for the topic's id, which {@link topicId} then answers the sooner. */
  begin(): void {
    if (!this.#tellsTopicId) return;
    this.#nextTopicId = this.#askTopicId();
    this.#nextTopicId.catch(() => undefined);
  }

  /** The group's committed offsets, of those partitions that have one. */
  committed(partitions: readonly number[]): Promise<ReadonlyMap<number, CommittedOffset>> {
    return new Promise((resolve, reject) => {
      this.#consumer.committed(
        partitions.map((partition) => ({ topic: this.#topic, partition })),
        REQUEST_TIMEOUT_MS,
        (error, answered) => {
          if (error) return reject(error);
          const offsets = (answered as (TopicPartition & Partial<CommitMetadata>)[]).flatMap(
            ({ partition, offset = -1, metadata }) =>
              offset >= 0 ? [[partition, { offset, storeId: storeIdOf(metadata) }] as const] : [],
          );
          resolve(new Map(offsets));
        },
      );
    });
  }

  /**
   * The topic's id (KIP-516), which a topic made anew has not in common with the old; `undefined` where
   * the broker does not tell.
   *
   * @param isExpected the broker is known to tell: then not getting it is a failure
   */
  async topicId(isExpected: boolean): Promise<string | undefined> {
    if (!isExpected && !this.#tellsTopicId) return undefined;
    const asked = this.#nextTopicId ?? this.#askTopicId();
    this.#nextTopicId = undefined;
    try {
      return await asked;
    } catch (error) {
      if (isExpected) throw error;
      this.#tellsTopicId = false;
      return undefined;
    }
  }

  #askTopicId(): Promise<string | undefined> {
    const admin = AdminClient.createFrom(this.#consumer);
    return new Promise((resolve, reject) => {
      admin.describeTopics([this.#topic], { timeout: TOPIC_ID_TIMEOUT_MS }, (error, topics) => {
        if (error) return reject(error);
        const id = (topics[0]?.topicId as { base64?: string } | undefined)?.base64;
        resolve(id === NO_TOPIC_ID ? undefined : id);
      });
    });
  }

  /** The bounds of several partitions' logs. Rejects when one of them cannot be told. */
  async watermarksOf(partitions: readonly number[]): Promise<ReadonlyMap<number, Watermarks>> {
    const found = new Map<number, Watermarks>();
    const waiting = partitions.values();
    const askInTurn = async (): Promise<void> => {
      for (const partition of waiting) found.set(partition, await this.watermarks(partition));
    };
    await Promise.all(Array.from({ length: MAX_QUESTIONS }, askInTurn));
    return found;
  }

  /** Asks the broker for the bounds of a partition's log. */
  watermarks(partition: number): Promise<Watermarks> {
    return new Promise((resolve, reject) => {
      this.#consumer.queryWatermarkOffsets(
        this.#topic,
        partition,
        REQUEST_TIMEOUT_MS,
        (error, offsets) =>
          error ? reject(error) : resolve({ low: offsets.lowOffset, high: offsets.highOffset }),
      );
    });
  }

  /** The end of a partition's log as the last fetch told it, without asking; `undefined` before the first. */
  knownEnd(partition: number): number | undefined {
    try {
      const { highOffset } = this.#consumer.getWatermarkOffsets(this.#topic, partition);
      return highOffset >= 0 ? highOffset : undefined;
    } catch {
      // librdkafka answers "no offset" with an error; not knowing is not a failure.
      return undefined;
    }
  }

  /** Asks for the topic's metadata; resolves to its number of partitions, 0 when there is no such topic. */
  countPartitions(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#consumer.getMetadata(
        { topic: this.#topic, timeout: REQUEST_TIMEOUT_MS },
        (error, metadata) => {
          if (error) return reject(error);
          const topic = metadata.topics.find(({ name }) => name === this.#topic);
          resolve(topic?.partitions.length ?? 0);
        },
      );
    });
  }
}

/** How the metadata of an offset begins that a store has committed; the store's id follows. */
const STORE_METADATA = "arrest-events:";

/** The metadata of an offset that a store commits. */
export function metadataOf(storeId: string): string {
  return `${STORE_METADATA}${storeId}`;
}

function storeIdOf(metadata: string | null | undefined): string | undefined {
  if (!metadata?.startsWith(STORE_METADATA)) return undefined;
  return metadata.slice(STORE_METADATA.length);
}
