import { expect, test } from "bun:test";
import { startIngest } from "../support/ingest.ts";
import { until } from "../support/until.ts";
import { Scene } from "./support/scene.ts";

/** How long the group may leave a member without an answer before that is told of. */
const LIMIT_MS = 2000;

const PROTOCOLS = {
  "the classic protocol": {},
  "the consumer protocol (KIP-848)": { "group.protocol": "consumer" },
};

test.each(Object.entries(PROTOCOLS))(
  "with %s an instance without a partition, because another has it, tells of no trouble",
  async (_, librdkafka) => {
    using scene = await Scene.open({ partitions: 1 });
    const start = (name: string) =>
      startIngest({
        brokers: scene.brokers,
        topic: scene.topic,
        groupId: scene.group,
        path: scene.store(name),
        librdkafka: { "statistics.interval.ms": "100", ...librdkafka },
        watchdog: {
          tickMs: 100,
          turnMs: 60_000,
          brokerMs: 60_000,
          lookMs: 60_000,
          groupMs: LIMIT_MS,
        },
      });
    await using first = start("first");
    await first.reading(1);
    await using standby = start("standby");
    await until("it waits", () => standby.status().state === "waiting");
    const watchedUntil = performance.now() + 3 * LIMIT_MS;
    await until("it was watched for longer than the limit", () => {
      expect(standby.status().problem).toBeUndefined();
      return performance.now() > watchedUntil;
    });
    expect(first.status().partitions.length + standby.status().partitions.length).toBe(1);
  },
);
