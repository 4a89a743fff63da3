import { expect, test } from "bun:test";
import type { Message } from "@confluentinc/kafka-javascript";
import type { Refusal } from "../../src/store/schema.ts";
import { eventOfMessage, query } from "../promises/support.ts";
import { messagesOf } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { uniqueName } from "./support/admin.ts";
import { send } from "./support/producer.ts";
import { kafkaCheck, Scene, stopPolitely } from "./support/scene.ts";

/** What the readiness tells of forwarding. */
async function forwarded(service: Parameters<typeof kafkaCheck>[0]): Promise<number> {
  const check = (await kafkaCheck(service)) as unknown as {
    dead_letter_topic: { forwarded: number };
  };
  return check.dead_letter_topic.forwarded;
}

/** Why the values of this test are refused, as the forwarded letters tell it. */
const REASONS: Record<string, string> = {
  not_json: "must be JSON",
  invalid_event:
    "/officer_id is missing; /subject_id is missing; /arrest_type_id is missing; /crime_type_id is missing; /arrested_at is missing",
};

/** What cannot be an event, for one reason or the other. */
function badValue(sequence: number): string {
  return sequence % 2 === 0 ? `bad ${sequence}` : `{"bad":${sequence}}`;
}

interface StoredLetter {
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  /** JSON. */
  readonly refusals: string;
  readonly key: string;
  readonly value: string;
}

/** The headers of a message as text, by their names, which none has twice here. */
function headersOf({ headers = [] }: Message): Record<string, string> {
  const all = headers.flatMap((header) => Object.entries(header));
  return Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
}

test("dead letters are forwarded to a topic of their own, over kills at least once, with their origin and reasons in headers", async () => {
  using scene = await Scene.open({ partitions: 2 });
  const refused = uniqueName("refused");
  await scene.topics.create(refused, 1, {});
  const count = 600;
  const isBad = (sequence: number) => sequence % 3 === 0;
  const sequences = Array.from({ length: count }, (_, sequence) => sequence);
  const messages = sequences.map((sequence) => ({
    partition: sequence % 2,
    key: `key-${sequence}`,
    headers: [{ source: Buffer.from("a test") }],
    value: isBad(sequence) ? badValue(sequence) : JSON.stringify(eventOfMessage(sequence)),
  }));
  const settings = { KAFKA_DEAD_LETTER_TOPIC: refused };
  await send(scene.brokers, scene.topic, messages.slice(0, 300));
  {
    await using service = await scene.start(settings);
    await until("some are forwarded", async () => (await forwarded(service)) > 0);
    await service.kill();
  }
  await send(scene.brokers, scene.topic, messages.slice(300));
  await using service = await scene.start(settings);
  const bad = sequences.filter(isBad);
  const values = await until("all are forwarded", async () => {
    const found = await messagesOf(scene.brokers, refused);
    return new Set(found.map(({ value }) => String(value))).size === bad.length && found;
  });
  expect(new Set(values.map(({ value }) => String(value)))).toEqual(new Set(bad.map(badValue)));
  // What came twice has the same id twice.
  const ids = values.map((message) => headersOf(message)["arrest-events.dead-letter.id"]);
  expect(new Set(ids).size).toBe(bad.length);
  const letters = query<StoredLetter>(
    scene.store(),
    "select partition, offset, reason, refusals, cast(key as text) as key, cast(value as text) as value from dead_letter order by id",
  );
  expect(letters.map(({ value }) => value).toSorted()).toEqual(bad.map(badValue).toSorted());
  const byValue = new Map(letters.map((letter) => [letter.value, letter]));
  for (const message of values) {
    const { partition, offset, reason, refusals, key } = byValue.get(
      String(message.value),
    ) as StoredLetter;
    const text = (JSON.parse(refusals) as Refusal[])
      .map(({ pointer, detail }) => `${pointer} ${detail}`.trim())
      .join("; ");
    expect(text).toBe(REASONS[reason] as string);
    expect({ key: String(message.key), ...headersOf(message) }).toMatchObject({
      key,
      source: "a test",
      "__connect.errors.topic": scene.topic,
      "__connect.errors.partition": String(partition),
      "__connect.errors.offset": String(offset),
      "__connect.errors.exception.class.name": reason,
      "__connect.errors.exception.message": text,
    });
  }
  await stopPolitely(service);
});

test("a dead letter that its topic refuses for its size holds up none of the others", async () => {
  using scene = await Scene.open({ partitions: 1 });
  const refused = uniqueName("refused");
  await scene.topics.create(refused, 1, { "max.message.bytes": "20000" });
  await send(scene.brokers, scene.topic, [
    { partition: 0, value: "first" },
    { partition: 0, value: "x".repeat(100_000) },
    { partition: 0, value: "last" },
  ]);
  await using service = await scene.start({ KAFKA_DEAD_LETTER_TOPIC: refused });
  await until("the others are forwarded", async () => (await forwarded(service)) === 2);
  const found = await messagesOf(scene.brokers, refused);
  expect(found.map(({ value }) => String(value)).sort()).toEqual(["first", "last"]);
  await service.line("a dead letter that its topic refuses is kept in the store only");
  expect((await service.json<unknown[]>("/dead_letters")).length).toBe(3);
});
