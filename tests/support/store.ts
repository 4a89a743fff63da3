import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArrestEventFields } from "../../src/arrest-event.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { openReader } from "../../src/store/read.ts";
import type { DeadLetter } from "../../src/store/schema.ts";
import {
  type IngestBatch,
  openWriter,
  type PartitionEvents,
  type WriterOptions,
} from "../../src/store/write.ts";

/** A directory of its own that is gone after the test. */
export function newDirectory() {
  const path = mkdtempSync(join(tmpdir(), "arrest-events-test-"));
  return {
    path,
    /** The path of a file in it, which need not exist. */
    file: (name = "events.sqlite") => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A store in a directory of its own, read and written. */
export function newStore(options?: WriterOptions) {
  const directory = newDirectory();
  const path = directory.file();
  const writer = openWriter(path, "kafka", "arrest_event", decodeMessage, options);
  const reader = openReader(path);
  return {
    path,
    writer,
    reader,
    /** Empties the log, which nobody may be reading for that. */
    checkpoint() {
      using raw = openRaw(path);
      return raw.query("pragma wal_checkpoint(truncate)").get();
    },
    [Symbol.dispose]: () => {
      reader.close();
      writer.close();
      directory[Symbol.dispose]();
    },
  };
}

/** A store with these events. */
export function storeOf(events: readonly ArrestEventFields[]) {
  const store = newStore();
  store.writer.ingest(batch({ events }));
  return store;
}

/** A connection past the service, as any other program would open one. */
export function openRaw(path: string): Database & Disposable {
  const database = new Database(path, { create: true, readwrite: true });
  // A writer that has just stopped may still be letting go of the file.
  database.run("pragma busy_timeout = 10000");
  return database;
}

/** The rows of a query past the service. */
export function rows<T>(path: string, query: string): T[] {
  using database = openRaw(path);
  return database.query<T, []>(query).all();
}

/** What the store holds of Kafka's messages, in the order in which it was stored. */
export function contents(path: string) {
  return {
    officers: rows<{ officer_id: number }>(
      path,
      "select officer_id from arrest_event order by id",
    ).map(({ officer_id }) => officer_id),
    deadLetters: rows<{ partition: number; offset: number; reason: string }>(
      path,
      'select "partition", "offset", reason from dead_letter order by id',
    ),
    positions: rows<{ topic: string; partition: number; next: number }>(
      path,
      'select topic, "partition", next_offset as next from consumer_offset order by topic, "partition"',
    ),
  };
}

/** A valid event; what a test is about is given. */
export function fields(given: Partial<ArrestEventFields> = {}): ArrestEventFields {
  return {
    officerId: 7,
    subjectId: 1204,
    arrestTypeId: 2,
    crimeTypeId: 31,
    arrestedAt: Date.UTC(2026, 10, 22, 13, 5),
    ...given,
  };
}

/** A dead letter; what a test is about is given. */
export function letter(given: Partial<DeadLetter> = {}): DeadLetter {
  return {
    cluster: "kafka",
    topic: "arrest_event",
    partition: 0,
    offset: 0,
    timestamp: null,
    key: null,
    value: Buffer.from("not JSON"),
    headers: [],
    reason: "not_json",
    refusals: [{ pointer: "", detail: "must be JSON" }],
    refusedAt: Date.UTC(2026, 10, 22, 13, 6),
    ...given,
  };
}

/** A batch to store; what a test is about is given. The events are those of the first offsets of a partition. */
export function batch({
  events = [],
  ...given
}: Partial<IngestBatch> & { readonly events?: readonly ArrestEventFields[] } = {}): IngestBatch {
  return {
    partitions: events.length === 0 ? [] : [ofPartition(0, events)],
    deadLetters: [],
    positions: [],
    ...given,
  };
}

/** Events of the offsets of a partition from `firstOffset` on. */
export function ofPartition(
  partition: number,
  events: readonly ArrestEventFields[],
  firstOffset = 0,
): PartitionEvents {
  return {
    partition,
    events,
    firstOffset,
    lastOffset: firstOffset + events.length - 1,
    deadLetterFor: (index) =>
      letter({ partition, offset: firstOffset + index, reason: "refused_by_store" }),
  };
}
