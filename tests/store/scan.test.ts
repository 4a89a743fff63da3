import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { ArrestEvent } from "../../src/arrest-event.ts";
import { openForReading } from "../../src/store/database.ts";
import { openScan } from "../../src/store/event-scan.ts";
import { EVENT_SORTS, type EventReader, type EventSelection } from "../../src/store/read.ts";
import { Statements } from "../../src/store/statements.ts";
import {
  anyFilter,
  anyTime,
  MANY_EVENTS,
  manySegments,
  manyTime,
  manyTogether,
  matches,
} from "../support/many-events.ts";
import { check } from "../support/property.ts";
import { batch, fields, storeOf } from "../support/store.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

/** Selections among events, the first of which has the id 1. */
function anySelection(events: readonly ArrestEvent[]): fc.Arbitrary<EventSelection> {
  const ids = [0, ...events.map(({ id }) => id), (events.at(-1)?.id ?? 0) + 1];
  return fc.record({
    filter: anyFilter,
    sort: fc.constantFrom(...EVENT_SORTS),
    after: fc.option(
      fc.record({
        id: fc.nat({ max: ids.length - 1 }).map((index) => ids[index] ?? 0),
        arrestedAt: anyTime,
      }),
      { nil: undefined },
    ),
  });
}

/** The ids that a selection means, by reading it as its documentation does. */
function expected(events: readonly ArrestEvent[], { filter, sort, after }: EventSelection) {
  const sign = sort.startsWith("-") ? -1 : 1;
  const compare = (a: Place, b: Place): number =>
    sign * ((sort.endsWith("id") ? 0 : a.arrestedAt - b.arrestedAt) || a.id - b.id);
  return events
    .filter((event) => matches(event, filter) && (after === undefined || compare(event, after) > 0))
    .sort(compare)
    .map(({ id }) => id);
}

type Place = Pick<ArrestEvent, "id" | "arrestedAt">;

/** Reads a selection as one scan, so many at a time, to its end or until it has enough. */
function read(
  reader: EventReader,
  selection: EventSelection,
  limit: number,
  enough: number,
): number[] {
  const scan = reader.scan(selection);
  const found: number[] = [];
  for (let ended = false; !ended && found.length < enough; ) {
    const step = scan.next(limit);
    expect(step.events.length).toBeLessThanOrEqual(limit);
    found.push(...step.events.map(({ id }) => id));
    ended = step.ended;
  }
  return found;
}

describe("a scan", () => {
  test.each([
    ["one segment", manyTogether],
    ["several segments with gaps in between", manySegments],
  ])(
    "of events in %s finds what its selection means, once and in order, however many at a time",
    (_, make) => {
      const made = make();
      using store = made.store;
      const { stored } = made;
      check(
        fc.property(anySelection(stored), fc.constantFrom(1000, 7, 100), (selected, limit) => {
          const wanted = expected(stored, selected);
          // Of small steps not all: that takes long, and shows no more.
          const enough = limit * 60;
          const found = read(store.reader, selected, limit, enough);
          expect(found.slice(0, enough)).toEqual(wanted.slice(0, enough));
        }),
        300,
      );
    },
  );

  test.each(EVENT_SORTS)(
    "by %s goes on behind any event, one at a time, with equal times",
    (sort) => {
      const times = [5, 3, 3, 5, 3, 9, 5, 3];
      using store = storeOf(times.map((arrestedAt) => fields({ arrestedAt })));
      const whole = store.reader.scan({ filter: {}, sort }).next(100).events;
      expect(whole.map(({ id }) => id)).toEqual(expected(whole, { filter: {}, sort }));
      for (const [index, after] of whole.entries()) {
        const rest = store.reader.scan({ filter: {}, sort, after }).next(100).events;
        expect(rest).toEqual(whole.slice(index + 1));
      }
    },
  );

  test.each(EVENT_SORTS)(
    "by %s does not meet events that are created after its beginning",
    (sort) => {
      using store = storeOf(Array.from({ length: 10 }, () => fields()));
      const scan = store.reader.scan({ filter: {}, sort });
      store.writer.ingest(batch({ events: [fields(), fields({ arrestedAt: 0 })] }));
      const { events } = scan.next(100);
      expect(events.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual([
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
      ]);
    },
  );

  test("of an event that another column excludes looks at no more than a step at a time", () => {
    // More than are sorted at once have each of the two, and none has both.
    const events = Array.from({ length: 24_000 }, (_, index) =>
      fields({ officerId: 1 + (index % 2), crimeTypeId: 1 + (index % 2) }),
    );
    using store = storeOf(events);
    const scan = store.reader.scan({ filter: { officerId: [1], crimeTypeId: [2] }, sort: "id" });
    let steps = 1;
    for (let step = scan.next(10); !step.ended; step = scan.next(10)) {
      expect(step.events).toEqual([]);
      steps++;
    }
    // Of 500, 2,000, 5,000, and what is left of 12,000.
    expect(steps).toBe(4);
  });

  test.each([
    ["id", 80_001],
    ["-id", 94_999],
  ] as const)("by %s comes to a range of times among many events in few steps", (sort, first) => {
    const events = Array.from({ length: 100_000 }, (_, index) => fields({ arrestedAt: index }));
    using store = storeOf(events);
    const filter = { arrestedFrom: 80_000, arrestedTo: 94_999 };
    const scan = store.reader.scan({ filter, sort });
    expect(scan.next(10)).toEqual({ events: [], ended: false });
    expect(scan.next(10).events[0]?.id).toBe(first);
    // Nor does it go on behind the range.
    let found = 10;
    let steps = 0;
    for (let ended = false; !ended; steps++) {
      const step = scan.next(1000);
      found += step.events.length;
      ended = step.ended;
    }
    expect({ found, isQuick: steps < 25 }).toEqual({ found: 14_999, isQuick: true });
  });

  test("holds no snapshot between its steps", () => {
    using store = storeOf(Array.from({ length: 100 }, () => fields()));
    const scans = EVENT_SORTS.map((sort) =>
      store.reader.scan({ filter: { officerId: [7] }, sort }),
    );
    for (const scan of scans) scan.next(10);
    store.writer.apply([{ kind: "delete", id: 50 }]);
    expect(store.checkpoint()).toEqual({ busy: 0, log: 0, checkpointed: 0 });
    for (const scan of scans) expect(scan.next(10).events).toHaveLength(10);
  });
});

describe("the statements of a scan", () => {
  let store: ReturnType<typeof storeOf>;
  let selection: fc.Arbitrary<EventSelection>;

  beforeAll(() => {
    const many = manyTogether();
    store = many.store;
    selection = anySelection(many.stored);
  });

  afterAll(() => {
    store[Symbol.dispose]();
  });

  /** How SQLite carries out what a scan asks in its first two steps. */
  function plans(selection: EventSelection): string[] {
    const { $client: client } = openForReading(store.path);
    const texts = new Set<string>();
    const prepare = (text: string) => {
      texts.add(text);
      return client.prepare(text);
    };
    const scan = openScan(
      new Statements({ prepare } as typeof client),
      selection,
      MANY_EVENTS.length,
    );
    scan.next(50);
    scan.next(50);
    const found = [...texts].map((text) =>
      client
        .query<{ detail: string }, []>(`explain query plan ${text}`)
        .all()
        .map(({ detail }) => detail.replace("arrest_event USING ", ""))
        .filter((detail) => /SEARCH|SCAN|TEMP/.test(detail))
        .join("; "),
    );
    client.close();
    return found;
  }

  const ID = "SEARCH INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
  const OFFICER =
    "INDEX arrest_event_by_officer_id (<expr>=? AND officer_id=? AND rowid>? AND rowid<?)";
  /** What is asked first where an index is by segments: these, whether the events are few, where the next is. */
  const SEGMENTS = [
    "SEARCH COVERING INDEX arrest_event_by_officer_id (<expr>>?)",
    "SEARCH COVERING INDEX arrest_event_by_officer_id (<expr>=? AND officer_id=?); SCAN (subquery-1)",
    ID,
  ];

  test.each<[string, EventSelection, string[]]>([
    ["all by id", { filter: {}, sort: "id" }, [ID]],
    ["all by id, backwards", { filter: {}, sort: "-id" }, [ID]],
    [
      "an officer by id",
      { filter: { officerId: [1] }, sort: "id" },
      [...SEGMENTS, `SEARCH ${OFFICER}`],
    ],
    [
      "officers by id",
      { filter: { officerId: [1, 2, 3] }, sort: "-id" },
      [...SEGMENTS, new Array(4).fill(`SEARCH ${OFFICER}`).join("; ")],
    ],
  ])("search, and sort nothing, for %s", (_, selection, expectedPlans) => {
    expect(plans(selection)).toEqual(expectedPlans);
  });

  test.each<[string, EventSelection]>([
    ["all by time", { filter: {}, sort: "arrested_at" }],
    ["all by time, backwards", { filter: {}, sort: "-arrested_at" }],
    [
      "a range by time",
      { filter: { arrestedFrom: manyTime(5), arrestedTo: manyTime(700) }, sort: "-arrested_at" },
    ],
  ])("search the index of times, and sort nothing, for %s", (_, selection) => {
    const found = plans(selection).flatMap((plan) => plan.split("; "));
    expect(found.length).toBeGreaterThan(2);
    for (const step of found) {
      expect(step).toMatch(/^SEARCH (COVERING )?INDEX arrest_event_by_arrested_at \(arrested_at/);
    }
  });

  test("look for the wanted times first, then for the ids at the first and the last of these", () => {
    const [keys] = plans({ filter: {}, sort: "arrested_at" });
    expect(keys?.split("; ").map((step) => step.replace(/^.*\(/, "("))).toEqual([
      "(arrested_at=? AND rowid>?)",
      "(arrested_at>? AND arrested_at<?)",
      "(arrested_at=? AND rowid<?)",
    ]);
  });

  test("never pass through the whole table, whatever is selected", () => {
    check(
      fc.property(selection, (selected) => {
        for (const plan of plans(selected)) expect(plan).not.toContain("SCAN arrest_event");
      }),
      100,
    );
  });

  test("are kept by form: other values, and a few more, make no new ones", () => {
    const { $client: client } = openForReading(store.path);
    const statements = new Statements(client);
    const read = (crimeTypeId: number[]) =>
      openScan(statements, { filter: { crimeTypeId }, sort: "id" }, 30_000).next(10);
    read([1, 2, 3]);
    const before = statements.size;
    read([4, 5, 6, 7]);
    read([4, 5, 4, 5, 8]);
    expect(statements.size).toBe(before);
    for (let length = 1; length <= 100; length++) {
      read(Array.from({ length }, (_, index) => index + 1));
    }
    // Lists of 1, 2, 4, … 128 ids.
    expect(statements.size).toBe(8);
    client.close();
  });
});
