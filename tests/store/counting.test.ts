import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { MAX_TIMESTAMP, MIN_TIMESTAMP } from "../../src/arrest-event.ts";
import type { CountTableBounds } from "../../src/store/count-table.ts";
import { openForReading } from "../../src/store/database.ts";
import { openCounting } from "../../src/store/event-counts.ts";
import { KeptCounts } from "../../src/store/kept-counts.ts";
import type { Clock } from "../../src/store/pace.ts";
import type { EventCounting, EventFilter, EventGrouping } from "../../src/store/read.ts";
import { Statements } from "../../src/store/statements.ts";
import {
  anyFilter,
  countsOf,
  MANY_EVENTS,
  manySegments,
  manyTime,
  manyTogether,
} from "../support/many-events.ts";
import { check } from "../support/property.ts";
import { fields, storeOf } from "../support/store.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

type Store = ReturnType<typeof storeOf>;

let many: Store;

beforeAll(() => {
  many = storeOf(MANY_EVENTS);
});

afterAll(() => {
  many[Symbol.dispose]();
});

/** Counts to the end. */
function count({ reader }: Store, ...asked: Parameters<Store["reader"]["counting"]>) {
  return toTheEnd(reader.counting(...asked));
}

function toTheEnd(counting: EventCounting) {
  let steps = 1;
  while (!counting.next()) steps++;
  return { groups: counting.groups(), steps };
}

/** A table that is given up with the first event, so that each counting walks along the events. */
const NOTHING_KEPT: CountTableBounds = { cells: 0, rows: 0, columns: 0 };

/** A connection whose counts are kept within bounds, and whose steps are timed by a clock that stands still. */
function openBounded({ path, reader }: Store, bounds: CountTableBounds, now: Clock = () => 0) {
  const database = openForReading(path);
  const statements = new Statements(database.$client);
  const kept = new KeptCounts(database.$client, statements, bounds);
  while (!kept.advance());
  return {
    count: (filter: EventFilter, groupings: readonly EventGrouping[]) =>
      toTheEnd(
        openCounting(statements, kept, { filter, groupings }, reader.lastId(), Infinity, now),
      ),
    [Symbol.dispose]: () => database.$client.close(),
  };
}

const groupings = fc.uniqueArray(
  fc.constantFrom<EventGrouping>(
    "officerId",
    "arrestTypeId",
    "crimeTypeId",
    "hour",
    "day",
    "month",
  ),
  { maxLength: 2 },
);

test.each([
  ["one segment", manyTogether],
  ["several segments with gaps in between", manySegments],
])(
  "counts of events in %s are those of the events that match, whether they are kept or not",
  (_, make) => {
    const { store, stored } = make();
    using many = store;
    using walking = openBounded(many, NOTHING_KEPT);
    check(
      fc.property(anyFilter, groupings, (filter, by) => {
        const { groups } = count(many, filter, by);
        const found = new Map(groups.map(({ values, count }) => [values.join(), count]));
        expect(found.size).toBe(groups.length);
        expect(found).toEqual(countsOf(stored, filter, by));
        expect(walking.count(filter, by).groups).toEqual(groups);
      }),
      200,
    );
  },
);

test("groups are in the order of their values, as numbers", () => {
  const { groups } = count(many, {}, ["officerId", "crimeTypeId"]);
  const values = groups.map(({ values }) => values);
  expect(values).toEqual(
    values.toSorted((a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1])),
  );
  expect(values.length).toBeGreaterThan(400);
});

test("hours, days and months begin where the calendar says, in all years that can be stored", () => {
  const times = [
    MIN_TIMESTAMP,
    MAX_TIMESTAMP,
    -1,
    0,
    Date.UTC(2024, 1, 29, 23, 59, 59, 999),
    Date.UTC(2024, 2, 1),
    Date.UTC(1999, 11, 31, 23, 30),
    Date.UTC(1900, 1, 28, 12),
  ].toSorted((a, b) => a - b);
  using store = storeOf(times.map((arrestedAt) => fields({ arrestedAt })));
  const starts = (grouping: EventGrouping) =>
    count(store, {}, [grouping]).groups.map(({ values }) =>
      new Date(Number(values[0])).toISOString(),
    );
  const iso = times.map((time) => new Date(time).toISOString());
  expect(starts("hour")).toEqual(iso.map((time) => `${time.slice(0, 13)}:00:00.000Z`));
  expect(starts("day")).toEqual(iso.map((time) => `${time.slice(0, 10)}T00:00:00.000Z`));
  expect(starts("month")).toEqual(iso.map((time) => `${time.slice(0, 7)}-01T00:00:00.000Z`));
});

test("without kept counts steps are from 1,000 to 10,000 events, and none is for those that an index leaves out", () => {
  using walking = openBounded(many, NOTHING_KEPT);
  const steps = (...asked: Parameters<typeof walking.count>) => walking.count(...asked).steps;
  // 1,000, 2,000, 4,000, 8,000, 10,000, 5,000.
  expect(steps({}, [])).toBe(6);
  expect(steps({}, ["officerId", "day"])).toBe(6);
  expect(steps({ officerId: [1] }, ["day"])).toBe(4);
  expect(steps({ officerId: [1], subjectId: [3] }, [])).toBe(1);
  expect(steps({ arrestedFrom: manyTime(1), arrestedTo: manyTime(3) }, ["crimeTypeId"])).toBe(1);
});

test("without kept counts steps are the smaller, the longer they take", () => {
  let now = 0;
  using walking = openBounded(many, NOTHING_KEPT, () => (now += 100));
  // 1,000, and 250 each.
  expect(walking.count({}, ["officerId", "day"]).steps).toBe(1 + 29_000 / 250);
});

test("kept counts answer in one step, whatever the filters leave", () => {
  count(many, {}, []);
  const steps = (...asked: Parameters<Store["reader"]["counting"]>) => count(many, ...asked).steps;
  expect(steps({}, [])).toBe(1);
  expect(steps({}, ["officerId"])).toBe(1);
  expect(steps({ crimeTypeId: [7, 8] }, ["arrestTypeId", "day"])).toBe(1);
  expect(steps({ arrestedFrom: manyTime(100), arrestedTo: manyTime(600) }, ["hour"])).toBe(1);
});

test("the two ends of a range of times are of the same moment as the rest, or walked along where they are long", () => {
  const range = { arrestedFrom: manyTime(3), arrestedTo: manyTime(700) };
  // A week is the unit of officers, and there are but two.
  const { groups, steps } = count(many, range, ["officerId"]);
  expect(steps).toBeGreaterThan(1);
  expect(groups.reduce((sum, group) => sum + group.count, 0)).toBe(697 * 40);
  expect(count(many, range, ["arrestTypeId"])).toEqual({
    groups: [
      { values: [1], count: 13_940 },
      { values: [2], count: 13_940 },
    ],
    steps: 1,
  });
});

test("a reader that is far behind the store walks instead, until it has caught up", () => {
  using store = storeOf(Array.from({ length: 52_000 }, () => fields()));
  const expected = [{ values: [7], count: 52_000 }];
  const walked = count(store, {}, ["officerId"]);
  expect(walked.groups).toEqual(expected);
  expect(walked.steps).toBeGreaterThan(5);
  while (!store.reader.keepCounts());
  expect(count(store, {}, ["officerId"])).toEqual({ groups: expected, steps: 1 });
});

test("events that are created while others are walked along are not counted", () => {
  using store = storeOf(MANY_EVENTS.slice(0, 12_000));
  const counting = store.reader.counting({}, ["officerId", "day"]);
  expect(counting.next()).toBe(false);
  store.writer.apply([{ kind: "create", fields: fields() }]);
  expect(store.checkpoint()).toEqual({ busy: 0, log: 0, checkpointed: 0 });
  while (!counting.next());
  expect(counting.groups().reduce((sum, group) => sum + group.count, 0)).toBe(12_000);
});

test("what changes while the kept counts catch up is counted as it is at the end", () => {
  using store = storeOf(Array.from({ length: 12_000 }, () => fields()));
  const counting = store.reader.counting({}, ["crimeTypeId"]);
  expect(counting.next()).toBe(false);
  // The first is counted already, the second is not.
  for (const id of [5, 11_000]) {
    store.writer.apply([
      { kind: "update", id, fields: { crimeTypeId: 50 } },
      { kind: "update", id, fields: { crimeTypeId: 51 } },
      { kind: "delete", id: id + 1 },
    ]);
  }
  store.writer.apply([
    { kind: "create", fields: fields({ crimeTypeId: 52 }) },
    { kind: "update", id: 12_001, fields: { crimeTypeId: 53 } },
    { kind: "create", fields: fields({ crimeTypeId: 54 }) },
    { kind: "delete", id: 12_002 },
  ]);
  expect(store.checkpoint()).toEqual({ busy: 0, log: 0, checkpointed: 0 });
  while (!counting.next());
  expect(counting.groups()).toEqual([
    { values: [31], count: 11_996 },
    { values: [51], count: 2 },
    { values: [53], count: 1 },
  ]);
});

test("more groups than are wanted are not all looked for", () => {
  using store = storeOf(MANY_EVENTS);
  const counting = store.reader.counting({}, ["hour"], 10);
  while (!counting.next());
  expect(counting.tooMany()).toBe(true);
  expect(counting.groups().length).toBeLessThan(40);
  const all = store.reader.counting({}, ["hour"], 125);
  while (!all.next());
  expect([all.tooMany(), all.groups().length]).toEqual([false, 125]);
});

test.each([
  ["numbers", { cells: 30_000, rows: 1000, columns: 1000 }],
  ["periods", { cells: 10_000_000, rows: 3, columns: 1000 }],
  ["values", { cells: 10_000_000, rows: 1000, columns: 30 }],
])("counts that are given up for too many %s are the same", (_, bounds) => {
  using store = storeOf(MANY_EVENTS.slice(0, 20_000));
  using bounded = openBounded(store, bounds);
  for (const by of [["officerId"], ["crimeTypeId", "day"], ["hour"], []] as const) {
    expect(bounded.count({}, by).groups).toEqual(count(store, {}, by).groups);
  }
});

test("of nothing, all together are one group at most", () => {
  using store = storeOf([]);
  expect(count(store, {}, []).groups).toEqual([]);
  expect(count(store, { officerId: [1] }, ["day"]).groups).toEqual([]);
});
