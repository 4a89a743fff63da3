import { describe, expect, test } from "bun:test";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { startIngest } from "../support/ingest.ts";
import { messages, send, unusedAddress } from "../support/kafka.ts";
import { contents, newDirectory } from "../support/store.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 120_000;

/** The default of SHUTDOWN_TIMEOUT_MS, within which the whole service must have stopped. */
const TIME_TO_STOP_MS = 10_000;

async function timeOf(stop: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await stop();
  return performance.now() - start;
}

describe("a broker that is away", () => {
  test.concurrent(
    "from the start is told of, and is no reason not to stop",
    async () => {
      using directory = newDirectory();
      await using run = startIngest({
        brokers: unusedAddress(),
        topic: "any",
        path: directory.file(),
      });
      expect(run.status()).toMatchObject({ state: "connecting", partitions: [] });
      await until("a problem", () => run.status().problem !== undefined);
      expect(run.status().state).toBe("connecting");
      expect(await timeOf(() => run.stop())).toBeLessThan(TIME_TO_STOP_MS);
      expect(run.status().state).toBe("stopped");
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "is no reason not to stop at once, before anything is known of it",
    async () => {
      using directory = newDirectory();
      const run = startIngest({ brokers: unusedAddress(), topic: "any", path: directory.file() });
      expect(await timeOf(() => run.stop())).toBeLessThan(TIME_TO_STOP_MS);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "later is told of once, and what was read of it is stored when the service stops",
    async () => {
      using directory = newDirectory();
      const topic = "going";
      const broker = await startEmbeddedBroker(topic);
      await send(broker.address, topic, messages(1, 40, 4));
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      await run.stored(40);
      await broker.close();
      await until("it is missed", () => run.status().state === "connecting");
      expect(run.status().problem).toBeDefined();
      // The partitions are kept: their next offsets still say how far the store is.
      expect(run.status().partitions.map(({ nextOffset }) => nextOffset)).toEqual([10, 10, 10, 10]);
      const troubles = () => run.lines.filter(({ msg }) => msg === "trouble with Kafka");
      await until("it is missed for a while", () =>
        troubles().some(({ problem }) => String(problem).includes("Timed out")),
      );
      const problems = troubles().map(({ problem }) => problem);
      expect(problems).toEqual([...new Set(problems)]);
      expect(await timeOf(() => run.stop())).toBeLessThan(TIME_TO_STOP_MS);
      expect(contents(directory.file()).positions.map(({ next }) => next)).toEqual([
        10, 10, 10, 10,
      ]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "while partitions are being assigned is waited for, and no reason not to stop",
    async () => {
      using directory = newDirectory();
      const topic = "going-early";
      const broker = await startEmbeddedBroker(topic);
      await using run = startIngest({ brokers: broker.address, topic, path: directory.file() });
      // A store that fails keeps the assignment open until the broker is gone.
      run.faults.setPositions = new Error("disk full");
      await until("an assignment", () => run.store.some((error) => error));
      await broker.close();
      run.faults.setPositions = undefined;
      await until("it is missed", () => run.status().problem !== "disk full");
      expect(await timeOf(() => run.stop())).toBeLessThan(TIME_TO_STOP_MS);
    },
    PATIENCE_MS,
  );
});

test("the embedded broker has the topic in four partitions, on loopback", async () => {
  const broker = await startEmbeddedBroker("arrests");
  expect(broker.address).toMatch(/^127\.0\.0\.1:\d+$/);
  await send(broker.address, "arrests", messages(0, 3, 4));
  await broker.close();
});
