import { describe, expect, test } from "bun:test";
import type { ArrestEventJson } from "../../src/arrest-event.ts";
import { eventOfMessage, query } from "../promises/support.ts";
import { audit, exactly, range } from "./support/audit.ts";
import { type Outgoing, send } from "./support/producer.ts";
import { Scene, upToDate } from "./support/scene.ts";

const MEGABYTE = 1_048_576;

test("values of a megabyte become rows and dead letters like any other, whole", async () => {
  using scene = await Scene.open({
    partitions: 2,
    config: { "max.message.bytes": String(2 * MEGABYTE) },
  });
  const count = 40;
  const isEvent = (sequence: number) => sequence % 4 < 2;
  const value = (sequence: number) => {
    const event = isEvent(sequence) ? eventOfMessage(sequence) : { sequence };
    const text = JSON.stringify({ ...event, padding: "" });
    return text.replace('""', `"${"x".repeat(MEGABYTE - text.length)}"`);
  };
  const messages = range(0, count).map((sequence) => ({
    partition: sequence % 2,
    value: value(sequence),
  }));
  await send(scene.brokers, scene.topic, messages, { "message.max.bytes": 2 * MEGABYTE });
  await using service = await scene.start();
  await upToDate(service, 2);
  const events = range(0, count).filter(isEvent);
  expect(audit([scene.store()], events, 2)).toEqual(exactly(events.length));
  const letters = query<{ partition: number; offset: number; value: string }>(
    scene.store(),
    "select partition, offset, cast(value as text) as value from dead_letter order by offset, partition",
  );
  expect(letters.length).toBe(count - events.length);
  for (const { partition, offset, value: kept } of letters) {
    // Not by toEqual, whose report would be megabytes long.
    expect(kept === value(offset * 2 + partition)).toBe(true);
  }
});

/** Levels of nesting. */
const DEEP = 100_000;
const EVENT = eventOfMessage(41);
const JSON_TEXT = JSON.stringify(EVENT);
const withMember = (member: string) => `${JSON_TEXT.slice(0, -1)},${member}}`;
const withOfficer = (number: string) =>
  JSON_TEXT.replace(/"officer_id":\d+/, `"officer_id":${number}`);

/** What a message ends as: the event of a row, or the reason of a dead letter. */
type End = Omit<ArrestEventJson, "id"> | string;

/** One of each kind of strange message, and what becomes of it. */
const STRANGE: Record<string, [Omit<Outgoing, "partition">, End]> = {
  "no value": [{ value: null }, "no_value"],
  "an empty value": [{ value: "" }, "not_json"],
  "no key": [{ key: null, value: JSON_TEXT }, EVENT],
  "neither key nor value": [{ key: null, value: null }, "no_value"],
  "an empty key": [{ key: "", value: "empty key" }, "not_json"],
  "a key of bytes": [{ key: Buffer.from([0, 255, 128]), value: "key" }, "not_json"],
  "headers, one name twice": [
    { value: "headers", headers: [{ a: "1" }, { b: Buffer.from([0, 255]) }, { a: "2" }] },
    "not_json",
  ],
  "a header without a name": [{ value: "nameless header", headers: [{ "": "1" }] }, "not_json"],
  "a key and a header of a hundred kilobytes": [
    {
      key: Buffer.alloc(100_000, "key"),
      value: "large key",
      headers: [{ large: Buffer.alloc(100_000, 0xfe) }],
    },
    "not_json",
  ],
  "an empty header": [{ value: "empty header", headers: [{ empty: "" }] }, "not_json"],
  "headers on an event": [{ value: JSON_TEXT, headers: [{ trace: "4bf92f" }] }, EVENT],
  "escaped control characters": [
    { value: withMember(String.raw`"note":"\u0000\u0007\u001b\n"`) },
    EVENT,
  ],
  "raw control characters": [{ value: withMember('"note":"\u0000\u0007"') }, "not_json"],
  "a lone surrogate, escaped": [{ value: withMember(String.raw`"note":"\ud800"`) }, EVENT],
  "a lone surrogate in a name": [{ value: withMember(String.raw`"\udfff":1`) }, EVENT],
  "a lone surrogate in a time": [
    { value: JSON_TEXT.replace(/Z"/, String.raw`Z\ud800"`) },
    "invalid_event",
  ],
  "a lone surrogate, raw": [
    { value: Buffer.concat([Buffer.from('"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"')]) },
    "not_utf8",
  ],
  "bytes that are no UTF-8": [{ value: Buffer.from([0xff, 0xfe, 0x00]) }, "not_utf8"],
  "a byte-order mark": [{ value: `\ufeff${JSON_TEXT}` }, EVENT],
  "two byte-order marks": [{ value: `\ufeff\ufeff${JSON_TEXT}` }, "not_json"],
  "a byte-order mark within": [{ value: withMember('\ufeff"note":1') }, "not_json"],
  "a byte-order mark alone": [{ value: "\ufeff" }, "not_json"],
  "a byte-order mark of UTF-16": [
    { value: Buffer.from(`\ufeff${JSON_TEXT}`, "utf16le") },
    "not_utf8",
  ],
  "a duplicate member: the last counts": [
    { value: withMember('"officer_id":77') },
    { ...EVENT, officer_id: 77 },
  ],
  "a duplicate member in other letters": [
    { value: withMember(String.raw`"officer\u005fid":77`) },
    { ...EVENT, officer_id: 77 },
  ],
  "a duplicate member, the last one wrong": [
    { value: withMember('"officer_id":"x"') },
    "invalid_event",
  ],
  "a member called __proto__": [{ value: withMember('"__proto__":{"officer_id":5}') }, EVENT],
  "members only under __proto__": [{ value: `{"__proto__":${JSON_TEXT}}` }, "invalid_event"],
  "the greatest id": [
    { value: withOfficer("9007199254740991") },
    { ...EVENT, officer_id: 9007199254740991 },
  ],
  "an id of 2^53": [{ value: withOfficer("9007199254740992") }, "invalid_event"],
  "an id that only rounds to an integer": [
    { value: withOfficer("9007199254740993") },
    "invalid_event",
  ],
  "an exponent": [{ value: withOfficer("12e2") }, { ...EVENT, officer_id: 1200 }],
  "a negative exponent": [{ value: withOfficer("1200e-2") }, { ...EVENT, officer_id: 12 }],
  "the greatest id as a fraction with an exponent": [
    { value: withOfficer("0.9007199254740991E+16") },
    { ...EVENT, officer_id: 9007199254740991 },
  ],
  "a fraction by its exponent": [{ value: withOfficer("1e-3") }, "invalid_event"],
  "2^53 by its exponent": [{ value: withOfficer("9.007199254740992e15") }, "invalid_event"],
  "a huge exponent": [{ value: withOfficer("1e400") }, "invalid_event"],
  "a fraction": [{ value: withOfficer("1.5") }, "invalid_event"],
  "a fraction of zero": [{ value: withOfficer("1.0") }, { ...EVENT, officer_id: 1 }],
  "a leading zero": [{ value: withOfficer("07") }, "not_json"],
  "no number of JSON's": [{ value: withOfficer("Infinity") }, "not_json"],
  "a number in a string": [{ value: withOfficer('"7"') }, "invalid_event"],
  "minus zero": [{ value: withOfficer("-0") }, "invalid_event"],
  "deep nesting beside an event": [
    { value: withMember(`"note":${"[".repeat(DEEP)}${"]".repeat(DEEP)}`) },
    EVENT,
  ],
  "objects in objects beside an event": [
    { value: withMember(`"note":${'{"note":'.repeat(DEEP)}0${"}".repeat(DEEP)}`) },
    EVENT,
  ],
  "deep nesting in the place of an id": [
    { value: withOfficer(`${"[".repeat(DEEP)}${"]".repeat(DEEP)}`) },
    "invalid_event",
  ],
  "nothing but deep nesting": [
    { value: `${"[".repeat(DEEP)}${"]".repeat(DEEP)}` },
    "invalid_event",
  ],
  "deep nesting that does not end": [{ value: "[".repeat(500_000) }, "not_json"],
  "an array": [{ value: `[${JSON_TEXT}]` }, "invalid_event"],
  "a JSON null": [{ value: "null" }, "invalid_event"],
  "two values": [{ value: `${JSON_TEXT}${JSON_TEXT}` }, "not_json"],
  "a trailing zero byte": [{ value: `${JSON_TEXT}\u0000` }, "not_json"],
  "white space around": [{ value: `\r\n\t ${JSON_TEXT} \n` }, EVENT],
  "an event like any other": [{ value: JSON_TEXT }, EVENT],
};

interface Letter {
  readonly offset: number;
  readonly reason: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: string;
}

const bytes = (given: Buffer | string | null | undefined) =>
  given === null || given === undefined ? null : Buffer.from(given).toString("hex");

describe("strange messages", () => {
  test("each ends as a row or as a dead letter that holds the whole of it", async () => {
    using scene = await Scene.open({ partitions: 1 });
    const strange = Object.entries(STRANGE);
    await send(
      scene.brokers,
      scene.topic,
      strange.map(([, [message]]) => ({ partition: 0, ...message })),
    );
    await using service = await scene.start();
    await upToDate(service, 1);

    const events = (await service.events()).map(({ id: _, ...event }) => event);
    const letters = query<Letter>(
      scene.store(),
      "select offset, reason, key, value, headers from dead_letter order by offset",
    );
    const byOffset = new Map(letters.map((letter) => [letter.offset, letter]));
    // Rows have no offset; their order is that of the messages that are no letters.
    const ends = strange.map(([name], offset) => {
      const letter = byOffset.get(offset);
      return [name, letter === undefined ? events.shift() : letter.reason];
    });
    expect(ends).toEqual(strange.map(([name, [, end]]) => [name, end]));
    expect(events).toEqual([]);

    const kept = letters.map(({ offset, key, value, headers }) => ({
      name: strange[offset]?.[0],
      key: key && Buffer.from(key).toString("hex"),
      value: value && Buffer.from(value).toString("hex"),
      headers: JSON.parse(headers),
    }));
    const sent = strange
      .filter(([, [, end]]) => typeof end === "string")
      .map(([name, [{ key, value, headers = [] }]]) => ({
        name,
        key: bytes(key),
        value: bytes(value),
        headers: headers.flatMap((header) =>
          Object.entries(header).map(([header, content]) => [
            header,
            Buffer.from(content as string).toString("base64"),
          ]),
        ),
      }));
    expect(kept).toEqual(sent);
  });
});
