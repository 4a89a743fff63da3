import { isId, MAX_TIMESTAMP, MIN_TIMESTAMP } from "../../arrest-event.ts";
import { EVENT_SORTS, type EventPlace, type EventSort } from "../../store/read.ts";

/** Where a page ends, and in which order. */
export interface Cursor {
  readonly sort: EventSort;
  readonly place: EventPlace;
}

/** Writes where a page ends; opaque to clients. */
export function writeCursor({ sort, place }: Cursor): string {
  const keys = isById(sort) ? [place.id] : [place.arrestedAt, place.id];
  return Buffer.from([sort, ...keys].join(":")).toString("base64url");
}

/** Reads what {@link writeCursor} has written; `undefined` for anything else. */
export function readCursor(text: string): Cursor | undefined {
  const [name, ...keys] = Buffer.from(text, "base64url").toString("latin1").split(":");
  const sort = EVENT_SORTS.find((each) => each === name);
  if (sort === undefined) return undefined;
  const [arrestedAt = Number.NaN, id] = [...(isById(sort) ? [0] : []), ...keys.map(Number)];
  if (!isId(id) || !isTimestamp(arrestedAt)) return undefined;
  const cursor = { sort, place: { arrestedAt, id } };
  // There is one way to write each.
  return writeCursor(cursor) === text ? cursor : undefined;
}

function isById(sort: EventSort): boolean {
  return sort === "id" || sort === "-id";
}

function isTimestamp(value: number): boolean {
  return Number.isInteger(value) && value >= MIN_TIMESTAMP && value <= MAX_TIMESTAMP;
}
