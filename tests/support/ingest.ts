import { pino } from "pino";
import type { ConsumerSettings } from "../../src/ingest/consumer-settings.ts";
import { Ingest, type IngestDependencies } from "../../src/ingest/ingest.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { IngestMetrics } from "../../src/ingest/metrics.ts";
import { type EventWriter, openWriter } from "../../src/store/write.ts";
import { Registry } from "../../src/telemetry/prometheus.ts";
import { parseMetrics } from "./metrics.ts";
import { inTime, until } from "./until.ts";

/** A line of the log. */
export interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A log that keeps its lines. */
export function newLog() {
  const lines: Line[] = [];
  const log = pino(
    { level: "debug", formatters: { level: (label) => ({ level: label }) } },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  return { log, lines };
}

/** What a test decides of an ingest. */
export interface IngestOptions {
  readonly brokers: string;
  readonly topic: string;
  /** The path of the database. */
  readonly path: string;
  readonly groupId?: string;
  readonly librdkafka?: ConsumerSettings["librdkafka"];
  readonly batch?: IngestDependencies["batch"];
  readonly isSharing?: IngestDependencies["isSharing"];
  readonly deadLetterBound?: IngestDependencies["deadLetterBound"];
  readonly now?: () => number;
  readonly watchdog?: IngestDependencies["watchdog"];
  readonly newConsumer?: IngestDependencies["newConsumer"];
}

/** Ingest over a real writer of a file, in this thread. What the store is asked can be made to fail. */
export function startIngest(options: IngestOptions) {
  const { brokers, topic, path, librdkafka = {} } = options;
  const { log, lines } = newLog();
  const writer = openWriter(path, "kafka", topic, decodeMessage);
  const faults: { ingest?: Error | undefined; setPositions?: Error | undefined } = {};
  const store: (Error | undefined)[] = [];

  const withFaults: IngestDependencies["writer"] = {
    ...writer,
    ingest: (batch) => {
      if (faults.ingest) throw faults.ingest;
      return writer.ingest(batch);
    },
    setPositions: (positions) => {
      if (faults.setPositions) throw faults.setPositions;
      writer.setPositions(positions);
    },
  };
  const registry = new Registry();
  const ingest: Ingest = new Ingest({
    settings: {
      brokers,
      topic,
      groupId: options.groupId ?? topic,
      isMockCluster: true,
      librdkafka,
    },
    mode: "external",
    cluster: "kafka",
    batch: options.batch ?? { batchSize: 100, lingerMs: 5 },
    isSharing: options.isSharing ?? (() => false),
    deadLetterBound: options.deadLetterBound ?? { maxCount: 1000, maxBytes: 1_000_000_000 },
    writer: withFaults,
    log,
    now: options.now ?? Date.now,
    elapsed: options.now ?? (() => performance.now()),
    onStore: (error) => void store.push(error),
    metrics: new IngestMetrics(registry, () => ({ ...ingest.status(), forwarding: null })),
    ...(options.watchdog && { watchdog: options.watchdog }),
    ...(options.newConsumer && { newConsumer: options.newConsumer }),
  });
  ingest.start();

  let stopped: Promise<void> | undefined;
  return {
    ingest,
    lines,
    faults,
    /** What the owner of the store was told, in order. */
    store,
    writer: writer as EventWriter,
    status: () => ingest.status(),
    metrics: async () => parseMetrics(await registry.metrics()),
    /** Waits until partitions are read. */
    reading: (partitions = 4) =>
      until("partitions are assigned", () => ingest.status().partitions.length === partitions),
    /** Waits until so many messages have become rows or dead letters here. */
    stored: (count: number) =>
      until(`${count} messages are stored`, () => {
        const { storedEvents, deadLetters } = ingest.status();
        return storedEvents + deadLetters >= count;
      }),
    logged: (text: string) => lines.some(({ msg }) => msg.includes(text)),
    /** Stops politely, as a signal does, and closes the store. */
    stop(): Promise<void> {
      stopped ??= inTime("stopping ingest", ingest.stop()).finally(() => writer.close());
      return stopped;
    },
    async [Symbol.asyncDispose]() {
      await this.stop();
    },
  };
}
