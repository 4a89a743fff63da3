import { expect, test } from "bun:test";
import { decodeMessage } from "../../src/ingest/message.ts";
import { KEY_LIFETIME_MS } from "../../src/store/idempotency.ts";
import { type Change, openWriter } from "../../src/store/write.ts";
import { fields, newDirectory, openRaw, rows } from "../support/store.ts";

/** A store whose clock stands where a test puts it. */
function newStore() {
  const directory = newDirectory();
  const path = directory.file();
  const clock = { now: Date.UTC(2026, 10, 22, 13, 5) };
  const open = () =>
    openWriter(path, "kafka", "arrest_event", decodeMessage, { now: () => clock.now });
  let writer = open();
  return {
    path,
    clock,
    apply: (...changes: Change[]) => writer.apply(changes),
    create: (...keys: string[]) => writer.apply(keys.map((key) => create(key))),
    reopen: () => {
      writer.close();
      writer = open();
    },
    keys: () =>
      rows<{ key: string }>(path, "select key from idempotency_key order by id").map(
        ({ key }) => key,
      ),
    [Symbol.dispose]: () => {
      writer.close();
      directory[Symbol.dispose]();
    },
  };
}

const create = (key: string, officerId = 7): Change => ({
  kind: "create",
  fields: fields({ officerId }),
  idempotency: { key, fingerprint: `officer ${officerId}` },
});

const done = (id: number, officerId = 7) => ({
  kind: "done",
  event: { id, ...fields({ officerId }), version: 1 },
});

test("a key that comes twice in one group of changes creates one event", () => {
  using store = newStore();
  expect(store.apply(create("a"), create("a"), create("b", 8), create("a", 9))).toEqual([
    done(1),
    done(1),
    done(2, 8),
    { kind: "key-reused" },
  ] as never);
  expect(rows(store.path, "select id from arrest_event")).toHaveLength(2);
});

test("a key is known after the store was closed and opened", () => {
  using store = newStore();
  store.create("a");
  store.reopen();
  expect(store.create("a")).toEqual([done(1)] as never);
});

test("a key is not kept when its event is refused", () => {
  using store = newStore();
  expect(store.apply(create("a", 0))).toMatchObject([{ kind: "failed" }]);
  expect(store.keys()).toEqual([]);
  expect(store.apply(create("a", 8))).toEqual([done(1, 8)] as never);
});

test("neither event nor key is kept when the store fails", () => {
  using store = newStore();
  using raw = openRaw(store.path);
  raw.run("alter table idempotency_key rename to away");
  expect(() => store.create("a")).toThrow("no such table");
  raw.run("alter table away rename to idempotency_key");
  expect(rows(store.path, "select id from arrest_event")).toEqual([]);
  expect(store.create("a")).toEqual([done(1)] as never);
});

test("keys that have expired are removed a few with each new one, and only those", () => {
  using store = newStore();
  const old = Array.from({ length: 20 }, (_, index) => `old ${index}`);
  store.create(...old);
  store.clock.now += KEY_LIFETIME_MS;
  store.create("young");
  expect(store.keys()).toEqual([...old, "young"]);
  store.clock.now += 1;
  store.create("new 1");
  const left = store.keys().length;
  expect(left).toBeGreaterThan(10);
  expect(left).toBeLessThan(21);
  // As many as have expired go in as many steps, or fewer.
  store.create(...Array.from({ length: 19 }, (_, index) => `new ${index + 2}`));
  expect(store.keys().filter((key) => key.startsWith("old"))).toEqual([]);
  expect(store.keys()).toContain("young");
});

test("a key that has expired can be used for another event at once", () => {
  using store = newStore();
  store.create("x", "a");
  store.clock.now += KEY_LIFETIME_MS + 1;
  expect(store.apply(create("a", 8), create("a", 8))).toEqual([done(3, 8), done(3, 8)] as never);
  expect(store.keys().filter((key) => key === "a")).toEqual(["a"]);
});

test("a batch is created whole or not at all, and once for a key", () => {
  using store = newStore();
  const batch = (officers: readonly number[]): Change => ({
    kind: "create-batch",
    events: officers.map((officerId) => fields({ officerId })),
    idempotency: { key: "a", fingerprint: officers.join() },
  });
  expect(store.apply(batch([1, 0, 2]), batch([1, 2, 3]), batch([1, 2, 3]), batch([4]))).toEqual([
    { kind: "failed", message: "CHECK constraint failed: arrest_event_officer_id" },
    { kind: "created", firstId: 1, lastId: 3 },
    { kind: "created", firstId: 1, lastId: 3 },
    { kind: "key-reused" },
  ]);
  expect(rows(store.path, "select officer_id from arrest_event order by id")).toEqual([
    { officer_id: 1 },
    { officer_id: 2 },
    { officer_id: 3 },
  ]);
});
