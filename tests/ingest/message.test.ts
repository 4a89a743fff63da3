import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ArrestEventFields } from "../../src/arrest-event.ts";
import { ID_RULE, isId, TIMESTAMP_RULE } from "../../src/arrest-event.ts";
import { decodeMessage, isRefused, toDeadLetter } from "../../src/ingest/message.ts";
import type { Message } from "../../src/ingest/message-batch.ts";
import { DEAD_LETTER_REASONS } from "../../src/store/schema.ts";
import { openWriter } from "../../src/store/write.ts";
import { check } from "../support/property.ts";
import { batch, newDirectory } from "../support/store.ts";

const VALID = {
  officer_id: 7,
  subject_id: 1204,
  arrest_type_id: 2,
  crime_type_id: 31,
  arrested_at: "2026-11-22T14:05:00+01:00",
};

const EVENT: ArrestEventFields = {
  officerId: 7,
  subjectId: 1204,
  arrestTypeId: 2,
  crimeTypeId: 31,
  arrestedAt: Date.UTC(2026, 10, 22, 13, 5),
};

const decode = (text: string) => decodeMessage(Buffer.from(text));
const decodeJson = (value: unknown) => decode(JSON.stringify(value));

/** What is wrong with a message, as `pointer: rule`. */
function refusalsOf(value: Message["value"]): string[] {
  const decoded = decodeMessage(value);
  if (!isRefused(decoded)) throw new Error("the message was accepted");
  return decoded.refusals.map(({ pointer, detail }) => `${pointer}: ${detail}`);
}

const without = (name: keyof typeof VALID) => {
  const { [name]: _, ...others } = VALID;
  return others;
};

describe("a message is an event", () => {
  test.each<[string, string]>([
    ["as it is documented", JSON.stringify(VALID)],
    ["with spaces and line ends around it", `\n\t ${JSON.stringify(VALID, null, 2)}\r\n`],
    ["with a byte-order mark", `\uFEFF${JSON.stringify(VALID)}`],
    ["with members that are not known", JSON.stringify({ ...VALID, badge: { number: [1] } })],
    ["with an id, which the service assigns itself", JSON.stringify({ id: -1, ...VALID })],
    ["with members named as an object's own methods", JSON.stringify({ ...VALID, toString: 1 })],
    ["with __proto__", JSON.stringify(VALID).replace("{", '{"__proto__":{"officer_id":1},')],
    ["with an integer in another notation", JSON.stringify(VALID).replace(":7,", ":0.7e1,")],
    [
      "with an integer written as a fraction of nothing",
      JSON.stringify(VALID).replace(":7,", ":7.0,"),
    ],
    [
      "with a member twice, of which the last counts",
      JSON.stringify(VALID).replace("{", '{"officer_id":8,'),
    ],
    ["with escapes in its names", JSON.stringify(VALID).replace("officer_id", "\\u006ffficer_id")],
    [
      "with deep nesting in what is ignored",
      JSON.stringify(VALID).replace("}", `,"x":${"[".repeat(500)}${"]".repeat(500)}}`),
    ],
  ])("%s", (_, text) => {
    expect(decode(text)).toEqual(EVENT);
  });

  test("up to the greatest id", () => {
    const id = Number.MAX_SAFE_INTEGER;
    expect(decodeJson({ ...VALID, subject_id: id })).toEqual({ ...EVENT, subjectId: id });
  });

  test("after one that was refused in the middle of a character", () => {
    expect(decodeMessage(Buffer.from([0x22, 0xe2, 0x82]))).toMatchObject({ reason: "not_utf8" });
    expect(decodeJson(VALID)).toEqual(EVENT);
  });
});

describe("a message is refused", () => {
  test("without a value", () => {
    expect(decodeMessage(null)).toEqual({
      reason: "no_value",
      refusals: [{ pointer: "", detail: "must not be null" }],
    });
  });

  test.each<[string, Buffer]>([
    ["a stray byte", Buffer.concat([Buffer.from(JSON.stringify(VALID)), Buffer.from([0xff])])],
    ["Latin-1", Buffer.from('{"name":"Jos\xe9"}', "latin1")],
    ["an encoded surrogate", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["an overlong form", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ["UTF-16", Buffer.from(`\uFEFF${JSON.stringify(VALID)}`, "utf16le")],
    ["a character cut off", Buffer.from([0x22, 0xe2, 0x82])],
  ])("that is not UTF-8: %s", (_, value) => {
    expect(decodeMessage(value)).toMatchObject({ reason: "not_utf8" });
    expect(refusalsOf(value)).toEqual([": must be UTF-8"]);
  });

  test.each([
    "",
    " ",
    "\uFEFF",
    "arrest",
    "{",
    "{'officer_id':7}",
    "{officer_id:7}",
    `${JSON.stringify(VALID)},`,
    `${JSON.stringify(VALID)}${JSON.stringify(VALID)}`,
    JSON.stringify(VALID).replace("}", ",}"),
    JSON.stringify(VALID).replace(":7,", ":07,"),
    JSON.stringify(VALID).replace(":7,", ":0x7,"),
    JSON.stringify(VALID).replace(":7,", ":+7,"),
    JSON.stringify(VALID).replace(":7,", ":NaN,"),
    JSON.stringify(VALID).replace("{", "{/* a comment */"),
    `\0${JSON.stringify(VALID)}`,
  ])("that is not JSON: %p", (text) => {
    expect(decode(text)).toMatchObject({ reason: "not_json" });
    expect(refusalsOf(Buffer.from(text))).toEqual([": must be JSON"]);
  });

  test.each(["null", "true", "7", '"text"', "[]", `[${JSON.stringify(VALID)}]`])(
    "that is no JSON object: %s",
    (text) => {
      expect(decode(text)).toMatchObject({ reason: "invalid_event" });
      expect(refusalsOf(Buffer.from(text))).toEqual([": must be a JSON object"]);
    },
  );

  test.each(Object.keys(VALID) as (keyof typeof VALID)[])("without %s", (name) => {
    expect(decodeJson(without(name))).toEqual({
      reason: "invalid_event",
      refusals: [{ pointer: `/${name}`, detail: "is missing" }],
    });
  });

  test("that is an empty object, with every member that is missing", () => {
    expect(refusalsOf(Buffer.from("{}"))).toEqual(
      Object.keys(VALID).map((name) => `/${name}: is missing`),
    );
  });

  const ids = ["officer_id", "subject_id", "arrest_type_id", "crime_type_id"];
  const noIds = [
    "0",
    "-1",
    "1.5",
    "9007199254740992",
    "9007199254740993",
    "1e16",
    "1e400",
    '"7"',
    "null",
    "true",
    "[7]",
    "{}",
  ];

  test.each(ids)("with a %s that is no id", (name) => {
    for (const literal of noIds) {
      const text = JSON.stringify({ ...VALID, [name]: "#" }).replace('"#"', literal);
      expect(refusalsOf(Buffer.from(text)), literal).toEqual([`/${name}: ${ID_RULE}`]);
    }
  });

  test.each([
    '"2026-02-30T00:00:00Z"',
    '"2026-11-22"',
    '"2026-11-22 13:05:00"',
    '"yesterday"',
    '""',
    "1795352700000",
    "null",
    "[]",
  ])("with %s as the time of the arrest", (literal) => {
    const text = JSON.stringify({ ...VALID, arrested_at: "#" }).replace('"#"', literal);
    expect(refusalsOf(Buffer.from(text))).toEqual([`/arrested_at: ${TIMESTAMP_RULE}`]);
  });

  test("with everything that is wrong with it at once", () => {
    const value = { officer_id: 0, subject_id: "x", arrest_type_id: 2, arrested_at: "now" };
    expect(refusalsOf(Buffer.from(JSON.stringify(value))).sort()).toEqual(
      [
        `/officer_id: ${ID_RULE}`,
        `/subject_id: ${ID_RULE}`,
        "/crime_type_id: is missing",
        `/arrested_at: ${TIMESTAMP_RULE}`,
      ].sort(),
    );
  });

  test("when it is nested beyond reading", () => {
    const decoded = decode("[".repeat(1_000_000));
    expect(decoded).toMatchObject({ reason: "not_json" });
  });
});

describe("whatever the bytes are", () => {
  const RULES = new Set([
    "must not be null",
    "must be UTF-8",
    "must be JSON",
    "must be a JSON object",
    "is missing",
    ID_RULE,
    TIMESTAMP_RULE,
  ]);
  const POINTERS = new Set(["", ...Object.keys(VALID).map((name) => `/${name}`)]);

  /** An event that the contract allows, or a refusal that holds nothing but our own words. */
  function expectVerdict(value: Buffer): void {
    const decoded = decodeMessage(value);
    if (isRefused(decoded)) {
      expect(DEAD_LETTER_REASONS).toContain(decoded.reason);
      expect(decoded.refusals.length).toBeGreaterThan(0);
      for (const { pointer, detail } of decoded.refusals) {
        expect(RULES, detail).toContain(detail);
        expect(POINTERS, pointer).toContain(pointer);
      }
    } else {
      const { arrestedAt, ...others } = decoded;
      for (const id of Object.values(others)) expect(isId(id)).toBe(true);
      expect(new Date(arrestedAt).getUTCFullYear()).toBeWithin(1, 10_000);
    }
  }

  test("random bytes are an event or a refusal", () => {
    check(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectVerdict(Buffer.from(bytes))),
      5000,
    );
  });

  test("random JSON is an event or a refusal", () => {
    check(
      fc.property(fc.json(), (json) => expectVerdict(Buffer.from(json))),
      3000,
    );
  });

  /** Objects that are nearly events. */
  const nearly = fc.record(
    {
      officer_id: fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.jsonValue()),
      subject_id: fc.oneof(fc.nat(), fc.double(), fc.string()),
      arrest_type_id: fc.integer({ min: 1, max: 9 }),
      crime_type_id: fc.oneof(fc.integer({ min: 1 }), fc.constant(null)),
      arrested_at: fc.oneof(
        fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        fc.string(),
      ),
      [`__proto__`]: fc.jsonValue(),
    },
    { requiredKeys: ["arrest_type_id"] },
  );

  test("objects that are nearly events are an event or a refusal", () => {
    check(
      fc.property(nearly, (value) => expectVerdict(Buffer.from(JSON.stringify(value)))),
      3000,
    );
  });

  test("what is an event satisfies the store", () => {
    using directory = newDirectory();
    const writer = openWriter(directory.file(), "kafka", "arrest_event", decodeMessage);
    const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    const instant = fc.date({
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    });
    const event = fc.record({
      officer_id: id,
      subject_id: id,
      arrest_type_id: id,
      crime_type_id: id,
      arrested_at: instant.map((date) => date.toISOString()),
    });
    check(
      fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), (values) => {
        const events = values.map((value) => decodeJson(value) as ArrestEventFields);
        expect(writer.ingest(batch({ events }))).toEqual({
          events: values.length,
          deadLetters: 0,
        });
      }),
      100,
    );
    writer.close();
  });
});

describe("a dead letter", () => {
  const refused = {
    reason: "not_json" as const,
    refusals: [{ pointer: "", detail: "must be JSON" }],
  };

  function message(given: Partial<Message> = {}): Message {
    return {
      topic: "arrests",
      partition: 3,
      offset: 41,
      value: Buffer.from([0, 255, 10]),
      key: null,
      headers: [],
      timestamp: 1_700_000_000_123,
      ...given,
    };
  }

  test("keeps the whole message, byte for byte", () => {
    const key = Buffer.from([255, 0, 128]);
    const headers: Message["headers"] = [
      ["trace", Buffer.from([0, 1, 254])],
      ["trace", Buffer.from("again")],
      ["absent", null],
      ["empty", Buffer.alloc(0)],
      ["__proto__", Buffer.from("ü")],
    ];
    const letter = toDeadLetter(message({ key, headers }), refused, "kafka", 5);
    expect(letter).toEqual({
      cluster: "kafka",
      topic: "arrests",
      partition: 3,
      offset: 41,
      timestamp: 1_700_000_000_123,
      key,
      value: Buffer.from([0, 255, 10]),
      headers: [
        ["trace", Buffer.from([0, 1, 254]).toString("base64")],
        ["trace", Buffer.from("again").toString("base64")],
        ["absent", null],
        ["empty", ""],
        ["__proto__", Buffer.from("ü").toString("base64")],
      ],
      reason: "not_json",
      refusals: refused.refusals,
      refusedAt: 5,
    });
  });

  test("of a message without key, headers, time and value says so", () => {
    const bare = message({ value: null, timestamp: null });
    expect(toDeadLetter(bare, refused, "embedded", 5)).toMatchObject({
      cluster: "embedded",
      timestamp: null,
      key: null,
      value: null,
      headers: [],
    });
  });
});
