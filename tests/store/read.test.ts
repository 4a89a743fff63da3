import { describe, expect, test } from "bun:test";
import { truncateSync } from "node:fs";
import type { ArrestEvent } from "../../src/arrest-event.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { openForReading } from "../../src/store/database.ts";
import { openReader } from "../../src/store/read.ts";
import { openWriter } from "../../src/store/write.ts";
import { batch, fields, newDirectory, openRaw, storeOf } from "../support/store.ts";

/** A store with so many events, whose officers are their ids. */
function storeWith(count: number) {
  return storeOf(Array.from({ length: count }, (_, index) => fields({ officerId: index + 1 })));
}

describe("the reader", () => {
  test("finds an event by its id, or nothing", () => {
    using store = storeWith(3);
    expect(store.reader.get(2)).toEqual({ id: 2, ...fields({ officerId: 2 }), version: 1 });
    for (const id of [0, 4, -1, Number.MAX_SAFE_INTEGER]) {
      expect(store.reader.get(id)).toBeUndefined();
    }
  });

  test("pages by key, and neither repeats nor hides events while others come and go", () => {
    using store = storeWith(10);
    const met: number[] = [];
    for (let after: ArrestEvent | undefined; ; ) {
      const page = store.reader.scan({ filter: {}, sort: "id", after }).next(3).events;
      after = page.at(-1);
      if (after === undefined) break;
      met.push(...page.map(({ id }) => id));
      store.writer.apply([
        { kind: "delete", id: page[0]?.id ?? 0 },
        ...(met.length < 8 ? [{ kind: "create", fields: fields() } as const] : []),
      ]);
    }
    expect(met).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test("knows the greatest id, which is 0 in an empty table", () => {
    using store = storeWith(0);
    expect(store.reader.lastId()).toBe(0);
    store.writer.ingest(batch({ events: [fields(), fields()] }));
    expect(store.reader.lastId()).toBe(2);
    store.writer.apply([{ kind: "delete", id: 2 }]);
    expect(store.reader.lastId()).toBe(1);
  });

  test("sees what is committed at once, and goes on while the writer is at work", () => {
    using store = storeWith(1);
    using raw = openRaw(store.path);
    raw.run("begin immediate");
    raw.run("delete from arrest_event");
    expect(store.reader.get(1)).toBeDefined();
    raw.run("commit");
    expect(store.reader.get(1)).toBeUndefined();
  });

  test("does not keep the log from being emptied", () => {
    using store = storeWith(100);
    const scan = store.reader.scan({ filter: {}, sort: "id" });
    expect(scan.next(10).ended).toBe(false);
    store.reader.get(1);
    store.reader.lastId();
    using raw = openRaw(store.path);
    expect(raw.query("pragma wal_checkpoint(truncate)").get()).toEqual({
      busy: 0,
      log: 0,
      checkpointed: 0,
    });
  });

  test("says that the store cannot be read by throwing", () => {
    using store = storeWith(1);
    using raw = openRaw(store.path);
    expect(() => store.reader.check()).not.toThrow();
    raw.run("alter table arrest_event rename to away");
    expect(() => store.reader.check()).toThrow("no such table");
  });
});

describe("a reader that shares a snapshot", () => {
  /** A reader of a store with one event, and what ends the whiles in which it shares. */
  function sharingReader() {
    const store = storeWith(1);
    const ends: (() => void)[] = [];
    const reader = openReader(store.path, (end) => ends.push(end));
    return {
      store,
      reader,
      ends,
      [Symbol.dispose]: () => {
        reader.close();
        store[Symbol.dispose]();
      },
    };
  }

  const delete1 = { kind: "delete", id: 1 } as const;

  test("finds what was there at the first read until the while is over", () => {
    using sharing = sharingReader();
    const { store, reader, ends } = sharing;
    expect(reader.get(1)).toBeDefined();
    store.writer.apply([delete1]);
    expect(reader.get(1)).toBeDefined();
    expect(ends).toHaveLength(1);
    ends[0]?.();
    expect(reader.get(1)).toBeUndefined();
    expect(ends).toHaveLength(2);
  });

  test("finds everything once it is refreshed, and the end of that while is no harm to the next", () => {
    using sharing = sharingReader();
    const { store, reader, ends } = sharing;
    reader.get(1);
    store.writer.apply([delete1]);
    reader.refresh();
    expect(reader.get(1)).toBeUndefined();
    ends[0]?.();
    ends[1]?.();
    reader.refresh();
    expect(reader.get(1)).toBeUndefined();
  });

  test("is let go of without harm after a read that has failed and ended it", () => {
    using directory = newDirectory();
    const path = directory.file();
    const writer = openWriter(path, "kafka", "arrest_event", decodeMessage);
    writer.ingest(batch({ events: Array.from({ length: 5000 }, () => fields()) }));
    const ends: (() => void)[] = [];
    const reader = openReader(path, (end) => ends.push(end));
    reader.get(1);
    reader.refresh();
    // What is left of the log is not what its index says.
    truncateSync(`${path}-wal`, 4096);
    expect(() => reader.get(4000)).toThrow();
    expect(() => ends.at(-1)?.()).not.toThrow();
    expect(() => reader.get(4000)).toThrow();
    expect(() => reader.refresh()).not.toThrow();
    reader.close();
  });

  test("holds no part of the log beyond the while", () => {
    using sharing = sharingReader();
    const { store, reader, ends } = sharing;
    using raw = openRaw(store.path);
    raw.run("pragma busy_timeout = 0");
    const emptyLog = () => raw.query("pragma wal_checkpoint(truncate)").get();
    reader.get(1);
    store.writer.apply([delete1]);
    expect(emptyLog()).toMatchObject({ busy: 1 });
    ends[0]?.();
    expect(emptyLog()).toEqual({ busy: 0, log: 0, checkpointed: 0 });
  });
});

describe("the plan of", () => {
  function plan(path: string, query: string): string {
    const database = openForReading(path);
    const steps = database.$client
      .query<{ detail: string }, []>(`explain query plan ${query}`)
      .all();
    database.$client.close();
    return steps.map(({ detail }) => detail).join("; ");
  }

  test.each([
    ["topic = 'a'", "dead_letter_by_topic (topic=? AND rowid>?)"],
    ["reason = 'not_json'", "dead_letter_by_reason (reason=? AND rowid>?)"],
    ['"partition" = 1', "dead_letter_by_partition (partition=? AND rowid>?)"],
  ])(
    "a page of the dead letters with %s is a search of their index, without sorting",
    (condition, search) => {
      using store = storeWith(0);
      const query = `select * from dead_letter where ${condition} and id > 5 order by id limit 3`;
      expect(plan(store.path, query)).toBe(`SEARCH dead_letter USING INDEX ${search}`);
    },
  );
});
