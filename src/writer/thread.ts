import { features, librdkafkaVersion } from "@confluentinc/kafka-javascript";
import addon from "@confluentinc/kafka-javascript/librdkafka.js";
import type { Config } from "../config.ts";
import { EX_CANTCREAT, EX_CONFIG, EX_SOFTWARE } from "../exit-codes.ts";
import { TopicConsumer } from "../ingest/consumer.ts";
import { DeadLetterTopic } from "../ingest/dead-letter-topic.ts";
import { type EmbeddedBroker, startEmbeddedBroker } from "../ingest/embedded-broker.ts";
import { Ingest } from "../ingest/ingest.ts";
import { decodeMessage } from "../ingest/message.ts";
import { IngestMetrics } from "../ingest/metrics.ts";
import type { IngestStatus } from "../ingest/status.ts";
import { UnusableDatabaseError } from "../store/database.ts";
import { type Change, type EventWriter, openWriter } from "../store/write.ts";
import { type Log, openLog } from "../telemetry/log.ts";
import { Registry } from "../telemetry/prometheus.ts";
import { WriterMetrics } from "./metrics.ts";
import {
  eventsOf,
  type FromWriter,
  HEARTBEAT_INTERVAL_MS,
  type StoreStatus,
  type ToWriter,
  type WriterStatus,
} from "./protocol.ts";
import { Rest } from "./rest.ts";

declare const self: Worker;

/** How often the main thread hears of what has changed. */
const STATUS_INTERVAL_MS = 200;

/** How often it is asked whether a rest has begun: what {@link Rest} counts in. */
const REST_INTERVAL_MS = 1000;

/** How often a store that could not be written is tried again while nobody has anything to write. */
const PROBE_INTERVAL_MS = 1000;

/** For how long after a change over HTTP another is expected, in milliseconds. */
const SHARING_MS = 1000;

const send = (message: FromWriter): void => self.postMessage(message);

class StartError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Only librdkafka knows its settings: it checks each when a client is made, and how they go together
 * when the client starts. Its messages quote values, which may be secrets, so each setting is tried by
 * itself and named alone.
 */
async function checkLibrdkafkaSettings(config: Config, log: Log): Promise<void> {
  const { source, librdkafka, ...kafka } = config.kafka;
  const names = Object.keys(librdkafka);
  if (source.mode === "none" || names.length === 0) return;
  // Nobody listens there: no broker is asked.
  const settings = { ...kafka, brokers: "127.0.0.1:1" };
  const refused = Object.entries(librdkafka).filter(([name, value]) => {
    try {
      new TopicConsumer({ ...settings, librdkafka: { [name]: value } }, log, () => undefined);
      return false;
    } catch {
      return true;
    }
  });
  if (refused.length > 0) {
    const list = refused.map(([name]) => name).join(", ");
    throw new StartError(
      `librdkafka refuses KAFKA_CONF_… settings, by their names or their values: ${list}`,
      EX_CONFIG,
    );
  }
  const together = new TopicConsumer({ ...settings, librdkafka }, log, () => undefined);
  if (!(await together.canStart())) {
    throw new StartError(
      `librdkafka refuses KAFKA_CONF_… settings that do not go together: ${names.join(", ")}`,
      EX_CONFIG,
    );
  }
}

/** Everything that lives in this thread: the writing connection, the consumer, the embedded broker. */
class WriterThread {
  readonly #config: Config;
  readonly #log: Log;
  readonly #writer: EventWriter;
  readonly #timers: Timer[] = [];
  readonly #registry = new Registry();
  readonly #metrics = new WriterMetrics(this.#registry, () => ({
    isWritable: this.#store.writable,
    deadLetters: this.#writer.deadLetters(),
  }));
  readonly #ingestMetrics = new IngestMetrics(this.#registry, () => this.status().ingest);
  #broker: EmbeddedBroker | undefined;
  #ingest: Ingest | undefined;
  #deadLetterTopic: DeadLetterTopic | undefined;
  #ingestStopped: Promise<void> | undefined;
  #store: StoreStatus = { writable: true };
  #checkpointFails = false;
  /** When the last changes came, by `performance.now()`. */
  #changedAt = Number.NEGATIVE_INFINITY;
  readonly #rest = new Rest();
  #changedEvents = 0;
  #sent = "";
  #sentAt = 0;

  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    const { source, topic } = config.kafka;
    try {
      const cluster = source.mode === "embedded" ? "embedded" : "kafka";
      this.#writer = openWriter(config.databasePath, cluster, topic, decodeMessage, {
        onCheckpoint: (durationMs, error) => this.#onCheckpoint(durationMs, error),
      });
      // The embedded broker starts empty: offsets from an earlier one would skip its first messages.
      if (source.mode === "embedded") this.#writer.forgetPositions();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartError(
        error instanceof UnusableDatabaseError
          ? reason
          : `DATABASE_PATH cannot be opened for writing: ${reason}`,
        EX_CANTCREAT,
      );
    }
  }

  async start(): Promise<void> {
    const { source, ...kafka } = this.#config.kafka;
    if (source.mode !== "none") {
      // The addon has what its build found; an operator who needs TLS must be able to see it.
      this.#log.info({ version: librdkafkaVersion, features: features.join(" ") }, "librdkafka");
      if (source.mode === "embedded") this.#broker = await startEmbeddedBroker(kafka.topic);
      const brokers = source.mode === "external" ? source.brokers : (this.#broker?.address ?? "");
      this.#ingest = new Ingest({
        settings: {
          ...kafka,
          brokers,
          isMockCluster: source.mode === "embedded",
        },
        mode: source.mode,
        cluster: source.mode === "embedded" ? "embedded" : "kafka",
        batch: this.#config.ingest,
        isSharing: () => performance.now() - this.#changedAt < SHARING_MS,
        deadLetterBound: this.#config.deadLetters,
        writer: this.#writer,
        log: this.#log,
        now: Date.now,
        elapsed: () => performance.now(),
        onStore: (error) => this.#onStore(error),
        metrics: this.#ingestMetrics,
      });
      this.#ingest.start();
      if (kafka.deadLetterTopic !== undefined) {
        this.#deadLetterTopic = this.#openDeadLetterTopic(kafka.deadLetterTopic, brokers);
        this.#deadLetterTopic.start();
      }
    }
    this.#timers.push(
      setInterval(() => this.#sendStatus(), STATUS_INTERVAL_MS),
      setInterval(() => this.#probeStore(), PROBE_INTERVAL_MS),
      setInterval(() => this.#giveBackMemory(), REST_INTERVAL_MS),
    );
  }

  apply(changes: readonly Change[]): void {
    const startedAt = performance.now();
    this.#changedAt = startedAt;
    try {
      const results = this.#writer.apply(changes);
      this.#metrics.applied(changes.length, performance.now() - startedAt);
      for (const change of changes) this.#changedEvents += eventsOf(change);
      this.#onStore(undefined);
      send({ kind: "applied", results });
    } catch (error) {
      // Once: the changes that come meanwhile are told by their answers.
      if (this.#store.writable) {
        this.#log.error({ err: error }, "changes not made: the store cannot be written");
      }
      this.#metrics.notApplied();
      this.#onStore(error as Error);
      send({ kind: "not-applied" });
    }
  }

  /** Reads no more. Changes are still made, until {@link stop}. */
  stopIngest(): Promise<void> {
    this.#ingestStopped ??= this.#stopKafka();
    return this.#ingestStopped;
  }

  #openDeadLetterTopic(topic: string, brokers: string): DeadLetterTopic {
    const { librdkafka } = this.#config.kafka;
    try {
      return new DeadLetterTopic({
        brokers,
        topic,
        librdkafka,
        writer: this.#writer,
        log: this.#log,
      });
    } catch {
      // librdkafka quotes values, which may be secrets.
      const names = Object.keys(librdkafka).join(", ");
      throw new StartError(
        `librdkafka refuses KAFKA_CONF_… settings for sending dead letters: ${names}`,
        EX_CONFIG,
      );
    }
  }

  async #stopKafka(): Promise<void> {
    await Promise.all([this.#ingest?.stop(), this.#deadLetterTopic?.stop()]);
  }

  /** Closes the store in any case; for ingest and its broker, which may be out of reach, there is a limit. */
  async stop(withinMs: number): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    let problem: string | undefined;
    try {
      const inTime = this.stopIngest().then(() => this.#broker?.close());
      const late = Bun.sleep(withinMs).then(() => "ingest did not stop in time");
      problem = (await Promise.race([inTime, late])) ?? undefined;
    } catch (error) {
      problem = (error as Error).message;
    }
    try {
      this.#writer.close();
    } catch (error) {
      problem = (error as Error).message;
    }
    if (problem !== undefined) {
      this.#log.error({ problem }, "not stopped in order; what was acknowledged is stored");
    }
    send({ kind: "stopped" });
  }

  /** Answers what the thread has counted. What cannot be counted is not answered, and the log says why. */
  async sendMetrics(): Promise<void> {
    try {
      send({ kind: "metrics", text: await this.#registry.metrics() });
    } catch (error) {
      this.#log.error({ err: error }, "the metrics cannot be collected");
    }
  }

  status(): WriterStatus {
    return { store: this.#store, ingest: this.#ingestStatus() };
  }

  #ingestStatus(): IngestStatus {
    const ingest = this.#ingest?.status() ?? this.#withoutKafka();
    return { ...ingest, forwarding: this.#deadLetterTopic?.status() ?? null };
  }

  #withoutKafka(): Omit<IngestStatus, "forwarding"> {
    const { topic, groupId } = this.#config.kafka;
    return {
      state: "off",
      mode: "none",
      brokers: null,
      topic,
      groupId,
      partitions: [],
      storedEvents: 0,
      deadLetters: 0,
      lastStoredAt: null,
      lastMessageAt: null,
      lastCommittedAt: null,
    };
  }

  #onStore(error: Error | undefined): void {
    if (error === undefined && this.#store.writable) return;
    this.#store =
      error === undefined ? { writable: true } : { writable: false, problem: error.message };
    this.#sendStatus();
  }

  /** The store goes on with a longer log; whether it can be written is told by the transactions. */
  #onCheckpoint(durationMs: number, error?: Error): void {
    const hadFailed = this.#checkpointFails;
    this.#checkpointFails = error !== undefined;
    if (error === undefined) {
      this.#metrics.checkpointed(durationMs);
      return;
    }
    this.#metrics.checkpointFailed();
    // Once: it is tried again with every transaction.
    if (hadFailed) return;
    this.#log.warn({ err: error }, "a checkpoint failed; what is stored stays in the log");
  }

  #probeStore(): void {
    if (this.#store.writable) return;
    try {
      this.#writer.probe();
      this.#onStore(undefined);
    } catch (error) {
      this.#onStore(error as Error);
    }
  }

  /** When much work is over: the pages that it has touched, and the messages it has left to the collector. */
  #giveBackMemory(): void {
    const { storedEvents = 0, deadLetters = 0 } = this.#ingest?.status() ?? {};
    if (!this.#rest.tick(storedEvents + deadLetters + this.#changedEvents)) return;
    const before = process.memoryUsage.rss();
    this.#writer.shrink();
    Bun.gc(true);
    addon.trimMemory();
    this.#log.debug({ before, after: process.memoryUsage.rss() }, "memory given back");
  }

  #sendStatus(): void {
    const status = this.status();
    const text = JSON.stringify(status);
    const now = performance.now();
    if (text === this.#sent && now - this.#sentAt < HEARTBEAT_INTERVAL_MS) {
      return;
    }
    this.#sent = text;
    this.#sentAt = now;
    send({ kind: "status", status });
  }
}

let thread: WriterThread | undefined;

async function start(config: Config): Promise<void> {
  try {
    const log = openLog(config.log).child({ part: "ingest" });
    await checkLibrdkafkaSettings(config, log);
    thread = new WriterThread(config, log);
    await thread.start();
    send({ kind: "started", status: thread.status(), librdkafkaVersion });
  } catch (error) {
    send({
      kind: "not-started",
      message: error instanceof Error ? error.message : String(error),
      exitCode: error instanceof StartError ? error.exitCode : EX_SOFTWARE,
    });
  }
}

self.onmessage = ({ data: message }: MessageEvent<ToWriter>) => {
  switch (message.kind) {
    case "start":
      void start(message.config);
      break;
    case "apply":
      thread?.apply(message.changes);
      break;
    case "metrics":
      void thread?.sendMetrics();
      break;
    case "stop-ingest":
      // What it fails with is told by the stop that follows.
      thread?.stopIngest().catch(() => undefined);
      break;
    case "stop":
      void thread?.stop(message.withinMs);
      break;
  }
};
