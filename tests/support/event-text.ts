import fc from "fast-check";
import { FIELD_NAMES, MAX_ID } from "../../src/arrest-event.ts";

/** Numbers as JSON can write them, at the bounds of an id and beyond, and what is nearly one. */
const NUMBERS = [
  ...[
    "0",
    "-0",
    "-0.0",
    "-1",
    "1",
    "2",
    `${MAX_ID}`,
    `${MAX_ID - 1}`,
    `${MAX_ID}.0`,
    "1.5",
    "0.1e1",
  ],
  ...["9007199254740992", "9007199254740993", "9007199254740990.9999", "9.007199254740991e15"],
  ...["1.0", "1e0", "1E+0", "10e-1", "700e-2", "1.0000000000000001", "1e-400", "1e308", "1e400"],
  ...["-9007199254740991", "18446744073709551616", "123456789012345678901234567890"],
];
const NEARLY_NUMBERS = [
  ...['"7"', '"1.0"', '" 7"', '""', "true", "false", "null", "[7]", "[]", '{"value":7}', "{}"],
  ...["01", "+1", ".5", "1.", "0x7", "1_000", "7n", "NaN", "Infinity", "-", "1e", "٧", "undefined"],
];

const pad = (digits: number) => (value: number) => String(value).padStart(digits, "0");

/** Texts of the shape of a date and time: of real days and others, in and out of all bounds. */
const timestamp = fc
  .record({
    year: fc.oneof(
      fc.constantFrom("0000", "0001", "0004", "1900", "2000", "2023", "2024", "9999", "10000"),
      fc.constantFrom("+002026", "-0001", "26", "２０２６"),
      fc.integer({ min: 0, max: 9999 }).map(pad(4)),
    ),
    month: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom("00", "13", "1", "W47") },
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 12 }).map(pad(2)) },
    ),
    day: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom("00", "29", "30", "31", "32", "7") },
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 29 }).map(pad(2)) },
    ),
    separator: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom("T", "t") },
      { weight: 1, arbitrary: fc.constantFrom(" ", "", "_") },
    ),
    time: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("00:00", "13:05:00", "23:59:59", "13:05:00.250") },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          ...["24:00:00", "23:60:00", "23:59:60", "13", "1305", "13:5", "13:05:00.", "13:05.5"],
          ...["13:05:00,25", "13:05:00.123456789", "13:05:00.1234567890", "99:99:99"],
        ),
      },
    ),
    offset: fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom("Z", "z", "", "+00:00", "-00:00", "+01:00", "-0330"),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          ...["+23:59", "-23:59", "+05", "+24:00", "+1", "+01:60", "Z+01:00", "ZZ", "−01:00", " Z"],
        ),
      },
    ),
  })
  .map(({ year, month, day, separator, time, offset }) =>
    [year, "-", month, "-", day, separator, time, offset].join(""),
  );

/** Writes a text as a JSON string, some of its characters as escapes. */
function asString(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const escapes = fc.infiniteStream(fc.integer({ min: 0, max: 19 }));
  return fc.tuple(text, escapes).map(([characters, stream]) => {
    const written = [...characters].map((character) => {
      const draw = stream.next().value;
      const hex = character.charCodeAt(0).toString(16).padStart(4, "0");
      if (draw === 0 && character.length === 1) return `\\u${hex}`;
      if (draw === 1 && character.length === 1) return `\\u${hex.toUpperCase()}`;
      return JSON.stringify(character).slice(1, -1);
    });
    return `"${written.join("")}"`;
  });
}

/** Mostly the first, one time in so many the second. */
function mostly<T>(times: number, usual: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>) {
  return fc.oneof({ weight: times - 1, arbitrary: usual }, { weight: 1, arbitrary: seldom });
}

const id = mostly(
  12,
  fc.oneof(fc.integer({ min: 1, max: MAX_ID }).map(String), fc.constantFrom("1", "7", `${MAX_ID}`)),
  fc.oneof(
    fc.constantFrom(...NUMBERS),
    fc.constantFrom(...NEARLY_NUMBERS),
    fc.double().map(String),
  ),
);

const instant = mostly(
  5,
  fc
    .date({
      min: new Date("0001-01-01T00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
      noInvalidDate: true,
    })
    .map((date) => JSON.stringify(date)),
  fc.oneof(
    asString(timestamp),
    asString(timestamp),
    asString(fc.string()),
    fc.constantFrom(
      "0",
      "1795352700000",
      "null",
      "[]",
      '["2026-11-22T13:05:00Z"]',
      "{}",
      '"\\ud800"',
    ),
  ),
);

const KNOWN = Object.values(FIELD_NAMES);

/** Names of members that are none of an event's, some of them with a meaning of their own in JavaScript. */
const unknownName = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "prototype", "toString", "valueOf", "length", "then"),
  fc.constantFrom("id", "Officer_id", "officer_id ", "officerId", "officer_id\0", "ofﬁcer_id", ""),
  fc.string({ unit: "binary", maxLength: 5 }),
);

const anyValue = fc.oneof(
  fc.json(),
  fc.constant(`{${KNOWN.map((name) => `"${name}":1`).join()}}`),
  fc.integer({ min: 1, max: 300 }).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
  fc.constantFrom(...NUMBERS, '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"'),
);

const member = (name: string) =>
  fc
    .tuple(asString(fc.constant(name)), name === FIELD_NAMES.arrestedAt ? instant : id)
    .map(([key, value]) => `${key}:${value}`);

const unknownMember = fc
  .tuple(
    fc.oneof(asString(unknownName), fc.constantFrom('"\\ud800"', '"\\u005f_proto__"')),
    anyValue,
  )
  .map(([key, value]) => `${key}:${value}`);

/** The members of an event in any order, seldom one too few, twice, or unknown. */
const members = fc
  .record({
    own: fc.tuple(...KNOWN.map((name) => mostly(40, member(name), fc.constant(undefined)))),
    more: fc.oneof(
      { weight: 5, arbitrary: fc.constant([]) },
      {
        weight: 3,
        arbitrary: fc.array(fc.oneof(unknownMember, fc.constantFrom(...KNOWN).chain(member)), {
          minLength: 1,
          maxLength: 3,
        }),
      },
    ),
    order: fc.infiniteStream(fc.nat()),
  })
  .map(({ own, more, order }) =>
    [...own, ...more]
      .filter((each) => each !== undefined)
      .map((text) => [order.next().value, text] as const)
      .sort(([a], [b]) => a - b)
      .map(([, text]) => text),
  );

const space = mostly(
  60,
  fc.constantFrom("", "", "", " ", "\n", "\r\n\t"),
  fc.constantFrom("\u00A0", "\v", "\f", "\uFEFF", "\0", "// \n", "/**/"),
);

const object = fc
  .record({ members, before: space, between: space, after: space })
  .map(({ members, before, between, after }) =>
    [before, "{", before, members.join(`${between},${between}`), after, "}", after].join(""),
  );

const text = mostly(
  12,
  object,
  fc.oneof(
    object.map((json) => `[${json}]`),
    object.map((json) => `${json}${json}`),
    object.map((json) => json.replace(/}\s*$/, ",}")),
    fc.tuple(object, fc.nat()).map(([json, at]) => json.slice(0, at % (json.length + 1))),
    fc.json(),
    fc.constantFrom("", " ", "null", "[]", "{}", '"{}"', "7"),
    fc
      .integer({ min: 1000, max: 50_000 })
      .map((depth) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`),
  ),
);

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** Of a lone surrogate, of a character in too many bytes, of a character that ends too early, of none. */
const NOT_UTF_8 = [[0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xe2, 0x82], [0xff], [0x80]];

/** The bytes of events, of what is nearly one, and of some that are none: JSON as anybody could write it. */
export const eventBytes: fc.Arbitrary<Buffer> = text.chain((json) => {
  const utf8 = Buffer.from(json);
  return mostly(
    12,
    fc.constant(utf8),
    fc.oneof(
      fc.constant(Buffer.from([...BYTE_ORDER_MARK, ...utf8])),
      fc.constant(Buffer.from([...BYTE_ORDER_MARK, ...BYTE_ORDER_MARK, ...utf8])),
      fc.constant(Buffer.from(json, "utf16le")),
      fc.constant(Buffer.from(json, "latin1")),
      fc
        .tuple(fc.nat(), fc.constantFrom(...NOT_UTF_8))
        .map(([at, bytes]) =>
          Buffer.concat([
            utf8.subarray(0, at % (utf8.length + 1)),
            Buffer.from(bytes),
            utf8.subarray(at % (utf8.length + 1)),
          ]),
        ),
    ),
  );
});
