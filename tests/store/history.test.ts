import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Change } from "../../src/store/write.ts";
import { check } from "../support/property.ts";
import { batch, fields, newStore, ofPartition, openRaw, rows } from "../support/store.ts";

const AT = Date.UTC(2026, 10, 22, 13, 5);

interface Batch {
  readonly first_id: number;
  readonly last_id: number;
  readonly partition: number;
  readonly first_offset: number;
  readonly last_offset: number;
}

describe("the rows that tell where events came from", () => {
  test("are one a partition and transaction, however many events there are", () => {
    using store = newStore({ now: () => AT });
    const events = Array.from({ length: 500 }, () => fields());
    store.writer.ingest(
      batch({ partitions: [ofPartition(2, events, 1000), ofPartition(0, events, 0)] }),
    );
    store.writer.ingest(batch({ partitions: [ofPartition(2, events, 1500)] }));
    expect(rows<Batch>(store.path, "select * from ingest_batch")).toEqual(
      [
        { first_id: 1, last_id: 500, partition: 2, first_offset: 1000, last_offset: 1499 },
        { first_id: 501, last_id: 1000, partition: 0, first_offset: 0, last_offset: 499 },
        { first_id: 1001, last_id: 1500, partition: 2, first_offset: 1500, last_offset: 1999 },
      ].map((row) => ({ ...row, cluster: "kafka", topic: "arrest_event", stored_at: AT })),
    );
  });

  test("are none for a partition all of whose events a constraint refuses", () => {
    using store = newStore({ now: () => AT });
    const impossible = fields({ officerId: 0 });
    store.writer.ingest(
      batch({ partitions: [ofPartition(0, [impossible]), ofPartition(1, [fields()])] }),
    );
    expect(rows<Batch>(store.path, "select * from ingest_batch")).toMatchObject([
      { first_id: 1, last_id: 1, partition: 1 },
    ]);
  });

  test("are taken back with the transaction", () => {
    using store = newStore({ now: () => AT });
    const positions = [{ partition: 0, nextOffset: -1 }];
    const partitions = [ofPartition(0, [fields()])];
    expect(() => store.writer.ingest(batch({ partitions, positions }))).toThrow();
    expect(rows(store.path, "select * from ingest_batch")).toEqual([]);
  });

  test("find each event's partition, whatever was refused, created or deleted in between", () => {
    const officer = fc.integer({ min: 0, max: 5 });
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("ingest" as const),
        partitions: fc.uniqueArray(
          fc.record({
            partition: fc.integer({ min: 0, max: 4 }),
            officers: fc.array(officer, { minLength: 1, maxLength: 4 }),
          }),
          { selector: ({ partition }) => partition, maxLength: 4 },
        ),
      }),
      fc.record({ kind: fc.constant("create" as const), count: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant("delete" as const), id: fc.integer({ min: 1, max: 30 }) }),
    );
    using store = newStore({ now: () => AT });
    /** The partition of each event by the subject's id, which is unique; null for those over HTTP. */
    const partitionOf: (number | null)[] = [];
    const newFields = (officerId: number, partition: number | null) =>
      fields({ officerId, subjectId: partitionOf.push(partition) });
    check(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const before = store.reader.lastId();
        for (const each of steps) {
          if (each.kind === "ingest") {
            const partitions = each.partitions.map(({ partition, officers }) =>
              ofPartition(
                partition,
                officers.map((officerId) => newFields(officerId, partition)),
              ),
            );
            store.writer.ingest(batch({ partitions }));
          } else if (each.kind === "create") {
            const change = (): Change => ({ kind: "create", fields: newFields(1, null) });
            store.writer.apply(Array.from({ length: each.count }, change));
          } else {
            store.writer.apply([{ kind: "delete", id: before + each.id }]);
          }
        }
        const after = { id: before, arrestedAt: 0 };
        const { events } = store.reader.scan({ filter: {}, sort: "id", after }).next(1000);
        for (const { id, subjectId } of events) {
          const origin = store.reader.history(id, 0, 1)?.origin;
          expect(origin?.partition ?? null).toBe(partitionOf[subjectId - 1] as number | null);
        }
      }),
      100,
    );
  }, 60_000);
});

describe("the history", () => {
  test("is written in the change's own transaction: what cannot be recorded is not made", () => {
    using store = newStore({ now: () => AT });
    using raw = openRaw(store.path);
    store.writer.apply([{ kind: "create", fields: fields() }]);
    raw.run("alter table arrest_event_change rename to away");
    for (const change of [
      { kind: "create", fields: fields() },
      { kind: "update", id: 1, fields: { officerId: 8 } },
      { kind: "delete", id: 1 },
    ] as const) {
      expect(() => store.writer.apply([change])).toThrow("no such table");
    }
    raw.run("alter table away rename to arrest_event_change");
    expect(rows(store.path, "select id, version from arrest_event")).toEqual([
      { id: 1, version: 1 },
    ]);
    expect(store.reader.history(1, 0, 10)?.changes).toHaveLength(1);
  });

  test("of an event that another program wrote is empty, and there", () => {
    using store = newStore({ now: () => AT });
    using raw = openRaw(store.path);
    raw.run("insert into arrest_event values (5, 1, 1, 1, 1, 0, 1)");
    expect(store.reader.history(5, 0, 10)).toEqual({ origin: null, changes: [] });
    expect(store.reader.history(4, 0, 10)).toBeUndefined();
  });

  test("is found by indexes alone", () => {
    using store = newStore({ now: () => AT });
    using raw = openRaw(store.path);
    const plan = (query: string) =>
      raw
        .query<{ detail: string }, []>(`explain query plan ${query}`)
        .all()
        .map(({ detail }) => detail)
        .join("; ");
    expect(
      plan(
        "select * from arrest_event_change where event_id = 1 and version > 0 order by version limit 3",
      ),
    ).toBe(
      "SEARCH arrest_event_change USING INDEX arrest_event_change_by_version (event_id=? AND version>?)",
    );
    expect(
      plan("select * from ingest_batch where first_id <= 1 order by first_id desc limit 1"),
    ).toBe("SEARCH ingest_batch USING INTEGER PRIMARY KEY (rowid<?)");
  });
});
