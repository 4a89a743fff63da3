import { describe, expect, test } from "bun:test";
import type { ServiceProcess } from "../promises/support.ts";
import { commitOffset, committedOffsets } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { audit, exactly, range, storedPositions } from "./support/audit.ts";
import {
  kafkaCheck,
  type LogLine,
  linesWith,
  reading,
  Scene,
  stopPolitely,
  upToDate,
} from "./support/scene.ts";
import { Stream } from "./support/stream.ts";

const PARTITIONS = 12;

/** Far less than any session time-out here, after which the group would miss a member that left without a word. */
const HANDOVER_MS = 5000;

/** No member is given up before this, so that nothing is taken over but what was handed over. */
const LONG_SESSION = { KAFKA_CONF_SESSION_TIMEOUT_MS: "45000" };

/** The ways in which a group deals out its partitions. */
const WAYS: Record<string, Record<string, string>> = {
  "cooperative-sticky assignment": {
    KAFKA_CONF_PARTITION_ASSIGNMENT_STRATEGY: "cooperative-sticky",
    ...LONG_SESSION,
  },
  "eager (range) assignment": {
    KAFKA_CONF_PARTITION_ASSIGNMENT_STRATEGY: "range",
    ...LONG_SESSION,
  },
  "the consumer protocol (KIP-848)": { KAFKA_CONF_GROUP_PROTOCOL: "consumer" },
};

/** Waits until the instances have all partitions between them, and each has some. */
function sharing(...services: ServiceProcess[]): Promise<boolean> {
  return until(`${services.length} instances to share the partitions`, async () => {
    const checks = await Promise.all(services.map(kafkaCheck));
    const numbers = checks.flatMap(({ partitions }) =>
      partitions.map(({ partition }) => partition),
    );
    const settled = numbers.length === PARTITIONS && new Set(numbers).size === PARTITIONS;
    return settled && checks.every(({ partitions }) => partitions.length > 0);
  });
}

/** Waits until each of the instances has stored some more. */
async function progress(...services: ServiceProcess[]): Promise<void> {
  const before = await Promise.all(services.map(kafkaCheck));
  await until("every instance to store some more", async () => {
    const now = await Promise.all(services.map(kafkaCheck));
    return now.every((each, index) => each.stored_events > (before[index]?.stored_events ?? 0));
  });
}

describe.each(Object.entries(WAYS))("with %s", (_, settings) => {
  test("an instance that is stopped leaves the group, and another goes on at once where it was", async () => {
    using scene = await Scene.open({ partitions: PARTITIONS, settings });
    await scene.send(0, 12_000);
    await using first = await scene.start({}, "first");
    await upToDate(first, PARTITIONS);
    await using second = await scene.start({}, "second");
    await sharing(first, second);
    await scene.send(12_000, 24_000);
    await Promise.all([upToDate(first, 6), upToDate(second, 6)]);

    await stopPolitely(first);
    const left = performance.now();
    await reading(second, PARTITIONS);
    expect(performance.now() - left).toBeLessThan(HANDOVER_MS);
    await stopPolitely(second);
    expect(
      audit([scene.store("first"), scene.store("second")], range(0, 24_000), PARTITIONS),
    ).toEqual(exactly(24_000));
    expect(linesWith(first, "not committed")).toEqual([]);
    const committed = await committedOffsets(
      scene.brokers,
      scene.group,
      scene.topic,
      range(0, PARTITIONS),
    );
    expect(committed).toEqual([...storedPositions(scene.store("second"), scene.topic).values()]);
    expect(committed).toEqual(range(0, PARTITIONS).map(() => 2000));
  });

  test("every message is in one table while three instances join and two of them leave", async () => {
    using scene = await Scene.open({ partitions: PARTITIONS, settings });
    await using stream = await Stream.start(scene);
    await using first = await scene.start({}, "first");
    await progress(first);
    await using second = await scene.start({}, "second");
    await sharing(first, second);
    await progress(first, second);
    await using third = await scene.start({}, "third");
    await sharing(first, second, third);
    await progress(first, second, third);
    await stopPolitely(first);
    await sharing(second, third);
    await progress(second, third);
    await stopPolitely(second);
    await sharing(third);
    const sent = await stream.end();
    await scene.stored(sent, "first", "second", "third");
    await upToDate(third, PARTITIONS);
    const stores = ["first", "second", "third"].map((each) => scene.store(each));
    expect(audit(stores, range(0, sent), PARTITIONS)).toEqual(exactly(sent));
  });

  test("every message is in one table when partitions come back to an instance that had them before", async () => {
    using scene = await Scene.open({ partitions: PARTITIONS, settings });
    await using stream = await Stream.start(scene);
    await using first = await scene.start({}, "first");
    await progress(first);
    for (let visit = 0; visit < 2; visit++) {
      await using second = await scene.start({}, "second");
      await sharing(first, second);
      await progress(first, second);
      await stopPolitely(second);
      await sharing(first);
      await progress(first);
    }
    const sent = await stream.end();
    await scene.stored(sent, "first", "second");
    await upToDate(first, PARTITIONS);
    const stores = ["first", "second"].map((each) => scene.store(each));
    expect(audit(stores, range(0, sent), PARTITIONS)).toEqual(exactly(sent));
  });
});

test("after a kill no message is missing, and only those are in two tables that the group had not been told of", async () => {
  using scene = await Scene.open({ partitions: PARTITIONS });
  await using stream = await Stream.start(scene);
  await using first = await scene.start({}, "first");
  await progress(first);
  await using second = await scene.start({}, "second");
  await sharing(first, second);
  await progress(first, second);
  const assignments = linesWith(second, "partitions assigned").length;
  await first.kill();
  const killed = storedPositions(scene.store("first"), scene.topic);
  await sharing(second);
  const taken = linesWith(second, "partitions assigned").slice(assignments).flatMap(beginnings);
  expect(taken).toHaveLength(6);
  await progress(second);

  // What the second has stored meanwhile is not read again by the first.
  await using again = await scene.start({}, "first");
  await sharing(again, second);
  await progress(again, second);
  await stopPolitely(again);
  await sharing(second);
  const sent = await stream.end();
  const stores = ["first", "second"].map((each) => scene.store(each));
  await until("every message to be stored", () => {
    const { missing } = audit(stores, range(0, sent), PARTITIONS);
    return missing.length === 0;
  });
  await upToDate(second, PARTITIONS);
  const doubled = taken.reduce(
    (sum, [partition, offset]) => sum + Math.max(0, (killed.get(partition) ?? 0) - offset),
    0,
  );
  const found = audit(stores, range(0, sent), PARTITIONS);
  expect(found).toMatchObject({ rows: sent + doubled, missing: [], wrong: [], outOfOrder: [] });
});

test("an instance that is stopped in the midst of a backlog has told the group all that it stored, so that another store goes on there", async () => {
  using scene = await Scene.open({
    partitions: PARTITIONS,
    settings: { INGEST_BATCH_SIZE: "200" },
  });
  await scene.send(0, 120_000);
  await using first = await scene.start({}, "first");
  await progress(first);
  await stopPolitely(first);
  const stored = storedPositions(scene.store("first"), scene.topic);
  expect([...stored.values()].reduce((sum, next) => sum + next, 0)).toBeLessThan(120_000);
  const numbers = range(0, PARTITIONS);
  expect(await committedOffsets(scene.brokers, scene.group, scene.topic, numbers)).toEqual(
    numbers.map((partition) => stored.get(partition)),
  );
  await using second = await scene.start({}, "second");
  await upToDate(second, PARTITIONS);
  const stores = ["first", "second"].map((each) => scene.store(each));
  expect(audit(stores, range(0, 120_000), PARTITIONS)).toEqual(exactly(120_000));
});

test("where another program moves the group's offsets the stored ones count, and the log says so", async () => {
  using scene = await Scene.open({ partitions: 2 });
  await scene.send(0, 1000);
  {
    await using first = await scene.start();
    await upToDate(first, 2);
    await stopPolitely(first);
  }
  await scene.send(1000, 2000);
  const move = (partition: number, offset: number) =>
    commitOffset(scene.brokers, scene.group, { topic: scene.topic, partition, offset });
  await move(0, 900);
  await move(1, 100);
  await using second = await scene.start();
  await upToDate(second, 2);
  expect(audit([scene.store()], range(0, 2000), 2)).toEqual(exactly(2000));
  expect(linesWith(second, "moved by another program")).toEqual([
    expect.objectContaining({ partition: 0, storedOffset: 500 }),
  ]);
});

/** Where the partitions of an assignment begin, as the log has it: `0@500 1@498`. */
function beginnings({ positions }: LogLine): [partition: number, offset: number][] {
  return String(positions)
    .split(" ")
    .map((each) => each.split("@").map(Number) as [number, number]);
}
