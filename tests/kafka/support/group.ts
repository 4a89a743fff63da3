import type { ServiceProcess } from "../../promises/support.ts";
import { until } from "../../support/until.ts";
import { kafkaCheck, linesWith } from "./scene.ts";
import { brokerIsGiven } from "./shared.ts";

/** With this no member is given up during a test, so that nothing is taken over but what was handed over. */
export const LONG_SESSION = { KAFKA_CONF_SESSION_TIMEOUT_MS: "45000" };

/** The ways in which a group deals out its partitions, as settings of its members. */
export const WAYS: Record<"cooperative" | "eager" | "consumer", Record<string, string>> = {
  cooperative: { KAFKA_CONF_PARTITION_ASSIGNMENT_STRATEGY: "cooperative-sticky" },
  eager: { KAFKA_CONF_PARTITION_ASSIGNMENT_STRATEGY: "range" },
  consumer: { KAFKA_CONF_GROUP_PROTOCOL: "consumer" },
};

/** How often a member asks its coordinator with the consumer protocol, in milliseconds: the tests' own broker's rule, and Kafka's default. */
const CONSUMER_HEARTBEAT_MS = brokerIsGiven ? 5000 : 500;

/** What a rebalance and the first fetches may take, in milliseconds. They take half of that on a machine with much else to do. */
const REBALANCE_MS = 2000;

/**
 * How soon the partitions of a member that leaves are read by another, in milliseconds. By the classic
 * protocol the others join anew within a heartbeat of 200 ms, which the bound has room for.
 */
export function handoverMs(settings: Readonly<Record<string, string>>): number {
  const isConsumer = settings["KAFKA_CONF_GROUP_PROTOCOL"] === "consumer";
  return isConsumer ? CONSUMER_HEARTBEAT_MS + REBALANCE_MS : REBALANCE_MS;
}

/** Waits until the instances have all of so many partitions between them, and each has some. */
export function sharing(
  partitions: number,
  ...services: readonly ServiceProcess[]
): Promise<boolean> {
  return until(`${services.length} instances to share the partitions`, async () => {
    const owned = await Promise.all(services.map(partitionsOf));
    const numbers = owned.flat();
    const settled = numbers.length === partitions && new Set(numbers).size === partitions;
    return settled && owned.every(({ length }) => length > 0);
  });
}

/** Waits until each of the instances has stored some more. */
export async function progress(...services: readonly ServiceProcess[]): Promise<void> {
  const before = await Promise.all(services.map(kafkaCheck));
  await until("every instance to store some more", async () => {
    const now = await Promise.all(services.map(kafkaCheck));
    return now.every((each, index) => each.stored_events > (before[index]?.stored_events ?? 0));
  });
}

/** The partitions that an instance reads. */
export async function partitionsOf(service: ServiceProcess): Promise<number[]> {
  const { partitions } = await kafkaCheck(service);
  return partitions.map(({ partition }) => partition);
}

/** Where partitions have begun in an instance, one assignment after the other: `0@500 1@498` in its log. */
export function beginnings(
  service: ServiceProcess,
): { partition: number; offset: number; time: string }[] {
  return linesWith(service, "partitions assigned").flatMap(({ positions, time }) =>
    String(positions)
      .split(" ")
      .map((each) => {
        const [partition = Number.NaN, offset = Number.NaN] = each.split("@").map(Number);
        return { partition, offset, time: String(time) };
      }),
  );
}
