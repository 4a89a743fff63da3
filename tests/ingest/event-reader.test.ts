import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readEvent } from "../../src/ingest/event-reader.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { MALFORMATION_NAMES, malformed, simulatedMessage } from "../../src/simulate/messages.ts";
import { seededRandom } from "../../src/simulate/random.ts";
import { eventBytes } from "../support/event-text.ts";
import { check } from "../support/property.ts";

const FIELDS = {
  officerId: 7,
  subjectId: 1204,
  arrestTypeId: 2,
  crimeTypeId: 31,
  arrestedAt: Date.UTC(2026, 10, 22, 13, 5),
};

const PLAIN =
  '{"officer_id":7,"subject_id":1204,"arrest_type_id":2,"crime_type_id":31,"arrested_at":"2026-11-22T13:05:00.000Z"}';

const LONGEST = PLAIN.replace(".000Z", ".000123456+00:00");

const read = (text: string) => {
  const bytes = Buffer.from(text);
  return readEvent(bytes, 0, bytes.length);
};

/** Reads bytes that lie among others, which must not matter. */
function readAmong(before: Uint8Array, bytes: Uint8Array, after: Uint8Array) {
  const all = Buffer.concat([before, bytes, after]);
  return readEvent(all, before.length, before.length + bytes.length);
}

/** Expects what is read to be read the same by `decodeMessage`. Returns whether it was read at all. */
function expectSame(bytes: Uint8Array, before = new Uint8Array(), after = new Uint8Array()) {
  const event = readAmong(before, bytes, after);
  if (event !== undefined) expect<unknown>(decodeMessage(bytes)).toEqual(event);
  return event !== undefined;
}

const twoDigits = (value: number) => String(value).padStart(2, "0");
const id = fc.oneof(
  fc.integer({ min: 1, max: 999_999_999_999_999 }),
  fc.integer({ min: 1, max: 100 }),
);
const timestamp = fc
  .record({
    day: fc.date({
      min: new Date("0002-01-01T00:00:00Z"),
      max: new Date("9998-12-31T00:00:00Z"),
      noInvalidDate: true,
    }),
    fraction: fc.oneof(
      fc.constant(""),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 9 }).map((digits) => {
        return `.${digits.join("")}`;
      }),
    ),
    zone: fc.oneof(
      fc.constantFrom("Z", "", "+00:00"),
      fc
        .tuple(
          fc.constantFrom("+", "-"),
          fc.integer({ min: 0, max: 23 }),
          fc.integer({ min: 0, max: 59 }),
        )
        .map(([sign, hour, minute]) => `${sign}${twoDigits(hour)}:${twoDigits(minute)}`),
    ),
  })
  .map(({ day, fraction, zone }) => `${day.toISOString().slice(0, 19)}${fraction}${zone}`);
const space = fc.constantFrom("", "", "", " ", "\n", "\r\n\t  ");

/** Events as nearly everybody writes them: all of these are read. */
const plain = fc
  .record({
    members: fc
      .tuple(id, id, id, id, timestamp)
      .map(([officer, subject, arrestType, crimeType, at]) => [
        ["officer_id", String(officer)],
        ["subject_id", String(subject)],
        ["arrest_type_id", String(arrestType)],
        ["crime_type_id", String(crimeType)],
        ["arrested_at", `"${at}"`],
      ])
      .chain((members) => fc.shuffledSubarray(members, { minLength: 5, maxLength: 5 })),
    spaces: fc.tuple(space, space, space, space, space, space),
  })
  .map(({ members, spaces: [before, open, colon, value, comma, after] }) => {
    const texts = members.map(([name, text]) => `"${name}"${colon}:${value}${text}`);
    return `${before}{${open}${texts.join(`${value},${comma}`)}${open}}${after}`;
  });

/** Bytes that go on where another value was cut off, or nearly so. */
const around = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.nat({ max: PLAIN.length }).map((at) => new Uint8Array(Buffer.from(PLAIN.slice(at)))),
  fc.constantFrom("0", "9}", " ", "}", '"}', "{", '{"').map((text) => Buffer.from(text)),
);

/** What is likely to change what a text means. */
const FRAGMENTS = [...'{}[]:,."\\ \t0123456789-+eETtZz_', "00", "1.0", "-0", "\\u006f", "ü", "\0"];

describe("an event is read", () => {
  test.each<[string, string]>([
    ["as it is documented", PLAIN],
    ["with spaces, as Python writes them", PLAIN.replaceAll(":", ": ").replace(/: (\d\d)/g, ":$1")],
    ["with spaces and line ends", JSON.stringify(JSON.parse(PLAIN), null, 2)],
    ["with its members in another order", `{${PLAIN.slice(1, -1).split(",").reverse().join(",")}}`],
    ["without a fraction of a second", PLAIN.replace(".000", "")],
    ["with microseconds and no offset", PLAIN.replace(".000Z", ".000999")],
    ["with the longest timestamp", LONGEST],
    ["with an offset", PLAIN.replace("13:05:00.000Z", "14:35:00+01:30")],
  ])("%s", (_, text) => {
    expect(read(text)).toEqual(FIELDS);
  });

  test("however it is laid out, and with any plain timestamp", () => {
    check(
      fc.property(plain, around, around, (text, before, after) => {
        expect(expectSame(Buffer.from(text), before, after)).toBe(true);
      }),
      1000,
    );
  });

  test("as the simulator writes it", () => {
    const { value } = simulatedMessage(FIELDS, () => 1, 0);
    expect(readEvent(value as Buffer, 0, value?.length ?? 0)).toEqual(FIELDS);
  });
});

describe("nothing is read of", () => {
  test.each<[string, string]>([
    ["another member", PLAIN.replace("{", '{"badge":1,')],
    ["a member twice", PLAIN.replace('"subject_id"', '"officer_id"')],
    ["a member too few", PLAIN.replace('"subject_id":1204,', "")],
    ["a name with escapes", PLAIN.replace('"officer_id"', '"\\u006ffficer_id"')],
    ["an integer in another notation", PLAIN.replace(":7,", ":7.0,")],
    ["an id of sixteen digits", PLAIN.replace(":7,", ":1234567890123456,")],
    ["a leading zero", PLAIN.replace(":7,", ":07,")],
    ["a zero", PLAIN.replace(":7,", ":0,")],
    ["a day that is not in the calendar", PLAIN.replace("11-22", "02-29")],
    ["a day that is none", PLAIN.replace("11-22", "11-00")],
    ["hour 24", PLAIN.replace("T13", "T24")],
    ["a leap second", PLAIN.replace(":00.000", ":60.000")],
    [
      "an instant before the year 1",
      PLAIN.replace("2026-11-22T13:05:00.000Z", "0001-01-01T00:00:00+01:00"),
    ],
    ["ten digits of a second", PLAIN.replace(".000Z", ".0000000000Z")],
    ["the longest timestamp and something else for its quote", LONGEST.replace('00"}', "00}}")],
    ["the longest timestamp and more", LONGEST.replace('00"}', '000"}')],
    ["a comma before the end", PLAIN.replace("}", ",}")],
    ["two objects", `${PLAIN}${PLAIN}`],
    ["a byte-order mark", `\uFEFF${PLAIN}`],
    ["a text without end", PLAIN.slice(0, -2)],
    ["nothing", ""],
  ])("%s", (_, text) => {
    expect(read(text)).toBeUndefined();
  });

  test("a value that its neighbours in the batch would complete", () => {
    const bytes = Buffer.from(PLAIN);
    for (let at = 0; at < bytes.length; at++) {
      expect(readEvent(bytes, 0, at), `up to ${at}`).toBeUndefined();
      if (at > 0) expect(readEvent(bytes, at, bytes.length), `from ${at}`).toBeUndefined();
    }
    expect(readEvent(Buffer.from(`${PLAIN} `), 0, bytes.length)).toEqual(FIELDS);
  });

  test("what no event is, in all the ways in which producers go wrong", () => {
    const random = seededRandom(1);
    for (const name of MALFORMATION_NAMES) {
      const value = malformed(name, FIELDS, random);
      if (value !== null) expect(readEvent(value, 0, value.length), name).toBeUndefined();
    }
  });
});

describe("what is read is what decodeMessage reads", () => {
  test("of plain events that were changed in some places", () => {
    const change = fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.constantFrom(...FRAGMENTS));
    let changedAndRead = 0;
    check(
      fc.property(
        plain,
        fc.array(change, { minLength: 1, maxLength: 2 }),
        around,
        (text, changes, after) => {
          let changed = text;
          for (const [drawn, removed, inserted] of changes) {
            const at = drawn % (changed.length + 1);
            changed = changed.slice(0, at) + inserted + changed.slice(at + removed);
          }
          if (expectSame(Buffer.from(changed), undefined, after)) changedAndRead++;
        },
      ),
      4000,
    );
    // Or the changes would prove nothing.
    expect(changedAndRead).toBeGreaterThan(50);
  });

  test("of JSON as anybody could write it", () => {
    check(
      fc.property(eventBytes, around, (bytes, after) => {
        expectSame(bytes, undefined, after);
      }),
      1500,
    );
  });

  test("of arbitrary bytes", () => {
    check(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expectSame(bytes);
      }),
      3000,
    );
  });
});
