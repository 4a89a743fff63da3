import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatTimestamp,
  isId,
  MAX_ID,
  MAX_TIMESTAMP,
  MIN_TIMESTAMP,
  parseTimestamp,
  toJson,
} from "../src/arrest-event.ts";
import { check } from "./support/property.ts";

describe("a timestamp", () => {
  test.each([
    ["2026-11-22T13:05:00.000Z", "2026-11-22T13:05:00.000Z", "as the service writes it"],
    ["2026-11-22T13:05:00Z", "2026-11-22T13:05:00.000Z", "without a fraction"],
    ["2026-11-22T13:05Z", "2026-11-22T13:05:00.000Z", "without seconds"],
    ["2026-11-22t13:05:00z", "2026-11-22T13:05:00.000Z", "with small t and z"],
    ["2026-11-22T13:05:00", "2026-11-22T13:05:00.000Z", "without an offset, as UTC"],
    ["2026-11-22T13:05", "2026-11-22T13:05:00.000Z", "without seconds and offset"],
    ["2026-11-22T13:05:00+01:00", "2026-11-22T12:05:00.000Z", "east of Greenwich"],
    ["2026-11-22T13:05:00-0330", "2026-11-22T16:35:00.000Z", "with an offset without a colon"],
    ["2026-11-22T13:05:00+05", "2026-11-22T08:05:00.000Z", "with an offset of hours"],
    ["2026-11-22T13:05+01:00", "2026-11-22T12:05:00.000Z", "with an offset after the minute"],
    ["2026-11-22T13:05:00-00:00", "2026-11-22T13:05:00.000Z", "with an offset of minus nothing"],
    ["2026-11-22T13:05:00+23:59", "2026-11-21T13:06:00.000Z", "with the greatest offset"],
    ["2026-11-22T13:05:00.1Z", "2026-11-22T13:05:00.100Z", "with tenths"],
    ["2026-11-22T13:05:00,25Z", "2026-11-22T13:05:00.250Z", "with a comma"],
    ["2026-11-22T13:05:59.9999Z", "2026-11-22T13:05:59.999Z", "cut, not rounded"],
    ["1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999Z", "cut before 1970 too"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z", "on a leap day"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z", "on a leap day of a century"],
    ["0004-02-29T00:00:00Z", "0004-02-29T00:00:00.000Z", "on the first leap day"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "at the first instant"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z", "at the last instant"],
    ["0000-12-31T23:00:00-01:00", "0001-01-01T00:00:00.000Z", "that its offset brings into year 1"],
    ["0099-03-01T00:00:00Z", "0099-03-01T00:00:00.000Z", "in the first century"],
  ])("%s is read as %s: %s", (text, expected) => {
    const instant = parseTimestamp(text);
    expect(instant).toBe(Date.parse(expected));
    expect(formatTimestamp(instant ?? Number.NaN)).toBe(expected);
  });

  test.each([
    ["2026-02-30T00:00:00Z", "February 30"],
    ["2026-02-29T00:00:00Z", "February 29 in a common year"],
    ["1900-02-29T00:00:00Z", "February 29 in a century that is no leap year"],
    ["2026-04-31T00:00:00Z", "April 31"],
    ["2026-00-01T00:00:00Z", "month 0"],
    ["2026-13-01T00:00:00Z", "month 13"],
    ["2026-01-00T00:00:00Z", "day 0"],
    ["2026-01-32T00:00:00Z", "day 32"],
    ["2026-11-22T24:00:00Z", "hour 24"],
    ["2026-11-22T13:60:00Z", "minute 60"],
    ["2016-12-31T23:59:60Z", "a leap second"],
    ["2026-11-22T13:05:00+24:00", "an offset of 24 hours"],
    ["2026-11-22T13:05:00+01:60", "an offset of 60 minutes"],
    ["2026-11-22T13:05:00+1", "an offset of one digit"],
    ["0000-12-31T23:59:59.999Z", "the instant before year 1"],
    ["0001-01-01T00:59:59Z+01:00", "two offsets"],
    ["0001-01-01T00:00:00+00:01", "before year 1 by its offset"],
    ["9999-12-31T23:59:59-00:01", "after year 9999 by its offset"],
    ["10000-01-01T00:00:00Z", "a year of five digits"],
    ["+002026-11-22T13:05:00Z", "an expanded year"],
    ["26-11-22T13:05:00Z", "a year of two digits"],
    ["2026-11-22", "a date without a time"],
    ["2026-11-22T13Z", "an hour without minutes"],
    ["2026-11-22 13:05:00Z", "a space for the T"],
    ["20261122T130500Z", "the basic form"],
    ["2026-W47-7T13:05:00Z", "a week date"],
    ["2026-326T13:05:00Z", "an ordinal date"],
    ["2026-11-22T13:05.5Z", "a fraction of a minute"],
    ["2026-11-22T13:05:00.Z", "an empty fraction"],
    ["2026-11-22T13:05:00Z\n", "a line end"],
    [" 2026-11-22T13:05:00Z", "a leading space"],
    ["２０２６-11-22T13:05:00Z", "digits of another script"],
    ["Sun, 22 Nov 2026 13:05:00 GMT", "an RFC 5322 date"],
    ["1795352700000", "milliseconds"],
    ["", "nothing"],
  ])("%p is refused: %s", (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  test("is read and written as Date does it, over the whole range", () => {
    check(
      fc.property(fc.integer({ min: MIN_TIMESTAMP, max: MAX_TIMESTAMP }), (instant) => {
        const text = new Date(instant).toISOString();
        expect(formatTimestamp(instant)).toBe(text);
        expect(parseTimestamp(text)).toBe(instant);
      }),
      20_000,
    );
  });

  test("with any offset names the instant that Date gives it", () => {
    const twoDigits = (value: number) => String(value).padStart(2, "0");
    check(
      fc.property(
        fc.integer({ min: MIN_TIMESTAMP, max: MAX_TIMESTAMP }),
        fc.constantFrom("+", "-"),
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        (local, sign, hours, minutes) => {
          const offset = (hours * 60 + minutes) * 60_000 * (sign === "-" ? -1 : 1);
          const instant = local - offset;
          const isInRange = instant >= MIN_TIMESTAMP && instant <= MAX_TIMESTAMP;
          const wall = new Date(local).toISOString().slice(0, -1);
          expect(parseTimestamp(`${wall}${sign}${twoDigits(hours)}:${twoDigits(minutes)}`)).toBe(
            isInRange ? instant : undefined,
          );
        },
      ),
      5000,
    );
  });

  test("is one exactly for the days that the calendar has", () => {
    const twoDigits = (value: number) => String(value).padStart(2, "0");
    for (const year of [1, 4, 100, 400, 1900, 1970, 2000, 2023, 2024, 2100, 9999]) {
      for (let month = 1; month <= 12; month++) {
        const last = new Date(Date.UTC(2000, month, 0)).getUTCDate();
        const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
        const length = month === 2 && !isLeap ? 28 : last;
        for (let day = 1; day <= 31; day++) {
          const text = `${String(year).padStart(4, "0")}-${twoDigits(month)}-${twoDigits(day)}T00:00Z`;
          expect(parseTimestamp(text) !== undefined, text).toBe(day <= length);
        }
      }
    }
  });

  test("of any text is an instant within the bounds or nothing", () => {
    const digits = fc.stringMatching(/^[0-9TZtz:.,+-]{0,30}$/);
    check(
      fc.property(fc.oneof(fc.string(), digits), (text) => {
        const instant = parseTimestamp(text);
        if (instant === undefined) return;
        expect(instant).toBeWithin(MIN_TIMESTAMP, MAX_TIMESTAMP + 1);
      }),
      5000,
    );
  });
});

describe("an id", () => {
  test.each([1, 2, 1e2, MAX_ID - 1, MAX_ID])("is %d", (value) => {
    expect(isId(value)).toBe(true);
  });

  test.each([
    [0],
    [-0],
    [-1],
    [1.5],
    [MAX_ID + 1],
    [2 ** 60],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    ["1"],
    [1n],
    [true],
    [null],
    [undefined],
    [[1]],
    [{ valueOf: () => 1 }],
  ])("is not %p", (value) => {
    expect(isId(value)).toBe(false);
  });
});

test("an event is written with the names of the contract, in their order", () => {
  const json = toJson({
    id: 1,
    officerId: 2,
    subjectId: 3,
    arrestTypeId: 4,
    crimeTypeId: 5,
    arrestedAt: Date.UTC(2026, 10, 22, 13, 5),
  });
  expect(JSON.stringify(json)).toBe(
    '{"id":1,"officer_id":2,"subject_id":3,"arrest_type_id":4,"crime_type_id":5,"arrested_at":"2026-11-22T13:05:00.000Z"}',
  );
});
