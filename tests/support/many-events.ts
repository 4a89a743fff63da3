import fc from "fast-check";
import type { ArrestEvent, ArrestEventFields } from "../../src/arrest-event.ts";
import type { EventFilter, EventGrouping } from "../../src/store/read.ts";
import { SEGMENT_BITS } from "../../src/store/schema.ts";
import { batch, newStore, ofPartition, openRaw, storeOf } from "./store.ts";

/** How many different times {@link MANY_EVENTS} have. */
const TIMES = 750;

/** The time with this number: ten minutes apart, around the end of a month, and some of them before 1970. */
export function manyTime(number: number): number {
  return Date.UTC(1969, 11, 30) + number * 600_000;
}

/** A time of {@link MANY_EVENTS}, or one just outside of these. */
export const anyTime: fc.Arbitrary<number> = fc.integer({ min: -1, max: TIMES + 1 }).map(manyTime);

/** More events than any step looks at, with few and with many of a kind, hardly any of a time alone. */
export const MANY_EVENTS = Array.from(
  { length: 30_000 },
  (_, index): ArrestEventFields => ({
    officerId: index < 12_000 ? 1 : 2 + (index % 400),
    subjectId: 1 + ((index * 7919) % 10_007),
    arrestTypeId: 1 + (index % 2),
    crimeTypeId: 1 + (index % 50),
    // In waves, so that the order of times is not that of ids, with 40 at each time.
    arrestedAt: manyTime(Math.floor(((index * 61) % 30_000) / 40)),
  }),
);

/** A store of {@link MANY_EVENTS} with ids from 1 on, and the events as stored. */
export function manyTogether() {
  const stored = MANY_EVENTS.map((event, index): ArrestEvent => ({ id: index + 1, ...event }));
  return { store: storeOf(MANY_EVENTS), stored };
}

/** The segments at whose beginnings the events of {@link manySegments} are: 3,000 around each. */
const SEGMENTS = [0, 1, 2, 3, 5, 6, 7, 8, 40, 41];

/** A store whose {@link MANY_EVENTS} lie around the bounds of segments, with gaps in between, and the events as stored. */
export function manySegments() {
  const store = newStore();
  const size = MANY_EVENTS.length / SEGMENTS.length;
  const stored = SEGMENTS.flatMap((segment, block): ArrestEvent[] => {
    const events = MANY_EVENTS.slice(block * size, (block + 1) * size);
    const before = Math.max(segment * 2 ** SEGMENT_BITS - size / 2, 0);
    {
      using raw = openRaw(store.path);
      raw.run("update sqlite_sequence set seq = ? where name = 'arrest_event'", [before]);
    }
    store.writer.ingest(batch({ partitions: [ofPartition(0, events, block * size)] }));
    return events.map((event, index) => ({ id: before + index + 1, ...event }));
  });
  return { store, stored };
}

/** So many events, no two of the same time. */
export function someEvents(count: number): ArrestEventFields[] {
  return Array.from({ length: count }, (_, index) => ({
    officerId: 1 + (index % 50),
    subjectId: 1 + index,
    arrestTypeId: 1 + (index % 9),
    crimeTypeId: 1 + (index % 40),
    arrestedAt: 1_763_816_700_000 + index,
  }));
}

/** Filters of any kind for {@link MANY_EVENTS}. */
export const anyFilter: fc.Arbitrary<EventFilter> = fc.record(
  {
    officerId: ids(402, 1),
    subjectId: ids(10_007, 5),
    arrestTypeId: ids(3, 1),
    crimeTypeId: ids(51, 7),
    arrestedFrom: anyTime,
    arrestedTo: anyTime,
  },
  { requiredKeys: [] },
);

function ids(max: number, common: number): fc.Arbitrary<number[]> {
  const id = fc.oneof(fc.constant(common), fc.integer({ min: 1, max }));
  return fc.array(id, { minLength: 1, maxLength: 100 });
}

const COLUMNS = ["officerId", "subjectId", "arrestTypeId", "crimeTypeId"] as const;

/** Tells whether an event meets a filter, by reading it as its documentation does. */
export function matches(event: ArrestEvent, filter: EventFilter): boolean {
  const { arrestedFrom = -Infinity, arrestedTo = Infinity } = filter;
  return (
    COLUMNS.every((column) => filter[column]?.includes(event[column]) ?? true) &&
    event.arrestedAt >= arrestedFrom &&
    event.arrestedAt < arrestedTo
  );
}

/** How many of the events that match have the same values of some groupings, by these values, joined. */
export function countsOf(
  events: readonly ArrestEvent[],
  filter: EventFilter,
  groupings: readonly EventGrouping[],
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of events) {
    if (!matches(event, filter)) continue;
    const key = groupings.map((grouping) => groupOf(grouping, event)).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** The value that an event has of a grouping, by its documentation. */
function groupOf(grouping: EventGrouping, event: ArrestEvent): number {
  const iso = new Date(event.arrestedAt).toISOString();
  if (grouping === "hour") return Date.parse(`${iso.slice(0, 13)}:00Z`);
  if (grouping === "day") return Date.parse(iso.slice(0, 10));
  if (grouping === "month") return Date.parse(iso.slice(0, 7));
  return event[grouping];
}
