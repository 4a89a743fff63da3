import { type ArrestEventFields, FIELD_NAMES, instantOf } from "../arrest-event.ts";

/** The characters that JSON gives a meaning. */
const OPEN = "{".charCodeAt(0);
const CLOSE = "}".charCodeAt(0);
const COLON = ":".charCodeAt(0);
const COMMA = ",".charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
const SPACE = " ".charCodeAt(0);
const TAB = "\t".charCodeAt(0);
const LINE_FEED = "\n".charCodeAt(0);
const CARRIAGE_RETURN = "\r".charCodeAt(0);

/** Those of numbers and of timestamps. */
const ZERO = "0".charCodeAt(0);
const NINE = "9".charCodeAt(0);
const DASH = "-".charCodeAt(0);
const PLUS = "+".charCodeAt(0);
const DOT = ".".charCodeAt(0);
const LETTER_T = "T".charCodeAt(0);
const LETTER_Z = "Z".charCodeAt(0);

/** The members' names as they stand in a message, in the order in which we write them. */
const NAMES = [
  FIELD_NAMES.officerId,
  FIELD_NAMES.subjectId,
  FIELD_NAMES.arrestTypeId,
  FIELD_NAMES.crimeTypeId,
  FIELD_NAMES.arrestedAt,
].map((name) => Uint8Array.from(Buffer.from(`"${name}"`)));
const ARRESTED_AT = NAMES.length - 1;
const ALL_SEEN = 2 ** NAMES.length - 1;

/** Numbers of so many digits are exact whatever the digits. */
const MOST_DIGITS = 15;

/** What a fraction of a second can have (ISO 8601 as `parseTimestamp` reads it). */
const MOST_FRACTION_DIGITS = 9;

/** How long a timestamp can be. */
const MOST_TIMESTAMP = "2026-11-22T13:05:00.123456789+01:00".length;

/**
 * Reads the event that `bytes` hold from `from` up to `to`, if it is written as nearly everybody writes
 * it: a JSON object of our five members and no other, each once, in any order, with integers in plain
 * digits and a timestamp with seconds. It is for speed only: what it reads, `decodeMessage` reads the
 * same, and whatever it declines is for that one to judge.
 *
 * @returns `undefined` for everything else, which may still be an event
 */
export function readEvent(
  bytes: Uint8Array,
  from: number,
  to: number,
): ArrestEventFields | undefined {
  let officerId = 0;
  let subjectId = 0;
  let arrestTypeId = 0;
  let crimeTypeId = 0;
  let arrestedAt = 0;
  let seen = 0;
  // It only goes on, and has to end at `to`: what it takes from behind there is never accepted.
  let at = pastSpace(bytes, from, to);
  if (bytes[at] !== OPEN) return undefined;
  for (let count = 0; count < NAMES.length; count++) {
    at = pastSpace(bytes, at + 1, to);
    const member = memberAt(bytes, at, count);
    if (member === undefined) return undefined;
    seen |= 1 << member;
    at = pastSpace(bytes, at + (NAMES[member] as Uint8Array).length, to);
    if (bytes[at] !== COLON) return undefined;
    at = pastSpace(bytes, at + 1, to);
    if (member === ARRESTED_AT) {
      if (bytes[at] !== QUOTE) return undefined;
      let end = at + 1;
      while (bytes[end] !== QUOTE && end - at <= MOST_TIMESTAMP) end++;
      if (bytes[end] !== QUOTE) return undefined;
      const instant = readTimestamp(bytes, at + 1, end);
      if (instant === undefined) return undefined;
      arrestedAt = instant;
      at = end + 1;
    } else {
      const first = at;
      let id = 0;
      for (let byte = bytes[at]; isDigit(byte); byte = bytes[++at]) id = id * 10 + (byte - ZERO);
      if (at === first || at - first > MOST_DIGITS || bytes[first] === ZERO) return undefined;
      if (member === 0) officerId = id;
      else if (member === 1) subjectId = id;
      else if (member === 2) arrestTypeId = id;
      else crimeTypeId = id;
    }
    at = pastSpace(bytes, at, to);
    if (bytes[at] !== (count === NAMES.length - 1 ? CLOSE : COMMA)) return undefined;
  }
  if (seen !== ALL_SEEN || pastSpace(bytes, at + 1, to) !== to) return undefined;
  return { officerId, subjectId, arrestTypeId, crimeTypeId, arrestedAt };
}

/** Where the next byte is that is no white space, or `to`. */
function pastSpace(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(bytes[at])) at++;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** Which member's name stands at a place; the one that usually does is looked for first. */
function memberAt(bytes: Uint8Array, at: number, usual: number): number | undefined {
  if (isNameAt(bytes, at, usual)) return usual;
  for (let member = 0; member < NAMES.length; member++) {
    if (isNameAt(bytes, at, member)) return member;
  }
  return undefined;
}

function isNameAt(bytes: Uint8Array, at: number, member: number): boolean {
  const name = NAMES[member] as Uint8Array;
  for (let index = 0; index < name.length; index++) {
    if (bytes[at + index] !== name[index]) return false;
  }
  return true;
}

/** Reads `2026-11-22T13:05:00`, with a fraction or without, and with `Z`, an offset such as `+01:00`, or neither. */
function readTimestamp(bytes: Uint8Array, from: number, to: number): number | undefined {
  if (
    bytes[from + 4] !== DASH ||
    bytes[from + 7] !== DASH ||
    bytes[from + 10] !== LETTER_T ||
    bytes[from + 13] !== COLON ||
    bytes[from + 16] !== COLON
  ) {
    return undefined;
  }
  const hour = twoDigits(bytes, from + 11);
  const minute = twoDigits(bytes, from + 14);
  const second = twoDigits(bytes, from + 17);
  // Written so that it holds for no NaN.
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  let at = from + 19;
  let millisecond = 0;
  if (bytes[at] === DOT) {
    const first = ++at;
    for (let byte = bytes[at]; isDigit(byte); byte = bytes[++at]) {
      if (at - first < 3) millisecond = millisecond * 10 + (byte - ZERO);
    }
    const digits = at - first;
    if (digits === 0 || digits > MOST_FRACTION_DIGITS) return undefined;
    for (let digit = digits; digit < 3; digit++) millisecond *= 10;
  }
  let offset = 0;
  const zone = bytes[at];
  if (zone === LETTER_Z) {
    at++;
  } else if (zone === PLUS || zone === DASH) {
    const offsetHour = twoDigits(bytes, at + 1);
    const offsetMinute = twoDigits(bytes, at + 4);
    if (bytes[at + 3] !== COLON || !(offsetHour <= 23 && offsetMinute <= 59)) return undefined;
    offset = (offsetHour * 60 + offsetMinute) * (zone === DASH ? -1 : 1);
    at += 6;
  }
  if (at !== to) return undefined;
  return instantOf(
    twoDigits(bytes, from) * 100 + twoDigits(bytes, from + 2),
    twoDigits(bytes, from + 5),
    twoDigits(bytes, from + 8),
    ((hour * 60 + minute - offset) * 60 + second) * 1000 + millisecond,
  );
}

/** A number of two digits; NaN where there are none. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at];
  const ones = bytes[at + 1];
  return isDigit(tens) && isDigit(ones) ? (tens - ZERO) * 10 + (ones - ZERO) : Number.NaN;
}
