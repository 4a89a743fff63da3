import { describe, expect, test } from "bun:test";
import { decodeMessage } from "../../src/ingest/message.ts";
import { openWriter } from "../../src/store/write.ts";
import { batch, contents, fields, letter, newDirectory, openRaw, rows } from "../support/store.ts";

function newStore() {
  const directory = newDirectory();
  const path = directory.file();
  const writer = openWriter(path, "kafka", "arrest_event", decodeMessage);
  const raw = openRaw(path);
  return {
    path,
    writer,
    raw,
    [Symbol.dispose]: () => {
      raw.close();
      writer.close();
      directory[Symbol.dispose]();
    },
  };
}

const NOTHING = { officers: [], deadLetters: [], positions: [] };

/** Two events, a dead letter and the positions behind them. */
const MIXED = batch({
  events: [fields({ officerId: 1 }), fields({ officerId: 2 })],
  deadLetters: [letter({ partition: 3, offset: 41 })],
  positions: [
    { partition: 0, nextOffset: 12 },
    { partition: 3, nextOffset: 42 },
  ],
});

const MIXED_STORED = {
  officers: [1, 2],
  deadLetters: [{ partition: 3, offset: 41, reason: "not_json" }],
  positions: [
    { topic: "arrest_event", partition: 0, next: 12 },
    { topic: "arrest_event", partition: 3, next: 42 },
  ],
};

describe("a batch", () => {
  test("stores rows, dead letters and positions", () => {
    using store = newStore();
    expect(store.writer.ingest(MIXED)).toEqual({ events: 2, deadLetters: 1 });
    expect(contents(store.path)).toEqual(MIXED_STORED);
  });

  test("is not there before its last part is", () => {
    using store = newStore();
    // What another connection would see in the middle of the transaction.
    store.raw.run("create table half (events)");
    using observer = openRaw(store.path);
    let seen: unknown;
    store.writer.ingest({
      ...MIXED,
      get positions() {
        seen = observer.query("select count(*) as count from arrest_event").get();
        return MIXED.positions;
      },
    });
    expect(seen).toEqual({ count: 0 });
    expect(contents(store.path)).toEqual(MIXED_STORED);
  });

  test("turns an event that a constraint refuses into a dead letter, in its place of the log", () => {
    using store = newStore();
    store.raw.run(`create trigger picky before insert on arrest_event when new.officer_id = 666 begin
      select raise(abort, 'not this officer'); end`);
    const counts = store.writer.ingest(
      batch({
        events: [1, 666, 2, 0, 3].map((officerId) => fields({ officerId })),
        positions: [{ partition: 0, nextOffset: 5 }],
      }),
    );
    expect(counts).toEqual({ events: 3, deadLetters: 2 });
    expect(contents(store.path)).toEqual({
      officers: [1, 2, 3],
      deadLetters: [
        { partition: 0, offset: 1, reason: "refused_by_store" },
        { partition: 0, offset: 3, reason: "refused_by_store" },
      ],
      positions: [{ topic: "arrest_event", partition: 0, next: 5 }],
    });
  });

  test.each([
    ["rows", "drop table arrest_event", "no such table"],
    ["dead letters", "drop table dead_letter", "no such table"],
    ["positions", "drop table consumer_offset", "no such table"],
  ])("that fails at its %s stores nothing", (_, breakage, message) => {
    using store = newStore();
    store.writer.ingest(batch({ events: [fields({ officerId: 9 })] }));
    const [, table] = breakage.split("drop table ");
    store.raw.run(`alter table ${table} rename to away`);
    expect(() => store.writer.ingest(MIXED)).toThrow(message);
    store.raw.run(`alter table away rename to ${table}`);
    expect(contents(store.path)).toEqual({ ...NOTHING, officers: [9] });
    // Nothing is left open, so that the same batch can be stored afterwards.
    store.writer.ingest(MIXED);
    expect(contents(store.path)).toEqual({ ...MIXED_STORED, officers: [9, 1, 2] });
  });

  test.each([
    ["a dead letter", "dead_letter", "abort"],
    ["a position", "consumer_offset", "abort"],
    ["a row, by taking the transaction back,", "arrest_event", "rollback"],
  ])("stores nothing when a constraint refuses %s", (_, table, action) => {
    using store = newStore();
    store.raw.run(`create trigger refuse before insert on ${table} begin
      select raise(${action}, 'no'); end`);
    expect(() => store.writer.ingest(MIXED)).toThrow();
    expect(contents(store.path)).toEqual(NOTHING);
    store.raw.run("drop trigger refuse");
    store.writer.ingest(MIXED);
    expect(contents(store.path)).toEqual(MIXED_STORED);
  });

  test("stores nothing while another program keeps the store locked, and is no dead letter", () => {
    using store = newStore();
    store.raw.run("begin immediate");
    expect(() => store.writer.ingest(MIXED)).toThrow("database is locked");
    store.raw.run("rollback");
    expect(contents(store.path)).toEqual(NOTHING);
    store.writer.ingest(MIXED);
    expect(contents(store.path)).toEqual(MIXED_STORED);
  });

  test("keeps every byte of a dead letter", () => {
    using store = newStore();
    const key = Buffer.from([0, 255, 128, 1]);
    const value = Buffer.from([0xff, 0xfe, 0, 10]);
    const headers = [
      ["trace", "AAE="],
      ["trace", null],
      ["", ""],
    ] as const;
    store.writer.ingest(
      batch({
        deadLetters: [
          letter({ key, value, headers, timestamp: 1, offset: Number.MAX_SAFE_INTEGER }),
          letter({ key: Buffer.alloc(0), value: Buffer.alloc(0) }),
          letter({ key: null, value: null, reason: "no_value" }),
        ],
      }),
    );
    const stored = rows<Record<string, unknown>>(
      store.path,
      'select key, value, headers, timestamp, "offset", refusals, refused_at from dead_letter order by id',
    );
    expect(stored[0]).toEqual({
      key: new Uint8Array(key),
      value: new Uint8Array(value),
      headers: JSON.stringify(headers),
      timestamp: 1,
      offset: Number.MAX_SAFE_INTEGER,
      refusals: JSON.stringify([{ pointer: "", detail: "must be JSON" }]),
      refused_at: Date.UTC(2026, 10, 22, 13, 6),
    });
    // Empty and absent are two things.
    expect(stored[1]).toMatchObject({ key: new Uint8Array(0), value: new Uint8Array(0) });
    expect(stored[2]).toMatchObject({ key: null, value: null });
  });
});

describe("positions", () => {
  test("belong to a cluster and a topic", () => {
    using directory = newDirectory();
    const open = (cluster: "kafka" | "embedded", topic: string) =>
      openWriter(directory.file(), cluster, topic, decodeMessage);
    const writers = [open("kafka", "one"), open("kafka", "two"), open("embedded", "one")];
    for (const [index, writer] of writers.entries()) {
      expect(writer.position(0)).toBeUndefined();
      writer.setPositions([
        { partition: 0, nextOffset: index * 100 },
        { partition: 1, nextOffset: index * 100 + 1 },
      ]);
    }
    expect(
      writers.map((writer) => [0, 1, 2].map((each) => writer.position(each)?.nextOffset)),
    ).toEqual([
      [0, 1, undefined],
      [100, 101, undefined],
      [200, 201, undefined],
    ]);
    for (const writer of writers) writer.close();
    const again = open("kafka", "two");
    expect(again.position(1)?.nextOffset).toBe(101);
    again.close();
  });

  test("of one cluster are forgotten without those of the other", () => {
    using directory = newDirectory();
    const kafka = openWriter(directory.file(), "kafka", "arrest_event", decodeMessage);
    const embedded = openWriter(directory.file(), "embedded", "arrest_event", decodeMessage);
    kafka.setPositions([{ partition: 0, nextOffset: 5 }]);
    embedded.setPositions([{ partition: 0, nextOffset: 6 }]);
    embedded.forgetPositions();
    expect(embedded.position(0)).toBeUndefined();
    expect(kafka.position(0)?.nextOffset).toBe(5);
    kafka.close();
    embedded.close();
  });

  test("may go back, and as far as JSON keeps exact", () => {
    using store = newStore();
    for (const nextOffset of [10, Number.MAX_SAFE_INTEGER, 0]) {
      store.writer.setPositions([{ partition: 0, nextOffset }]);
      expect(store.writer.position(0)?.nextOffset).toBe(nextOffset);
    }
  });

  test("are set all or none", () => {
    using store = newStore();
    expect(() =>
      store.writer.setPositions([
        { partition: 0, nextOffset: 1 },
        { partition: 1, nextOffset: -1 },
      ]),
    ).toThrow("CHECK constraint failed");
    expect(store.writer.position(0)).toBeUndefined();
  });
});
