import { statSync } from "node:fs";
import { and, asc, eq, gt, sql } from "drizzle-orm";
import type { VersionedEvent } from "../arrest-event.ts";
import { openForReading } from "./database.ts";
import { type DeadLetterFilter, matching } from "./dead-letters.ts";
import { type EventCounting, openCounting } from "./event-counts.ts";
import type { EventFilter } from "./event-filter.ts";
import type { EventGrouping } from "./event-groups.ts";
import { type EventScan, type EventSelection, openScan } from "./event-scan.ts";
import { EVENT_COLUMNS } from "./event-walk.ts";
import { type EventHistory, HistoryReader } from "./history.ts";
import { KeptCounts } from "./kept-counts.ts";
import { deadLetter, type StoredDeadLetter } from "./schema.ts";
import { SharedSnapshot } from "./shared-snapshot.ts";
import { Statements } from "./statements.ts";

export type { DeadLetterFilter } from "./dead-letters.ts";
export type { EventCounting } from "./event-counts.ts";
export type { EventFilter } from "./event-filter.ts";
export type { EventGroup, EventGrouping } from "./event-groups.ts";
export {
  EVENT_SORTS,
  type EventPlace,
  type EventScan,
  type EventSelection,
  type EventSort,
} from "./event-scan.ts";
export { EVENT_CHANGE_KINDS, type EventHistory, type StoredChange } from "./history.ts";
export { DEAD_LETTER_REASONS, type StoredDeadLetter } from "./schema.ts";

/** A dead letter without what the message held, but with the size of that. */
export type DeadLetterSummary = Omit<StoredDeadLetter, "cluster" | "headers" | "key" | "value"> & {
  /** The size of the value in bytes; null when the message had none. */
  readonly valueBytes: number | null;
};

/**
 * Reads of committed events. The statements of a call end before it returns, so none pins the log for
 * longer than the reader was told to share a snapshot; a scan and a counting go on with further statements.
 */
export interface EventReader {
  /** The event with this id, or `undefined`, in the snapshot that is shared, where one is. */
  get(id: number): VersionedEvent | undefined;
  /** Ends the snapshot that is shared, so that the next read finds all that is committed now. */
  refresh(): void;
  /** The greatest id in the table; 0 when it is empty. */
  lastId(): number;
  /** Begins to read the selected events that there are now. */
  scan(selection: EventSelection): EventScan;
  /**
   * Begins to count the events that there are now and match, by some groupings, or all together.
   *
   * @param maxGroups more groups than these are not wanted
   */
  counting(
    filter: EventFilter,
    groupings: readonly EventGrouping[],
    maxGroups?: number,
  ): EventCounting;
  /**
   * Takes a bounded number of events into the counts that are kept in memory, so that {@link counting}
   * needs not; tells whether they have all been taken now.
   */
  keepCounts(): boolean;
  /** The dead letter with this id, whole, or `undefined`. */
  deadLetter(id: number): StoredDeadLetter | undefined;
  /** Up to `limit` dead letters that match, with ids above `after`, in id order. */
  deadLetters(filter: DeadLetterFilter, after: number, limit: number): DeadLetterSummary[];
  /** What is known of an event, with up to `limit` of its changes to versions above `after`; `undefined` when that is nothing. */
  history(id: number, after: number, limit: number): EventHistory | undefined;
  /** The sizes of the store's files. Throws when they cannot be read. */
  size(): StoreSize;
  /** Throws when the database cannot be read. */
  check(): void;
  close(): void;
}

/** How large the store is, in bytes. */
export interface StoreSize {
  /** The database file. */
  readonly databaseBytes: number;
  /** The file of the write-ahead log, which is used again after each checkpoint. */
  readonly logBytes: number;
  /** The pages that hold nothing and are used again. */
  readonly freeBytes: number;
}

/**
 * Opens the database at `path` for reading; the writer must have opened it before.
 *
 * @param share how long the snapshot of a {@link EventReader.get} serves those after it: to the call of what
 *   it is given. Without it each has one of its own.
 */
export function openReader(path: string, share?: (end: () => void) => void): EventReader {
  const database = openForReading(path);
  const { $client: client } = database;
  const snapshot = share && new SharedSnapshot(client, share);
  // Drizzle's own would take as long as the read itself.
  const byId = client.prepare<VersionedEvent, [number]>(
    `select ${EVENT_COLUMNS}, version from arrest_event where id = ?`,
  );
  const lastId = client.prepare<{ id: number }, []>(
    "select coalesce(max(id), 0) as id from arrest_event",
  );
  const greatestId = (): number => lastId.get()?.id ?? 0;
  const statements = new Statements(client);
  const kept = new KeptCounts(client, statements);
  const history = new HistoryReader(database);
  return {
    get: (id) => {
      snapshot?.hold();
      return byId.get(id) ?? undefined;
    },
    refresh: () => snapshot?.end(),
    lastId: greatestId,
    scan: (selection) => openScan(statements, selection, greatestId()),
    counting: (filter, groupings, maxGroups = Number.POSITIVE_INFINITY) =>
      openCounting(statements, kept, { filter, groupings }, greatestId(), maxGroups),
    keepCounts: () => kept.advance(),
    deadLetter: (id) => database.select().from(deadLetter).where(eq(deadLetter.id, id)).get(),
    deadLetters: (filter, after, limit) =>
      database
        .select({
          id: deadLetter.id,
          topic: deadLetter.topic,
          partition: deadLetter.partition,
          offset: deadLetter.offset,
          reason: deadLetter.reason,
          refusedAt: deadLetter.refusedAt,
          timestamp: deadLetter.timestamp,
          refusals: deadLetter.refusals,
          valueBytes: sql<number | null>`octet_length(${deadLetter.value})`,
        })
        .from(deadLetter)
        .where(and(matching(filter), gt(deadLetter.id, after)))
        .orderBy(asc(deadLetter.id))
        .limit(limit)
        .all(),
    history: (id, after, limit) => history.read(id, after, limit),
    size: () => {
      const pages = database.get<[number]>(sql`pragma freelist_count`)?.[0] ?? 0;
      const pageBytes = database.get<[number]>(sql`pragma page_size`)?.[0] ?? 0;
      return {
        databaseBytes: statSync(path).size,
        logBytes: statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0,
        freeBytes: pages * pageBytes,
      };
    },
    check: () => void lastId.get(),
    close: () => {
      snapshot?.end();
      client.close();
    },
  };
}
