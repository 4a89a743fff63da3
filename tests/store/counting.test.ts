import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { type ArrestEvent, MAX_TIMESTAMP, MIN_TIMESTAMP } from "../../src/arrest-event.ts";
import type { EventGrouping } from "../../src/store/read.ts";
import { anyFilter, MANY_EVENTS, manyTime, matches } from "../support/many-events.ts";
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
function count({ reader }: Store, ...[filter, groupings]: Parameters<Store["reader"]["counting"]>) {
  const counting = reader.counting(filter, groupings);
  let steps = 1;
  while (!counting.next()) steps++;
  return { groups: counting.groups(), steps };
}

/** The value that an event has of a grouping, by its documentation. */
function groupOf(grouping: EventGrouping, event: ArrestEvent): number {
  const iso = new Date(event.arrestedAt).toISOString();
  if (grouping === "hour") return Date.parse(`${iso.slice(0, 13)}:00Z`);
  if (grouping === "day") return Date.parse(iso.slice(0, 10));
  if (grouping === "month") return Date.parse(iso.slice(0, 7));
  return event[grouping];
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

test("counts are those of the events that match, by what they have in common", () => {
  const stored = MANY_EVENTS.map((event, index): ArrestEvent => ({ id: index + 1, ...event }));
  check(
    fc.property(anyFilter, groupings, (filter, by) => {
      const expected = new Map<string, number>();
      for (const event of stored) {
        if (!matches(event, filter)) continue;
        const key = by.map((grouping) => groupOf(grouping, event)).join();
        expected.set(key, (expected.get(key) ?? 0) + 1);
      }
      const { groups } = count(many, filter, by);
      const found = new Map(groups.map(({ values, count }) => [values.join(), count]));
      expect(found.size).toBe(groups.length);
      expect(found).toEqual(expected);
    }),
    200,
  );
});

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

test("a counting takes a step for every 10,000 events, and none for those that an index leaves out", () => {
  const steps = (...asked: Parameters<Store["reader"]["counting"]>) => count(many, ...asked).steps;
  // By an index of a column the last step finds that there is nothing more.
  expect(steps({}, [])).toBe(4);
  expect(steps({}, ["officerId", "day"])).toBe(3);
  expect(steps({ officerId: [1] }, ["day"])).toBe(2);
  expect(steps({ officerId: [1], subjectId: [3] }, [])).toBe(1);
  expect(steps({ arrestedFrom: manyTime(1), arrestedTo: manyTime(3) }, ["crimeTypeId"])).toBe(1);
});

test("events that are created while others are counted are not counted", () => {
  using store = storeOf(MANY_EVENTS.slice(0, 12_000));
  const counting = store.reader.counting({}, []);
  expect(counting.next()).toBe(false);
  store.writer.apply([{ kind: "create", fields: fields() }]);
  expect(store.checkpoint()).toEqual({ busy: 0, log: 0, checkpointed: 0 });
  while (!counting.next());
  expect(counting.groups()).toEqual([{ values: [], count: 12_000 }]);
});

test("of nothing, all together are one group at most", () => {
  using store = storeOf([]);
  expect(count(store, {}, []).groups).toEqual([]);
  expect(count(store, { officerId: [1] }, ["day"]).groups).toEqual([]);
});
