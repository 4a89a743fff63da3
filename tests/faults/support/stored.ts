import type { Database } from "bun:sqlite";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ArrestEventFields, formatTimestamp } from "../../../src/arrest-event.ts";
import type { Random } from "../../../src/simulate/random.ts";
import { openForWriting } from "../../../src/store/database.ts";
import { eventOfMessage } from "../../promises/support.ts";
import { FIRST_OF_LETTERS, GONE, LETTER, type State, stateOf } from "./acknowledged.ts";
import { PARTITIONS, sequenceOfPoison, storedOf } from "./kafka-log.ts";

/** The database's name in its directory. */
export const STORE = "store.sqlite";

/** The number of the first event that comes by HTTP; Kafka's messages have lower ones. */
export const FIRST_OF_HTTP = 1_000_000;

/** Writes what a power cut has left, and beside it an index of the log as it may be left: garbage. */
export function writeFiles(
  directory: string,
  files: ReadonlyMap<string, Uint8Array>,
  random: Random,
): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, bytes] of files) {
    // SQLite makes the index anew when it opens the log after a crash, and must not believe this one.
    const left = name.endsWith("-shm") ? bytes.map(() => random() * 256) : bytes;
    writeFileSync(join(directory, name), left);
  }
}

type StoredRow = Row & { readonly id: number; readonly version: number };

interface Row {
  readonly officer_id: number;
  readonly subject_id: number;
  readonly arrest_type_id: number;
  readonly crime_type_id: number;
  readonly arrested_at: number;
}

/** What a store holds. */
export interface Stored {
  /** By partition: the first offset that is not stored; 0 where none is. */
  readonly positions: readonly number[];
  /** By partition, in the order of storing, as text. */
  readonly events: readonly (readonly State[])[];
  /** By partition, in the order of storing: the values. */
  readonly deadLetters: readonly (readonly string[])[];
  /** By the subject's id. */
  readonly ofHttp: ReadonlyMap<number, State>;
  /** What has become of the messages that were refused, by the subject's id of the event that each may be corrected to. */
  readonly ofLetters: ReadonlyMap<number, State>;
}

/**
 * Opens a store as the writer thread does, checks its integrity, and reads it.
 *
 * @throws Error when it cannot be opened, or is damaged
 */
export function readStore(path: string): Stored {
  const database = openForWriting(path);
  const all = <T>(sql: string): T[] => database.$client.query<T, []>(sql).all();
  try {
    const problems = all<{ integrity_check: string }>("pragma integrity_check");
    if (problems[0]?.integrity_check !== "ok") throw new Error(JSON.stringify(problems));
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    const next = new Map(
      all<{ partition: number; next_offset: number }>(
        "select partition, next_offset from consumer_offset",
      ).map(({ partition, next_offset }) => [partition, next_offset]),
    );
    const rows = all<StoredRow>("select * from arrest_event order by id");
    const isOfHttp = ({ subject_id }: Row) => subject_id > FIRST_OF_HTTP;
    checkHistory(database.$client, isOfHttp);
    const isOfLetter = ({ subject_id }: Row) => subject_id > FIRST_OF_LETTERS;
    const letters = all<{ partition: number; value: string }>(
      "select partition, cast(value as text) as value from dead_letter order by id",
    );
    const positions = partitions.map((partition) => next.get(partition) ?? 0);
    return {
      positions,
      events: partitions.map((partition) =>
        rows
          .filter((row) => !isOfHttp(row) && (row.subject_id - 1) % PARTITIONS === partition)
          .map(toState),
      ),
      deadLetters: partitions.map((partition) =>
        letters.filter((letter) => letter.partition === partition).map(({ value }) => value),
      ),
      ofHttp: new Map(
        rows
          .filter((row) => isOfHttp(row) && !isOfLetter(row))
          .map((row) => [row.subject_id, toState(row)]),
      ),
      ofLetters: becomeOfLetters(
        positions,
        letters.map(({ value }) => value),
        rows.filter(isOfLetter),
      ),
    };
  } finally {
    database.$client.close();
  }
}

/**
 * Checks that every row is what its history says, that of deleted events included.
 *
 * @throws Error naming the first event that is not
 */
function checkHistory(database: Database, isOfHttp: (row: Row) => boolean): void {
  const rows = database.query<StoredRow, []>("select * from arrest_event order by id").all();
  const byId = new Map(rows.map((row) => [row.id, row]));
  const batchOf = database.query<{ last_id: number; partition: number }, [number]>(
    "select last_id, partition from ingest_batch where first_id <= ? order by first_id desc limit 1",
  );
  for (const row of rows.filter((each) => !isOfHttp(each))) {
    const batch = batchOf.get(row.id);
    const partition = (row.subject_id - 1) % PARTITIONS;
    if (batch === null || batch.last_id < row.id || batch.partition !== partition) {
      throw new Error(`event ${row.id} of partition ${partition} is of ${JSON.stringify(batch)}`);
    }
  }
  const changes = database
    .query<{ event_id: number; version: number; after: string | null }, []>(
      "select event_id, version, after from arrest_event_change order by id",
    )
    .all();
  const known = new Map<number, (typeof changes)[number]>();
  for (const change of changes) {
    const before = known.get(change.event_id);
    if (change.version !== (before?.version ?? 0) + 1 || before?.after === null) {
      throw new Error(
        `the history of event ${change.event_id} has a gap: ${JSON.stringify(change)}`,
      );
    }
    known.set(change.event_id, change);
  }
  for (const id of new Set([...known.keys(), ...rows.filter(isOfHttp).map((row) => row.id)])) {
    const row = byId.get(id);
    const { version, after = null } = known.get(id) ?? {};
    const fields: ArrestEventFields | null = after && JSON.parse(after);
    const isSame =
      row === undefined
        ? after === null
        : row.version === version &&
          row.officer_id === fields?.officerId &&
          row.subject_id === fields.subjectId &&
          row.arrest_type_id === fields.arrestTypeId &&
          row.crime_type_id === fields.crimeTypeId &&
          row.arrested_at === fields.arrestedAt;
    if (!isSame) throw new Error(`event ${id} is not what its history says: ${after}`);
  }
}

/** The subject's id of the event that a refused message may be corrected to. */
function subjectOfLetter(value: string): number {
  return eventOfMessage(FIRST_OF_LETTERS + sequenceOfPoison(value)).subject_id;
}

/** What there is of each refused message: its letter or its event; gone where it was read and there is neither. */
function becomeOfLetters(
  positions: readonly number[],
  letters: readonly string[],
  corrected: readonly StoredRow[],
): Map<number, State> {
  const read = positions.flatMap((next, partition) => storedOf(partition, next).deadLetters);
  const found = new Map<number, State>(read.map((value) => [subjectOfLetter(value), GONE]));
  for (const value of letters) found.set(subjectOfLetter(value), LETTER);
  for (const row of corrected) {
    const before = found.get(row.subject_id);
    const isAlone = before === GONE;
    found.set(row.subject_id, isAlone ? toState(row) : `an event, and ${before ?? "not read"}`);
  }
  return found;
}

function toState({ version: _, ...row }: StoredRow): State {
  return stateOf({ ...row, arrested_at: formatTimestamp(row.arrested_at) });
}

/**
 * What a store holds of Kafka's messages that is not exactly the messages before its positions, each once;
 * empty if all is well.
 *
 * @param isLetter whether a refused message is still to be there as a dead letter
 */
export function differencesFromLog(
  { positions, events, deadLetters }: Stored,
  isLetter: (value: string) => boolean = () => true,
): string[] {
  return positions.flatMap((nextOffset, partition) => {
    const wanted = storedOf(partition, nextOffset);
    const where = `partition ${partition} before offset ${nextOffset}`;
    return [
      ...difference(
        `events of ${where}`,
        events[partition] ?? [],
        wanted.events.map((event) => JSON.stringify(event)),
      ),
      ...difference(
        `dead letters of ${where}`,
        deadLetters[partition] ?? [],
        wanted.deadLetters.filter(isLetter),
      ),
    ];
  });
}

function difference(what: string, stored: readonly string[], wanted: readonly string[]): string[] {
  const length = Math.max(stored.length, wanted.length);
  const at = Array.from({ length }, (_, index) => index).find(
    (index) => stored[index] !== wanted[index],
  );
  if (at === undefined) return [];
  return [
    `${what}: ${stored.length} of ${wanted.length}; the first that differs is ${stored[at]} for ${wanted[at]}`,
  ];
}

/** Which refused messages a store should have as dead letters: all but those that HTTP clients have settled. */
export function isLetterOf({ ofLetters }: Stored): (value: string) => boolean {
  return (value) => ofLetters.get(subjectOfLetter(value)) === LETTER;
}
