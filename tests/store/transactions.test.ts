import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { decodeMessage } from "../../src/ingest/message.ts";
import { CHECKPOINT_PAGES } from "../../src/store/database.ts";
import { openWriter } from "../../src/store/write.ts";
import { batch, letter, newDirectory, openRaw } from "../support/store.ts";

const PAGE_BYTES = 4096;

/** A store that notes how its checkpoints end. */
function newStore() {
  const directory = newDirectory();
  const path = directory.file();
  const ends: string[] = [];
  const writer = openWriter(path, "kafka", "arrest_event", decodeMessage, {
    onCheckpoint: (durationMs, error) => {
      expect(durationMs).toBeGreaterThan(0);
      ends.push(error === undefined ? "done" : error.message);
    },
  });
  return {
    path,
    writer,
    /** How the checkpoints ended since this was last asked. */
    checkpoints: () => ends.splice(0),
    /** Stores so many pages in one transaction. */
    store: (pages: number, offset = 0) =>
      writer.ingest(
        batch({ deadLetters: [letter({ offset, value: Buffer.alloc(pages * PAGE_BYTES) })] }),
      ),
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

test("the log is moved into the database file at the start, when it has grown long, and at the end", () => {
  using store = newStore();
  expect(store.checkpoints()).toEqual(["done"]);
  store.store(CHECKPOINT_PAGES / 2);
  expect(store.checkpoints()).toEqual([]);
  store.store(CHECKPOINT_PAGES / 2, 1);
  expect(store.checkpoints()).toEqual(["done"]);
  expect(statSync(store.path).size).toBeGreaterThan(CHECKPOINT_PAGES * PAGE_BYTES);
  // It is written from its beginning again, and is not long any more.
  store.store(1, 2);
  expect(store.checkpoints()).toEqual([]);
  store.writer.close();
  expect(store.checkpoints()).toEqual(["done"]);
});

test("a reader that holds the log back holds up no transaction, and the log is moved when it is gone", () => {
  using store = newStore();
  store.checkpoints();
  using reader = openRaw(store.path);
  reader.run("begin");
  reader.query("select * from arrest_event").all();
  const before = statSync(store.path).size;
  store.store(CHECKPOINT_PAGES);
  expect(store.checkpoints()).toEqual(["done"]);
  expect(statSync(store.path).size).toBe(before);
  // Not with each transaction: what is held up costs the more, the longer the log is.
  store.store(1, 1);
  expect(store.checkpoints()).toEqual([]);
  reader.run("commit");
  store.store(CHECKPOINT_PAGES, 2);
  expect(store.checkpoints()).toEqual(["done"]);
  expect(statSync(store.path).size).toBeGreaterThan(2 * CHECKPOINT_PAGES * PAGE_BYTES);
  // Another long one shows that the log is written from its beginning again.
  store.store(1, 3);
  expect(store.checkpoints()).toEqual([]);
  store.writer.close();
});

test("a log that another program reads at the start is told, and holds up nothing that is stored", () => {
  using store = newStore();
  store.store(1);
  using reader = openRaw(store.path);
  reader.run("begin");
  reader.query("select * from arrest_event").all();
  store.store(1, 1);
  const ends: (string | undefined)[] = [];
  const second = openWriter(store.path, "kafka", "arrest_event", decodeMessage, {
    onCheckpoint: (_, error) => ends.push(error?.message),
  });
  expect(ends).toEqual(["the log cannot be emptied: another program reads it"]);
  expect(second.ingest(batch({ deadLetters: [letter({ offset: 2 })] })).deadLetters).toBe(1);
  reader.run("commit");
  second.close();
  store.writer.close();
});
