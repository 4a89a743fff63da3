import { type ArrestEventFields, MAX_TIMESTAMP, MIN_TIMESTAMP } from "../arrest-event.ts";
import type { EventFilter, IdColumn } from "./event-filter.ts";
import {
  type CountQuestion,
  type EventGrouping,
  type Groups,
  isTime,
  periodOf,
  type TimeGrouping,
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

/** How many numbers a step of a sum adds up: about a millisecond. */
const STEP = 200_000;

/** The numbers of a period of time. */
interface Row {
  /** A number for each column; other numbers take their place where a sum still needs these. */
  counts: Int32Array;
  /** How many sums had been opened when `counts` was made: each later one needs it as it is. */
  sums: number;
}

/** What a table has of the answer to a question. */
export interface TableAnswer {
  /** The events of whole periods: as many as there were when it was asked, whatever is counted since. */
  readonly sum: CountSum;
  /** The times that are left over: parts of periods. */
  readonly rest: readonly TimeRange[];
}

/**
 * Numbers of events, a row for each period of time that has any, and a column for what else they have in
 * common. It is given up, and answers nothing any more, when that makes more of them than its bounds.
 */
export class CountTable {
  readonly #shape: CountTableShape;
  readonly #bounds: CountTableBounds;
  readonly #rows = new Map<number, Row>();
  readonly #columns = new Columns();
  /** The row that was found last, since events of one time come together. */
  #latestPeriod: number | undefined;
  #latestRow: Row | undefined;
  /** The periods of the rows in order, while there is no new one. */
  #periods: Float64Array | undefined;
  #cells = 0;
  #sums = 0;
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
    if (row !== undefined && column < row.counts.length) {
      if (row.sums !== this.#sums) {
        row.counts = row.counts.slice();
        row.sums = this.#sums;
      }
      row.counts[column] = (row.counts[column] ?? 0) + by;
      this.#latestPeriod = period;
      this.#latestRow = row;
    } else {
      this.#extend(period, row)[column] = by;
      this.#latestPeriod = undefined;
      if (this.#isOutgrown()) this.#giveUp();
    }
  }

  #extend(period: number, row: Row | undefined): Int32Array {
    const before = row?.counts.length ?? 0;
    const length = Math.max(this.#columns.list.length, Math.ceil(before * 1.5)) + SPARE_COLUMNS;
    const counts = new Int32Array(length);
    if (row === undefined) this.#periods = undefined;
    else counts.set(row.counts);
    this.#cells += length - before;
    this.#rows.set(period, { counts, sums: this.#sums });
    return counts;
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

  /** Answers a question, which it must be able to, with a sum that is yet to be taken. */
  ask(question: CountQuestion): TableAnswer {
    const { arrestedFrom: from = MIN_TIMESTAMP, arrestedTo: to = MAX_TIMESTAMP + 1 } =
      question.filter;
    const { periodMs } = this.#shape;
    const first = Math.ceil((from - MIN_TIMESTAMP) / periodMs);
    const end = Math.floor((to - MIN_TIMESTAMP) / periodMs);
    if (first >= end) {
      return {
        sum: new CountSum([], [], [], new Int32Array(), []),
        rest: from < to ? [{ from, to }] : [],
      };
    }
    const rest = [
      { from, to: MIN_TIMESTAMP + first * periodMs },
      { from: MIN_TIMESTAMP + end * periodMs, to },
    ];
    return {
      sum: this.#openSum(question, first, end),
      rest: rest.filter((part) => part.from < part.to),
    };
  }

  /** Opens the sum of the periods from `first` to before `end`. */
  #openSum(question: CountQuestion, first: number, end: number): CountSum {
    this.#periods ??= Float64Array.from(this.#rows.keys()).sort();
    const starts: number[] = [];
    const rows: Int32Array[] = [];
    for (const period of this.#periods) {
      const row = this.#rows.get(period);
      if (row === undefined || period < first || period >= end) continue;
      starts.push(MIN_TIMESTAMP + period * this.#shape.periodMs);
      rows.push(row.counts);
    }
    this.#sums++;
    const { slots, slotOfColumn } = this.#slots(question);
    return new CountSum(starts, rows, slots, slotOfColumn, question.groupings);
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
    const numbers = new Map<number, Map<number, number>>();
    const slots: number[][] = [];
    const slotOfColumn = new Int32Array(list.length).fill(-1);
    for (const [column, values] of list.entries()) {
      if (wanted.some((ids, place) => ids?.has(values[place] ?? 0) === false)) continue;
      const told = places.map((place) => values[place] ?? 0);
      const [one = 0, other = 0] = told;
      const byOther = numbers.get(one) ?? new Map<number, number>();
      const slot = byOther.get(other) ?? slots.push(told) - 1;
      numbers.set(one, byOther.set(other, slot));
      slotOfColumn[column] = slot;
    }
    return { slots, slotOfColumn };
  }
}

/**
 * Adds up rows of a table, a step of bounded work at a time. It has the rows as they were when it was
 * opened, and holds nothing that anybody waits for.
 */
export class CountSum {
  readonly #starts: readonly number[];
  readonly #rows: readonly Int32Array[];
  readonly #slots: readonly (readonly number[])[];
  readonly #slotOfColumn: Int32Array;
  readonly #groupings: readonly EventGrouping[];
  readonly #time: TimeGrouping | undefined;
  /** Of the rows that have the same value of time, by column … */
  readonly #sums: Float64Array;
  /** … which none of them reaches beyond: there may be very many. */
  #reach = 0;
  #value: number | undefined;
  #next = 0;

  /**
   * @param starts when the period of each row begins
   * @param rows numbers of events by column
   * @param slots what the columns are added up into
   * @param slotOfColumn the slot of each column; -1 for none
   */
  constructor(
    starts: readonly number[],
    rows: readonly Int32Array[],
    slots: readonly (readonly number[])[],
    slotOfColumn: Int32Array,
    groupings: readonly EventGrouping[],
  ) {
    this.#starts = starts;
    this.#rows = rows;
    this.#slots = slots;
    this.#slotOfColumn = slotOfColumn;
    this.#groupings = groupings;
    this.#time = groupings.find(isTime);
    this.#sums = new Float64Array(slotOfColumn.length);
  }

  /** Adds further rows to the groups; tells whether these were the last. */
  next(groups: Groups): boolean {
    for (let added = 0; added < STEP; this.#next++) {
      const row = this.#rows[this.#next];
      if (row === undefined) {
        this.#tell(groups);
        return true;
      }
      const start = this.#starts[this.#next] ?? 0;
      const value = this.#time === undefined ? 0 : periodOf(this.#time, start);
      if (value !== this.#value) {
        added += this.#tell(groups);
        this.#value = value;
      }
      this.#reach = Math.max(this.#reach, addTo(this.#sums, row));
      added += row.length;
    }
    return false;
  }

  /** Tells the groups what has been added up; returns how many numbers that were. */
  #tell(groups: Groups): number {
    const reach = this.#reach;
    // Slots are numbered in the order of columns, so that no slot of these lies further on.
    const counts = new Float64Array(Math.min(reach, this.#slots.length));
    foldInto(counts, this.#sums, this.#slotOfColumn, reach);
    this.#sums.fill(0, 0, reach);
    this.#reach = 0;
    const { length } = counts;
    for (let slot = 0; slot < length && !groups.tooMany; slot++) {
      const count = counts[slot] as number;
      if (count > 0) groups.add(this.#valuesOf(slot), count);
    }
    return reach;
  }

  #valuesOf(slot: number): readonly number[] {
    const values = this.#slots[slot] ?? [];
    if (this.#time === undefined) return values;
    const start = this.#value ?? 0;
    return values.map((value, place) =>
      this.#groupings[place] === this.#time ? start + value : value,
    );
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
