/** The events of measurements, the same in every run, and the tables that hold them. */
import { Database } from "bun:sqlite";
import { type ArrestEventFields, formatTimestamp } from "../src/arrest-event.ts";
import { decodeMessage } from "../src/ingest/message.ts";
import { arrestSource } from "../src/simulate/arrests.ts";
import { type Random, seededRandom } from "../src/simulate/random.ts";
import { openWriter, type PartitionEvents, type Position } from "../src/store/write.ts";
import { TOPIC } from "./support.ts";

/** How `arrested_at` goes: as the simulator has it, or anywhere in a hundred years. */
export type Order = "rising" | "random";

const CENTURY_S = 100 * 365 * 86_400;
const START_AT = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const ARRESTS_PER_DAY = 1200;

/** The arguments of `simulate` that send what {@link makeEvents} makes. */
export const SIMULATE_ARGUMENTS: readonly string[] = [
  ...["--seed", "1"],
  ...["--start", formatTimestamp(START_AT)],
  ...["--per-day", String(ARRESTS_PER_DAY)],
];

/** Gives times of whole seconds anywhere in the hundred years before the events that rise. */
export function randomTimes(random: Random): () => number {
  return () => START_AT - Math.floor(random() * CENTURY_S) * 1000;
}

/** Gives the events of measurements one by one: those of the simulator, with `arrestedAt` as `order` says. */
export function eventSource(
  order: Order,
  seed = 1,
  startAt: number = START_AT,
): () => ArrestEventFields {
  const random = seededRandom(seed);
  const nextArrest = arrestSource(random, { startAt, arrestsPerDay: ARRESTS_PER_DAY });
  const anyTime = randomTimes(random);
  return () => {
    const fields = nextArrest();
    // The simulator draws one number more for each message, and these are to be the same.
    const arrestedAt = anyTime();
    return order === "rising" ? fields : { ...fields, arrestedAt };
  };
}

/** The same events on every call. */
export function makeEvents(count: number, order: Order): ArrestEventFields[] {
  return Array.from({ length: count }, eventSource(order));
}

// --- Events without objects ---

const FIELDS = ["officerId", "subjectId", "arrestTypeId", "crimeTypeId", "arrestedAt"] as const;

/** Events as a column of numbers for each field, so that millions of them burden no heap. */
export type EventColumns = Readonly<Record<keyof ArrestEventFields, Float64Array>>;

/** Columns over one array, which has the fields one after the other. */
export function columnsOver(numbers: Float64Array): EventColumns {
  const count = numbers.length / FIELDS.length;
  const column = (index: number) => numbers.subarray(index * count, (index + 1) * count);
  return {
    officerId: column(0),
    subjectId: column(1),
    arrestTypeId: column(2),
    crimeTypeId: column(3),
    arrestedAt: column(4),
  };
}

/** Room for the columns of so many events. */
export function newColumns(count: number): Float64Array {
  return new Float64Array(count * FIELDS.length);
}

/** Writes an event down at a place. */
export function setEvent(columns: EventColumns, index: number, fields: ArrestEventFields): void {
  for (const field of FIELDS) columns[field][index] = fields[field];
}

/** The event at a place. */
export function eventAt(columns: EventColumns, index: number): ArrestEventFields {
  const at = (field: keyof ArrestEventFields): number => columns[field][index] ?? Number.NaN;
  return {
    officerId: at("officerId"),
    subjectId: at("subjectId"),
    arrestTypeId: at("arrestTypeId"),
    crimeTypeId: at("crimeTypeId"),
    arrestedAt: at("arrestedAt"),
  };
}

/** The first events of {@link makeEvents} as columns. */
export function makeColumns(count: number, order: Order): EventColumns {
  const columns = columnsOver(newColumns(count));
  const next = eventSource(order);
  for (let index = 0; index < count; index++) setEvent(columns, index, next());
  return columns;
}

/** The columns in a file, which is mapped into memory rather than read. */
export function openColumns(path: string): EventColumns {
  const { buffer, byteOffset, byteLength } = Bun.mmap(path, { shared: false });
  return columnsOver(new Float64Array(buffer, byteOffset, byteLength / 8));
}

// --- Tables ---

/** The positions that a batch up to `stored` events would have, spread evenly over the partitions. */
export function evenPositions(stored: number, partitions: number): Position[] {
  return Array.from({ length: partitions }, (_, partition) => ({
    partition,
    nextOffset: Math.ceil((stored - partition) / partitions),
  }));
}

/**
 * Throws unless the table holds exactly the first `count` of the events above the id `after`, and there are
 * only as many dead letters as before.
 */
export function checkStored(
  path: string,
  columns: EventColumns,
  count: number,
  after: number = 0,
  lettersBefore: number = 0,
): void {
  const database = new Database(path, { readonly: true });
  const stored = database
    .query<Record<string, number>, [number]>(
      `select count(*) as events, total(officer_id) as officers, total(subject_id) as subjects,
        total(arrested_at / 1000) as instants, (select count(*) from dead_letter) as letters
      from arrest_event where id > ?`,
    )
    .get(after);
  database.close();
  const total = (field: keyof ArrestEventFields, unit: number): number => {
    let sum = 0;
    for (let index = 0; index < count; index++) sum += (columns[field][index] ?? 0) / unit;
    return sum;
  };
  const wanted = {
    events: count,
    officers: total("officerId", 1),
    subjects: total("subjectId", 1),
    // In seconds, which the events have none finer than: the sum stays exact.
    instants: total("arrestedAt", 1000),
    letters: lettersBefore,
  };
  if (Bun.deepEquals(stored, wanted)) return;
  throw new Error(
    `lost or repeated: ${JSON.stringify(stored)} stored, ${JSON.stringify(wanted)} sent`,
  );
}

/** Throws unless the events above the id `after` are as many as the messages that the topic's positions are behind. */
export function checkPositions(path: string, topic: string, after: number): void {
  const database = new Database(path, { readonly: true });
  const stored = database
    .query<{ events: number; messages: number }, [number, string]>(
      `select (select count(*) from arrest_event where id > ?) as events,
        (select total(next_offset) from consumer_offset where topic = ?) as messages`,
    )
    .get(after, topic);
  database.close();
  if (stored !== null && stored.events > 0 && stored.events === stored.messages) return;
  throw new Error(`lost or repeated: ${JSON.stringify(stored)}`);
}

/** Makes a table of `rows` earlier events, of which measurements take copies. */
export function makeTable(path: string, rows: number, order: Order): void {
  const writer = openWriter(path, "kafka", TOPIC, decodeMessage);
  // A tenth more than the average, so that none comes after the start of the others.
  const days = (rows / ARRESTS_PER_DAY) * 1.1 + 1;
  const next = eventSource(order, 2, START_AT - Math.ceil(days) * DAY_MS);
  for (let from = 0; from < rows; from += 10_000) {
    const batch = Array.from({ length: Math.min(10_000, rows - from) }, next);
    writer.ingest({ partitions: [sound(batch, from)], deadLetters: [], positions: [] });
  }
  writer.close();
}

/** A batch of which the store refuses no event, as if it were of one partition from an offset on. */
export function sound(events: readonly ArrestEventFields[], firstOffset: number): PartitionEvents {
  return {
    partition: 0,
    events,
    firstOffset,
    lastOffset: firstOffset + events.length - 1,
    deadLetterFor: () => {
      throw new Error("the store refused an event");
    },
  };
}
