import { MIN_TIMESTAMP } from "../arrest-event.ts";
import type { EventFilter, IdColumn } from "./event-filter.ts";

/** What events can be counted by: an id that they have, or the hour, day or month (in UTC) of the arrest. */
export type EventGrouping = Exclude<IdColumn, "subjectId"> | TimeGrouping;

/** The groupings by time. */
export type TimeGrouping = "hour" | "day" | "month";

/** Events that have the same values of what they are counted by. */
export interface EventGroup {
  /** In the order of the groupings: an id, or when the hour, day or month begins, in milliseconds since 1970. */
  readonly values: readonly number[];
  readonly count: number;
}

/** Which events are counted, and by what; without groupings they are one group. */
export interface CountQuestion {
  readonly filter: EventFilter;
  readonly groupings: readonly EventGrouping[];
}

/** Milliseconds, and how many of the one the other has: UTC knows no other days. */
export const HOUR_MS = 3_600_000;
export const HOURS_A_DAY = 24;
export const DAY_MS = HOURS_A_DAY * HOUR_MS;

/** Tells whether a grouping is by time. */
export function isTime(grouping: EventGrouping): grouping is TimeGrouping {
  return grouping === "hour" || grouping === "day" || grouping === "month";
}

/** When the hour, day or month begins to which the hour or day that begins at `start` belongs. */
export function periodOf(grouping: TimeGrouping, start: number): number {
  if (grouping !== "month") return start;
  const sinceDayBegan = (start - MIN_TIMESTAMP) % DAY_MS;
  return start - sinceDayBegan - (new Date(start).getUTCDate() - 1) * DAY_MS;
}

/** A group that is being counted. */
interface Counted {
  readonly values: readonly number[];
  count: number;
}

/** Groups that are being counted, by no more than two values. */
export class Groups {
  /** By the first value and then the second, 0 where there is none. */
  readonly #groups = new Map<number, Map<number, Counted>>();
  readonly #max: number;
  #size = 0;

  /** @param max more groups than these are of no use */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether there are more than are of use, so that it is in vain to go on. */
  get tooMany(): boolean {
    return this.#size > this.#max;
  }

  /** Takes note of `count` further events, at least one, with these values. */
  add(values: readonly number[], count: number): void {
    const [first = 0, second = 0] = values;
    let bySecond = this.#groups.get(first);
    if (bySecond === undefined) {
      bySecond = new Map();
      this.#groups.set(first, bySecond);
    }
    const known = bySecond.get(second);
    if (known !== undefined) {
      known.count += count;
      return;
    }
    bySecond.set(second, { values, count });
    this.#size++;
  }

  /** In the order of their values. */
  sorted(): EventGroup[] {
    return inOrder(this.#groups).flatMap(inOrder);
  }
}

/** The values of a map in the order of its keys. */
function inOrder<T>(map: ReadonlyMap<number, T>): T[] {
  // Typed arrays sort numbers as numbers, and without asking how.
  return [...Float64Array.from(map.keys()).sort()].map((key) => map.get(key) as T);
}
