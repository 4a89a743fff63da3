import type { ArrestEvent } from "../arrest-event.ts";
import {
  type Condition,
  conditionsOf,
  type EventFilter,
  isSegmented,
  rarest,
} from "./event-filter.ts";
import { type Part, Walk } from "./event-walk.ts";
import type { Statements } from "./statements.ts";

/** The orders in which events can be read, `-` for the reverse. Events of the same time are in the order of their ids. */
export const EVENT_SORTS = ["id", "-id", "arrested_at", "-arrested_at"] as const;

/** An order of events. */
export type EventSort = (typeof EVENT_SORTS)[number];

/** A place in any order of events. */
export type EventPlace = Pick<ArrestEvent, "id" | "arrestedAt">;

/** Which events are read, and in which order. */
export interface EventSelection {
  readonly filter: EventFilter;
  readonly sort: EventSort;
  /** Only those behind this place. Orders by id look at the id alone. */
  readonly after?: EventPlace | undefined;
}

/** What a step of a scan has found. */
export interface Step {
  /** The next events in the order: fewer than were wanted, or none, even before the end. */
  readonly events: readonly ArrestEvent[];
  /** Nothing lies behind these. */
  readonly ended: boolean;
}

/** Reads selected events in order, a step at a time. */
export interface EventScan {
  /** Finds up to `limit` further events by a bounded number of statements of bounded work; holds nothing in between. */
  next(limit: number): Step;
}

/**
 * How many events a step looks at where an index alone does not find the wanted ones: few at first, which
 * is often enough for a page, then up to a few milliseconds.
 */
const FIRST_STEP = 500;
const STEP = 5000;

/** How many segments a step looks at where they have next to nothing. */
const SEGMENTS_A_STEP = 64;

/** As few events as this, wherever they are, are found by one statement rather than segment by segment. */
const FEW = 200;

/** Where more ids than this, counted once for each segment, are looked for, segment by segment is shorter steps. */
const MOST_SEEKS = 5000;

/** How many entries of the index of times a step looks at to find the ids within a range. */
const TIMES_STEP = 20_000;

const ENDED: Step = { events: [], ended: true };

/**
 * Opens a scan, which reads nothing yet. It does not meet events with ids above `lastId`: what ingest adds
 * meanwhile cannot make it endless.
 */
export function openScan(
  statements: Statements,
  { filter, sort, after }: EventSelection,
  lastId: number,
): EventScan {
  let scan: ChosenScan | undefined;
  return {
    next: (limit) => {
      scan ??= new ChosenScan(
        statements,
        choose(statements, conditionsOf(filter), sort, lastId),
        after,
        lastId,
      );
      return scan.next(limit);
    },
  };
}

/** A way to read the selected events. */
interface Plan {
  readonly walk: Walk;
  /** What so few events meet that they are found by its index, and sorted. */
  readonly few: Condition | undefined;
  /** What neither the walk nor that sees to. */
  readonly others: readonly Condition[];
}

/** Chooses the way that looks at the fewest events, as far as can be told by looking at few. */
function choose(
  statements: Statements,
  conditions: readonly Condition[],
  sort: EventSort,
  lastId: number,
): Plan {
  const descending = sort.startsWith("-");
  const isById = sort.endsWith("id");
  const times = conditions.find((condition) => condition.column === "arrestedAt");
  const ids = conditions.find((condition) => condition.column !== "arrestedAt");
  // What an index in the wanted order can see to.
  const inOrder = isById ? ids : times;
  const others = conditions.filter((condition) => condition !== inOrder);
  let few: Condition | undefined;
  if (others.length > 0) few = rarest(statements, conditions);
  else if (ids !== undefined && isSegmented(ids.column)) {
    const seeks = statements.segments().length * ids.ids.length;
    if (seeks <= MOST_SEEKS) few = rarest(statements, conditions, FEW);
  }
  const walk = isById
    ? Walk.byId(statements, lastId, descending, few ? undefined : ids)
    : Walk.byTime(statements, lastId, descending, times);
  if (few === undefined) return { walk, few, others };
  return { walk, few, others: conditions.filter((condition) => condition !== few) };
}

/** A scan whose way is chosen. */
class ChosenScan implements EventScan {
  readonly #walk: Walk;
  readonly #few: Condition | undefined;
  readonly #others: readonly Condition[];
  readonly #bounds: IdBounds | undefined;
  /** What has not been looked at yet. */
  #rest: Part;
  #step = FIRST_STEP;

  constructor(
    statements: Statements,
    { walk, few, others }: Plan,
    after: EventPlace | undefined,
    lastId: number,
  ) {
    this.#walk = walk;
    this.#few = few;
    this.#others = others;
    this.#rest = after ? walk.behind(walk.whole, walk.keyOf(after)) : walk.whole;
    const times = others.find((condition) => condition.column === "arrestedAt");
    if (times !== undefined && few === undefined && walk.orderedBy === undefined) {
      this.#bounds = new IdBounds(Walk.byTime(statements, lastId, false, times));
    }
  }

  next(limit: number): Step {
    if (this.#walk.isOver(this.#rest)) return ENDED;
    if (this.#few !== undefined) {
      return this.#found(this.#walk.sorted(limit, this.#rest, this.#few, this.#others), limit);
    }
    if (this.#others.length === 0 && this.#walk.orderedBy === undefined) return this.#list(limit);
    // Not more than a step is looked at, whether it has wanted events or not.
    const size = this.#others.length === 0 ? limit : this.#step;
    this.#step = Math.min(this.#step * 4, STEP);
    const piece = this.#walk.piece(this.#rest);
    const to = this.#walk.keyOfNth(size, piece) ?? piece.to;
    const events = this.#walk.events(limit, { after: this.#rest.after, to }, this.#others);
    if (events.length === limit) return this.#found(events, limit);
    this.#rest = this.#walk.behind(this.#rest, to);
    if (events.length === 0) this.#hasten();
    return { events, ended: this.#walk.isOver(this.#rest) };
  }

  /** The next events of an index in the wanted order that finds nothing else. */
  #list(limit: number): Step {
    const events: ArrestEvent[] = [];
    for (let pieces = 0; pieces < SEGMENTS_A_STEP && !this.#walk.isOver(this.#rest); pieces++) {
      const piece = this.#walk.piece(this.#rest);
      const found = this.#walk.events(limit - events.length, piece, []);
      events.push(...found);
      const last = found.at(-1);
      const isFull = last !== undefined && events.length === limit;
      this.#rest = this.#walk.behind(this.#rest, isFull ? this.#walk.keyOf(last) : piece.to);
      if (isFull) break;
    }
    return { events, ended: this.#walk.isOver(this.#rest) };
  }

  /** Goes on behind events that are all there are, unless they are as many as were wanted. */
  #found(events: readonly ArrestEvent[], limit: number): Step {
    const last = events.at(-1);
    if (last === undefined || events.length < limit) {
      this.#rest = { after: this.#rest.to, to: this.#rest.to };
      return { events, ended: true };
    }
    this.#rest = this.#walk.behind(this.#rest, this.#walk.keyOf(last));
    return { events, ended: this.#walk.isOver(this.#rest) };
  }

  /**
   * Ids mostly grow with time, so the events of a range lie together. While a scan by id meets none of
   * them, the index of times is asked for the ids between which they all are.
   */
  #hasten(): void {
    const bounds = this.#bounds?.next();
    if (bounds !== undefined) this.#rest = this.#walk.within(this.#rest, bounds);
  }
}

/** The ids between which the events of a range of times are, looked for a step at a time. */
class IdBounds {
  readonly #walk: Walk;
  #rest: Part;
  #least = Number.POSITIVE_INFINITY;
  #greatest = 0;

  constructor(walk: Walk) {
    this.#walk = walk;
    this.#rest = walk.whole;
  }

  /** Takes a step. The bounds are told by the last one. */
  next(): { readonly least: number; readonly greatest: number } | undefined {
    if (this.#walk.isOver(this.#rest)) return undefined;
    const to = this.#walk.keyOfNth(TIMES_STEP, this.#rest) ?? this.#rest.to;
    const [found] = this.#walk.summary<{ least: number | null; greatest: number | null }>(
      { what: "min(id) as least, max(id) as greatest", columns: ["id"] },
      { after: this.#rest.after, to },
      [],
    );
    this.#least = Math.min(this.#least, found?.least ?? this.#least);
    this.#greatest = Math.max(this.#greatest, found?.greatest ?? 0);
    this.#rest = this.#walk.behind(this.#rest, to);
    if (!this.#walk.isOver(this.#rest)) return undefined;
    return { least: this.#least, greatest: this.#greatest };
  }
}
