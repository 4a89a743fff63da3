import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { DeadLetterTopic } from "../../src/ingest/dead-letter-topic.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { type EventWriter, openWriter } from "../../src/store/write.ts";
import { brokerOfFile } from "../support/broker.ts";
import { newLog } from "../support/ingest.ts";
import { createTopic, messagesOf, unusedAddress } from "../support/kafka.ts";
import { batch, letter, newDirectory } from "../support/store.ts";
import { inTime, until } from "../support/until.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

const broker = brokerOfFile();

/** Forwarding from a store of its own. */
function start(path: string, topic: string, brokers = broker.address, failures = 0) {
  const { log, lines } = newLog();
  const opened = openWriter(path, "kafka", "arrest_event", decodeMessage);
  let failed = 0;
  const writer: EventWriter = {
    ...opened,
    setForwarded: (...given) => {
      if (failed++ < failures) throw new Error("disk full");
      opened.setForwarded(...given);
    },
  };
  const forwarding = new DeadLetterTopic({ brokers, topic, librdkafka: {}, writer, log });
  forwarding.start();
  return {
    writer,
    lines,
    status: () => forwarding.status(),
    refuse: (...offsets: number[]) =>
      writer.ingest(batch({ deadLetters: offsets.map((offset) => letter({ offset })) })),
    forwarded: (count: number) =>
      until(`${count} letters are forwarded`, () => forwarding.status().forwarded === count),
    async [Symbol.asyncDispose]() {
      await inTime("stopping", forwarding.stop());
      writer.close();
    },
  };
}

/** The messages of a topic's partitions. */
async function received(topic: string) {
  const partitions = await Promise.all(
    [0, 1, 2, 3].map((each) => messagesOf(broker.address, topic, each)),
  );
  return partitions.flat().map(({ key, value, headers = [] }) => ({
    key,
    value,
    headers: headers.flatMap((header) =>
      Object.entries(header).map(([name, bytes]) => [name, String(bytes)] as const),
    ),
  }));
}

function offsetsOf(messages: Awaited<ReturnType<typeof received>>): number[] {
  return messages
    .map(({ headers }) => Number(new Map(headers).get("__connect.errors.offset")))
    .sort((a, b) => a - b);
}

describe("a dead letter is forwarded", () => {
  test("with its key, value and headers as they were, and behind them the reasons", async () => {
    using directory = newDirectory();
    const topic = "refused-whole";
    await createTopic(broker.address, topic);
    await using run = start(directory.file(), topic);
    run.writer.ingest(
      batch({
        deadLetters: [
          letter({
            partition: 3,
            offset: 88,
            timestamp: 1_700_000_000_123,
            key: Buffer.from([0, 255]),
            value: Buffer.from('{"officer_id":0}'),
            headers: [
              ["trace", Buffer.from("abc").toString("base64")],
              ["none", null],
            ],
            reason: "invalid_event",
            refusals: [
              { pointer: "/officer_id", detail: "must be positive" },
              { pointer: "", detail: "must be whole" },
            ],
          }),
          letter({ key: null, value: null, timestamp: null, reason: "no_value" }),
        ],
      }),
    );
    await run.forwarded(2);
    const messages = await received(topic);
    expect(messages.find(({ key }) => key !== null && key !== undefined)).toEqual({
      key: Buffer.from([0, 255]),
      value: Buffer.from('{"officer_id":0}'),
      headers: [
        ["trace", "abc"],
        ["none", ""],
        ["__connect.errors.topic", "arrest_event"],
        ["__connect.errors.partition", "3"],
        ["__connect.errors.offset", "88"],
        ["__connect.errors.connector.name", "arrest-events"],
        ["__connect.errors.stage", "VALUE_CONVERTER"],
        ["__connect.errors.exception.class.name", "invalid_event"],
        ["__connect.errors.exception.message", "/officer_id must be positive; must be whole"],
        ["arrest-events.dead-letter.id", `${run.writer.storeId}/1`],
        ["arrest-events.timestamp", "1700000000123"],
      ],
    });
    const empty = messages.find(({ value }) => value === null);
    expect(empty?.headers.map(([name]) => name)).not.toContain("arrest-events.timestamp");
  });

  test("once, also over a restart, and those that were refused before it was asked for too", async () => {
    using directory = newDirectory();
    const topic = "refused-once";
    await createTopic(broker.address, topic);
    const early = openWriter(directory.file(), "kafka", "arrest_event", decodeMessage);
    early.ingest(batch({ deadLetters: [letter({ offset: 0 })] }));
    early.close();
    {
      await using run = start(directory.file(), topic);
      run.refuse(1, 2);
      await run.forwarded(3);
    }
    await using run = start(directory.file(), topic);
    run.refuse(3);
    await run.forwarded(1);
    expect(offsetsOf(await received(topic))).toEqual([0, 1, 2, 3]);
  });

  test("also where there are many more than are sent at once", async () => {
    using directory = newDirectory();
    const topic = "refused-flood";
    await createTopic(broker.address, topic);
    await using run = start(directory.file(), topic);
    const offsets = Array.from({ length: 500 }, (_, offset) => offset);
    run.refuse(...offsets);
    await run.forwarded(500);
    expect(offsetsOf(await received(topic))).toEqual(offsets);
  });
});

test("what was sent is not sent again while the store cannot take note of it", async () => {
  using directory = newDirectory();
  const topic = "refused-unnoted";
  await createTopic(broker.address, topic);
  await using run = start(directory.file(), topic, broker.address, 3);
  run.refuse(0, 1);
  await until("the problem is told", () => run.status().problem === "disk full");
  await until("the store has taken note", () => {
    return run.writer.lettersToForward(topic, 10).length === 0;
  });
  await until("it is over", () => run.status().problem === undefined);
  run.refuse(2);
  await run.forwarded(3);
  expect(offsetsOf(await received(topic))).toEqual([0, 1, 2]);
});

test("while no broker is there the problem is told, and a stop does not wait for it", async () => {
  using directory = newDirectory();
  await using run = start(directory.file(), "unreachable", unusedAddress());
  run.refuse(0);
  await until("the problem is told", () => run.status().problem !== undefined);
  expect(run.status().forwarded).toBe(0);
  expect(run.lines.some(({ msg }) => msg.includes("dead letters cannot be forwarded now"))).toBe(
    true,
  );
});
