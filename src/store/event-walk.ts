import {
  type ArrestEvent,
  type ArrestEventFields,
  FIELD_NAMES,
  MAX_ID,
  MAX_TIMESTAMP,
  MIN_TIMESTAMP,
} from "../arrest-event.ts";
import { byIndex, type Condition, isSegmented, toIndexedSql, toSql } from "./event-filter.ts";
import { SEGMENT, SEGMENT_BITS } from "./schema.ts";
import { padded, type Statements, Values } from "./statements.ts";

/** A place among events: the value of the column that they are ordered by, 0 where they are by id alone, and the id. */
export interface Key {
  readonly value: number;
  readonly id: number;
}

/** The columns of an event, named as its members are. */
export const EVENT_COLUMNS = [
  "id",
  ...Object.entries(FIELD_NAMES).map(([field, name]) => `${name} as ${field}`),
].join(", ");

const SEGMENT_SIZE = 2 ** SEGMENT_BITS;

/** As `SEGMENT` has it; JavaScript's own `>>` knows 32 bits only. */
function segmentOf(id: number): number {
  return Math.floor(id / SEGMENT_SIZE);
}

/** A part of a walk: what lies behind one key, up to and with another. */
export interface Part {
  readonly after: Key;
  readonly to: Key;
}

/** What is told of many events at once. */
export interface Summary {
  /** The expressions that are told. */
  readonly what: string;
  /** The columns of events that these are about. */
  readonly columns: readonly string[];
  /** The expressions whose values make groups; without them all events are one. */
  readonly by?: string;
}

/**
 * Events in the order of an index, of which a part is read at a time. The index is named in each
 * statement, and no statement needs more of it than the part.
 */
export class Walk {
  readonly #statements: Statements;
  readonly #column: keyof ArrestEventFields | undefined;
  /** The ids of the column, whose events are merged into the order of their own ids. */
  readonly #ids: readonly number[] | undefined;
  readonly #lastId: number;
  readonly #descending: boolean;
  /** From before the first event up to the last that there can be. */
  readonly whole: Part;

  private constructor(
    statements: Statements,
    lastId: number,
    descending: boolean,
    whole: Part,
    column?: keyof ArrestEventFields,
    ids?: readonly number[],
  ) {
    this.#statements = statements;
    this.#lastId = lastId;
    this.#descending = descending;
    this.whole = whole;
    this.#column = column;
    this.#ids = ids;
  }

  /** Events up to `lastId` in the order of their ids: all, or those that have some ids in a column. */
  static byId(statements: Statements, lastId: number, descending: boolean, ids?: Condition): Walk {
    const key = (id: number): Key => ({ value: 0, id });
    const whole = descending
      ? { after: key(lastId + 1), to: key(1) }
      : { after: key(0), to: key(lastId) };
    if (ids === undefined || ids.column === "arrestedAt") {
      return new Walk(statements, lastId, descending, whole);
    }
    return new Walk(statements, lastId, descending, whole, ids.column, ids.ids);
  }

  /** Events up to `lastId` with a column from `from` to below `to`, in the order of the column and then of their ids. */
  static byColumn(
    statements: Statements,
    lastId: number,
    descending: boolean,
    { column, from, to }: { column: keyof ArrestEventFields; from: number; to: number },
  ): Walk {
    const first = { value: from, id: 0 };
    const whole = descending
      ? { after: { value: to, id: 0 }, to: first }
      : { after: first, to: { value: to - 1, id: MAX_ID } };
    return new Walk(statements, lastId, descending, whole, column);
  }

  /** Events up to `lastId` in the order of time: all, or those within a range. */
  static byTime(
    statements: Statements,
    lastId: number,
    descending: boolean,
    times: Condition | undefined,
  ): Walk {
    const all = { column: "arrestedAt", from: MIN_TIMESTAMP, to: MAX_TIMESTAMP + 1 } as const;
    const range = times?.column === "arrestedAt" ? times : all;
    return Walk.byColumn(statements, lastId, descending, range);
  }

  /** The column that orders the events; `undefined` when it is the ids alone. */
  get orderedBy(): keyof ArrestEventFields | undefined {
    return this.#ids === undefined ? this.#column : undefined;
  }

  /** Where an event is in an order by id or time. */
  keyOf({ id, arrestedAt }: Pick<ArrestEvent, "id" | "arrestedAt">): Key {
    return { value: this.orderedBy === undefined ? 0 : arrestedAt, id };
  }

  #compare(one: Key, other: Key): number {
    const difference = one.value - other.value || one.id - other.id;
    return this.#descending ? -difference : difference;
  }

  /** Whether a part cannot have any events. */
  isOver({ after, to }: Part): boolean {
    return this.#compare(after, to) >= 0;
  }

  /** What of a part lies behind a key. */
  behind(part: Part, key: Key): Part {
    return this.#compare(part.after, key) < 0 ? { after: key, to: part.to } : part;
  }

  /** What of a part in the order of ids has an id from `least` to `greatest`. */
  within(part: Part, { least, greatest }: { least: number; greatest: number }): Part {
    const [first, last] = this.#descending ? [greatest + 1, least] : [least - 1, greatest];
    const { after, to } = this.behind(part, { value: 0, id: first });
    const end = { value: 0, id: last };
    return { after, to: this.#compare(end, to) < 0 ? end : to };
  }

  /**
   * The first piece of a part, which is all that {@link keyOfNth}, {@link events} and {@link summary} may be
   * asked of at once: what it has of one segment where the index is by segments, else all of it.
   */
  piece(part: Part): Part {
    if (!this.#isSegmented) return part;
    const values = new Values();
    const bound = this.#descending ? "max(id)" : "min(id)";
    const [first] = this.#statements.all<{ id: number | null }>(
      `select ${bound} as id from arrest_event not indexed where ${this.#within(part, values)}`,
      values,
    );
    if (first === undefined || first.id === null) return { after: part.to, to: part.to };
    const start = segmentOf(first.id) * SEGMENT_SIZE;
    const last = { value: 0, id: this.#descending ? start : start + SEGMENT_SIZE - 1 };
    return { after: part.after, to: this.#compare(last, part.to) < 0 ? last : part.to };
  }

  /** The key of the `count`th event of a part; `undefined` when the part has fewer. */
  keyOfNth(count: number, part: Part): Key | undefined {
    const values = new Values();
    const value = this.orderedBy === undefined ? "0" : FIELD_NAMES[this.orderedBy];
    const keys = this.#union(`${value} as value, id`, this.#merged(part, values), []);
    const text = `${keys} order by ${this.#order("value")} limit 1 offset ${values.add(count - 1)}`;
    return this.#statements.all<Key>(text, values)[0];
  }

  /** Up to `limit` events of a part, in order. With further conditions all of the part may be looked at. */
  events(limit: number, part: Part, others: readonly Condition[]): ArrestEvent[] {
    const values = new Values();
    // Lists in the order of ids are merged as they are read; where a small part of them is looked at
    // anyway, one list that is sorted is a shorter statement.
    const pieces = others.length === 0 ? this.#merged(part, values) : this.#gathered(part, values);
    const union = this.#union(EVENT_COLUMNS, pieces, this.#rest(others, values));
    const text = `${union} order by ${this.#order("arrestedAt")} limit ${values.add(limit)}`;
    return this.#statements.all<ArrestEvent>(text, values);
  }

  /** Up to `limit` events of a part, in order: all that meet a condition which few do are found and sorted. */
  sorted(limit: number, part: Part, few: Condition, others: readonly Condition[]): ArrestEvent[] {
    const values = new Values();
    const conditions = [
      toIndexedSql(few, this.#statements, values),
      ...others.map((condition) => toSql(condition, values)),
    ];
    if (this.orderedBy === undefined) conditions.push(this.#within(part, values));
    else {
      const [past] = this.#comparisons;
      const key = `(${values.add(part.after.value)}, ${values.add(part.after.id)})`;
      conditions.push(`(${FIELD_NAMES[this.orderedBy]}, id) ${past} ${key}`);
      conditions.push(`id <= ${values.add(this.#lastId)}`);
    }
    const select = `select ${EVENT_COLUMNS} from ${byIndex(few.column)}`;
    const order = `order by ${this.#order("arrestedAt")} limit ${values.add(limit)}`;
    const text = `${select} where ${conditions.join(" and ")} ${order}`;
    return this.#statements.all<ArrestEvent>(text, values);
  }

  /** Tells something of all the events of a part together. */
  summary<Row>({ what, columns, by }: Summary, part: Part, others: readonly Condition[]): Row[] {
    const values = new Values();
    const pieces = this.#gathered(part, values);
    const union = this.#union(columns.join(", "), pieces, this.#rest(others, values));
    const groups = by === undefined ? "" : ` group by ${by}`;
    return this.#statements.all<Row>(`select ${what} from (${union})${groups}`, values);
  }

  /** A part, as conditions of which each finds events in the wanted order. */
  #merged(part: Part, values: Values): string[] {
    if (this.#column === undefined) return [this.#between(part, values)];
    const name = FIELD_NAMES[this.#column];
    if (this.#ids !== undefined) {
      const between = this.#between(part, values);
      return padded(this.#ids).map((id) => `${name} = ${values.add(id)} and ${between}`);
    }
    // As a comparison of rows, SQLite would pass through all events with the first value.
    const { after, to } = part;
    const first = values.add(after.value);
    if (after.value === to.value) return [`${name} = ${first} and ${this.#between(part, values)}`];
    const last = values.add(to.value);
    const [past, upTo] = this.#comparisons;
    return [
      `${name} = ${first} and id ${past} ${values.add(after.id)}`,
      `${name} ${past} ${first} and ${last} ${past} ${name}`,
      `${name} = ${last} and id ${upTo} ${values.add(to.id)}`,
    ];
  }

  /** A part, as conditions that find its events in any order. */
  #gathered(part: Part, values: Values): string[] {
    if (this.#ids === undefined || this.#column === undefined) return this.#merged(part, values);
    const name = FIELD_NAMES[this.#column];
    return [`${values.oneOf(name, this.#ids)} and ${this.#between(part, values)}`];
  }

  /** The ids of a part, and of a piece its segment. */
  #between(part: Part, values: Values): string {
    const between = this.#within(part, values);
    if (!this.#isSegmented) return between;
    return `(${SEGMENT}) = ${values.add(segmentOf(part.to.id))} and ${between}`;
  }

  #within({ after, to }: Part, values: Values): string {
    const [past, upTo] = this.#comparisons;
    return `id ${past} ${values.add(after.id)} and id ${upTo} ${values.add(to.id)}`;
  }

  /** What the index does not see to. */
  #rest(others: readonly Condition[], values: Values): string[] {
    const conditions = others.map((other) => toSql(other, values));
    if (this.orderedBy !== undefined) conditions.push(`id <= ${values.add(this.#lastId)}`);
    return conditions;
  }

  get #isSegmented(): boolean {
    return this.#ids !== undefined && isSegmented(this.#column);
  }

  get #comparisons(): readonly [past: string, upTo: string] {
    return this.#descending ? ["<", ">="] : [">", "<="];
  }

  #order(value: string): string {
    const direction = this.#descending ? " desc" : "";
    return this.orderedBy === undefined ? `id${direction}` : `${value}${direction}, id${direction}`;
  }

  #union(columns: string, pieces: readonly string[], conditions: readonly string[]): string {
    const select = `select ${columns} from ${byIndex(this.#column)} where`;
    return pieces
      .map((piece) => [`${select} ${piece}`, ...conditions].join(" and "))
      .join(" union all ");
  }
}
