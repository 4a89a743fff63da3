import { expect, test } from "bun:test";
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
    value: isBad(sequence) ? `bad ${sequence}` : JSON.stringify(eventOfMessage(sequence)),
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
  expect(new Set(values.map(({ value }) => String(value)))).toEqual(
    new Set(bad.map((sequence) => `bad ${sequence}`)),
  );
  // What came twice has the same id twice.
  const ids = values.map(({ headers = [] }) =>
    String(
      headers.find((header) => "arrest-events.dead-letter.id" in header)?.[
        "arrest-events.dead-letter.id"
      ],
    ),
  );
  expect(new Set(ids).size).toBe(bad.length);
  const letters = query<{ offset: number; partition: number }>(
    scene.store(),
    "select partition, offset from dead_letter order by id",
  );
  expect(letters.length).toBe(bad.length);
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
