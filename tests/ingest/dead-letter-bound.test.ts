import { describe, expect, test } from "bun:test";
import { brokerOfFile } from "../support/broker.ts";
import { startIngest } from "../support/ingest.ts";
import { message, numbers, type Sent, send } from "../support/kafka.ts";
import { contents, newDirectory } from "../support/store.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 120_000;

const broker = brokerOfFile();

const BAD: Sent = { value: "x".repeat(100) };

/** Reads one message a transaction, so that the bound is met exactly. */
function start(
  topic: string,
  path: string,
  { maxCount = 1000, maxBytes = 1_000_000_000, groupId = topic },
) {
  return startIngest({
    brokers: broker.address,
    topic,
    groupId,
    path,
    batch: { batchSize: 1, lingerMs: 0 },
    deadLetterBound: { maxCount, maxBytes },
  });
}

type Run = ReturnType<typeof start>;

const full = (run: Run) =>
  until("the reading has stopped", () => run.status().state === "dead-letters-full");

const lagOf = (run: Run) => run.status().partitions.find(({ partition }) => partition === 0)?.lag;

describe("the bound of the dead letters", () => {
  test.concurrent(
    "stops the reading, and where there is room again it goes on without gap or double",
    async () => {
      using directory = newDirectory();
      const topic = "bound-by-count";
      await send(broker.address, topic, [
        message(1),
        BAD,
        BAD,
        BAD,
        message(2),
        BAD,
        message(3),
        BAD,
        message(4),
      ]);
      await using run = start(topic, directory.file(), { maxCount: 3 });
      await full(run);
      expect(run.writer.deadLetters().count).toBe(3);
      expect(contents(directory.file()).officers).toEqual([1]);
      await until("the lag is told", () => lagOf(run) === 5);
      expect(run.logged("too many dead letters")).toBe(true);

      run.writer.apply([{ kind: "delete-letter", letterId: 1 }]);
      await until("the reading has met the bound again", () => {
        return run.status().state === "dead-letters-full" && lagOf(run) === 3;
      });
      expect(contents(directory.file()).officers).toEqual([1, 2]);

      run.writer.apply([{ kind: "delete-letters", filter: {}, limit: 10 }]);
      await run.stored(9);
      await run.stop();
      const { officers, positions } = contents(directory.file());
      expect(officers).toEqual([1, 2, 3, 4]);
      expect(positions.find(({ partition }) => partition === 0)?.next).toBe(9);
      expect(run.status().deadLetters).toBe(5);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "counts bytes as well",
    async () => {
      using directory = newDirectory();
      const topic = "bound-by-bytes";
      await send(broker.address, topic, [BAD, BAD, BAD, BAD]);
      await using run = start(topic, directory.file(), { maxBytes: 250 });
      await full(run);
      const { count, bytes } = run.writer.deadLetters();
      expect(count).toBe(2);
      expect(bytes).toBeGreaterThanOrEqual(250);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "holds over a restart: the partitions are taken and their lag is told, but nothing is read",
    async () => {
      using directory = newDirectory();
      const topic = "bound-over-a-restart";
      await send(broker.address, topic, [BAD, BAD, message(1), message(2)]);
      {
        await using run = start(topic, directory.file(), { maxCount: 2 });
        await full(run);
      }
      // This broker would make the same group wait for the session time-out of the member that left.
      await using run = start(topic, directory.file(), { maxCount: 2, groupId: "another" });
      await until("the lag is told", () => lagOf(run) === 2);
      expect(run.status().state).toBe("dead-letters-full");
      expect(contents(directory.file()).officers).toEqual([]);
      run.writer.apply([{ kind: "delete-letters", filter: {}, limit: 10 }]);
      await run.stored(2);
      expect(contents(directory.file()).officers).toEqual(numbers(1, 2));
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "does not keep a stop waiting",
    async () => {
      using directory = newDirectory();
      const topic = "bound-and-a-stop";
      await send(broker.address, topic, [BAD, BAD, message(1)]);
      await using run = start(topic, directory.file(), { maxCount: 1 });
      await full(run);
      await run.stop();
      expect(contents(directory.file()).positions.find(({ partition }) => partition === 0)).toEqual(
        { topic, partition: 0, next: 1 },
      );
    },
    PATIENCE_MS,
  );
});
