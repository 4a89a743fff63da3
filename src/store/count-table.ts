import { type ArrestEventFields, MAX_TIMESTAMP, MIN_TIMESTAMP } from "../arrest-event.ts";
import type { EventFilter, IdColumn } from "./event-filter.ts";
import {
  type CountQuestion,
  type EventGrouping,
  type Groups,
  isTime,
  periodOf,
} from "./event-groups.ts";

/** What the columns of a table tell apart, besides the periods of its rows. */
export type ColumnKey = Exclude<EventGrouping, "day" | "month">;

/** A kind of table: what it tells of events, and what it can be asked. */
export interface CountTableShape {
  /** A row is of as many milliseconds, the first from {@link MIN_TIMESTAMP} on: whole days. */
  readonly periodMs: number;
  /** What the columns tell apart; for `hour` since the row's period began. */
  readonly keys: readonly [ColumnKey] | readonly [ColumnKey, ColumnKey];
  /** By what it can group. */
  readonly groupings: ReadonlySet<EventGrouping>;
  /** By what it can filter, besides times, and better than an index. */
  readonly filters: ReadonlySet<IdColumn>;
  /** The value of the first key that an event has, and of the second where there is one. */
  firstOf(event: ArrestEventFields): number;
  secondOf(event: ArrestEventFields): number;
}

/** From a time to before another, in milliseconds since 1970. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** The most a table grows to: 16 million numbers of four bytes, and as many rows and columns as are not much beside them. */
export interface CountTableBounds {
  readonly cells: number;
  readonly rows: number;
  readonly columns: number;
}

const BOUNDS: CountTableBounds = { cells: 16_000_000, rows: 100_000, columns: 50_000 };

/** How far a row reaches beyond the columns that there are when it is made. */
const SPARE_COLUMNS = 16;

/**
 * Numbers of events, a row for each period of time that has any, and a column for what else they have in
 * common. It is given up, and answers nothing any more, when that makes more of them than its bounds.
 */
export class CountTable {
  readonly #shape: CountTableShape;
  readonly #bounds: CountTableBounds;
  readonly #rows = new Map<number, Int32Array>();
  readonly #columns = new Columns();
  /** The row that was found last, since events of one time come together. */
  #latestPeriod: number | undefined;
  #latestRow: Int32Array | undefined;
  /** The periods of the rows in order, while there is no new one. */
  #periods: number[] | undefined;
  #cells = 0;
  #isGivenUp = false;

  constructor(shape: CountTableShape, bounds: CountTableBounds = BOUNDS) {
    this.#shape = shape;
    this.#bounds = bounds;
  }

  /** Whether it has outgrown its bounds. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Whether it tells apart all that the question does. */
  answers({ filter, groupings }: CountQuestion): boolean {
    const { arrestedFrom: _from, arrestedTo: _to, ...ids } = filter;
    const filtered = Object.entries(ids).filter(([, wanted]) => wanted !== undefined);
    return (
      groupings.every((grouping) => this.#shape.groupings.has(grouping)) &&
      filtered.every(([column]) => this.#shape.filters.has(column as IdColumn))
    );
  }

  /** Counts an event, or with -1 no longer. */
  add(event: ArrestEventFields, by: 1 | -1): void {
    if (this.#isGivenUp) return;
    const column = this.#columns.numberOf(this.#shape.firstOf(event), this.#shape.secondOf(event));
    const period = Math.floor((event.arrestedAt - MIN_TIMESTAMP) / this.#shape.periodMs);
    const row = period === this.#latestPeriod ? this.#latestRow : this.#rows.get(period);
    if (row !== undefined && column < row.length) {
      row[column] = (row[column] ?? 0) + by;
      this.#latestPeriod = period;
      this.#latestRow = row;
    } else {
      this.#extend(period, row)[column] = by;
      this.#latestPeriod = undefined;
      if (this.#isOutgrown()) this.#giveUp();
    }
  }

  #extend(period: number, row: Int32Array | undefined): Int32Array {
    const columns = Math.max(this.#columns.list.length, Math.ceil((row?.length ?? 0) * 1.5));
    const length = columns + SPARE_COLUMNS;
    const longer = new Int32Array(length);
    if (row === undefined) this.#periods = undefined;
    else longer.set(row);
    this.#cells += length - (row?.length ?? 0);
    this.#rows.set(period, longer);
    return longer;
  }

  #isOutgrown(): boolean {
    const { cells, rows, columns } = this.#bounds;
    return this.#cells > cells || this.#rows.size > rows || this.#columns.list.length > columns;
  }

  #giveUp(): void {
    this.#isGivenUp = true;
    this.#rows.clear();
    this.#columns.clear();
    this.#periods = undefined;
    this.#latestPeriod = undefined;
    this.#latestRow = undefined;
  }

  /**
   * Counts the events of the whole periods within the times that the question asks for, which it must be
   * able to answer.
   *
   * @returns the times that are left over: parts of periods
   */
  count(question: CountQuestion, groups: Groups): TimeRange[] {
    const { arrestedFrom: from = MIN_TIMESTAMP, arrestedTo: to = MAX_TIMESTAMP + 1 } =
      question.filter;
    if (from >= to) return [];
    const { periodMs } = this.#shape;
    const first = Math.ceil((from - MIN_TIMESTAMP) / periodMs);
    const end = Math.floor((to - MIN_TIMESTAMP) / periodMs);
    if (first >= end) return [{ from, to }];
    this.#add(question, first, end, groups);
    const rest = [
      { from, to: MIN_TIMESTAMP + first * periodMs },
      { from: MIN_TIMESTAMP + end * periodMs, to },
    ];
    return rest.filter((part) => part.from < part.to);
  }

  /** Counts the periods from `first` to before `end`. */
  #add(question: CountQuestion, first: number, end: number, groups: Groups): void {
    const { groupings } = question;
    const time = groupings.find(isTime);
    const { slots, slotOfColumn } = this.#slots(question);
    const sums = new Float64Array(this.#columns.list.length);
    const counts = new Float64Array(slots.length);
    /** How far any row of the period reaches: beyond it there may be very many columns. */
    let reach = 0;
    const flush = (start: number): void => {
      // Slots are numbered in the order of columns, so that no slot of these lies further on.
      foldInto(counts.fill(0, 0, reach), sums, slotOfColumn, reach);
      sums.fill(0, 0, reach);
      for (let slot = 0; slot < Math.min(reach, slots.length); slot++) {
        const count = counts[slot] ?? 0;
        if (count <= 0) continue;
        const named = (slots[slot] ?? []).map((value, place) =>
          groupings[place] === time ? start + value : value,
        );
        groups.add(named, count);
      }
      reach = 0;
    };
    let current: number | undefined;
    this.#periods ??= [...this.#rows.keys()].sort((one, other) => one - other);
    for (const period of this.#periods) {
      if (period < first || period >= end) continue;
      const start = MIN_TIMESTAMP + period * this.#shape.periodMs;
      const label = time === undefined ? 0 : periodOf(time, start);
      if (current !== undefined && label !== current) {
        flush(current);
        if (groups.tooMany) return;
      }
      current = label;
      reach = Math.max(reach, addTo(sums, this.#rows.get(period) ?? new Int32Array()));
    }
    if (current !== undefined) flush(current);
  }

  /**
   * What the columns are added up into: a slot for each combination of values that the question tells apart.
   * A value of time is that since the period began. Columns that the filter leaves out have the slot -1.
   */
  #slots({ filter, groupings }: CountQuestion): { slots: number[][]; slotOfColumn: Int32Array } {
    const { keys } = this.#shape;
    const { list } = this.#columns;
    const wanted = keys.map((key) => idsOf(filter, key));
    const places = groupings.map((grouping) => keys.indexOf(grouping as ColumnKey));
    const numbers = new Map<string, number>();
    const slots: number[][] = [];
    const slotOfColumn = new Int32Array(list.length).fill(-1);
    for (const [column, values] of list.entries()) {
      if (wanted.some((ids, place) => ids?.has(values[place] ?? 0) === false)) continue;
      const told = places.map((place) => values[place] ?? 0);
      const key = told.join();
      const slot = numbers.get(key) ?? slots.push(told) - 1;
      numbers.set(key, slot);
      slotOfColumn[column] = slot;
    }
    return { slots, slotOfColumn };
  }
}

/** Returns how many columns the row has. */
function addTo(sums: Float64Array, row: Int32Array): number {
  // A row may have room for more columns than there are.
  const length = Math.min(row.length, sums.length);
  for (let column = 0; column < length; column++) {
    sums[column] = (sums[column] as number) + (row[column] as number);
  }
  return length;
}

function foldInto(
  counts: Float64Array,
  sums: Float64Array,
  slotOfColumn: Int32Array,
  length: number,
): void {
  for (let column = 0; column < length; column++) {
    const slot = slotOfColumn[column] as number;
    if (slot >= 0) counts[slot] = (counts[slot] as number) + (sums[column] as number);
  }
}

function idsOf(filter: EventFilter, key: ColumnKey): ReadonlySet<number> | undefined {
  const ids = key === "hour" ? undefined : filter[key];
  return ids && new Set(ids);
}

/** Numbers combinations of two values from 0 on, in the order in which they come. */
class Columns {
  /** By the second value first, of which there are few. */
  readonly #numbers = new Map<number, Map<number, number>>();
  readonly list: (readonly [number, number])[] = [];

  numberOf(first: number, second: number): number {
    const known = this.#numbers.get(second)?.get(first);
    if (known !== undefined) return known;
    const numbers = this.#numbers.get(second) ?? new Map<number, number>();
    this.#numbers.set(second, numbers.set(first, this.list.length));
    return this.list.push([first, second]) - 1;
  }

  clear(): void {
    this.#numbers.clear();
    this.list.length = 0;
  }
}
