import { describe, expect, test } from "bun:test";
import { IngestMetrics } from "../../src/ingest/metrics.ts";
import { INGEST_STATES } from "../../src/ingest/status.ts";
import { DEAD_LETTER_REASONS } from "../../src/store/schema.ts";
import { Registry } from "../../src/telemetry/prometheus.ts";
import { brokerOfFile, SHORT_SESSION } from "../support/broker.ts";
import { startIngest } from "../support/ingest.ts";
import { createTopic, messages, type Sent, send } from "../support/kafka.ts";
import { type Metrics, parseMetrics } from "../support/metrics.ts";
import { newDirectory } from "../support/store.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 120_000;

const broker = brokerOfFile();

/** The values of a metric by one of its labels. */
function valuesBy(metrics: Metrics, name: string, label: string): Record<string, number> {
  const samples = metrics.samples.filter((sample) => sample.name === name);
  return Object.fromEntries(samples.map(({ labels, value }) => [labels[label], value]));
}

describe("the metrics of ingest", () => {
  test("ask for the status once a collection, which asks the client for each partition", async () => {
    const registry = new Registry();
    let asked = 0;
    new IngestMetrics(registry, () => {
      asked++;
      return {
        state: "reading",
        mode: "external",
        brokers: "localhost:9092",
        topic: "asked",
        groupId: "asked",
        partitions: [{ partition: 3, nextOffset: asked, endOffset: 10, lag: 10 - asked }],
        storedEvents: 0,
        deadLetters: 0,
        lastStoredAt: null,
        lastMessageAt: null,
        lastCommittedAt: null,
        forwarding: null,
      };
    });
    for (const collection of [1, 2]) {
      const { value } = parseMetrics(await registry.metrics());
      expect(value("arrest_events_ingest_position", { topic: "asked", partition: 3 })).toBe(
        collection,
      );
      expect(value("arrest_events_ingest_lag", { topic: "asked", partition: 3 })).toBe(
        10 - collection,
      );
      expect(value("arrest_events_ingest_state", { state: "reading" })).toBe(1);
      expect(asked).toBe(collection);
      await new Promise(setImmediate);
    }
  });

  test.concurrent(
    "tell what was sent: events, refusals by reason, positions, times",
    async () => {
      using directory = newDirectory();
      const topic = "counted";
      await createTopic(broker.address, topic);
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      await run.reading();
      const refused: Sent[] = [
        { partition: 1, value: null },
        { partition: 1, value: "{" },
        { partition: 1, value: "}" },
        { partition: 2, value: '{"officer_id":0}' },
      ];
      const sentAt = Date.UTC(2026, 10, 22, 13, 5, 1);
      const valid = messages(1, 90, 3).map((each) => ({ ...each, timestamp: sentAt - 5000 }));
      const old = refused.map((each) => ({ ...each, timestamp: sentAt - 9000 }));
      await send(broker.address, topic, [...valid, ...old, ...withTime(sentAt)]);
      await run.stored(95);
      await until("the group has heard", () => run.status().lastCommittedAt !== null);
      const metrics = await run.metrics();

      expect(metrics.value("arrest_events_ingested_events_total")).toBe(91);
      expect(valuesBy(metrics, "arrest_events_refused_messages_total", "reason")).toEqual({
        ...Object.fromEntries(DEAD_LETTER_REASONS.map((reason) => [reason, 0])),
        no_value: 1,
        not_json: 2,
        invalid_event: 1,
      });
      const batches = metrics.value("arrest_events_ingest_batch_messages_count") ?? 0;
      expect(batches).toBeGreaterThan(0);
      expect(metrics.value("arrest_events_ingest_batch_messages_sum")).toBe(95);
      expect(metrics.value("arrest_events_ingest_batch_duration_seconds_count")).toBe(batches);
      expect(metrics.value("arrest_events_ingest_batch_duration_seconds_sum")).toBeGreaterThan(0);
      for (const name of ["position", "end_offset"]) {
        expect(valuesBy(metrics, `arrest_events_ingest_${name}`, "partition")).toEqual({
          0: 30,
          1: 33,
          2: 31,
          3: 1,
        });
      }
      expect(valuesBy(metrics, "arrest_events_ingest_lag", "partition")).toEqual({
        0: 0,
        1: 0,
        2: 0,
        3: 0,
      });
      expect(metrics.value("arrest_events_ingest_lag", { topic, partition: 0 })).toBe(0);
      expect(valuesBy(metrics, "arrest_events_ingest_rebalances_total", "kind")).toEqual({
        assigned: 1,
        revoked: 0,
        lost: 0,
      });
      expect(metrics.value("arrest_events_ingest_commits_total")).toBeGreaterThan(0);
      expect(metrics.value("arrest_events_ingest_commit_failures_total")).toBe(0);
      expect(metrics.value("arrest_events_ingest_gaps_total")).toBe(0);
      expect(valuesBy(metrics, "arrest_events_ingest_state", "state")).toEqual({
        ...Object.fromEntries(INGEST_STATES.map((state) => [state, 0])),
        reading: 1,
      });
      expect(metrics.value("arrest_events_ingest_trouble")).toBe(0);

      const { lastStoredAt, lastCommittedAt, lastMessageAt } = run.status();
      expect(lastMessageAt).toBe(sentAt);
      const instant = (name: string) =>
        metrics.value(`arrest_events_ingest_last_${name}_timestamp_seconds`);
      expect(instant("message")).toBe(sentAt / 1000);
      expect(instant("stored")).toBe(Number(lastStoredAt) / 1000);
      expect(instant("committed")).toBe(Number(lastCommittedAt) / 1000);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "tell no times before there are any",
    async () => {
      using directory = newDirectory();
      const topic = "untouched";
      await createTopic(broker.address, topic);
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      await run.reading();
      const { samples } = await run.metrics();
      expect(samples.filter(({ name }) => name.endsWith("_timestamp_seconds"))).toEqual([]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "count each attempt that the store fails",
    async () => {
      using directory = newDirectory();
      const topic = "failing";
      await createTopic(broker.address, topic);
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      await run.reading();
      run.faults.ingest = new Error("disk full");
      await send(broker.address, topic, messages(1, 4, 4));
      await until("several attempts", () => run.store.filter((error) => error).length >= 3);
      run.faults.ingest = undefined;
      await run.stored(4);
      const metrics = await run.metrics();
      expect(metrics.value("arrest_events_ingest_store_failures_total")).toBe(
        run.store.filter((error) => error).length,
      );
      expect(metrics.value("arrest_events_ingested_events_total")).toBe(4);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "forget a partition that is taken away",
    async () => {
      using directory = newDirectory();
      const topic = "shared";
      await createTopic(broker.address, topic);
      const start = (name: string) =>
        startIngest({
          brokers: broker.address,
          topic,
          path: directory.file(`${name}.sqlite`),
          librdkafka: SHORT_SESSION,
        });
      await using first = start("first");
      await first.reading();
      await using second = start("second");
      await Promise.all([first.reading(2), second.reading(2)]);
      const [ofFirst, ofSecond] = await Promise.all([first.metrics(), second.metrics()]);
      const partitions = [ofFirst, ofSecond].flatMap((metrics) =>
        Object.keys(valuesBy(metrics, "arrest_events_ingest_position", "partition")),
      );
      expect(partitions.toSorted()).toEqual(["0", "1", "2", "3"]);
      const kinds = valuesBy(ofFirst, "arrest_events_ingest_rebalances_total", "kind");
      expect(kinds["revoked"]).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );
});

/** One more event, in a partition of its own, that bears a time. */
function withTime(timestamp: number): Sent[] {
  return messages(1000, 1000).map((each) => ({ ...each, partition: 3, timestamp }));
}
