import { describe, expect, test } from "bun:test";
import { TopicConsumer } from "../../src/ingest/consumer.ts";
import { brokerOfFile, SHORT_SESSION } from "../support/broker.ts";
import { newLog, startIngest } from "../support/ingest.ts";
import { committedOffsets, createTopic, messages, numbers, send } from "../support/kafka.ts";
import { contents, newDirectory } from "../support/store.ts";
import { inTime, until } from "../support/until.ts";

const PATIENCE_MS = 180_000;

const STRATEGIES = ["range", "cooperative-sticky"];

const broker = brokerOfFile();

/** Two services with a store each in one group, as the partitions move between them. */
function newPair(topic: string, strategy: string) {
  const directory = newDirectory();
  const path = (name: string) => directory.file(`${name}.sqlite`);
  return {
    start: (name: string) =>
      startIngest({
        brokers: broker.address,
        topic,
        path: path(name),
        librdkafka: { ...SHORT_SESSION, "partition.assignment.strategy": strategy },
        batch: { batchSize: 10, lingerMs: 1 },
      }),
    officers: (name: string) => contents(path(name)).officers,
    /** Asserts that a store holds no message twice, and each partition's in their order. */
    expectInOrder(name: string): void {
      for (const partition of numbers(0, 3)) {
        const inOrder = this.officers(name).filter((officer) => officer % 4 === partition);
        expect(inOrder).toEqual(sorted([...new Set(inOrder)]));
      }
    },
    deadLetters: (name: string) => contents(path(name)).deadLetters,
    [Symbol.dispose]: directory[Symbol.dispose],
  };
}

/** Waits until the group has heard that each partition is stored up to an offset. */
async function groupKnows(topic: string, nextOffset: number): Promise<void> {
  await until("the group knows it", async () => {
    const offsets = await committedOffsets(broker.address, topic, topic);
    return offsets.every((offset) => offset === nextOffset);
  });
}

const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);

describe.each(STRATEGIES)("partitions that move by the strategy %s", (strategy) => {
  test.concurrent(
    "take their positions along: each message ends in one of two stores, once",
    async () => {
      const topic = `moving-${strategy}`;
      using pair = newPair(topic, strategy);
      await createTopic(broker.address, topic);
      await using first = pair.start("first");
      await first.reading();
      let sent = 0;
      // The embedded broker takes no commits while a group rebalances, as a real one does; so the
      // partitions move while nothing is on its way.
      const sendAndSettle = async (count: number, stored: () => number) => {
        await send(broker.address, topic, messages(sent + 1, sent + count, 4));
        sent += count;
        await until("everything is stored", () => stored() === sent);
        await groupKnows(topic, sent / 4);
      };
      await sendAndSettle(40, () => first.status().storedEvents);
      await using second = pair.start("second");
      const both = () => first.status().storedEvents + second.status().storedEvents;
      await Promise.all([second.reading(2), first.reading(2)]);
      await sendAndSettle(40, both);
      await first.stop();
      await second.reading();
      await sendAndSettle(40, both);
      await second.stop();

      const officers = [...pair.officers("first"), ...pair.officers("second")];
      expect(sorted(officers)).toEqual(numbers(1, sent));
      for (const name of ["first", "second"]) {
        pair.expectInOrder(name);
        expect(pair.deadLetters(name)).toEqual([]);
      }
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "under way lose no message, and double or reorder none within a store",
    async () => {
      const topic = `moving-busily-${strategy}`;
      using pair = newPair(topic, strategy);
      await createTopic(broker.address, topic);
      await using first = pair.start("first");
      await first.reading();
      let sent = 0;
      const sendMore = async () => {
        await send(broker.address, topic, messages(sent + 1, sent + 8, 4));
        sent += 8;
      };
      await using second = pair.start("second");
      await until("the partitions are shared", async () => {
        await sendMore();
        return first.status().partitions.length === 2 && second.status().partitions.length === 2;
      });
      await first.stop();
      await until("the partitions are all with the second", async () => {
        await sendMore();
        return second.status().partitions.length === 4;
      });
      await until("everything is read", () =>
        second.status().partitions.every(({ nextOffset }) => nextOffset === sent / 4),
      );
      await second.stop();
      const officers = new Set([...pair.officers("first"), ...pair.officers("second")]);
      expect(sorted([...officers])).toEqual(numbers(1, sent));
      pair.expectInOrder("first");
      pair.expectInOrder("second");
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "away from a store that fails are let go, and read again when it is well",
    async () => {
      const topic = `moving-failing-${strategy}`;
      using pair = newPair(topic, strategy);
      await createTopic(broker.address, topic);
      await using first = pair.start("first");
      await first.reading();
      await send(broker.address, topic, messages(1, 8, 4));
      await first.stored(8);
      await groupKnows(topic, 2);
      first.faults.ingest = new Error("disk full");
      await send(broker.address, topic, messages(9, 48, 4));
      await until("the store fails", () => first.status().state === "store-failing");

      await using second = pair.start("second");
      await second.reading(2);
      const taken = second.status().partitions.map(({ partition }) => partition);
      const share = numbers(9, 48).filter((officer) => taken.includes(officer % 4));
      await second.stored(share.length);
      expect(sorted(pair.officers("second"))).toEqual(share);

      first.faults.ingest = undefined;
      await first.stored(48 - share.length);
      await first.reading(2);
      // The partitions that stayed, or came back, are not paused any more.
      await send(broker.address, topic, messages(49, 88, 4));
      await until(
        "everything is stored",
        () => first.status().storedEvents + second.status().storedEvents === 88,
      );
      await Promise.all([first.stop(), second.stop()]);
      const officers = [...pair.officers("first"), ...pair.officers("second")];
      expect(sorted(officers)).toEqual(numbers(1, 88));
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "do not keep a client from closing, whatever it has not answered yet",
    async () => {
      const settings = (name: string) => ({
        brokers: broker.address,
        topic: `closing-${strategy}`,
        groupId: `closing-${strategy}-${name}`,
        librdkafka: { "partition.assignment.strategy": strategy },
      });
      await createTopic(broker.address, `closing-${strategy}`);
      const { log } = newLog();
      const open = async (name: string) => {
        const consumer = new TopicConsumer(settings(name), log, () => undefined);
        await consumer.connect();
        return consumer;
      };
      const close = (what: string, consumer: TopicConsumer) => inTime(what, consumer.close());
      const [fresh, asked, answered] = await Promise.all(["fresh", "asked", "answered"].map(open));
      if (!fresh || !asked || !answered) throw new Error("not opened");
      const rebalance = (consumer: TopicConsumer) =>
        until("an assignment", async () => {
          await consumer.take(1, 50);
          return consumer.rebalances[0];
        });

      await close("before it was assigned anything", fresh);
      await Promise.all([rebalance(asked), rebalance(answered)]);
      await close("with an assignment that was not answered", asked);
      answered.rebalances.shift();
      answered.assign(numbers(0, 3).map((partition) => ({ partition, nextOffset: 0 })));
      await close("with partitions", answered);
    },
    PATIENCE_MS,
  );
});

/** Each attempt has topics and groups of its own: nothing of one that failed is left to another. */
let attempts = 0;

test.concurrent(
  "a stop at any moment of a start ends, and the next start goes on",
  async () => {
    attempts++;
    const topic = `stopped-early-${attempts}`;
    await send(broker.address, topic, messages(1, 40, 4));
    // The group's first assignment comes after three seconds.
    const delays = Array.from({ length: 12 }, () => Math.round(Math.random() * 4000));
    process.stderr.write(`stops after ${delays.join(", ")} ms\n`);
    using directory = newDirectory();
    await Promise.all(
      delays.map(async (delay, index) => {
        const path = directory.file(`${index}.sqlite`);
        const start = (attempt: number) =>
          startIngest({
            brokers: broker.address,
            topic,
            path,
            groupId: `${topic}-${index}-${attempt}`,
            batch: { batchSize: 3, lingerMs: 1 },
          });
        const early = start(1);
        await Bun.sleep(delay);
        await early.stop();
        const left = 40 - contents(path).officers.length;
        await using next = start(2);
        await next.stored(left);
        await next.reading();
        await next.stop();
        expect(sorted(contents(path).officers)).toEqual(numbers(1, 40));
      }),
    );
  },
  PATIENCE_MS,
);

test.concurrent(
  "the end of a log is forgotten when the reading goes back",
  async () => {
    const topic = "going-back";
    await send(broker.address, topic, messages(1, 5));
    const { log } = newLog();
    const settings = { brokers: broker.address, topic, groupId: topic, librdkafka: {} };
    const consumer = new TopicConsumer(settings, log, () => undefined);
    await consumer.connect();
    await until("an assignment", async () => {
      await consumer.take(1, 50);
      return consumer.rebalances[0];
    });
    consumer.rebalances.shift();
    consumer.assign(numbers(0, 3).map((partition) => ({ partition, nextOffset: 0 })));
    const offsets: number[] = [];
    const toTheEnd = () =>
      until("the end", async () => {
        const batch = await consumer.take(10);
        for (let index = 0; index < batch.length; index++) offsets.push(batch.offset(index));
        return consumer.reachedEnds.get(0) === 5;
      });
    await toTheEnd();
    consumer.readFrom({ partition: 0, nextOffset: 2 }, []);
    expect(consumer.reachedEnds.has(0)).toBe(false);
    await toTheEnd();
    expect(offsets).toEqual([0, 1, 2, 3, 4, 2, 3, 4]);
    await consumer.close();
  },
  PATIENCE_MS,
);
