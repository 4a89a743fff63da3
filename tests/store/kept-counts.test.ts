import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import {
  type ArrestEvent,
  type ArrestEventFields,
  MAX_ID,
  MAX_TIMESTAMP,
  MIN_TIMESTAMP,
} from "../../src/arrest-event.ts";
import { type EventFilter, type EventGrouping, openReader } from "../../src/store/read.ts";
import type { Change } from "../../src/store/write.ts";
import { countsOf } from "../support/many-events.ts";
import { check } from "../support/property.ts";
import { batch, letter, newStore, rows } from "../support/store.ts";

// A busy machine is no failure.
setDefaultTimeout(120_000);

type Store = ReturnType<typeof newStore>;

/** Few of each, so that groups have several events, and the limits of what can be stored. */
const anyId = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constantFrom(70_000, MAX_ID));
const anyTime = fc.oneof(
  // Around the beginning of hours, days, weeks, months and years, before and after 1970.
  fc
    .tuple(
      fc.constantFrom(
        MIN_TIMESTAMP + 1,
        -62_135_000_000_000,
        Date.UTC(1900, 2, 1),
        0,
        Date.UTC(2024, 1, 29),
        Date.UTC(2026, 10, 22, 13),
        Date.UTC(2026, 10, 23),
        Date.UTC(2027, 0, 1),
        MAX_TIMESTAMP - 1,
      ),
      fc.integer({ min: -1, max: 1 }),
    )
    .map(([time, offset]) => time + offset),
  fc.integer({ min: MIN_TIMESTAMP, max: MAX_TIMESTAMP }),
);
const anyFields: fc.Arbitrary<ArrestEventFields> = fc.record({
  officerId: anyId,
  subjectId: anyId,
  arrestTypeId: anyId,
  crimeTypeId: anyId,
  arrestedAt: anyTime,
});

/** One in ten is an event that a constraint of the store refuses. */
const perhapsRefused = fc.oneof(
  { weight: 9, arbitrary: anyFields },
  { weight: 1, arbitrary: anyFields.map((event) => ({ ...event, crimeTypeId: 0 })) },
);

/** Of an event that was or will be there, or not. */
const target = fc.integer({ min: 1, max: 40 });

const anyChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("create" as const), fields: perhapsRefused }),
  fc.record({
    kind: fc.constant("create-batch" as const),
    events: fc.array(perhapsRefused, { minLength: 1, maxLength: 6 }),
  }),
  fc.record({
    kind: fc.constant("update" as const),
    id: target,
    fields: fc.oneof(perhapsRefused, fc.record({ arrestedAt: anyTime }), fc.constant({})),
  }),
  fc.record({ kind: fc.constant("delete" as const), id: target }),
  fc.record({
    kind: fc.constant("replay" as const),
    letterId: fc.integer({ min: 1, max: 6 }),
    fields: perhapsRefused,
  }),
);

type Operation =
  | { readonly kind: "ingest"; readonly events: readonly ArrestEventFields[] }
  | { readonly kind: "apply"; readonly changes: readonly Change[] }
  | { readonly kind: "count" };

const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant("ingest" as const),
    events: fc.array(perhapsRefused, { minLength: 1, maxLength: 12 }),
  }),
  fc.record({
    kind: fc.constant("apply" as const),
    changes: fc.array(anyChange, { minLength: 1, maxLength: 6 }),
  }),
  fc.constant({ kind: "count" as const }),
);

const GROUPINGS: readonly (readonly EventGrouping[])[] = [
  [],
  ["officerId"],
  ["arrestTypeId"],
  ["crimeTypeId", "arrestTypeId"],
  ["crimeTypeId", "month"],
  ["day", "arrestTypeId"],
  ["hour"],
  ["day"],
  ["month"],
];

const anyFilter: fc.Arbitrary<EventFilter> = fc.record(
  {
    arrestTypeId: fc.array(anyId, { minLength: 1, maxLength: 3 }),
    crimeTypeId: fc.array(anyId, { minLength: 1, maxLength: 3 }),
    arrestedFrom: anyTime,
    arrestedTo: anyTime,
  },
  { requiredKeys: [] },
);

function run({ writer, reader }: Store, operation: Operation): void {
  switch (operation.kind) {
    case "ingest":
      writer.ingest(batch({ events: operation.events, deadLetters: [letter()] }));
      break;
    case "apply":
      writer.apply(operation.changes);
      break;
    case "count":
      reader.keepCounts();
  }
}

function counted({ reader }: Store, filter: EventFilter, by: readonly EventGrouping[]) {
  const counting = reader.counting(filter, by);
  while (!counting.next());
  return new Map(counting.groups().map(({ values, count }) => [values.join(), count]));
}

function stored({ path }: Store): ArrestEvent[] {
  return rows<ArrestEvent>(
    path,
    `select id, officer_id as officerId, subject_id as subjectId, arrest_type_id as arrestTypeId,
      crime_type_id as crimeTypeId, arrested_at as arrestedAt from arrest_event`,
  );
}

test("after any events and changes, refused ones among them, the counts are those of the table", () => {
  check(
    fc.property(
      fc.array(fc.tuple(anyOperation, anyFilter), { minLength: 1, maxLength: 15 }),
      (operations) => {
        using store = newStore();
        for (const [operation, filter] of operations) {
          run(store, operation);
          // Without a question, changes of counted and of further events come together.
          if (operation.kind === "count") continue;
          const events = stored(store);
          const by = GROUPINGS[(events.length + operations.length) % GROUPINGS.length] ?? [];
          expect(counted(store, filter, by)).toEqual(countsOf(events, filter, by));
        }
        const events = stored(store);
        for (const by of GROUPINGS) {
          expect(counted(store, {}, by)).toEqual(countsOf(events, {}, by));
        }
      },
    ),
    100,
  );
});

test("a group of changes that is taken back whole is not counted", () => {
  using store = newStore();
  const event = { officerId: 1, subjectId: 1, arrestTypeId: 1, crimeTypeId: 1, arrestedAt: 0 };
  store.writer.ingest(batch({ events: [event, event] }));
  expect(counted(store, {}, ["crimeTypeId"])).toEqual(new Map([["1", 2]]));
  rows(
    store.path,
    `create trigger broken before insert on arrest_event when new.officer_id = 666 begin
      select json('{'); end`,
  );
  const changes: Change[] = [
    { kind: "delete", id: 1 },
    { kind: "update", id: 2, fields: { crimeTypeId: 2 } },
    { kind: "create", fields: { ...event, officerId: 666 } },
  ];
  expect(() => store.writer.apply(changes)).toThrow("malformed JSON");
  expect(counted(store, {}, ["crimeTypeId"])).toEqual(new Map([["1", 2]]));
  store.writer.apply(changes.slice(0, 2));
  expect(counted(store, {}, ["crimeTypeId"])).toEqual(new Map([["2", 1]]));
});

test("more changes than a step takes are all counted", () => {
  using store = newStore();
  const event = { officerId: 1, subjectId: 1, arrestTypeId: 1, crimeTypeId: 1, arrestedAt: 0 };
  store.writer.ingest(batch({ events: Array.from({ length: 6000 }, () => event) }));
  while (!store.reader.keepCounts());
  const changes = Array.from({ length: 5000 }, (_, index): Change => {
    const id = 1 + index;
    return index % 2 === 0
      ? { kind: "delete", id }
      : { kind: "update", id, fields: { crimeTypeId: 2 } };
  });
  store.writer.apply(changes);
  store.writer.ingest(batch({ events: [event] }));
  const counting = store.reader.counting({}, ["crimeTypeId"]);
  expect(counting.next()).toBe(false);
  expect(counting.groups()).toEqual([]);
  while (!counting.next());
  expect(counting.groups()).toEqual([
    { values: [1], count: 1001 },
    { values: [2], count: 2500 },
  ]);
});

test("counts are those of a snapshot that is shared, and of the next when that has ended", () => {
  using store = newStore();
  const event = { officerId: 1, subjectId: 1, arrestTypeId: 1, crimeTypeId: 1, arrestedAt: 0 };
  const create: Change = { kind: "create", fields: event };
  store.writer.apply([create, create]);
  const reader = openReader(store.path, () => undefined);
  const count = () => {
    const counting = reader.counting({}, ["crimeTypeId"]);
    while (!counting.next());
    return counting.groups().map((group) => group.count);
  };
  try {
    reader.get(1);
    expect(count()).toEqual([2]);
    store.writer.apply([{ kind: "delete", id: 1 }, create, create]);
    expect([reader.get(1)?.id, ...count()]).toEqual([1, 2]);
    reader.refresh();
    expect([reader.get(1)?.id, ...count()]).toEqual([undefined, 3]);
  } finally {
    reader.close();
  }
});
