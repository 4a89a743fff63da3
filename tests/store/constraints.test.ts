import { describe, expect, test } from "bun:test";
import { MAX_ID, MAX_TIMESTAMP, MIN_TIMESTAMP } from "../../src/arrest-event.ts";
import { openForReading, openForWriting } from "../../src/store/database.ts";
import { newDirectory, openRaw } from "../support/store.ts";

type Value = number | string | bigint | Uint8Array | null;

const EVENT = {
  id: 1,
  officer_id: 2,
  subject_id: 3,
  arrest_type_id: 4,
  crime_type_id: 5,
  arrested_at: 0,
};

const POSITION = { cluster: "kafka", topic: "arrest_event", partition: 0, next_offset: 0 };

/** A migrated database, as a program without this service would write to it. */
function openForeign() {
  const directory = newDirectory();
  openForWriting(directory.file()).$client.close();
  const database = openRaw(directory.file());
  return {
    insert(table: string, row: Record<string, Value>): void {
      const names = Object.keys(row).map((name) => `"${name}"`);
      const marks = names.map(() => "?").join();
      database.run(`insert into ${table} (${names.join()}) values (${marks})`, Object.values(row));
      database.run(`delete from ${table}`);
    },
    database,
    [Symbol.dispose]: () => {
      database.close();
      directory[Symbol.dispose]();
    },
  };
}

const NO_INTEGERS: [string, Value][] = [
  ["a fraction", 1.5],
  ["a text", "seven"],
  ["a text with a fraction", "1.5"],
  ["bytes", Buffer.from("7")],
  ["infinity", Number.POSITIVE_INFINITY],
];

describe("the store refuses of any program", () => {
  const ids = ["officer_id", "subject_id", "arrest_type_id", "crime_type_id", "version"];

  test.each([...ids, "id"])("an impossible %s", (column) => {
    using foreign = openForeign();
    for (const [what, value] of [
      ...NO_INTEGERS,
      ["zero", 0],
      ["a negative number", -1],
      ["more than JSON keeps exact", BigInt(MAX_ID) + 1n],
      ["the greatest integer of SQLite", 2n ** 63n - 1n],
    ] as [string, Value][]) {
      const insert = () => foreign.insert("arrest_event", { ...EVENT, [column]: value });
      // An id that is no integer is no rowid, which SQLite calls a mismatch.
      expect(insert, `${column}: ${what}`).toThrow(/CHECK constraint failed|datatype mismatch/);
    }
    for (const value of [1, MAX_ID]) {
      expect(() => foreign.insert("arrest_event", { ...EVENT, [column]: value })).not.toThrow();
    }
  });

  test.each(ids)("an event without %s", (column) => {
    using foreign = openForeign();
    expect(() => foreign.insert("arrest_event", { ...EVENT, [column]: null })).toThrow(
      `NOT NULL constraint failed: arrest_event.${column}`,
    );
  });

  test("an impossible time of an arrest", () => {
    using foreign = openForeign();
    const insert = (value: Value) =>
      foreign.insert("arrest_event", { ...EVENT, arrested_at: value });
    for (const [what, value] of [
      ...NO_INTEGERS,
      ["ISO 8601", "2026-11-22T13:05:00Z"],
      ["before year 1", MIN_TIMESTAMP - 1],
      ["after year 9999", MAX_TIMESTAMP + 1],
    ] as [string, Value][]) {
      expect(() => insert(value), what).toThrow("arrest_event_arrested_at");
    }
    expect(() => insert(null)).toThrow("NOT NULL");
    for (const value of [MIN_TIMESTAMP, -1, 0, MAX_TIMESTAMP]) {
      expect(() => insert(value)).not.toThrow();
    }
  });

  test("an impossible offset, and a second one for a partition", () => {
    using foreign = openForeign();
    const insert = (value: Value) =>
      foreign.insert("consumer_offset", { ...POSITION, next_offset: value });
    for (const [what, value] of [...NO_INTEGERS, ["negative", -1]] as [string, Value][]) {
      expect(() => insert(value), what).toThrow("consumer_offset_next_offset");
    }
    for (const value of [0, MAX_ID]) expect(() => insert(value)).not.toThrow();
    foreign.database.run(
      `insert into consumer_offset (cluster, topic, "partition", next_offset)
        values ('kafka', 'arrest_event', 0, 1)`,
    );
    expect(() => insert(2)).toThrow("UNIQUE constraint failed");
  });
});

describe("a connection", () => {
  const pragma = (database: ReturnType<typeof openForReading>, name: string) =>
    Object.values(database.$client.query(`pragma ${name}`).get() as object)[0];

  test("for writing is set up for one writer with readers beside it", () => {
    using directory = newDirectory();
    const database = openForWriting(directory.file());
    const settings = Object.fromEntries(
      [
        "journal_mode",
        "synchronous",
        "busy_timeout",
        "cache_size",
        "wal_autocheckpoint",
        "journal_size_limit",
        "temp_store",
        "query_only",
      ].map((name) => [name, pragma(database, name)]),
    );
    database.$client.close();
    expect(settings).toEqual({
      journal_mode: "wal",
      synchronous: 1,
      busy_timeout: 2000,
      cache_size: -16_384,
      wal_autocheckpoint: 10_000,
      journal_size_limit: 67_108_864,
      temp_store: 2,
      query_only: 0,
    });
  });

  test("for reading cannot write, whatever it is asked", () => {
    using directory = newDirectory();
    const writing = openForWriting(directory.file());
    const reading = openForReading(directory.file());
    expect(pragma(reading, "query_only")).toBe(1);
    expect(pragma(reading, "busy_timeout")).toBe(2000);
    expect(pragma(reading, "temp_store")).toBe(2);
    for (const statement of [
      "insert into consumer_offset select * from consumer_offset",
      "delete from arrest_event",
      "drop table arrest_event",
      "pragma user_version = 7",
      "vacuum",
    ]) {
      expect(() => reading.$client.run(statement), statement).toThrow(/readonly/);
    }
    // The connection itself is read-only, not only by a pragma that anybody can take back.
    reading.$client.run("pragma query_only = off");
    expect(() => reading.$client.run("delete from arrest_event")).toThrow(/readonly/);
    reading.$client.close();
    writing.$client.close();
  });
});
