import { describe, expect, test } from "bun:test";
import { parseConfig } from "../../src/config.ts";
import {
  type Change,
  StoreUnavailableError,
  startWriter,
  type WriterLimits,
} from "../../src/writer/client.ts";
import { parseMetrics } from "../support/metrics.ts";
import { fields, newDirectory, openRaw } from "../support/store.ts";
import { inTime, until } from "../support/until.ts";

const PATIENCE_MS = 60_000;

const CREATE: Change = { kind: "create", fields: fields() };

/** A writer thread with a store of its own, and how long the main thread waits for it. */
async function start(limits: WriterLimits) {
  const directory = newDirectory();
  const path = directory.file();
  const config = parseConfig(
    { DATABASE_PATH: path, LOG_LEVEL: "silent", KAFKA_BROKERS: "none" },
    false,
  );
  const writer = await startWriter(config, limits);
  return {
    path,
    writer,
    async [Symbol.asyncDispose]() {
      await inTime("stopping the writer", writer.stop(10_000));
      directory[Symbol.dispose]();
    },
  };
}

describe("the writer thread", () => {
  test.concurrent(
    "tells what it has written",
    async () => {
      await using store = await start({ silenceMs: 10_000, metricsMs: 10_000 });
      for (let change = 0; change < 3; change++) await store.writer.change(CREATE);
      await store.writer.change({ kind: "delete", id: 99 });
      const { text, isCurrent } = await store.writer.metrics();
      const { value } = parseMetrics(text);
      expect(isCurrent).toBe(true);
      expect(value("arrest_events_store_changes_total")).toBe(4);
      expect(value("arrest_events_store_group_changes_sum")).toBe(4);
      expect(value("arrest_events_store_group_changes_count")).toBe(4);
      expect(value("arrest_events_store_group_duration_seconds_sum")).toBeGreaterThan(0);
      expect(value("arrest_events_store_group_failures_total")).toBe(0);
      // The first empties the log when the store is opened.
      expect(value("arrest_events_store_checkpoint_duration_seconds_count")).toBe(1);
      expect(value("arrest_events_store_checkpoint_failures_total")).toBe(0);
      expect(value("arrest_events_store_writable")).toBe(1);
      expect(value("arrest_events_dead_letters")).toBe(0);
      expect(value("arrest_events_dead_letters_bytes")).toBe(0);
      expect(value("arrest_events_ingest_state", { state: "off" })).toBe(1);
      expect(value("arrest_events_ingested_events_total")).toBe(0);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "that waits for a foreign lock is not waited for: its last numbers are told",
    async () => {
      await using store = await start({ silenceMs: 10_000, metricsMs: 300 });
      await store.writer.change(CREATE);
      const before = await until("it answers", async () => {
        const answer = await store.writer.metrics();
        return answer.isCurrent && answer;
      });
      const change = hold(store.path, () => store.writer.change(CREATE));
      const during = await until("it does not answer", async () => {
        const answer = await store.writer.metrics();
        return !answer.isCurrent && answer;
      });
      expect(parseMetrics(during.text).value("arrest_events_store_changes_total")).toBe(
        parseMetrics(before.text).value("arrest_events_store_changes_total"),
      );
      expect(await change).toBeInstanceOf(StoreUnavailableError);
      const after = await until("it answers again", async () => {
        const answer = await store.writer.metrics();
        return answer.isCurrent && answer;
      });
      expect(parseMetrics(after.text).value("arrest_events_store_group_failures_total")).toBe(1);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "that is silent for too long is told of and gets no more changes, until it is heard again",
    async () => {
      await using store = await start({ silenceMs: 500, metricsMs: 300 });
      const { writer } = store;
      const change = hold(store.path, () => writer.change(CREATE));
      const status = await until("the silence is told", () => {
        const told = writer.status();
        return !told.store.writable && told;
      });
      expect(status.store.problem).toMatch(/^the writer thread has been silent for \d+ s$/);
      expect(status.ingest.problem).toBe(String(status.store.problem));
      const refusal = await writer.change(CREATE).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(StoreUnavailableError);
      expect(await change).toBeInstanceOf(StoreUnavailableError);
      await until("it is heard again", () => writer.status().store.writable);
      expect(await writer.change(CREATE)).toMatchObject({ kind: "done", event: { id: 1 } });
    },
    PATIENCE_MS,
  );
});

/** Holds the lock of the database until a change has been given up, and resolves to why it was. */
async function hold(path: string, change: () => Promise<unknown>): Promise<unknown> {
  using other = openRaw(path);
  other.run("begin immediate");
  try {
    return await change().catch((error: unknown) => error);
  } finally {
    other.run("rollback");
  }
}
