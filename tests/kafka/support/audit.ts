import { eventOfMessage, query } from "../../promises/support.ts";

/** How many of each kind a finding names. */
const NAMED = 10;

/** How the stores differ from what was sent, as sequence numbers; the first few of each kind. */
export interface Audit {
  readonly rows: number;
  readonly missing: readonly number[];
  readonly doubled: readonly number[];
  /** Not as it was sent, or never sent. */
  readonly wrong: readonly number[];
  /** Stored after a later message of the same partition in the same store. */
  readonly outOfOrder: readonly number[];
}

/** What an audit finds where every message is stored once and in order. */
export function exactly(rows: number): Audit {
  return { rows, missing: [], doubled: [], wrong: [], outOfOrder: [] };
}

/** An event as a store holds it, the id left out. */
export interface Row {
  readonly officer_id: number;
  readonly subject_id: number;
  readonly arrest_type_id: number;
  readonly crime_type_id: number;
  readonly arrested_at: number;
}

/**
 * Compares the rows of some stores with the messages of the sequence numbers that were sent.
 *
 * @param partitions over how many the messages were dealt out by turns, or the partition of each
 * @param where which rows count, as a condition of SQL; all unless given
 */
export function audit(
  paths: readonly string[],
  sent: Iterable<number>,
  partitions: number | ((sequence: number) => number),
  where = "true",
): Audit {
  const partitionOf =
    typeof partitions === "number" ? (sequence: number) => sequence % partitions : partitions;
  const expected = new Set(sent);
  const seen = new Set<number>();
  const doubled: number[] = [];
  const wrong: number[] = [];
  const outOfOrder: number[] = [];
  let rows = 0;
  for (const path of paths) {
    const last = new Map<number, number>();
    // Ids rise in the order of storing.
    for (const row of query<Row>(path, `select * from arrest_event where ${where} order by id`)) {
      rows++;
      const sequence = row.subject_id - 1;
      const partition = partitionOf(sequence);
      if (seen.has(sequence)) doubled.push(sequence);
      seen.add(sequence);
      if (!expected.has(sequence) || !isEventOf(row, sequence)) wrong.push(sequence);
      if ((last.get(partition) ?? -1) > sequence) outOfOrder.push(sequence);
      last.set(partition, sequence);
    }
  }
  const missing = [...expected].filter((sequence) => !seen.has(sequence));
  return {
    rows,
    missing: missing.slice(0, NAMED),
    doubled: doubled.slice(0, NAMED),
    wrong: wrong.slice(0, NAMED),
    outOfOrder: outOfOrder.slice(0, NAMED),
  };
}

/** Whether a row is the event of a sequence number, as it was sent. */
export function isEventOf(row: Row, sequence: number): boolean {
  const event = eventOfMessage(sequence);
  return (
    row.officer_id === event.officer_id &&
    row.subject_id === event.subject_id &&
    row.arrest_type_id === event.arrest_type_id &&
    row.crime_type_id === event.crime_type_id &&
    row.arrested_at === Date.parse(event.arrested_at)
  );
}

/** The whole numbers from `from` to before `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** The positions that a store holds of a topic, by partition. */
export function storedPositions(path: string, topic: string): Map<number, number> {
  const rows = query<{ topic: string; partition: number; next_offset: number }>(
    path,
    "select topic, partition, next_offset from consumer_offset where cluster = 'kafka' order by partition",
  );
  return new Map(
    rows
      .filter((row) => row.topic === topic)
      .map(({ partition, next_offset }) => [partition, next_offset]),
  );
}
