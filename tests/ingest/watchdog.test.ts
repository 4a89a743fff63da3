import { describe, expect, test } from "bun:test";
import { isBrokerThere } from "../../src/ingest/broker-look.ts";
import { TopicConsumer } from "../../src/ingest/consumer.ts";
import type { MessageBatch } from "../../src/ingest/message-batch.ts";
import { Watchdog } from "../../src/ingest/watchdog.ts";
import { brokerOfFile, SHORT_SESSION } from "../support/broker.ts";
import { newLog, startIngest } from "../support/ingest.ts";
import { createTopic, messages, numbers, send, unusedAddress } from "../support/kafka.ts";
import { contents, newDirectory } from "../support/store.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 120_000;

/** Limits that no test reaches; each lowers the one that it is about. */
const PATIENT = {
  tickMs: 50,
  turnMs: 60_000,
  brokerMs: 60_000,
  lookMs: 60_000,
  groupMs: 60_000,
};

const broker = brokerOfFile();

/** A client that stops answering with messages in its hands, until it is let go on. */
class HangingConsumer extends TopicConsumer {
  hangs = false;
  readonly #release = Promise.withResolvers<void>();
  /** How many messages a poll had in its hands while it hung, once that poll has ended. */
  readonly cameBackWith = Promise.withResolvers<number>();

  release(): void {
    this.#release.resolve();
  }

  override async take(max: number, waitMs?: number): Promise<MessageBatch> {
    const batch = await super.take(max, waitMs);
    if (this.hangs && batch.length > 0) {
      await this.#release.promise;
      this.cameBackWith.resolve(batch.length);
    }
    return batch;
  }
}

describe("a Kafka client", () => {
  test.concurrent(
    "that hangs is given up for a new one, and stores nothing should it ever go on",
    async () => {
      using directory = newDirectory();
      const topic = "hanging";
      await createTopic(broker.address, topic);
      const clients: HangingConsumer[] = [];
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        librdkafka: SHORT_SESSION,
        watchdog: { ...PATIENT, tickMs: 100, turnMs: 4000 },
        newConsumer: (...given) => {
          const client = new HangingConsumer(...given);
          clients.push(client);
          return client;
        },
      });
      await run.reading();
      const [first] = clients;
      if (first === undefined) throw new Error("no client was made");
      await send(broker.address, topic, messages(1, 40, 4));
      await run.stored(40);
      first.hangs = true;
      await send(broker.address, topic, messages(41, 80, 4));
      const { problem } = await until("it is said", () => {
        const status = run.status();
        return status.problem !== undefined && status;
      });
      expect(problem).toMatch(/^the Kafka client has made no progress for \d+ s$/);
      expect(run.lines).toContainEqual(
        expect.objectContaining({
          level: "error",
          msg: "the Kafka client is of no more use: a new one takes its place",
        }),
      );
      await run.stored(80);
      expect((await run.metrics()).value("arrest_events_ingest_stuck_clients_total")).toBe(1);

      // Its messages are stored already, by the client that came after it.
      first.release();
      expect(await first.cameBackWith.promise).toBeGreaterThan(0);
      await send(broker.address, topic, messages(81, 120, 4));
      await run.stored(120);
      expect(run.status()).toMatchObject({ state: "reading", storedEvents: 120 });
      expect(run.status().problem).toBeUndefined();
      await run.stop();
      expect(clients).toHaveLength(2);
      const { officers, positions } = contents(directory.file());
      expect(officers.toSorted((a, b) => a - b)).toEqual(numbers(1, 120));
      expect(positions.map(({ next }) => next)).toEqual([30, 30, 30, 30]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "that never connects is given up for a new one",
    async () => {
      using directory = newDirectory();
      const topic = "unconnected";
      await createTopic(broker.address, topic);
      let clients = 0;
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        watchdog: { ...PATIENT, turnMs: 3000 },
        newConsumer: (...given) => {
          const client = new TopicConsumer(...given);
          if (++clients === 1) client.connect = () => new Promise(() => undefined);
          return client;
        },
      });
      await run.reading();
      expect(clients).toBe(2);
      expect(run.logged("the Kafka client is of no more use: a new one takes its place")).toBe(
        true,
      );
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "that nobody answers any more is told of, until somebody does",
    async () => {
      using directory = newDirectory();
      const topic = "unanswered";
      await createTopic(broker.address, topic);
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        watchdog: { ...PATIENT, brokerMs: 500 },
        newConsumer: (...given) => {
          const client = new TopicConsumer(...given);
          // What the audit asks is never answered; messages still come.
          client.ask.watermarks = unlessFirst(client.ask.watermarks.bind(client.ask), 4);
          return client;
        },
        now: hasty(),
      });
      await run.reading();
      const { problem } = await until("it is said", () => {
        const status = run.status();
        return status.problem !== undefined && status;
      });
      expect(problem).toMatch(/^no broker has answered for \d+ s$/);
      expect((await run.metrics()).value("arrest_events_ingest_trouble")).toBe(1);
      await send(broker.address, topic, messages(1, 4, 4));
      await until("it is over", () => run.status().problem === undefined);
      await run.stored(4);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "that hears its brokers no more, although they answer others, is given up for a new one",
    async () => {
      using directory = newDirectory();
      const topic = "deaf";
      await createTopic(broker.address, topic);
      let clients = 0;
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        librdkafka: SHORT_SESSION,
        watchdog: { ...PATIENT, brokerMs: 2000, lookMs: 100 },
        newConsumer: (...given) => {
          const client = new TopicConsumer(...given);
          if (++clients === 1) {
            client.ask.watermarks = () => new Promise(() => undefined);
            client.ask.committed = () => new Promise(() => undefined);
          }
          return client;
        },
        now: hasty(),
      });
      await send(broker.address, topic, messages(1, 4, 4));
      await run.stored(4);
      expect(clients).toBe(2);
      expect(run.logged("the Kafka client is of no more use")).toBe(true);
      expect((await run.metrics()).value("arrest_events_ingest_stuck_clients_total")).toBe(1);
    },
    PATIENCE_MS,
  );

  test.concurrent.each([
    ["whose store fails", "store-fails-for-long", true],
    ["whose topic does not exist", "absent-for-long", false],
  ])(
    "%s for long is kept: its brokers answer it",
    async (_, topic, isThere) => {
      using directory = newDirectory();
      if (isThere) await createTopic(broker.address, topic);
      let clients = 0;
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        librdkafka: { ...SHORT_SESSION, "statistics.interval.ms": "100" },
        watchdog: { ...PATIENT, brokerMs: 1500, lookMs: 100 },
        newConsumer: (...given) => {
          clients++;
          return new TopicConsumer(...given);
        },
      });
      if (isThere) {
        await run.reading();
        run.faults.ingest = new Error("disk full");
        await send(broker.address, topic, messages(1, 4, 4));
        await until("the store fails", () => run.status().state === "store-failing");
      }
      const begun = performance.now();
      await until("several times the limit to pass", () => performance.now() - begun > 6000);
      expect(clients).toBe(1);
      if (!isThere) return;
      expect(run.status().partitions).toHaveLength(4);
      run.faults.ingest = undefined;
      await run.stored(4);
      expect(clients).toBe(1);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "whose group gives it nothing is told of",
    async () => {
      using directory = newDirectory();
      const topic = "unassigned";
      await createTopic(broker.address, topic);
      await using run = startIngest({
        brokers: broker.address,
        topic,
        path: directory.file(),
        librdkafka: { "statistics.interval.ms": "100" },
        watchdog: { ...PATIENT, groupMs: 500 },
        newConsumer: (...given) => {
          const client = new TopicConsumer(...given);
          // The assignment is never heard of, so that the group waits for its answer.
          client.rebalances.push = () => 0;
          return client;
        },
      });
      const { problem, state } = await until("it is said", () => {
        const status = run.status();
        return status.problem !== undefined && status;
      });
      expect(problem).toMatch(/^the consumer group has given no answer for \d+ s$/);
      expect(state).toBe("waiting");
    },
    PATIENCE_MS,
  );
});

test("a look for a broker finds one that answers, and none where nobody does", async () => {
  const settings = { topic: "any", groupId: "any", librdkafka: {} };
  expect(await isBrokerThere({ ...settings, brokers: broker.address })).toBe(true);
  expect(await isBrokerThere({ ...settings, brokers: unusedAddress() })).toBe(false);
}, 60_000);

describe("a client that hears no broker", () => {
  /** A watchdog over a client whose brokers answer others or not; the looks for them are counted. */
  function watch(isBrokerThere: () => boolean) {
    const looks = { count: 0 };
    const responses = { count: 0 };
    const watchdog = new Watchdog(
      { ...PATIENT, tickMs: 5, brokerMs: 20, lookMs: 10 },
      newLog().log,
      {
        isWaitingForGroup: () => false,
        responses: () => responses.count,
        isBrokerThere: async () => {
          looks.count++;
          return isBrokerThere();
        },
      },
    );
    let givenUp: string | undefined;
    watchdog.stuck.catch((error: Error) => {
      givenUp = error.message;
    });
    return {
      watchdog,
      looks,
      responses,
      givenUp: () => givenUp,
      [Symbol.dispose]: () => watchdog.stop(),
    };
  }

  test("is kept as long as nobody else hears one either", async () => {
    using watched = watch(() => false);
    await until("many looks", () => watched.looks.count > 20);
    expect(watched.givenUp()).toBeUndefined();
    expect(watched.watchdog.problem()).toStartWith("no broker has answered");
  });

  test("is kept when a broker is found now and then only", async () => {
    let looks = 0;
    using watched = watch(() => ++looks % 3 !== 0);
    await until("many looks", () => watched.looks.count > 20);
    expect(watched.givenUp()).toBeUndefined();
  });

  test("is given up when a broker is found again and again", async () => {
    using watched = watch(() => true);
    const reason = await until("it is given up", () => watched.givenUp());
    expect(reason).toMatch(/^the Kafka client has not heard its brokers for \d+ s$/);
    expect(watched.looks.count).toBe(3);
  });

  test("is not looked after while it is answered itself", async () => {
    using watched = watch(() => true);
    const begun = performance.now();
    const answering = setInterval(() => {
      if (performance.now() - begun < 100) watched.watchdog.answered();
      else watched.responses.count++;
    }, 1);
    await until("some time to pass", () => performance.now() - begun > 200);
    clearInterval(answering);
    expect({ looks: watched.looks.count, givenUp: watched.givenUp() }).toEqual({
      looks: 0,
      givenUp: undefined,
    });
  });
});

/** A clock that runs a hundred times as fast, so that audits come often. */
function hasty(): () => number {
  const startedAt = Date.now();
  return () => startedAt + (Date.now() - startedAt) * 100;
}

/** Calls a question through the first times, and then never answers it. */
function unlessFirst<A extends unknown[], R>(
  question: (...asked: A) => Promise<R>,
  times: number,
): (...asked: A) => Promise<R> {
  let calls = 0;
  return (...asked) => (++calls <= times ? question(...asked) : new Promise(() => undefined));
}
