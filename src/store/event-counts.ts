import { type ArrestEventFields, FIELD_NAMES, MAX_ID, MIN_TIMESTAMP } from "../arrest-event.ts";
import type { CountTable } from "./count-table.ts";
import {
  type Condition,
  conditionsOf,
  type EventFilter,
  isSegmented,
  rarest,
} from "./event-filter.ts";
import {
  type CountQuestion,
  DAY_MS,
  type EventGroup,
  type EventGrouping,
  Groups,
  HOUR_MS,
  isTime,
  periodOf,
} from "./event-groups.ts";
import { type Part, type Summary, Walk } from "./event-walk.ts";
import type { KeptCounts } from "./kept-counts.ts";
import { type Clock, Pace, stepsOfOneSnapshot } from "./pace.ts";
import type { Statements } from "./statements.ts";

/** Counts events, a step at a time. */
export interface EventCounting {
  /** Counts a bounded number of events; tells whether these were the last. Holds nothing in between. */
  next(): boolean;
  /** Whether there are more groups than are wanted; they need not all be found then. */
  tooMany(): boolean;
  /** What has been counted until now, in the order of the values. */
  groups(): EventGroup[];
}

/** How many events a step looks at. */
const STEP = { least: 250, first: 1000, most: 10_000 } as const;

/** It takes no further piece of an index when it may look at no more than this many events of it. */
const LEAST = 100;

/** With more events than these yet to be taken into the kept counts, a question does not wait for them. */
const MAX_BEHIND = 50_000;

/**
 * Opens a counting of the events that match. Where counts are kept that can answer, it is from these, but
 * for the two ends of a range of times; else from the events up to `lastId`.
 *
 * @param maxGroups more groups than these are not wanted
 * @param now what steps are timed by, so that each is short
 */
export function openCounting(
  statements: Statements,
  kept: KeptCounts,
  question: CountQuestion,
  lastId: number,
  maxGroups: number,
  now: Clock = () => performance.now(),
): EventCounting {
  const groups = new Groups(maxGroups);
  const isNear = lastId - kept.lastId <= MAX_BEHIND;
  let table = isNear ? kept.tableFor(question) : undefined;
  /** What is yet to be counted, in steps; unknown before the first. */
  let parts: (() => boolean)[] | undefined;

  function openWalk(filter: EventFilter, upToId: number): () => boolean {
    const walk = new WalkedCount(
      statements,
      { ...question, filter },
      upToId,
      groups,
      new Pace(STEP, now),
    );
    return () => walk.next();
  }

  /** Takes from the table what it has, once it has all that is stored. */
  function takeKept(from: CountTable): void {
    kept.advance(() => {
      table = undefined;
      if (from.isGivenUp) return;
      const { sum, rest } = from.ask(question);
      const ends = rest
        .map((end) =>
          openWalk({ ...question.filter, arrestedFrom: end.from, arrestedTo: end.to }, kept.lastId),
        )
        // Of the same snapshot, unless there are very many.
        .filter((step) => !stepsOfOneSnapshot(step, now));
      parts = [() => sum.next(groups), ...ends];
    });
  }

  return {
    next() {
      if (table !== undefined) takeKept(table);
      // Others are served before it is looked for again.
      if (table !== undefined) return false;
      parts ??= [openWalk(question.filter, lastId)];
      if (parts[0]?.() !== false) parts.shift();
      return parts.length === 0;
    },
    tooMany: () => groups.tooMany,
    groups: () => groups.sorted(),
  };
}

/** Counts events along an index. */
class WalkedCount {
  readonly #groupings: readonly EventGrouping[];
  readonly #groups: Groups;
  readonly #walk: Walk;
  readonly #others: readonly Condition[];
  readonly #pace: Pace;
  #rest: Part;

  constructor(
    statements: Statements,
    { filter, groupings }: CountQuestion,
    lastId: number,
    groups: Groups,
    pace: Pace,
  ) {
    const conditions = conditionsOf(filter);
    const found =
      (conditions.length > 1 ? rarest(statements, conditions) : undefined) ?? favourite(conditions);
    this.#groupings = groupings;
    this.#groups = groups;
    this.#pace = pace;
    this.#walk = walkAlong(statements, found, groupings, lastId);
    this.#others = conditions.filter((condition) => condition !== found);
    this.#rest = this.#walk.whole;
  }

  next(): boolean {
    if (this.#walk.isOver(this.#rest)) return true;
    this.#pace.step((size) => {
      // Pieces may have few events each; halving what the next may have bounds them together.
      for (let most = size; most > LEAST && !this.#walk.isOver(this.#rest); most /= 2) {
        const piece = this.#walk.piece(this.#rest);
        const to = this.#walk.keyOfNth(Math.floor(most), piece);
        const part = { after: this.#rest.after, to: to ?? piece.to };
        addPart(this.#walk, part, this.#others, this.#groupings, this.#groups);
        this.#rest = this.#walk.behind(this.#rest, part.to);
        if (to !== undefined) break;
      }
    });
    return this.#walk.isOver(this.#rest);
  }
}

/** Counts the events of a part that meet further conditions. */
function addPart(
  walk: Walk,
  part: Part,
  others: readonly Condition[],
  groupings: readonly EventGrouping[],
  groups: Groups,
): void {
  for (const { n, ...keys } of walk.summary<GroupRow>(summaryBy(groupings), part, others)) {
    if (n === 0) continue;
    const values = groupings.map((grouping, index) => startOf(grouping, keys[index] ?? 0));
    groups.add(values, n);
  }
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

/** Hours and days are numbered from the least time on, since SQLite's division rounds towards 0. */
function expressionOf(grouping: EventGrouping): string {
  if (!isTime(grouping)) return FIELD_NAMES[grouping];
  return `(${FIELD_NAMES.arrestedAt} - (${MIN_TIMESTAMP})) / ${unitOf(grouping)}`;
}

/** The value of a group, of what SQLite answers for it. */
function startOf(grouping: EventGrouping, value: number): number {
  if (!isTime(grouping)) return value;
  return periodOf(grouping, MIN_TIMESTAMP + value * unitOf(grouping));
}

/** Months are counted by their days. */
function unitOf(grouping: EventGrouping): number {
  return grouping === "hour" ? HOUR_MS : DAY_MS;
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
  if (isSegmented(column)) return Walk.byId(statements, lastId, false);
  if (column === "arrestedAt") return Walk.byTime(statements, lastId, false, undefined);
  return Walk.byColumn(statements, lastId, false, { column, from: 1, to: MAX_ID + 1 });
}
