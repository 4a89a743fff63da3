/** The members that whoever reports an arrest supplies; the store adds the id. */
export interface ArrestEventFields {
  /** The arresting officer. */
  readonly officerId: number;
  /** The arrested person. */
  readonly subjectId: number;
  readonly arrestTypeId: number;
  readonly crimeTypeId: number;
  /** When the arrest took place: milliseconds since 1970-01-01T00:00:00Z, see {@link parseTimestamp}. */
  readonly arrestedAt: number;
}

/** An arrest event as the store holds it. */
export interface ArrestEvent extends ArrestEventFields {
  /** Assigned by the store, never used again after a delete. */
  readonly id: number;
}

/** An arrest event with the number that tells its states apart. */
export interface VersionedEvent extends ArrestEvent {
  /** 1 when it is created, and one more with each change. */
  readonly version: number;
}

/** An arrest event as it is written in JSON, over HTTP and in a Kafka message alike. */
export interface ArrestEventJson {
  readonly id: number;
  readonly officer_id: number;
  readonly subject_id: number;
  readonly arrest_type_id: number;
  readonly crime_type_id: number;
  /** UTC with milliseconds, `2026-11-22T13:05:00.000Z`. */
  readonly arrested_at: string;
}

/** The JSON name of each field. Both doors read and write events by this one table. */
export const FIELD_NAMES = {
  officerId: "officer_id",
  subjectId: "subject_id",
  arrestTypeId: "arrest_type_id",
  crimeTypeId: "crime_type_id",
  arrestedAt: "arrested_at",
} as const satisfies Record<keyof ArrestEventFields, string>;

/** Identifiers lie between 1 and 2^53-1, the integers that every JSON reader keeps exact (RFC 8259, 6). */
export const MAX_ID: number = Number.MAX_SAFE_INTEGER;

/** What a refused identifier is told. */
export const ID_RULE = "must be an integer from 1 to 9007199254740991";

/** What a refused timestamp is told. */
export const TIMESTAMP_RULE =
  "must be an ISO 8601 date and time of a real calendar date in the years 0001 to 9999, such as 2026-11-22T13:05:00Z";

/** The first and the last millisecond that can be stored, in UTC: 0001-01-01 and 9999-12-31. */
export const MIN_TIMESTAMP = -62_135_596_800_000;
export const MAX_TIMESTAMP = 253_402_300_799_999;

/** Tells whether a value can be the id of an event, an officer, a subject or a type. */
export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

/** Writes an event as JSON names it. */
export function toJson(event: ArrestEvent): ArrestEventJson {
  return {
    id: event.id,
    officer_id: event.officerId,
    subject_id: event.subjectId,
    arrest_type_id: event.arrestTypeId,
    crime_type_id: event.crimeTypeId,
    arrested_at: formatTimestamp(event.arrestedAt),
  };
}

/** Writes a stored timestamp (milliseconds) as ISO 8601 in UTC, always with milliseconds. */
export function formatTimestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

const ISO_8601 =
  /^([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]{1,9}))?)?(?:[Zz]|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?$/;

/** What every timestamp that {@link parseTimestamp} reads looks like; only the calendar and the bounds ask for more. */
export const TIMESTAMP_PATTERN: string = ISO_8601.source;

/**
 * Reads an ISO 8601 date and time in the extended calendar form, with an offset or `Z`, or without one
 * (then UTC). Seconds and a fraction of them are optional; what is finer than a millisecond is cut off.
 *
 * @returns milliseconds since 1970 in UTC, or `undefined` for anything that is no real instant in the
 * years 0001 to 9999: an impossible date, hour 24, a leap second.
 */
export function parseTimestamp(text: string): number | undefined {
  const match = ISO_8601.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, sign, offsetHour, offsetMinute] =
    match;
  const h = Number(hour);
  const m = Number(minute);
  const s = Number(second ?? 0);
  const oh = Number(offsetHour ?? 0);
  const om = Number(offsetMinute ?? 0);
  const milliseconds = fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, "0"));
  const offset = (oh * 60 + om) * (sign === "-" ? -1 : 1);
  const time = ((h * 60 + m - offset) * 60 + s) * 1000 + milliseconds;
  return instantOf(Number(year), Number(month), Number(day), time);
}

/**
 * The instant so many milliseconds after the beginning of a day in UTC, or before it.
 *
 * @returns milliseconds since 1970, or `undefined` for a day that is not in the calendar, and for an
 * instant out of the years 0001 to 9999
 */
export function instantOf(
  year: number,
  month: number,
  day: number,
  milliseconds: number,
): number | undefined {
  const days = daysSinceEpoch(year, month, day);
  if (days === undefined) return undefined;
  const instant = days * 86_400_000 + milliseconds;
  return instant >= MIN_TIMESTAMP && instant <= MAX_TIMESTAMP ? instant : undefined;
}

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days from 1970-01-01 in the proleptic Gregorian calendar. `Date.UTC` would read the years 0 to 99 as 1900 to 1999. */
function daysSinceEpoch(year: number, month: number, day: number): number | undefined {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const length = (DAYS_IN_MONTH[month - 1] ?? 0) + (month === 2 && leap ? 1 : 0);
  if (day < 1 || day > length) return undefined;
  // Counting years from March puts the leap day last, so that days before a month need no case for it.
  const marchYear = month > 2 ? year : year - 1;
  const monthsSinceMarch = (month + 9) % 12;
  const daysOfYears =
    marchYear * 365 +
    Math.floor(marchYear / 4) -
    Math.floor(marchYear / 100) +
    Math.floor(marchYear / 400);
  return daysOfYears + Math.floor((153 * monthsSinceMarch + 2) / 5) + day - 719_469;
}
