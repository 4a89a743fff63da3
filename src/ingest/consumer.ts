import {
  CODES,
  type ConsumerTopicConfig,
  KafkaConsumer,
  type LibrdKafkaError,
  type TopicPartition,
} from "@confluentinc/kafka-javascript";
import addon from "@confluentinc/kafka-javascript/librdkafka.js";
import type { Position } from "../store/write.ts";
import type { Log } from "../telemetry/log.ts";
import { type ConsumerSettings, isClassic, librdkafkaSettings } from "./consumer-settings.ts";
import { MessageBatch } from "./message-batch.ts";
import { metadataOf, REQUEST_TIMEOUT_MS, TopicQuestions } from "./topic-questions.ts";

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

/** What librdkafka says of its own accord. It goes on trying; whoever is told decides when it is over. */
export interface Trouble {
  readonly message: string;
  /** No broker at all can be reached. */
  readonly unreachable: boolean;
}

/** What became of a commit. */
export interface CommitAnswer {
  readonly partitions: readonly number[];
  /** Why the group did not take it; absent when it did. */
  readonly failure?: string;
}

/** How long leaving the group and closing may take: with an unreachable broker librdkafka waits a minute. */
const CLOSE_TIMEOUT_MS = 3000;

/** How many bytes of messages a batch takes; the last of them may go beyond. */
export const MAX_TAKE_BYTES = 8 * 2 ** 20;

/** What the client makes of librdkafka's errors of its own accord, which it passes on without their codes. */
const ALL_BROKERS_DOWN = "all broker connections are down";
const FATAL_ERROR = "fatal error";

/** What librdkafka says where it cannot read the next batch of a partition: it goes no further, and tries again. */
const READ_FAILURES: ReadonlyMap<number, string> = new Map([
  [
    CODES.ERRORS.ERR__NOT_IMPLEMENTED,
    "the messages there are compressed with a codec that this build of the Kafka client cannot read",
  ],
  [CODES.ERRORS.ERR__BAD_COMPRESSION, "the messages there cannot be decompressed"],
]);

/** What stands before the number of responses in librdkafka's statistics. */
const RESPONSES = '"rx":';

/** Where librdkafka's statistics tell of its coordinator and of its membership in the group. */
const MEMBERSHIP = /"cgrp":\s*\{\s*"state":\s*"([^"]*)".*?"join_state":\s*"([^"]*)"/;

/** The membership of a client that has its assignment. */
const SETTLED = "steady";

/** By KIP-848, that of a client whose first assignment is of nothing, as well as that of one that waits. */
const SETTLED_WITHOUT_PARTITIONS = "init";

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
  /** What became of commits, oldest first. */
  readonly commitAnswers: CommitAnswer[] = [];
  /** Set by an error after which librdkafka needs a new client, and by the end of this one. */
  fatal = false;
  /** Why the next batch of some partition cannot be read, as the client last said; it does not say of which. */
  readFailure: string | undefined;

  /** What can be asked while the client is connected. */
  readonly ask: TopicQuestions;

  readonly #topic: string;
  readonly #log: Log;
  readonly #onTrouble: (trouble: Trouble) => void;
  readonly #consumer: KafkaConsumer;
  readonly #paused = new Set<number>();
  #isConnecting = false;
  #connected = false;
  #closing = false;
  readonly #closed = Promise.withResolvers<void>();
  #cooperative = false;
  #isJoining = false;
  #responses = 0;

  /**
   * @param onTrouble told of every error that librdkafka reports outside of a request
   * @throws Error when librdkafka refuses a setting; the message names it
   */
  constructor(settings: ConsumerSettings, log: Log, onTrouble: (trouble: Trouble) => void) {
    this.#topic = settings.topic;
    this.#log = log;
    this.#onTrouble = onTrouble;
    this.#consumer = new KafkaConsumer(
      {
        ...librdkafkaSettings(settings),
        rebalance_cb: (error: LibrdKafkaError, partitions: TopicPartition[]) => {
          this.#onRebalance(error, partitions);
        },
        offset_commit_cb: (error: LibrdKafkaError | undefined, offsets: TopicPartition[]) => {
          const partitions = offsets.map(({ partition }) => partition);
          this.commitAnswers.push({ partitions, ...(error && { failure: error.message }) });
        },
      },
      // Not even an empty object: it would take the place of the topic's settings above.
      undefined as unknown as ConsumerTopicConfig,
    );
    this.ask = new TopicQuestions(this.#consumer, this.#topic, settings.isMockCluster !== true);
    const settled = (membership: string): boolean =>
      membership === SETTLED || (membership === SETTLED_WITHOUT_PARTITIONS && !isClassic(settings));
    this.#consumer.on("event.stats", ({ message }: { message: string }) => {
      // The client's own count comes behind those of its brokers.
      this.#responses = Number.parseInt(
        message.slice(message.lastIndexOf(RESPONSES) + RESPONSES.length),
        10,
      );
      const [, coordinator, membership = ""] = MEMBERSHIP.exec(message) ?? [];
      this.#isJoining = coordinator !== undefined && !(coordinator === "up" && settled(membership));
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

  #onError({ code, message }: Pick<LibrdKafkaError, "code" | "message">): void {
    if (code === CODES.ERRORS.ERR__FATAL || message === FATAL_ERROR) this.fatal = true;
    this.#onTrouble({
      message,
      unreachable: code === CODES.ERRORS.ERR__ALL_BROKERS_DOWN || message === ALL_BROKERS_DOWN,
    });
  }

  /** Whether the group still owes the client an assignment, as the statistics last told. */
  get isJoining(): boolean {
    return this.#isJoining;
  }

  /** How many responses the brokers have sent, heartbeats among them, as the statistics last told. */
  get responses(): number {
    return this.#responses;
  }

  /** Resolves when a client that was connected, or connecting, has closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
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
    this.#isConnecting = true;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#consumer.connect({ timeout: timeoutMs }, (error) =>
          error ? reject(error) : resolve(),
        );
      });
    } finally {
      this.#isConnecting = false;
      // Closed meanwhile, and nobody waits for it any more.
      if (this.#closing) await this.#disconnect().finally(this.#closed.resolve);
    }
    if (this.#closing) return;
    this.#connected = true;
    this.ask.begin();
    this.#consumer.subscribe([this.#topic]);
  }

  /**
   * Takes up to `max` of the messages that have been fetched already, but only up to some 8 MiB of them,
   * and waits up to `waitMs` for the first. Serves the client's callbacks too, rebalances among them. An
   * error becomes a {@link Trouble}; what was taken before it counts.
   */
  take(max: number, waitMs = 0): Promise<MessageBatch> {
    return new Promise((resolve) => {
      const client = this.#consumer.getClient();
      addon.consumeBatch(client, max, MAX_TAKE_BYTES, waitMs, (buffer, count, ends, error) => {
        for (let index = 0; index < ends.length; index += 2) {
          this.reachedEnds.set(ends[index] as number, ends[index + 1] as number);
        }
        const readFailure = error === null ? undefined : READ_FAILURES.get(error.code);
        if (readFailure !== undefined) this.readFailure = readFailure;
        else if (error !== null) this.#onError(error);
        resolve(new MessageBatch(this.#topic, buffer, count));
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
    const reading = partitions.filter((partition) => !this.#paused.has(partition));
    if (reading.length === 0) return;
    for (const partition of reading) this.#paused.add(partition);
    this.#consumer.pause(this.#topicPartitions(reading));
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

  /**
   * Tells the group how far the store is.
   *
   * Resolves once that is on its way, which is all that the client waits for; the group's answer shows
   * in {@link commitAnswers}, after the next poll, and in what the group then holds.
   */
  commit(positions: readonly Position[], storeId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#consumer.commitCb(
        positions.map(({ partition, nextOffset }) => ({
          topic: this.#topic,
          partition,
          offset: nextOffset,
          metadata: metadataOf(storeId),
        })),
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }

  /**
   * Leaves the group and frees the client, but does not wait for a broker that is away. Resolves to
   * whether the client has closed; else it does so whenever it can, which {@link closed} tells.
   */
  async close(): Promise<boolean> {
    this.#closing = true;
    this.fatal = true;
    if (!this.#connected) return !this.#isConnecting;
    // Closing waits for an answer to each of these.
    for (const { kind, partitions } of this.rebalances.splice(0)) {
      this.#answerUnread(kind, partitions);
    }
    let timer: Timer | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), CLOSE_TIMEOUT_MS);
    });
    this.#disconnect().then(this.#closed.resolve, this.#closed.resolve);
    const isClosed = await Promise.race([this.closed.then(() => true), late]);
    clearTimeout(timer);
    if (!isClosed) this.#log.warn("the Kafka client did not close in time and is left behind");
    return isClosed;
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
