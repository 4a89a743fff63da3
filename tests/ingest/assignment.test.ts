import { describe, expect, test } from "bun:test";
import { TopicConsumer } from "../../src/ingest/consumer.ts";
import { brokerOfFile, SHORT_SESSION } from "../support/broker.ts";
import { startIngest } from "../support/ingest.ts";
import { createTopic, messages, numbers, send } from "../support/kafka.ts";
import { contents, newDirectory } from "../support/store.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 120_000;

const broker = brokerOfFile();

/** A client whose questions for the bounds of some partitions are refused. */
class WithoutLeaders extends TopicConsumer {
  /** The partitions that have a leader; all while it is not given. */
  led: readonly number[] | undefined;

  constructor(...given: ConstructorParameters<typeof TopicConsumer>) {
    super(...given);
    const watermarks = this.ask.watermarks.bind(this.ask);
    this.ask.watermarks = (partition) =>
      this.led?.includes(partition) === false
        ? Promise.reject(new Error("no leader"))
        : watermarks(partition);
  }
}

describe("an assignment whose beginnings cannot be found", () => {
  test(
    "does not stop the reading of the other partitions, is told of, and is tried again",
    async () => {
      using directory = newDirectory();
      const topic = "leaderless";
      await createTopic(broker.address, topic);
      const clients: WithoutLeaders[] = [];
      const start = (name: string) =>
        startIngest({
          brokers: broker.address,
          topic,
          path: directory.file(`${name}.sqlite`),
          librdkafka: SHORT_SESSION,
          newConsumer: (...given) => {
            const client = new WithoutLeaders(...given);
            clients.push(client);
            return client;
          },
        });
      await using first = start("first");
      await first.reading();
      await using second = start("second");
      await Promise.all([first.reading(2), second.reading(2)]);
      const [client] = clients;
      if (client === undefined) throw new Error("no client was made");
      client.led = first.status().partitions.map(({ partition }) => partition);
      await second.stop();
      await until("it is told", () => first.status().problem === "no leader");

      await send(broker.address, topic, messages(1, 40, 4));
      await first.stored(20);
      expect(first.status()).toMatchObject({ state: "reading", problem: "no leader" });
      expect(first.status().partitions.map(({ partition }) => partition)).toEqual([...client.led]);
      expect(first.lines.filter(({ problem }) => problem === "no leader")).toHaveLength(1);

      client.led = undefined;
      await first.stored(40);
      expect(first.status().problem).toBeUndefined();
      expect(first.status().partitions).toHaveLength(4);
      await first.stop();
      const { officers } = contents(directory.file("first.sqlite"));
      expect(officers.toSorted((a, b) => a - b)).toEqual(numbers(1, 40));
    },
    PATIENCE_MS,
  );
});
