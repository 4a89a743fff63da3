import { expect, test } from "bun:test";
import fc from "fast-check";
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

const MINUTE_MS = 60_000;

/** The years 0001 to 9999, without the first and the last day, from which an offset may lead out of them. */
const instants = fc.date({
  min: new Date("0001-01-02T00:00:00Z"),
  max: new Date("9999-12-30T00:00:00Z"),
  noInvalidDate: true,
});

const twoDigits = (number: number): string => String(number).padStart(2, "0");

/** A timestamp in one of the forms that ISO 8601 has, and the instant that it was made of. */
const datedText = fc
  .record({
    date: instants,
    offset: fc.option(fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 })),
    precision: fc.constantFrom<"minute" | "second" | number>("minute", "second", 1, 2, 3, 4, 6, 9),
    beyond: fc.stringMatching(/^[0-9]{6}$/),
    letter: fc.constantFrom("T", "t"),
    zulu: fc.constantFrom("Z", "z", ""),
    point: fc.constantFrom(".", ","),
    colon: fc.constantFrom(":", ""),
  })
  .map(({ date, offset, precision, beyond, letter, zulu, point, colon }) => {
    const step =
      precision === "minute" ? MINUTE_MS : precision === "second" ? 1000 : 10 ** (3 - precision);
    const whole = Math.max(step, 1);
    const instant = Math.floor(date.getTime() / whole) * whole;
    // What a clock shows that is so many minutes ahead.
    const local = new Date(instant + (offset ?? 0) * MINUTE_MS).toISOString();
    const fraction = typeof precision === "number" ? local.slice(20, 23) + beyond : "";
    const time =
      precision === "minute"
        ? local.slice(11, 16)
        : local.slice(11, 19) +
          (fraction === "" ? "" : point + fraction.slice(0, precision as number));
    const minutes = Math.abs(offset ?? 0);
    const zone =
      offset === null
        ? zulu
        : `${offset < 0 ? "-" : "+"}${twoDigits(Math.floor(minutes / 60))}${colon}${twoDigits(minutes % 60)}`;
    return { text: `${local.slice(0, 10)}${letter}${time}${zone}`, instant };
  });

interface Message extends Outgoing {
  readonly value: Buffer | null;
  readonly key: Buffer | null;
  /** Of a value that was made as an event: its members, in the order of the table's columns. */
  readonly event?: readonly number[] | undefined;
}

/** A valid event by construction: what it says is known without reading it. */
const datedEvent = fc.tuple(validEvent, datedText).map(([event, { text, instant }]) => ({
  value: Buffer.from(JSON.stringify({ ...event, arrested_at: text })),
  event: [event.officer_id, event.subject_id, event.arrest_type_id, event.crime_type_id, instant],
}));

const anyMessage: fc.Arbitrary<Message> = fc
  .record({
    partition: fc.nat({ max: PARTITIONS - 1 }),
    content: fc.oneof(
      { weight: 6, arbitrary: datedEvent },
      {
        weight: 29,
        arbitrary: fc
          .oneof(
            { weight: 1, arbitrary: fc.constant(null) },
            { weight: 4, arbitrary: anyBytes },
            { weight: 4, arbitrary: anyJson.map((json) => Buffer.from(JSON.stringify(json))) },
            { weight: 8, arbitrary: almostEvent },
            { weight: 12, arbitrary: mutatedEvent },
          )
          .map((value) => ({ value, event: undefined })),
      },
    ),
    key: fc.option(anyBytes),
  })
  .map(({ content, ...message }) => ({ ...message, ...content }));

const TIMESTAMP =
  /^(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?<time>[0-9]{2}:[0-9]{2})(?::(?<second>[0-9]{2})(?:[.,](?<fraction>[0-9]{1,9}))?)?(?:Z|(?<ahead>[+-])(?<hours>[01][0-9]|2[0-3]):?(?<minutes>[0-5][0-9])?)?$/i;

/**
 * The instant of a timestamp by a rule of its own: JavaScript's Date reads the local time in the one form
 * that it writes, and a date that is none does not come back as it was.
 */
function instantOf(text: string): number | undefined {
  const { date, time, second, fraction, ahead, hours, minutes } =
    TIMESTAMP.exec(text)?.groups ?? {};
  if (date === undefined) return undefined;
  const local = `${date}T${time}:${second ?? "00"}.${(fraction ?? "").padEnd(3, "0").slice(0, 3)}Z`;
  const read = new Date(local);
  if (Number.isNaN(read.getTime()) || read.toISOString() !== local) return undefined;
  const offset = Number(hours ?? 0) * 60 + Number(minutes ?? 0);
  const instant = new Date(read.getTime() - (ahead === "-" ? -offset : offset) * MINUTE_MS);
  // Years outside of 0001 to 9999 are written with a sign, but for the year 0.
  return /^(?!0000)[0-9]{4}-/.test(instant.toISOString()) ? instant.getTime() : undefined;
}

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
  const instant = typeof time === "string" ? instantOf(time) : undefined;
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
    const expected = placed.map(({ event, value }) => event ?? eventIn(value));
    expect(stored.toSorted()).toEqual(expected.flatMap((each) => each?.join() ?? []).toSorted());
    const refused = placed.filter((_, index) => expected[index] === undefined);
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
