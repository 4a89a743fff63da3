import { describe, expect, test } from "bun:test";
import { decodeMessage } from "../../src/ingest/message.ts";
import { openForWriting } from "../../src/store/database.ts";
import { totalsOf } from "../../src/store/dead-letters.ts";
import { openReader } from "../../src/store/read.ts";
import { type Change, openWriter } from "../../src/store/write.ts";
import { batch, fields, letter, newDirectory, ofPartition, openRaw } from "../support/store.ts";

/** A store in a directory of its own, read and written. */
function newStore() {
  const directory = newDirectory();
  const path = directory.file();
  const open = () => openWriter(path, "kafka", "arrest_event", decodeMessage);
  const opened = { writer: open() };
  const reader = openReader(path);
  return {
    path,
    reader,
    get writer() {
      return opened.writer;
    },
    reopen() {
      opened.writer.close();
      opened.writer = open();
    },
    [Symbol.dispose]: () => {
      reader.close();
      opened.writer.close();
      directory[Symbol.dispose]();
    },
  };
}

/** A letter whose key, value, headers and refusals are 10 + 20 + 2 + 2 bytes. */
const SIZED = letter({ key: Buffer.alloc(10), value: Buffer.alloc(20), headers: [], refusals: [] });

describe("the totals", () => {
  test("count the letters and their bytes as they come and go, also over a restart", () => {
    using store = newStore();
    expect(store.writer.deadLetters()).toEqual({ count: 0, bytes: 0 });
    store.writer.ingest(batch({ deadLetters: [SIZED, SIZED, SIZED] }));
    expect(store.writer.deadLetters()).toEqual({ count: 3, bytes: 3 * 34 });
    store.reopen();
    expect(store.writer.deadLetters()).toEqual({ count: 3, bytes: 3 * 34 });
    store.writer.apply([
      { kind: "delete-letter", letterId: 1 },
      { kind: "delete-letter", letterId: 1 },
      { kind: "replay", letterId: 2, fields: fields() },
    ]);
    expect(store.writer.deadLetters()).toEqual({ count: 1, bytes: 34 });
    store.writer.apply([{ kind: "delete-letters", filter: {}, limit: 10 }]);
    expect(store.writer.deadLetters()).toEqual({ count: 0, bytes: 0 });
  });

  test("count letters without a key or a value, and those that the store itself refused", () => {
    using store = newStore();
    store.writer.ingest(
      batch({
        partitions: [
          {
            ...ofPartition(0, [fields({ officerId: 0 })]),
            deadLetterFor: () => ({ ...SIZED, reason: "refused_by_store" }),
          },
        ],
        deadLetters: [{ ...SIZED, key: null, value: null }],
      }),
    );
    expect(store.writer.deadLetters()).toEqual({ count: 2, bytes: 4 + 34 });
  });

  test("are added up from an index, not from the letters, which are a gigabyte at most", () => {
    using store = newStore();
    const database = openForWriting(store.path);
    const { sql, params } = totalsOf(database).toSQL();
    expect(params).toEqual([]);
    const plan = database.$client
      .query<{ detail: string }, []>(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => detail);
    database.$client.close();
    expect(plan).toEqual(["SCAN dead_letter USING COVERING INDEX dead_letter_by_size"]);
  });

  test("stay as they are when the transaction does not come about", () => {
    using store = newStore();
    store.writer.ingest(batch({ deadLetters: [SIZED] }));
    const impossible = [{ partition: 0, nextOffset: -1 }];
    expect(() =>
      store.writer.ingest(batch({ deadLetters: [SIZED], positions: impossible })),
    ).toThrow();
    expect(store.writer.deadLetters()).toEqual({ count: 1, bytes: 34 });
    store.writer.ingest(batch({ deadLetters: [SIZED] }));
    expect(store.writer.deadLetters()).toEqual({ count: 2, bytes: 68 });
  });
});

describe("a replay", () => {
  test("that a constraint of the store refuses leaves the letter, and the rest of its group stands", () => {
    using store = newStore();
    using raw = openRaw(store.path);
    raw.run(
      "create trigger no_officer_13 before insert on arrest_event when new.officer_id = 13 begin select raise(abort, 'no'); end",
    );
    store.writer.ingest(batch({ deadLetters: [SIZED, SIZED] }));
    const results = store.writer.apply([
      { kind: "replay", letterId: 1, fields: fields({ officerId: 13 }) },
      { kind: "replay", letterId: 2, fields: fields({ officerId: 14 }) },
    ]);
    expect(results).toEqual([
      {
        kind: "refused",
        refusals: [{ pointer: "", detail: "must satisfy the constraints of the store" }],
      },
      { kind: "done", event: { id: 1, ...fields({ officerId: 14 }), version: 1 } },
    ]);
    expect(store.reader.deadLetters({}, 0, 10).map(({ id }) => id)).toEqual([1]);
    expect(store.writer.deadLetters().count).toBe(1);
  });

  test("of many is one change of its group: what comes with it stands or falls alone", () => {
    using store = newStore();
    const value = Buffer.from(
      '{"officer_id":7,"subject_id":1,"arrest_type_id":1,"crime_type_id":1,"arrested_at":"2026-11-22T13:05:00Z"}',
    );
    store.writer.ingest(batch({ deadLetters: [letter({ value }), SIZED, letter({ value })] }));
    const results = store.writer.apply([
      { kind: "create", fields: fields({ officerId: -1 }) },
      { kind: "replay-letters", filter: {}, after: 0, limit: 2 },
      { kind: "replay-letters", filter: {}, after: 2, limit: 2 },
    ]);
    expect(results.slice(1)).toEqual([
      { kind: "letters", letters: { done: 1, refused: 1, lastId: 2, more: true } },
      { kind: "letters", letters: { done: 1, refused: 0, lastId: 3, more: false } },
    ]);
    const { events } = store.reader.scan({ filter: {}, sort: "id" }).next(10);
    expect(events.map(({ officerId }) => officerId)).toEqual([7, 7]);
    expect(store.writer.deadLetters().count).toBe(1);
  });
});

test("a replay that fails late leaves the letter, and no event", () => {
  using store = newStore();
  using raw = openRaw(store.path);
  raw.run(
    "create trigger no_history before insert on arrest_event_change begin select raise(abort, 'no'); end",
  );
  const value = Buffer.from(
    '{"officer_id":7,"subject_id":1,"arrest_type_id":1,"crime_type_id":1,"arrested_at":"2026-11-22T13:05:00Z"}',
  );
  store.writer.ingest(batch({ deadLetters: [letter({ value }), letter({ value })] }));
  const replay: Change = { kind: "replay-letters", filter: {}, after: 0, limit: 10 };
  expect(store.writer.apply([replay])).toMatchObject([{ letters: { done: 0, refused: 2 } }]);
  expect(store.reader.lastId()).toBe(0);
  raw.run("drop trigger no_history");
  expect(store.writer.apply([replay])).toMatchObject([{ letters: { done: 2, refused: 0 } }]);
  expect(store.reader.lastId()).toBe(2);
});

describe("letters to forward", () => {
  test("are those that were not forwarded to that topic, oldest first, also over a restart", () => {
    using store = newStore();
    store.writer.ingest(batch({ deadLetters: [0, 1, 2].map((offset) => letter({ offset })) }));
    const offsets = (topic: string, limit = 10) =>
      store.writer.lettersToForward(topic, limit).map(({ offset }) => offset);
    expect(offsets("refused", 2)).toEqual([0, 1]);
    store.writer.setForwarded("refused", 2);
    store.reopen();
    expect(offsets("refused")).toEqual([2]);
    expect(offsets("another")).toEqual([0, 1, 2]);
    store.writer.setForwarded("refused", 3);
    expect(offsets("refused")).toEqual([]);
  });

  test("are none of another cluster", () => {
    using store = newStore();
    store.writer.ingest(batch({ deadLetters: [letter({ cluster: "embedded" })] }));
    expect(store.writer.lettersToForward("refused", 10)).toEqual([]);
  });
});
