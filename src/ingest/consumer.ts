import {
  AdminClient,
  CODES,
  type ConsumerTopicConfig,
  type EofEvent,
  KafkaConsumer,
  type LibrdKafkaError,
  type Message,
  type TopicPartition,
} from "@confluentinc/kafka-javascript";
import type { Position } from "../store/write.ts";
import type { Log } from "../telemetry/log.ts";
import { type ConsumerSettings, librdkafkaSettings } from "./consumer-settings.ts";

// The package has these methods and documents them; its types leave them out.
declare module "@confluentinc/kafka-javascript/types/rdkafka" {
  interface KafkaConsumer {
    assignmentLost(): boolean;
    rebalanceProtocol(): "NONE" | "COOPERATIVE" | "EAGER";
    incrementalAssign(assignments: readonly TopicPartitionOffset[]): this;
    incrementalUnassign(assignments: readonly TopicPartition[]): this;
    commitCb(
      positions: readonly TopicPartitionOffsetAndMetadata[],
      callback: (error: LibrdKafkaError | null) => void,
    ): this;
  }
}

/** A change of the assignment that the group asks for; the loop carries it out between two batches. */
export interface Rebalance {
  readonly kind: "assign" | "revoke";
  readonly partitions: readonly number[];
  /** The group has given the partitions to others already: nothing may be committed for them. */
  readonly lost: boolean;
}

/** The first and the next offset of a partition's log. */
export interface Watermarks {
  readonly low: number;
  readonly high: number;
}

/** What librdkafka says of its own accord. It goes on trying; whoever is told decides when it is over. */
export interface Trouble {
  readonly message: string;
  /** No broker at all can be reached. */
  readonly unreachable: boolean;
}

/** A commit that the group did not take. */
export interface FailedCommit {
  readonly partitions: readonly number[];
  readonly reason: string;
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

/** How long a question to the broker may take before it counts as not answered, in milliseconds. */
const REQUEST_TIMEOUT_MS = 5000;

/** How long leaving the group and closing may take: with an unreachable broker librdkafka waits a minute. */
const CLOSE_TIMEOUT_MS = 3000;

/** What the client makes of librdkafka's errors of its own accord, which it passes on without their codes. */
const ALL_BROKERS_DOWN = "all broker connections are down";
const FATAL_ERROR = "fatal error";

/** How long to wait for the topic's id, in milliseconds. Brokers that cannot tell it do not answer at all. */
const TOPIC_ID_TIMEOUT_MS = 2000;

/** The id that Kafka gives where there is none: a UUID of zeros. */
const NO_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA";

/** librdkafka's logical offset behind the last message (RD_KAFKA_OFFSET_END). */
const OFFSET_END = -1;

/**
 * A member of the consumer group that reads one topic: the Confluent client's low-level consumer, as
 * promises. Nothing is assigned, committed or let go by itself; whoever polls decides.
 */
export class TopicConsumer {
  /** Rebalances that wait to be carried out, oldest first. */
  readonly rebalances: Rebalance[] = [];
  /** The ends of partitions that have been reached: where the next message will be, past control records. */
  readonly reachedEnds: Map<number, number> = new Map();
  /** Commits that have failed, oldest first. */
  readonly failedCommits: FailedCommit[] = [];
  /** Set by an error after which librdkafka needs a new client. */
  fatal = false;

  readonly #topic: string;
  readonly #onTrouble: (trouble: Trouble) => void;
  readonly #consumer: KafkaConsumer;
  readonly #paused = new Set<number>();
  #connected = false;
  /** Asked for ahead, while the group takes its time over the first assignment. */
  #nextTopicId: Promise<string | undefined> | undefined;
  #tellsTopicId: boolean;
  #closing = false;
  #cooperative = false;

  /**
   * @param onTrouble told of every error that librdkafka reports outside of a request
   * @throws Error when librdkafka refuses a setting; the message names it
   */
  constructor(settings: ConsumerSettings, log: Log, onTrouble: (trouble: Trouble) => void) {
    this.#topic = settings.topic;
    this.#onTrouble = onTrouble;
    this.#tellsTopicId = settings.isMockCluster !== true;
    this.#consumer = new KafkaConsumer(
      {
        ...librdkafkaSettings(settings),
        rebalance_cb: (error: LibrdKafkaError, partitions: TopicPartition[]) => {
          this.#onRebalance(error, partitions);
        },
        offset_commit_cb: (error: LibrdKafkaError | undefined, offsets: TopicPartition[]) => {
          if (!error) return;
          const partitions = offsets.map(({ partition }) => partition);
          this.failedCommits.push({ partitions, reason: error.message });
        },
      },
      // Not even an empty object: it would take the place of the topic's settings above.
      undefined as unknown as ConsumerTopicConfig,
    );
    this.#consumer.on("partition.eof", ({ partition, offset }: EofEvent) => {
      this.reachedEnds.set(partition, offset);
    });
    this.#consumer.on("event.error", (error) => this.#onError(error));
    this.#consumer.on("event.log", (entry: { severity?: number; fac?: string; message?: string }) =>
      log.debug({ facility: entry.fac, severity: entry.severity }, entry.message ?? "librdkafka"),
    );
  }

  #onRebalance(error: LibrdKafkaError, partitions: TopicPartition[]): void {
    const kind = error.code === CODES.ERRORS.ERR__ASSIGN_PARTITIONS ? "assign" : "revoke";
    const numbers = partitions.map(({ partition }) => partition);
    // The client waits for the last revocation before it closes, and no loop is there to carry it out.
    if (this.#closing) {
      this.#answerUnread(kind, numbers);
      return;
    }
    // Remembered, because a client that is closing does not tell any more.
    this.#cooperative = this.#consumer.rebalanceProtocol() === "COOPERATIVE";
    const lost = kind === "revoke" && this.#consumer.assignmentLost();
    this.rebalances.push({ kind, partitions: numbers, lost });
  }

  #onError(error: LibrdKafkaError): void {
    const { code, message } = error;
    if (code === CODES.ERRORS.ERR__FATAL || message === FATAL_ERROR) this.fatal = true;
    this.#onTrouble({
      message,
      unreachable: code === CODES.ERRORS.ERR__ALL_BROKERS_DOWN || message === ALL_BROKERS_DOWN,
    });
  }

  /** Tells whether librdkafka starts with these settings, which is when it checks how they go together. */
  async canStart(): Promise<boolean> {
    try {
      await this.connect(1);
    } catch (error) {
      // What librdkafka says instead of starting has no code of its own.
      if ((error as LibrdKafkaError).code === CODES.ERRORS.ERR_UNKNOWN) return false;
    }
    await this.close();
    return true;
  }

  /** Joins the group. Rejects when no broker answers in time. */
  async connect(timeoutMs = REQUEST_TIMEOUT_MS): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#consumer.connect({ timeout: timeoutMs }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
    // Closed meanwhile, and nobody waits for it any more.
    if (this.#closing) return this.#disconnect();
    this.#connected = true;
    if (this.#tellsTopicId) {
      this.#nextTopicId = this.#askTopicId();
      this.#nextTopicId.catch(() => undefined);
    }
    this.#consumer.subscribe([this.#topic]);
  }

  /** Takes up to `max` of the messages that have been fetched already. */
  take(max: number): Promise<Message[]> {
    return this.#consume(max, 0);
  }

  /** Takes the next message, waiting for it up to `waitMs`. */
  async next(waitMs: number): Promise<Message | undefined> {
    // librdkafka applies the wait to each message, so that it must not be given for more than one.
    return (await this.#consume(1, waitMs))[0];
  }

  /** Serves the client's callbacks too, rebalances among them. An error becomes a {@link Trouble}. */
  #consume(max: number, waitMs: number): Promise<Message[]> {
    this.#consumer.setDefaultConsumeTimeout(waitMs);
    return new Promise((resolve) => {
      this.#consumer.consume(max, (error, messages) => {
        if (error) this.#onError(error);
        resolve(error ? [] : messages);
      });
    });
  }

  /** Starts reading partitions at the given offsets, besides or instead of others as the group's protocol has it. */
  assign(positions: readonly Position[]): void {
    const assignment = positions.map(({ partition, nextOffset }) => ({
      topic: this.#topic,
      partition,
      offset: nextOffset,
    }));
    if (this.#cooperative) this.#consumer.incrementalAssign(assignment);
    else this.#consumer.assign(assignment);
  }

  /** Lets partitions go; the group goes on with its rebalance only then. */
  unassign(partitions: readonly number[]): void {
    for (const partition of partitions) this.reachedEnds.delete(partition);
    // librdkafka would remember the pause, and fetch nothing when the partition comes back.
    const paused = partitions.filter((partition) => this.#paused.has(partition));
    if (paused.length > 0 && !this.#closing) this.resume(paused);
    if (this.#cooperative) {
      this.#consumer.incrementalUnassign(this.#topicPartitions(partitions));
    } else {
      this.#consumer.unassign();
    }
  }

  /** Stops fetching the partitions, while polling goes on and keeps the membership. */
  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.add(partition);
    this.#consumer.pause(this.#topicPartitions(partitions));
  }

  /** Fetches the partitions again, from where they were paused. */
  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition);
    this.#consumer.resume(this.#topicPartitions(partitions));
  }

  /**
   * Reads a partition on from another offset, by assigning it anew: librdkafka does not seek in a
   * partition that has left its log.
   *
   * @param others where the other assigned partitions are, which the eager protocol assigns along with it
   */
  readFrom(position: Position, others: readonly Position[]): void {
    // The end that was reached may be one of a log that is no more.
    this.reachedEnds.delete(position.partition);
    if (this.#cooperative) {
      this.#consumer.incrementalUnassign(this.#topicPartitions([position.partition]));
      this.assign([position]);
    } else {
      this.assign([...others, position]);
    }
  }

  /** The group's committed offsets, of those partitions that have one. */
  committed(partitions: readonly number[]): Promise<ReadonlyMap<number, CommittedOffset>> {
    return new Promise((resolve, reject) => {
      this.#consumer.committed(
        this.#topicPartitions(partitions),
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

  /**
   * Tells the group how far the store is.
   *
   * Resolves once that is on its way, which is all that the client waits for; the group's answer shows
   * in {@link failedCommits}, after the next poll, and in {@link committed}.
   */
  commit(positions: readonly Position[], storeId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#consumer.commitCb(
        positions.map(({ partition, nextOffset }) => ({
          topic: this.#topic,
          partition,
          offset: nextOffset,
          metadata: `${STORE_METADATA}${storeId}`,
        })),
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }

  /** Leaves the group and frees the client, but does not wait for a broker that is away. */
  async close(): Promise<void> {
    this.#closing = true;
    if (!this.#connected) return;
    // Closing waits for an answer to each of these.
    for (const { kind, partitions } of this.rebalances.splice(0)) {
      this.#answerUnread(kind, partitions);
    }
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([this.#disconnect(), late]);
    clearTimeout(timer);
  }

  /** Answers a rebalance of a client that is closing. */
  #answerUnread(kind: Rebalance["kind"], partitions: readonly number[]): void {
    try {
      if (kind === "revoke") this.unassign(partitions);
      else this.assign(partitions.map((partition) => ({ partition, nextOffset: OFFSET_END })));
    } catch {
      // A client that refuses the answer does not wait for it: it has closed already.
    }
  }

  #disconnect(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#consumer.isConnected()) resolve();
      else this.#consumer.disconnect(() => resolve());
    });
  }

  #topicPartitions(partitions: readonly number[]): TopicPartition[] {
    return partitions.map((partition) => ({ topic: this.#topic, partition }));
  }
}

/** How the metadata of an offset begins that a store has committed; the store's id follows. */
const STORE_METADATA = "arrest-events:";

function storeIdOf(metadata: string | null | undefined): string | undefined {
  if (!metadata?.startsWith(STORE_METADATA)) return undefined;
  return metadata.slice(STORE_METADATA.length);
}
