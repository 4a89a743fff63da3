import { expect, test } from "bun:test";
import { query } from "../promises/support.ts";
import { openRaw } from "../support/store.ts";
import { until } from "../support/until.ts";
import { audit, exactly, range, storedPositions } from "./support/audit.ts";
import { offsetsOf } from "./support/log.ts";
import { TestProducer } from "./support/producer.ts";
import {
  eventMessages,
  kafkaCheck,
  linesWith,
  reading,
  Scene,
  stopPolitely,
  upToDate,
} from "./support/scene.ts";
import { brokerIsGiven } from "./support/shared.ts";

test("a topic that is absent at the start is read once it is made", async () => {
  using scene = await Scene.open({ partitions: 0 });
  await using service = await scene.start();
  await until("the service to miss the topic", async () => {
    const { status, state, problem } = await kafkaCheck(service);
    return status === "degraded" && state === "waiting" && problem !== undefined;
  });
  await scene.topics.create(scene.topic, 4);
  await using producer = await TestProducer.connect(scene.brokers);
  await producer.send(scene.topic, eventMessages(0, 1000, 4));
  await scene.stored(1000);
  await upToDate(service, 4);
  await until("the trouble to be over", async () => (await kafkaCheck(service)).status === "ok");
  expect(audit([scene.store()], range(0, 1000), 4)).toEqual(exactly(1000));
});

test("partitions that are added while the service runs are read from their starts", async () => {
  using scene = await Scene.open({ partitions: 2 });
  await scene.send(0, 1000);
  await using service = await scene.start();
  await upToDate(service, 2);
  await scene.topics.grow(scene.topic, 5);
  await using producer = await TestProducer.connect(scene.brokers);
  // Sequence numbers from here on are dealt out to the new partitions alone.
  const partitionOf = (sequence: number) => (sequence < 1000 ? sequence % 2 : 2 + (sequence % 3));
  const added = [...eventMessages(1000, 4000, 3)].map((message) => ({
    ...message,
    partition: message.partition + 2,
  }));
  await producer.send(scene.topic, added);
  await scene.stored(4000);
  const { partitions } = await upToDate(service, 5);
  expect(partitions.map(({ next_offset }) => next_offset)).toEqual([500, 500, 1000, 1000, 1000]);
  expect(audit([scene.store()], range(0, 4000), partitionOf)).toEqual(exactly(4000));
});

test("a topic that is made anew while the service is down is read from its start, with a warning", async () => {
  using scene = await Scene.open({ partitions: 2 });
  await scene.send(0, 1000);
  {
    await using first = await scene.start();
    await upToDate(first, 2);
    await stopPolitely(first);
  }
  await scene.topics.delete(scene.topic);
  await scene.topics.create(scene.topic, 2);
  await scene.send(1000, 1200);
  await using second = await scene.start();
  await upToDate(second, 2);
  expect(audit([scene.store()], range(0, 1200), 2)).toEqual(exactly(1200));
  const warnings = linesWith(second, "deleted and made anew");
  expect(warnings).toHaveLength(2);
  expect(warnings).toContainEqual(
    expect.objectContaining({ partition: 0, storedOffset: 500, endOffset: 100, readFrom: 0 }),
  );
  await scene.send(1200, 2000);
  await scene.stored(2000);
  expect(audit([scene.store()], range(0, 2000), 2)).toEqual(exactly(2000));
});

test("a topic that is made anew while the service runs is read from its start, with a warning", async () => {
  using scene = await Scene.open({ partitions: 2 });
  await scene.send(0, 1000);
  await using service = await scene.start();
  await upToDate(service, 2);
  await scene.topics.delete(scene.topic);
  await scene.topics.create(scene.topic, 2);
  await scene.send(1000, 1200);
  await scene.stored(1200);
  await scene.send(1200, 2000);
  await scene.stored(2000);
  await upToDate(service, 2);
  expect(audit([scene.store()], range(0, 2000), 2)).toEqual(exactly(2000));
  expect(linesWith(service, "deleted and made anew").length).toBeGreaterThan(0);
});

test("a topic that is made anew and has outgrown the stored offset already is read from its start too", async () => {
  using scene = await Scene.open({ partitions: 2 });
  await scene.send(0, 1000);
  {
    await using first = await scene.start();
    await upToDate(first, 2);
    await stopPolitely(first);
  }
  await scene.topics.delete(scene.topic);
  await scene.topics.create(scene.topic, 2);
  await scene.send(1000, 3000);
  await using second = await scene.start();
  await upToDate(second, 2);
  expect(audit([scene.store()], range(0, 3000), 2)).toEqual(exactly(3000));
});

test("a topic that is made anew while the service runs and has outgrown the stored offset already loses no message", async () => {
  using scene = await Scene.open({
    partitions: 2,
    // The default, with which the client need not see that the topic was gone meanwhile.
    settings: { KAFKA_CONF_TOPIC_METADATA_REFRESH_INTERVAL_MS: "10000" },
  });
  await scene.send(0, 1000);
  await using service = await scene.start();
  await upToDate(service, 2);
  await scene.topics.delete(scene.topic);
  await scene.topics.create(scene.topic, 2);
  await scene.send(1000, 3000);
  await scene.stored(3000);
  await upToDate(service, 2);
  // Until the service notices it goes on at the old offset, so that messages behind it may be double.
  expect(audit([scene.store()], range(0, 3000), 2)).toMatchObject({ missing: [], wrong: [] });
  expect(linesWith(service, "deleted and made anew").length).toBeGreaterThan(0);
});

test("what another instance has read of a topic made anew is not read again", async () => {
  using scene = await Scene.open({ partitions: 2 });
  await scene.send(0, 1000);
  {
    await using first = await scene.start({}, "first");
    await upToDate(first, 2);
    await stopPolitely(first);
  }
  await scene.topics.delete(scene.topic);
  await scene.topics.create(scene.topic, 2);
  await scene.send(1000, 3000);
  {
    await using second = await scene.start({}, "second");
    await upToDate(second, 2);
    await stopPolitely(second);
  }
  await scene.send(3000, 3500);
  await using again = await scene.start({}, "first");
  await upToDate(again, 2);
  expect(audit([scene.store("first"), scene.store("second")], range(0, 3500), 2)).toEqual(
    exactly(3500),
  );
});

test("messages that were removed before they were read are a gap that is logged with its size", async () => {
  using scene = await Scene.open({ partitions: 1 });
  await scene.send(0, 100);
  {
    await using first = await scene.start();
    await upToDate(first, 1);
    await stopPolitely(first);
  }
  await scene.send(100, 500);
  await scene.topics.deleteRecordsBefore(scene.topic, 0, 350);
  await using second = await scene.start();
  await upToDate(second, 1);
  expect(audit([scene.store()], [...range(0, 100), ...range(350, 500)], 1)).toEqual(exactly(250));
  expect(linesWith(second, "removed from the topic")).toEqual([
    expect.objectContaining({ partition: 0, storedOffset: 100, readFrom: 350, missed: 250 }),
  ]);
});

// A given broker may look for what it has to remove every few minutes only.
test.skipIf(brokerIsGiven)(
  "messages that retention has removed before they were read are a gap that is logged with its size",
  async () => {
    using scene = await Scene.open({
      partitions: 1,
      // A segment is removed as soon as all of its messages are older than that.
      config: { "retention.ms": "2000", "segment.ms": "200" },
    });
    {
      await using first = await scene.start();
      await scene.send(0, 100);
      await scene.stored(100);
      await stopPolitely(first);
    }
    await scene.send(100, 500);
    await until("retention to remove what was sent", async () => {
      return (await offsetsOf(scene.brokers, scene.topic, 0)).length === 0;
    });
    await using second = await scene.start();
    await scene.send(500, 600);
    await scene.stored(200);
    expect(audit([scene.store()], [...range(0, 100), ...range(500, 600)], 1)).toEqual(exactly(200));
    expect(linesWith(second, "removed from the topic")).toEqual([
      expect.objectContaining({ partition: 0, storedOffset: 100, readFrom: 500, missed: 400 }),
    ]);
  },
);

test("messages that are removed while the service runs and cannot store them are a gap that is logged with its size", async () => {
  using scene = await Scene.open({ partitions: 1, settings: { INGEST_BATCH_SIZE: "10" } });
  await scene.send(0, 100);
  await using service = await scene.start();
  await upToDate(service, 1);
  {
    using database = openRaw(scene.store());
    database.run("begin immediate");
    await scene.send(100, 500);
    await until("the store to be found locked", async () => {
      return (await kafkaCheck(service)).state === "store-failing";
    });
    await scene.topics.deleteRecordsBefore(scene.topic, 0, 350);
    database.run("rollback");
  }
  await until("the messages that were left to be stored", async () => {
    const { partitions } = await kafkaCheck(service);
    return partitions.every(({ next_offset, lag }) => next_offset === 500 && lag === 0);
  });
  const [gap, ...others] = linesWith(service, "removed from the topic");
  expect(others).toEqual([]);
  // A few had been read before they were removed.
  const read = Number(gap?.["storedOffset"]);
  expect(read).toBeGreaterThanOrEqual(100);
  expect(gap).toMatchObject({ partition: 0, readFrom: 350, missed: 350 - read });
  const left = [...range(0, read), ...range(350, 500)];
  expect(audit([scene.store()], left, 1)).toEqual(exactly(left.length));
});

test("what a transaction has committed is read, what it has aborted is not, and no lag remains", async () => {
  using scene = await Scene.open({ partitions: 2 });
  await using service = await scene.start();
  await reading(service, 2);
  await using producer = await TestProducer.transactional(scene.brokers, scene.topic);
  await producer.transaction(scene.topic, eventMessages(0, 500, 2), "commit");
  await producer.transaction(scene.topic, eventMessages(500, 1000, 2), "abort");
  await producer.transaction(scene.topic, eventMessages(1000, 1500, 2), "commit");
  await producer.transaction(scene.topic, eventMessages(1500, 2000, 2), "abort");
  await scene.stored(1000);
  // Behind the control records too: four transactions of 250 messages and a marker each.
  await until("the ends behind the control records", async () => {
    const { partitions } = await kafkaCheck(service);
    return partitions.every(({ next_offset, lag }) => next_offset === 1004 && lag === 0);
  });
  expect(audit([scene.store()], [...range(0, 500), ...range(1000, 1500)], 2)).toEqual(
    exactly(1000),
  );
  await stopPolitely(service);
  expect([...storedPositions(scene.store(), scene.topic).values()]).toEqual([1004, 1004]);
});

test("a compacted topic is read as it is, over the offsets that are no more", async () => {
  using scene = await Scene.open({
    partitions: 1,
    config: {
      "cleanup.policy": "compact",
      "segment.ms": "200",
      "min.cleanable.dirty.ratio": "0.01",
      "max.compaction.lag.ms": "200",
    },
  });
  await using producer = await TestProducer.connect(scene.brokers);
  const keyed = (from: number, to: number) =>
    [...eventMessages(from, to, 1)].map((message, index) => ({
      ...message,
      key: `key ${(from + index) % 50}`,
    }));
  await producer.send(scene.topic, keyed(0, 25));
  {
    await using first = await scene.start();
    await scene.stored(25);
    await stopPolitely(first);
  }
  await producer.send(scene.topic, keyed(25, 1000));
  let end = 1000;
  const before = await until("the compaction", async () => {
    // Only what lies before the active segment is compacted, and only a message begins a new one.
    await producer.send(scene.topic, keyed(end, ++end));
    const offsets = await offsetsOf(scene.brokers, scene.topic, 0);
    return offsets.length < 500 && offsets;
  });

  await using second = await scene.start();
  await until("the end of the log", async () => {
    const { partitions } = await upToDate(second, 1);
    return partitions[0]?.next_offset === end;
  });
  // One partition, no transactions: sequence numbers are offsets.
  const stored = query<{ subject_id: number }>(
    scene.store(),
    "select subject_id from arrest_event order by id",
  ).map(({ subject_id }) => subject_id - 1);
  expect(stored.slice(0, 25)).toEqual(range(0, 25));
  expect(before).toEqual(expect.arrayContaining(stored.slice(25)));
  // The cleaner may have been at work between the two looks at the log.
  const after = (await offsetsOf(scene.brokers, scene.topic, 0)).filter((offset) => offset >= 25);
  expect(stored.slice(25)).toEqual(expect.arrayContaining(after));
  expect(stored).toEqual(stored.toSorted((a, b) => a - b));
});
