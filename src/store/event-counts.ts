import { type ArrestEventFields, FIELD_NAMES, MAX_ID, MIN_TIMESTAMP } from "../arrest-event.ts";
import {
  type Condition,
  conditionsOf,
  type EventFilter,
  type IdColumn,
  rarest,
} from "./event-filter.ts";
import { type Part, type Summary, Walk } from "./event-walk.ts";
import type { Statements } from "./statements.ts";

/** What events can be counted by: an id that they have, or the hour, day or month (in UTC) of the arrest. */
export type EventGrouping = Exclude<IdColumn, "subjectId"> | "hour" | "day" | "month";

/** Events that have the same values of what they are counted by. */
export interface EventGroup {
  /** In the order of the groupings: an id, or when the hour, day or month begins, in milliseconds since 1970. */
  readonly values: readonly number[];
  readonly count: number;
}

/** Counts events, a step at a time. */
export interface EventCounting {
  /** Counts a bounded number of events; tells whether these were the last. Holds nothing in between. */
  next(): boolean;
  /** How many groups there are until now. */
  size(): number;
  /** What has been counted until now, in the order of the values. */
  groups(): EventGroup[];
}

/** How many events a step looks at: a few milliseconds. */
const STEP = 10_000;

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Opens a counting of the events that match, of ids up to `lastId`; without groupings they are one group. */
export function openCounting(
  statements: Statements,
  filter: EventFilter,
  groupings: readonly EventGrouping[],
  lastId: number,
): EventCounting {
  const conditions = conditionsOf(filter);
  const counts = new Map<string, { values: number[]; count: number }>();
  const summary = summaryBy(groupings);
  let way: { walk: Walk; others: readonly Condition[]; rest: Part } | undefined;

  function begin() {
    const found =
      (conditions.length > 1 ? rarest(statements, conditions) : undefined) ?? favourite(conditions);
    const walk = walkAlong(statements, found, groupings, lastId);
    const others = conditions.filter((condition) => condition !== found);
    return { walk, others, rest: walk.whole };
  }

  return {
    next() {
      way ??= begin();
      const { walk, others, rest } = way;
      if (walk.isOver(rest)) return true;
      const to = walk.keyOfNth(STEP, rest) ?? rest.to;
      const part = { after: rest.after, to };
      for (const { n, ...keys } of walk.summary<GroupRow>(summary, part, others)) {
        if (n === 0) continue;
        const values = groupings.map((grouping, index) => startOf(grouping, keys[index] ?? 0));
        const key = values.join();
        const known = counts.get(key);
        if (known === undefined) counts.set(key, { values, count: n });
        else known.count += n;
      }
      way.rest = walk.behind(rest, to);
      return walk.isOver(way.rest);
    },
    size: () => counts.size,
    groups: () => [...counts.values()].sort((one, other) => compare(one.values, other.values)),
  };
}

/** Named by the place of the grouping. */
interface GroupRow {
  readonly n: number;
  readonly [place: number]: number;
}

function summaryBy(groupings: readonly EventGrouping[]): Summary {
  const expressions = groupings.map((grouping, place) => `${expressionOf(grouping)} as "${place}"`);
  const what = [...expressions, "count(*) as n"].join(", ");
  const columns = new Set(groupings.map((grouping) => FIELD_NAMES[columnOf(grouping)]));
  if (groupings.length === 0) return { what, columns: ["id"] };
  return { what, columns: [...columns], by: groupings.map((_, place) => place + 1).join(", ") };
}

function columnOf(grouping: EventGrouping): keyof ArrestEventFields {
  return isTime(grouping) ? "arrestedAt" : grouping;
}

function isTime(grouping: EventGrouping): grouping is "hour" | "day" | "month" {
  return grouping === "hour" || grouping === "day" || grouping === "month";
}

/** Hours and days are numbered from the least time on, since SQLite's division rounds towards 0. */
function expressionOf(grouping: EventGrouping): string {
  if (!isTime(grouping)) return FIELD_NAMES[grouping];
  const name = FIELD_NAMES.arrestedAt;
  return `(${name} - (${MIN_TIMESTAMP})) / ${grouping === "hour" ? HOUR_MS : DAY_MS}`;
}

/** The value of a group, of what SQLite answers for it. Months are counted by their days. */
function startOf(grouping: EventGrouping, value: number): number {
  if (!isTime(grouping)) return value;
  if (grouping === "hour") return MIN_TIMESTAMP + value * HOUR_MS;
  const day = MIN_TIMESTAMP + value * DAY_MS;
  return grouping === "day" ? day : day - (new Date(day).getUTCDate() - 1) * DAY_MS;
}

/** Of conditions that many events meet, the one that usually leaves the fewest to look at. */
function favourite(conditions: readonly Condition[]): Condition | undefined {
  const order = ["subjectId", "officerId", "arrestedAt", "crimeTypeId", "arrestTypeId"];
  return conditions.toSorted((a, b) => order.indexOf(a.column) - order.indexOf(b.column))[0];
}

/** The index that has all that is asked for, where there is one; else that of a condition, or the table. */
function walkAlong(
  statements: Statements,
  condition: Condition | undefined,
  groupings: readonly EventGrouping[],
  lastId: number,
): Walk {
  if (condition?.column === "arrestedAt") {
    return Walk.byColumn(statements, lastId, false, condition);
  }
  if (condition !== undefined) return Walk.byId(statements, lastId, false, condition);
  const [grouping, ...more] = groupings;
  if (more.length > 0) return Walk.byId(statements, lastId, false);
  // Any index can count all events; that of the smallest numbers is the smallest.
  const column = grouping === undefined ? "arrestTypeId" : columnOf(grouping);
  if (column === "arrestedAt") return Walk.byTime(statements, lastId, false, undefined);
  return Walk.byColumn(statements, lastId, false, { column, from: 1, to: MAX_ID + 1 });
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [place, value] of one.entries()) {
    const difference = value - (other[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
