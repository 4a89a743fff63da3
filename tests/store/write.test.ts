import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { MAX_ID } from "../../src/arrest-event.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { type Change, type ChangeResult, openWriter } from "../../src/store/write.ts";
import { batch, fields, newDirectory, newStore, openRaw, rows } from "../support/store.ts";

/** The ids of as many new events. */
function create({ writer }: ReturnType<typeof newStore>, count: number): number[] {
  return writer
    .apply(Array.from({ length: count }, (): Change => ({ kind: "create", fields: fields() })))
    .map(eventId);
}

function ids({ path }: ReturnType<typeof newStore>): number[] {
  return rows<{ id: number }>(path, "select id from arrest_event order by id").map(({ id }) => id);
}

function eventId(result: ChangeResult): number {
  if (result.kind !== "done") throw new Error(`the change ended as ${result.kind}`);
  return result.event.id;
}

describe("a group of changes", () => {
  test("is answered in order, each with what became of its event", () => {
    using store = newStore();
    const [first = 0, second = 0] = create(store, 2);
    const results = store.writer.apply([
      { kind: "create", fields: fields({ officerId: 10 }) },
      { kind: "update", id: first, fields: { officerId: 20 } },
      { kind: "delete", id: second },
      { kind: "update", id: second, fields: { officerId: 30 } },
      { kind: "delete", id: 99 },
      { kind: "update", id: first, fields: { subjectId: 40 } },
    ]);
    expect(results).toEqual([
      { kind: "done", event: { id: 3, ...fields({ officerId: 10 }), version: 1 } },
      { kind: "done", event: { id: first, ...fields({ officerId: 20 }), version: 2 } },
      { kind: "done", event: { id: second, ...fields(), version: 1 } },
      { kind: "not-found" },
      { kind: "not-found" },
      {
        kind: "done",
        event: { id: first, ...fields({ officerId: 20, subjectId: 40 }), version: 3 },
      },
    ]);
    expect(ids(store)).toEqual([first, 3]);
  });

  test("that is empty changes nothing", () => {
    using store = newStore();
    expect(store.writer.apply([])).toEqual([]);
  });

  test("loses only the change that a constraint refuses", () => {
    using store = newStore();
    const [id = 0] = create(store, 1);
    const results = store.writer.apply([
      { kind: "create", fields: fields({ officerId: 0 }) },
      { kind: "create", fields: fields({ officerId: 11 }) },
      { kind: "update", id, fields: { subjectId: 12, arrestedAt: 1e300 } },
      { kind: "create", fields: fields({ crimeTypeId: 1.5 }) },
      { kind: "update", id, fields: { subjectId: 13 } },
      ...Array.from(
        { length: 50 },
        (): Change => ({ kind: "create", fields: fields({ subjectId: -1 }) }),
      ),
      { kind: "create", fields: fields({ officerId: 14 }) },
    ]);
    expect(results.map(({ kind }) => kind)).toEqual([
      "failed",
      "done",
      "failed",
      "failed",
      "done",
      ...Array.from({ length: 50 }, () => "failed" as const),
      "done",
    ]);
    expect(store.reader.get(id)).toEqual({ id, ...fields({ subjectId: 13 }), version: 2 });
    expect(rows(store.path, "select officer_id from arrest_event order by id")).toEqual([
      { officer_id: 7 },
      { officer_id: 11 },
      { officer_id: 14 },
    ]);
  });

  test("undoes all that a refused change did, not only its last statement", () => {
    using store = newStore();
    using raw = openRaw(store.path);
    raw.run("create table side_effect (id)");
    raw.run(`create trigger late after insert on arrest_event when new.officer_id = 666 begin
      insert into side_effect values (new.id); select raise(abort, 'refused late'); end`);
    const results = store.writer.apply([
      { kind: "create", fields: fields({ officerId: 666 }) },
      { kind: "create", fields: fields() },
    ]);
    expect(results.map(({ kind }) => kind)).toEqual(["failed", "done"]);
    expect(rows(store.path, "select * from side_effect")).toEqual([]);
    expect(ids(store)).toHaveLength(1);
  });

  test("is undone whole when the store fails in the middle of it", () => {
    using store = newStore();
    using raw = openRaw(store.path);
    raw.run(`create trigger broken before insert on arrest_event when new.officer_id = 666 begin
      select json('{'); end`);
    expect(() =>
      store.writer.apply([
        { kind: "create", fields: fields() },
        { kind: "create", fields: fields({ officerId: 666 }) },
      ]),
    ).toThrow("malformed JSON");
    expect(ids(store)).toEqual([]);
    expect(create(store, 1)).toHaveLength(1);
  });

  test("is undone whole when a trigger takes the transaction back", () => {
    using store = newStore();
    using raw = openRaw(store.path);
    raw.run(`create trigger undo before insert on arrest_event when new.officer_id = 666 begin
      select raise(rollback, 'all of it'); end`);
    expect(() =>
      store.writer.apply([
        { kind: "create", fields: fields() },
        { kind: "create", fields: fields({ officerId: 666 }) },
        { kind: "create", fields: fields() },
      ]),
    ).toThrow();
    expect(ids(store)).toEqual([]);
  });
});

describe("an update", () => {
  const changed = {
    officerId: 101,
    subjectId: 102,
    arrestTypeId: 103,
    crimeTypeId: 104,
    arrestedAt: 0,
  };

  test.each(Object.entries(changed))("of %s alone keeps the other members", (name, value) => {
    using store = newStore();
    const [id = 0] = create(store, 1);
    store.writer.apply([{ kind: "update", id, fields: { [name]: value } }]);
    expect(store.reader.get(id)).toEqual({ id, ...fields({ [name]: value }), version: 2 });
  });

  test("of all members takes them all, and of none changes nothing", () => {
    using store = newStore();
    const [id = 0, other = 0] = create(store, 2);
    store.writer.apply([
      { kind: "update", id, fields: changed },
      { kind: "update", id, fields: {} },
    ]);
    expect(store.reader.get(id)).toEqual({ id, ...changed, version: 3 });
    expect(store.reader.get(other)).toEqual({ id: other, ...fields(), version: 1 });
  });
});

describe("an id", () => {
  test("is not given again after a delete, even of the last event", () => {
    using store = newStore();
    const ids = create(store, 3);
    store.writer.apply(ids.map((id) => ({ kind: "delete", id })));
    expect(create(store, 1)).toEqual([4]);
  });

  test("is not given again after the store was closed and opened", () => {
    using directory = newDirectory();
    const open = () => openWriter(directory.file(), "kafka", "arrest_event", decodeMessage);
    let writer = open();
    writer.apply([
      { kind: "create", fields: fields() },
      { kind: "create", fields: fields() },
      { kind: "delete", id: 2 },
      { kind: "delete", id: 1 },
    ]);
    writer.close();
    writer = open();
    const [result] = writer.apply([{ kind: "create", fields: fields() }]);
    writer.close();
    expect(result).toEqual({ kind: "done", event: { id: 3, ...fields(), version: 1 } });
  });

  test("may be as great as JSON keeps exact", () => {
    using store = newStore();
    const event = fields({ officerId: MAX_ID, subjectId: MAX_ID, arrestedAt: 253_402_300_799_999 });
    const [result] = store.writer.apply([{ kind: "create", fields: event }]);
    expect(result).toEqual({ kind: "done", event: { id: 1, ...event, version: 1 } });
    expect(store.reader.get(1)).toEqual({ id: 1, ...event, version: 1 });
  });
});

describe("a durable change", () => {
  test("is on the disk before it is answered, and ingest pays nothing for that", () => {
    using store = newStore();
    // A pragma cannot be read from outside of the connection, but a trigger of it can.
    using raw = openRaw(store.path);
    raw.run("create table seen (synchronous)");
    for (const table of ["arrest_event", "consumer_offset"]) {
      raw.run(`create trigger look_${table} after insert on ${table} begin
        insert into seen select synchronous from pragma_synchronous; end`);
    }
    const seen = () => {
      const values = rows<{ synchronous: number }>(store.path, "select synchronous from seen");
      raw.run("delete from seen");
      return values.map(({ synchronous }) => synchronous);
    };
    const FULL = 2;
    const NORMAL = 1;
    const ingest = () => store.writer.ingest(batch({ events: [fields()] }));

    create(store, 1);
    expect(seen()).toEqual([FULL]);
    ingest();
    expect(seen()).toEqual([NORMAL]);
    store.writer.setPositions([{ partition: 0, nextOffset: 1 }]);
    expect(seen()).toEqual([FULL]);
    ingest();
    expect(seen()).toEqual([NORMAL]);

    raw.run("drop table seen");
    expect(() => create(store, 1)).toThrow();
    raw.run("create table seen (synchronous)");
    ingest();
    expect(seen()).toEqual([NORMAL]);
  });
});

describe("a probe", () => {
  test("writes, and changes nothing", () => {
    using store = newStore();
    using raw = openRaw(store.path);
    create(store, 1);
    raw.run("pragma user_version = 7");
    const before = rows(store.path, "select * from arrest_event");
    const version = () => raw.query("pragma data_version").get();
    const seen = version();
    store.writer.probe();
    expect(version()).not.toEqual(seen);
    expect(raw.query("pragma user_version").get()).toEqual({ user_version: 7 });
    expect(rows(store.path, "select * from arrest_event")).toEqual(before);
  });

  test("fails as long as another program keeps the store locked", () => {
    using store = newStore();
    using raw = openRaw(store.path);
    raw.run("begin immediate");
    expect(() => store.writer.probe()).toThrow("database is locked");
    raw.run("rollback");
    expect(() => store.writer.probe()).not.toThrow();
  });
});

test("closing moves everything from the log into the one file", () => {
  using directory = newDirectory();
  const writer = openWriter(directory.file(), "kafka", "arrest_event", decodeMessage);
  writer.apply([{ kind: "create", fields: fields() }]);
  writer.close();
  copyFileSync(directory.file(), directory.file("copy.sqlite"));
  expect(rows(directory.file("copy.sqlite"), "select id from arrest_event")).toEqual([{ id: 1 }]);
});
