import { features, librdkafkaVersion } from "@confluentinc/kafka-javascript";
import type { Config } from "../config.ts";
import { EX_CANTCREAT, EX_CONFIG, EX_SOFTWARE } from "../exit-codes.ts";
import { TopicConsumer } from "../ingest/consumer.ts";
import { type EmbeddedBroker, startEmbeddedBroker } from "../ingest/embedded-broker.ts";
import { Ingest } from "../ingest/ingest.ts";
import { decodeMessage } from "../ingest/message.ts";
import type { IngestStatus } from "../ingest/status.ts";
import { UnusableDatabaseError } from "../store/database.ts";
import { type Change, type EventWriter, openWriter } from "../store/write.ts";
import { type Log, openLog } from "../telemetry/log.ts";
import type { FromWriter, StoreStatus, ToWriter, WriterStatus } from "./protocol.ts";

declare const self: Worker;

/** How often the main thread hears of what has changed. */
const STATUS_INTERVAL_MS = 200;

/** How often a store that could not be written is tried again while nobody has anything to write. */
const PROBE_INTERVAL_MS = 1000;

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
  #broker: EmbeddedBroker | undefined;
  #ingest: Ingest | undefined;
  #ingestStopped: Promise<void> | undefined;
  #store: StoreStatus = { writable: true };
  #sent = "";

  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    const { source, topic } = config.kafka;
    try {
      const cluster = source.mode === "embedded" ? "embedded" : "kafka";
      this.#writer = openWriter(config.databasePath, cluster, topic, decodeMessage);
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
      this.#ingest = new Ingest({
        settings: {
          ...kafka,
          brokers: source.mode === "external" ? source.brokers : (this.#broker?.address ?? ""),
          isMockCluster: source.mode === "embedded",
        },
        mode: source.mode,
        cluster: source.mode === "embedded" ? "embedded" : "kafka",
        batch: this.#config.ingest,
        writer: this.#writer,
        log: this.#log,
        now: Date.now,
        onStore: (error) => this.#onStore(error),
      });
      this.#ingest.start();
    }
    this.#timers.push(
      setInterval(() => this.#sendStatus(), STATUS_INTERVAL_MS),
      setInterval(() => this.#probeStore(), PROBE_INTERVAL_MS),
    );
  }

  apply(changes: readonly Change[]): void {
    try {
      const results = this.#writer.apply(changes);
      this.#onStore(undefined);
      send({ kind: "applied", results });
    } catch (error) {
      // Once: the changes that come meanwhile are told by their answers.
      if (this.#store.writable) {
        this.#log.error({ err: error }, "changes not made: the store cannot be written");
      }
      this.#onStore(error as Error);
      send({ kind: "not-applied" });
    }
  }

  /** Reads no more. Changes are still made, until {@link stop}. */
  stopIngest(): Promise<void> {
    this.#ingestStopped ??= this.#ingest?.stop() ?? Promise.resolve();
    return this.#ingestStopped;
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

  status(): WriterStatus {
    return { store: this.#store, ingest: this.#ingest?.status() ?? this.#withoutKafka() };
  }

  #withoutKafka(): IngestStatus {
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
    };
  }

  #onStore(error: Error | undefined): void {
    if (error === undefined && this.#store.writable) return;
    this.#store =
      error === undefined ? { writable: true } : { writable: false, problem: error.message };
    this.#sendStatus();
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

  #sendStatus(): void {
    const status = this.status();
    const text = JSON.stringify(status);
    if (text === this.#sent) return;
    this.#sent = text;
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
    send({ kind: "started", status: thread.status() });
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
    case "stop-ingest":
      // What it fails with is told by the stop that follows.
      thread?.stopIngest().catch(() => undefined);
      break;
    case "stop":
      void thread?.stop(message.withinMs);
      break;
  }
};
