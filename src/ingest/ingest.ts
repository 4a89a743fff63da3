import type { Config, KafkaSource } from "../config.ts";
import type { Cluster } from "../store/schema.ts";
import type { Beginning, EventWriter } from "../store/write.ts";
import type { Log } from "../telemetry/log.ts";
import { Assignment } from "./assignment.ts";
import { sortMessages } from "./batch.ts";
import { BatchTaker, type BatchTakerOptions, POLL_WAIT_MS } from "./batch-taker.ts";
import { isBrokerThere } from "./broker-look.ts";
import { TopicConsumer, type Trouble } from "./consumer.ts";
import type { ConsumerSettings } from "./consumer-settings.ts";
import { toDeadLetter } from "./message.ts";
import type { MessageBatch } from "./message-batch.ts";
import type { IngestMetrics } from "./metrics.ts";
import type { IngestState, IngestStatus } from "./status.ts";
import { StopSignal } from "./stop-signal.ts";
import { StuckClientError, WATCHDOG_LIMITS, Watchdog, type WatchdogLimits } from "./watchdog.ts";

/** What ingest works with. */
export interface IngestDependencies {
  readonly settings: ConsumerSettings;
  readonly mode: KafkaSource["mode"];
  readonly cluster: Cluster;
  readonly batch: Config["ingest"];
  /** Whether changes over HTTP are being made, which wait while a batch is stored. */
  readonly isSharing: BatchTakerOptions["isSharing"];
  /** How much the dead letters may become before the reading stops. */
  readonly deadLetterBound: Config["deadLetters"];
  readonly writer: Pick<
    EventWriter,
    "storeId" | "ingest" | "position" | "setPositions" | "probe" | "deadLetters"
  >;
  readonly log: Log;
  /** Milliseconds since 1970, for what is stored and told. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets, for waiting. */
  readonly elapsed: () => number;
  /** Told of every success (`undefined`) and every failure of the store. */
  readonly onStore: (error: Error | undefined) => void;
  readonly metrics: IngestMetrics;
  /** How long the Kafka client may be silent; {@link WATCHDOG_LIMITS} where it is not given. */
  readonly watchdog?: WatchdogLimits;
  /** Makes the client; a {@link TopicConsumer} where it is not given. */
  readonly newConsumer?: (...given: ConstructorParameters<typeof TopicConsumer>) => TopicConsumer;
}

/** How many clients may be left behind that do not close, each with its threads and memory. */
const MAX_LEFT_BEHIND = 3;

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
  readonly #stop = new StopSignal();
  /**
   * The client that reads now. It is the fence of a client that was given up while its loop hung: should
   * that loop go on one day, it may neither store nor say anything.
   */
  #current: TopicConsumer | undefined;
  #assignment: Assignment | undefined;
  #watchdog: Watchdog | undefined;
  readonly #leftBehind = new Set<TopicConsumer>();
  #reachable = false;
  #problem: string | undefined;
  /** What has been logged of the trouble under way: librdkafka says the same things by turns. */
  readonly #loggedProblems = new Set<string>();
  #storeFailing = false;
  #deadLettersFull = false;
  #storedEvents = 0;
  #deadLetters = 0;
  #lastStoredAt: number | null = null;
  #lastMessageAt: number | null = null;
  #lastCommittedAt: number | null = null;

  constructor(dependencies: IngestDependencies) {
    this.#with = dependencies;
  }

  /** Begins to read; connects, and connects again, on its own time. */
  start(): void {
    this.#finished = this.#run();
  }

  /** Stores the batch under way, tells the group and leaves it. Resolves when that is done. */
  async stop(): Promise<void> {
    this.#stop.set();
    await this.#finished;
  }

  /** How far the reading is, now. */
  status(): Omit<IngestStatus, "forwarding"> {
    const { settings, mode } = this.#with;
    const problem = this.#problem ?? this.#assignment?.problem ?? this.#watchdog?.problem();
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
      lastMessageAt: this.#lastMessageAt,
      lastCommittedAt: this.#lastCommittedAt,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  #state(): IngestState {
    if (this.#stop.isSet) return "stopped";
    if (this.#storeFailing) return "store-failing";
    if (this.#deadLettersFull) return "dead-letters-full";
    if (!this.#reachable) return "connecting";
    return this.#assignment?.partitions().length === 0 ? "waiting" : "reading";
  }

  async #run(): Promise<void> {
    const { settings, log, newConsumer, watchdog: limits = WATCHDOG_LIMITS } = this.#with;
    const make = newConsumer ?? ((...given) => new TopicConsumer(...given));
    let pause = FIRST_PAUSE_MS;
    while (!this.#stop.isSet) {
      if (this.#leftBehind.size >= MAX_LEFT_BEHIND) {
        this.#onTrouble({
          message: `${MAX_LEFT_BEHIND} Kafka clients hang: a restart of the process may help`,
          unreachable: true,
        });
        await this.#stop.sleep(LAST_PAUSE_MS);
        continue;
      }
      const consumer = make(settings, log, (trouble) => {
        if (this.#current === consumer) this.#onTrouble(trouble);
      });
      const watchdog = new Watchdog(limits, log, {
        isWaitingForGroup: () => this.#isWaitingForGroup(consumer),
        responses: () => consumer.responses,
        isBrokerThere: () => isBrokerThere(settings),
      });
      const use = async (): Promise<void> => {
        await this.#stop.unlessSet(consumer.connect());
        this.#assertCurrent(consumer);
        this.#onReachable();
        watchdog.turned();
        pause = FIRST_PAUSE_MS;
        await this.#read(consumer, watchdog);
      };
      this.#current = consumer;
      this.#watchdog = watchdog;
      try {
        await Promise.race([use(), watchdog.stuck]);
      } catch (error) {
        if (!this.#stop.isSet) this.#onEnd(error as Error);
      } finally {
        this.#current = undefined;
        this.#assignment = undefined;
        this.#watchdog = undefined;
        watchdog.stop();
        await this.#close(consumer);
      }
      await this.#stop.sleep(pause);
      pause = Math.min(pause * 2, LAST_PAUSE_MS);
    }
  }

  async #close(consumer: TopicConsumer): Promise<void> {
    if (await consumer.close()) return;
    this.#leftBehind.add(consumer);
    void consumer.closed.then(() => this.#leftBehind.delete(consumer));
  }

  /** A client was of no more use. */
  #onEnd(error: Error): void {
    const { metrics, log } = this.#with;
    if (error instanceof StuckClientError) {
      metrics.stuck();
      log.error({ err: error }, "the Kafka client is of no more use: a new one takes its place");
    }
    this.#onTrouble({ message: error.message, unreachable: true });
  }

  #isWaitingForGroup(consumer: TopicConsumer): boolean {
    const assigned = this.#assignment?.partitions().length ?? 0;
    return assigned === 0 && consumer.rebalances.length === 0 && consumer.isJoining;
  }

  /** Reads with one client until the service stops or the client is of no more use. */
  async #read(consumer: TopicConsumer, watchdog: Watchdog): Promise<void> {
    const ifCurrent = <T extends unknown[]>(action: (...given: T) => void) => {
      return (...given: T): void => {
        if (this.#current === consumer) action(...given);
      };
    };
    const assignment = new Assignment(consumer, {
      ...this.#with,
      writer: {
        storeId: this.#with.writer.storeId,
        position: (partition) => this.#with.writer.position(partition),
        setPositions: (positions) => this.#setPositions(consumer, positions),
      },
      isStopping: () => this.#stop.isSet,
      unlessStopping: (promise) => this.#stop.unlessSet(promise),
      isTroubled: () => this.#problem !== undefined,
      onTrouble: ifCurrent((trouble) => this.#onTrouble(trouble)),
      onReachable: ifCurrent(() => this.#onReachable()),
      onCommit: ifCurrent((isTaken) => this.#onCommit(isTaken)),
    });
    this.#assignment = assignment;
    const { batch, isSharing } = this.#with;
    const taker = new BatchTaker(consumer, { ...batch, isSharing, stop: this.#stop });
    while (!this.#stop.isSet && !consumer.fatal) {
      await this.#waitForRoom(consumer, assignment, watchdog);
      const batches = await taker.take();
      await this.#store(consumer, assignment, watchdog, batches);
      for (const batch of batches) batch.release();
      await this.#lookAfter(assignment, watchdog);
    }
    await assignment.commits.now(assignment.partitions());
  }

  /** What is to be done between two batches. */
  async #lookAfter(assignment: Assignment, watchdog: Watchdog): Promise<void> {
    watchdog.turned();
    await assignment.carryOutRebalances();
    watchdog.turned();
    assignment.commits.whenDue();
    assignment.auditWhenDue();
    assignment.actOnAudit();
  }

  /**
   * Stops the reading while there are as many dead letters as there may be, but keeps the membership.
   * Messages that had been fetched already, and still come, are stored.
   */
  async #waitForRoom(
    consumer: TopicConsumer,
    assignment: Assignment,
    watchdog: Watchdog,
  ): Promise<void> {
    while (this.#isDeadLetterBoundReached() && !this.#stop.isSet && !consumer.fatal) {
      if (!this.#deadLettersFull) {
        this.#deadLettersFull = true;
        const { count, bytes } = this.#with.writer.deadLetters();
        const text = "too many dead letters: reading stops until some are replayed or deleted";
        this.#with.log.error({ count, bytes }, text);
      }
      consumer.pause(assignment.partitions());
      const stragglers = await consumer.take(1, POLL_WAIT_MS);
      if (stragglers.length > 0) {
        await this.#store(consumer, assignment, watchdog, [stragglers]);
      }
      await this.#lookAfter(assignment, watchdog);
    }
    if (this.#deadLettersFull && !this.#isDeadLetterBoundReached()) {
      this.#deadLettersFull = false;
      consumer.resume(assignment.partitions());
      this.#with.log.info("there is room for dead letters again: reading goes on");
    }
  }

  #isDeadLetterBoundReached(): boolean {
    const { count, bytes } = this.#with.writer.deadLetters();
    const { maxCount, maxBytes } = this.#with.deadLetterBound;
    return count >= maxCount || bytes >= maxBytes;
  }

  /** Stores a batch, however often it takes. What is given up with its partition, or at a stop, is read again. */
  async #store(
    consumer: TopicConsumer,
    assignment: Assignment,
    watchdog: Watchdog,
    batches: MessageBatch[],
  ): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      const error = this.#tryToStore(consumer, assignment, batches);
      if (error === undefined) break;
      if (!this.#storeFailing) {
        this.#storeFailing = true;
        consumer.pause(assignment.partitions());
        this.#with.log.error({ err: error }, "the store cannot be written: reading stops");
      }
      // Polling goes on while nothing is fetched: it keeps the membership and hears of rebalances.
      const retryAt = this.#with.elapsed() + pause;
      while (this.#with.elapsed() < retryAt && !this.#stop.isSet) {
        const stragglers = await consumer.take(1, Math.min(pause, POLL_WAIT_MS));
        if (stragglers.length > 0) batches.push(stragglers);
        await assignment.carryOutStorelessRebalances();
        watchdog.turned();
      }
      if (this.#stop.isSet) return;
    }
    if (this.#storeFailing) {
      this.#storeFailing = false;
      if (!this.#deadLettersFull) consumer.resume(assignment.partitions());
      this.#with.log.info("the store can be written again: reading goes on");
    }
  }

  #tryToStore(
    consumer: TopicConsumer,
    assignment: Assignment,
    batches: readonly MessageBatch[],
  ): Error | undefined {
    this.#assertCurrent(consumer);
    const { writer, log, cluster, now, onStore, metrics } = this.#with;
    const startedAt = performance.now();
    const batch = sortMessages(batches, {
      nextOffset: (partition) => assignment.nextOffset(partition),
      reachedEnds: consumer.reachedEnds,
      toDeadLetter: (message, refused) => toDeadLetter(message, refused, cluster, now()),
    });
    const { positions, latestMessageAt } = batch;
    if (positions.length === 0) {
      consumer.reachedEnds.clear();
      return this.#storeFailing ? this.#tryProbe() : undefined;
    }
    try {
      const counts = writer.ingest(batch);
      this.#storedEvents += counts.events;
      this.#deadLetters += counts.deadLetters;
      const reasons = batch.deadLetters.map(({ reason }) => reason);
      while (reasons.length < counts.deadLetters) reasons.push("refused_by_store");
      metrics.stored(counts.events, reasons, performance.now() - startedAt);
      if (counts.deadLetters > 0) log.warn({ count: counts.deadLetters }, "messages refused");
    } catch (error) {
      metrics.storeFailed();
      onStore(error as Error);
      return error as Error;
    }
    onStore(undefined);
    this.#lastStoredAt = now();
    if (latestMessageAt !== null) this.#lastMessageAt = latestMessageAt;
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

  #setPositions(consumer: TopicConsumer, positions: readonly Beginning[]): void {
    this.#assertCurrent(consumer);
    const { writer, onStore } = this.#with;
    try {
      writer.setPositions(positions);
    } catch (error) {
      onStore(error as Error);
      throw error;
    }
    onStore(undefined);
  }

  /** Ends the loop of a client that was given up, before it touches the store. */
  #assertCurrent(consumer: TopicConsumer): void {
    if (this.#current !== consumer) throw new Error("this client was given up");
  }

  #onCommit(isTaken: boolean): void {
    this.#with.metrics.committed(isTaken);
    if (isTaken) this.#lastCommittedAt = this.#with.now();
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
    this.#watchdog?.answered();
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#loggedProblems.clear();
    this.#with.log.info("the trouble with Kafka is over");
  }
}
