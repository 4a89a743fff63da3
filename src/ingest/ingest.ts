import type { Message } from "@confluentinc/kafka-javascript";
import type { ArrestEventFields } from "../arrest-event.ts";
import type { Config, KafkaSource } from "../config.ts";
import type { Cluster, DeadLetter } from "../store/schema.ts";
import type { Beginning, EventWriter } from "../store/write.ts";
import type { Log } from "../telemetry/log.ts";
import { Assignment } from "./assignment.ts";
import { TopicConsumer, type Trouble } from "./consumer.ts";
import type { ConsumerSettings } from "./consumer-settings.ts";
import { decodeMessage, isRefused, type RefusedMessage, toDeadLetter } from "./message.ts";
import type { IngestState, IngestStatus } from "./status.ts";

/** What ingest works with. */
export interface IngestDependencies {
  readonly settings: ConsumerSettings;
  readonly mode: KafkaSource["mode"];
  readonly cluster: Cluster;
  readonly batch: Config["ingest"];
  readonly writer: Pick<EventWriter, "storeId" | "ingest" | "position" | "setPositions" | "probe">;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of every success (`undefined`) and every failure of the store. */
  readonly onStore: (error: Error | undefined) => void;
}

/** How long one wait for a message lasts, which is the longest that a stop or a rebalance waits for the loop. */
const POLL_WAIT_MS = 200;

/** Pauses after a failure grow from the first to the last by doubling. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;

/**
 * The loop from Kafka to the store: take a batch, store it with its positions in one transaction, carry
 * out the rebalances that wait, tell the group. One step at a time, so that no message is in hand while
 * the assignment changes.
 */
export class Ingest {
  readonly #with: IngestDependencies;
  #finished: Promise<void> = Promise.resolve();
  #stopping = false;
  readonly #stopRequested = Promise.withResolvers<never>();
  #wake: (() => void) | undefined;
  /** Of the consumer that is connected now. */
  #assignment: Assignment | undefined;
  #reachable = false;
  #problem: string | undefined;
  /** What has been logged of the trouble under way: librdkafka says the same things by turns. */
  readonly #loggedProblems = new Set<string>();
  #storeFailing = false;
  #storedEvents = 0;
  #deadLetters = 0;
  #lastStoredAt: number | null = null;

  constructor(dependencies: IngestDependencies) {
    this.#with = dependencies;
    this.#stopRequested.promise.catch(() => undefined);
  }

  /** Begins to read; connects, and connects again, on its own time. */
  start(): void {
    this.#finished = this.#run();
  }

  /** Stores the batch under way, tells the group and leaves it. Resolves when that is done. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stopRequested.reject(new Error("ingest is stopping"));
    this.#wake?.();
    await this.#finished;
  }

  /** How far the reading is, now. */
  status(): IngestStatus {
    const { settings, mode } = this.#with;
    return {
      state: this.#state(),
      mode,
      brokers: settings.brokers,
      topic: settings.topic,
      groupId: settings.groupId,
      partitions: this.#assignment?.status() ?? [],
      storedEvents: this.#storedEvents,
      deadLetters: this.#deadLetters,
      lastStoredAt: this.#lastStoredAt,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  #state(): IngestState {
    if (this.#stopping) return "stopped";
    if (this.#storeFailing) return "store-failing";
    if (!this.#reachable) return "connecting";
    return this.#assignment?.partitions().length === 0 ? "waiting" : "reading";
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#stopping) {
      const consumer = new TopicConsumer(this.#with.settings, this.#with.log, (trouble) =>
        this.#onTrouble(trouble),
      );
      try {
        await this.#unlessStopping(consumer.connect());
        this.#onReachable();
        pause = FIRST_PAUSE_MS;
        await this.#read(consumer);
      } catch (error) {
        if (!this.#stopping) {
          this.#onTrouble({ message: (error as Error).message, unreachable: true });
        }
      } finally {
        this.#assignment = undefined;
        await consumer.close();
      }
      await this.#sleep(pause);
      pause = Math.min(pause * 2, LAST_PAUSE_MS);
    }
  }

  /** Reads with one client until the service stops or the client is of no more use. */
  async #read(consumer: TopicConsumer): Promise<void> {
    const assignment = new Assignment(consumer, {
      ...this.#with,
      writer: {
        storeId: this.#with.writer.storeId,
        position: (partition) => this.#with.writer.position(partition),
        setPositions: (positions) => this.#setPositions(positions),
      },
      isStopping: () => this.#stopping,
      sleep: (milliseconds) => this.#sleep(milliseconds),
      unlessStopping: (promise) => this.#unlessStopping(promise),
      isTroubled: () => this.#problem !== undefined,
      onTrouble: (trouble) => this.#onTrouble(trouble),
      onReachable: () => this.#onReachable(),
    });
    this.#assignment = assignment;
    while (!this.#stopping && !consumer.fatal) {
      await this.#store(consumer, assignment, await this.#takeBatch(consumer));
      await assignment.carryOutRebalances();
      assignment.commitWhenDue();
      assignment.auditWhenDue();
      assignment.actOnAudit();
    }
    await assignment.commitNow(assignment.partitions());
  }

  async #takeBatch(consumer: TopicConsumer): Promise<Message[]> {
    const { batchSize, lingerMs } = this.#with.batch;
    let messages = await consumer.take(batchSize);
    if (messages.length === 0) {
      const first = await consumer.next(POLL_WAIT_MS);
      if (first === undefined) return [];
      messages = [first];
    }
    if (messages.length === batchSize) return messages;
    if (lingerMs > 0) await this.#sleep(lingerMs);
    return messages.concat(await consumer.take(batchSize - messages.length));
  }

  /** Stores a batch, however often it takes. What is given up with its partition, or at a stop, is read again. */
  async #store(
    consumer: TopicConsumer,
    assignment: Assignment,
    messages: Message[],
  ): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      const error = this.#tryToStore(consumer, assignment, messages);
      if (error === undefined) break;
      if (!this.#storeFailing) {
        this.#storeFailing = true;
        consumer.pause(assignment.partitions());
        this.#with.log.error({ err: error }, "the store cannot be written: reading stops");
      }
      // Polling goes on while nothing is fetched: it keeps the membership and hears of rebalances.
      const retryAt = this.#with.now() + pause;
      while (this.#with.now() < retryAt && !this.#stopping) {
        const straggler = await consumer.next(Math.min(pause, POLL_WAIT_MS));
        if (straggler !== undefined) messages.push(straggler);
        await assignment.carryOutStorelessRebalances();
      }
      if (this.#stopping) return;
    }
    if (this.#storeFailing) {
      this.#storeFailing = false;
      consumer.resume(assignment.partitions());
      this.#with.log.info("the store can be written again: reading goes on");
    }
  }

  #tryToStore(
    consumer: TopicConsumer,
    assignment: Assignment,
    messages: readonly Message[],
  ): Error | undefined {
    const { writer, log, cluster, now, onStore } = this.#with;
    const nextOffsets = new Map<number, number>();
    const nextOffset = (partition: number): number | undefined =>
      nextOffsets.get(partition) ?? assignment.nextOffset(partition);

    const events: ArrestEventFields[] = [];
    const eventMessages: Message[] = [];
    const deadLetters: DeadLetter[] = [];
    const refuse = (message: Message, refused: RefusedMessage): DeadLetter =>
      toDeadLetter(message, refused, cluster, now());
    for (const message of messages) {
      const next = nextOffset(message.partition);
      // Not assigned any more, or stored already: neither is lost by passing over it.
      if (next === undefined || message.offset < next) continue;
      nextOffsets.set(message.partition, message.offset + 1);
      const decoded = decodeMessage(message.value);
      if (isRefused(decoded)) {
        deadLetters.push(refuse(message, decoded));
      } else {
        events.push(decoded);
        eventMessages.push(message);
      }
    }
    for (const [partition, end] of consumer.reachedEnds) {
      const next = nextOffset(partition);
      if (next !== undefined && end > next) nextOffsets.set(partition, end);
    }
    if (nextOffsets.size === 0) {
      consumer.reachedEnds.clear();
      return this.#storeFailing ? this.#tryProbe() : undefined;
    }

    const positions = [...nextOffsets].map(([partition, next]) => ({
      partition,
      nextOffset: next,
    }));
    try {
      const counts = writer.ingest({
        events,
        deadLetters,
        positions,
        deadLetterFor: (index) =>
          refuse(eventMessages[index] as Message, {
            reason: "refused_by_store",
            refusals: [{ pointer: "", detail: "must satisfy the constraints of the store" }],
          }),
      });
      this.#storedEvents += counts.events;
      this.#deadLetters += counts.deadLetters;
      if (counts.deadLetters > 0) log.warn({ count: counts.deadLetters }, "messages refused");
    } catch (error) {
      onStore(error as Error);
      return error as Error;
    }
    onStore(undefined);
    this.#lastStoredAt = now();
    consumer.reachedEnds.clear();
    this.#onReachable();
    assignment.advance(positions);
    return undefined;
  }

  /** All that waited for the store has been given up with its partitions: is it back? */
  #tryProbe(): Error | undefined {
    try {
      this.#with.writer.probe();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #setPositions(positions: readonly Beginning[]): void {
    const { writer, onStore } = this.#with;
    try {
      writer.setPositions(positions);
    } catch (error) {
      onStore(error as Error);
      throw error;
    }
    onStore(undefined);
  }

  #onTrouble({ message, unreachable }: Trouble): void {
    if (unreachable) this.#reachable = false;
    this.#problem = message;
    this.#assignment?.auditSoon();
    if (this.#loggedProblems.has(message)) return;
    this.#loggedProblems.add(message);
    this.#with.log.warn({ problem: message }, "trouble with Kafka");
  }

  #onReachable(): void {
    this.#reachable = true;
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#loggedProblems.clear();
    this.#with.log.info("the trouble with Kafka is over");
  }

  #unlessStopping<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#stopRequested.promise]);
  }

  /** Waits, but not beyond the beginning of a stop. */
  #sleep(milliseconds: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
