import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseTimestamp } from "../../src/arrest-event.ts";
import { eventOfMessage, query } from "../promises/support.ts";
import { checkAsync } from "../support/property.ts";
import { until } from "../support/until.ts";
import { storedPositions } from "./support/audit.ts";
import { type Outgoing, TestProducer } from "./support/producer.ts";
import { kafkaCheck, Scene } from "./support/scene.ts";

const PARTITIONS = 4;
const BATCHES = 150;
const LARGEST_BATCH = 400;

const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes): Buffer => Buffer.from(bytes));

/** Something that JSON can be, as the value of a member or of a message. */
const anyJson = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.double(), fc.maxSafeInteger());

const validEvent = fc.nat({ max: 1_000_000 }).map((sequence) => ({ ...eventOfMessage(sequence) }));

/** A valid event with a member removed, replaced or added. */
const almostEvent = fc
  .tuple(
    validEvent,
    fc.constantFrom("officer_id", "subject_id", "arrest_type_id", "crime_type_id", "arrested_at"),
    fc.oneof(
      fc.constant(undefined),
      anyJson,
      fc.string({ unit: "binary" }),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    ),
    fc.dictionary(fc.string({ unit: "binary" }), anyJson, { maxKeys: 2 }),
  )
  .map(([event, name, value, others]) => JSON.stringify({ ...others, ...event, [name]: value }))
  .map((text): Buffer => Buffer.from(text));

/** A change of bytes: at a place (a part of their length), so many are taken out, and others put in. */
const change = fc.tuple(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.nat({ max: 6 }),
  fc.oneof(
    fc.constant(Buffer.alloc(0)),
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ maxLength: 6 }).map((text) => Buffer.from(text)),
    fc
      .constantFrom("{", "}", "[", "]", '"', ",", ":", "\\", "\\ud800", "e9", "-", ".", "0", "null")
      .map((text) => Buffer.from(text)),
  ),
);

/** The bytes of a valid event with a few changes, often none that matters. */
const mutatedEvent = fc
  .tuple(validEvent, fc.array(change, { maxLength: 4 }))
  .map(([event, changes]) =>
    changes.reduce(
      (bytes, [place, removed, added]) => {
        const start = Math.floor(place * bytes.length);
        return Buffer.concat([bytes.subarray(0, start), added, bytes.subarray(start + removed)]);
      },
      Buffer.from(JSON.stringify(event)),
    ),
  );

interface Message extends Outgoing {
  readonly value: Buffer | null;
  readonly key: Buffer | null;
}

const anyMessage: fc.Arbitrary<Message> = fc.record({
  partition: fc.nat({ max: PARTITIONS - 1 }),
  value: fc.oneof(
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 4, arbitrary: anyBytes },
    { weight: 4, arbitrary: anyJson.map((json) => Buffer.from(JSON.stringify(json))) },
    { weight: 8, arbitrary: almostEvent },
    { weight: 12, arbitrary: mutatedEvent },
  ),
  key: fc.option(anyBytes),
});

/** The members of the event that a value is, in the order of the table's columns; `undefined` when it is none. */
function eventIn(value: Buffer | null): number[] | undefined {
  if (value === null) return undefined;
  let json: Record<string, unknown>;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(value);
    json = Object(JSON.parse(text));
  } catch {
    return undefined;
  }
  const ids = [
    json["officer_id"],
    json["subject_id"],
    json["arrest_type_id"],
    json["crime_type_id"],
  ];
  const time = json["arrested_at"];
  const instant = typeof time === "string" ? parseTimestamp(time) : undefined;
  const isEvent = ids.every((id) => Number.isSafeInteger(id) && Number(id) > 0);
  return isEvent && instant !== undefined ? [...ids.map(Number), instant] : undefined;
}

const hex = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString("hex");

interface StoredEvent {
  readonly id: number;
  readonly officer_id: number;
  readonly subject_id: number;
  readonly arrest_type_id: number;
  readonly crime_type_id: number;
  readonly arrested_at: number;
}

interface StoredLetter {
  readonly id: number;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

test("whatever bytes are sent, each message ends as one row or as one dead letter that holds the whole of it, and the reading goes on", async () => {
  using scene = await Scene.open({
    partitions: PARTITIONS,
    // Batches of the loop that end in the middle of those that were sent.
    settings: { INGEST_BATCH_SIZE: "97" },
  });
  await using producer = await TestProducer.connect(scene.brokers, { "linger.ms": 5 });
  await using service = await scene.start();
  const path = scene.store();
  const ends = Array.from({ length: PARTITIONS }, () => 0);
  let lastEvent = 0;
  let lastLetter = 0;
  let sent = 0;
  let events = 0;

  const batches = fc.array(anyMessage, { minLength: 1, maxLength: LARGEST_BATCH, size: "max" });
  const property = fc.asyncProperty(batches, async (batch) => {
    const placed = batch.map((message) => {
      const offset = ends[message.partition] ?? 0;
      ends[message.partition] = offset + 1;
      return { ...message, offset };
    });
    await producer.send(scene.topic, batch);
    await until("the batch to be stored", () => {
      const positions = storedPositions(path, scene.topic);
      return ends.every((end, partition) => (positions.get(partition) ?? 0) === end);
    });

    const rows = query<StoredEvent>(path, `select * from arrest_event where id > ${lastEvent}`);
    const letters = query<StoredLetter>(
      path,
      `select id, "partition", "offset", key, value from dead_letter where id > ${lastLetter} order by "partition", "offset"`,
    );
    lastEvent = Math.max(lastEvent, ...rows.map(({ id }) => id));
    lastLetter = Math.max(lastLetter, ...letters.map(({ id }) => id));
    sent += batch.length;
    events += rows.length;

    const stored = rows.map((row) =>
      [
        row.officer_id,
        row.subject_id,
        row.arrest_type_id,
        row.crime_type_id,
        row.arrested_at,
      ].join(),
    );
    const expected = batch.flatMap(({ value }) => eventIn(value)?.join() ?? []);
    expect(stored.toSorted()).toEqual(expected.toSorted());
    const refused = placed.filter(({ value }) => eventIn(value) === undefined);
    expect(
      letters.map(({ partition, offset, key, value }) => ({
        partition,
        offset,
        key: hex(key),
        value: hex(value),
      })),
    ).toEqual(
      refused
        .map(({ partition, offset, key, value }) => ({
          partition,
          offset,
          key: hex(key),
          value: hex(value),
        }))
        .toSorted((a, b) => a.partition - b.partition || a.offset - b.offset),
    );
  });
  await checkAsync(property, BATCHES);

  // The examples were of both kinds.
  expect(sent).toBeGreaterThan(BATCHES * 10);
  expect(events).toBeGreaterThan(sent / 20);
  expect(events).toBeLessThan(sent - sent / 20);
  expect((await kafkaCheck(service)).status).toBe("ok");
});
