import {
  type ArrestEventFields,
  FIELD_NAMES,
  MAX_TIMESTAMP,
  MIN_TIMESTAMP,
} from "../arrest-event.ts";
import { SEGMENT } from "./schema.ts";
import { type Statements, Values } from "./statements.ts";

/** A column whose ids a filter can name. */
export type IdColumn = Exclude<keyof ArrestEventFields, "arrestedAt">;

/** Those columns, the ones that usually have fewer events an id first. */
const ID_COLUMNS = ["subjectId", "officerId", "crimeTypeId", "arrestTypeId"] as const;

/** Which events are meant; an absent member means all. Of several ids in a column, any is meant. */
export interface EventFilter extends Partial<Record<IdColumn, readonly number[] | undefined>> {
  /** Arrested at or after this: milliseconds since 1970. */
  readonly arrestedFrom?: number | undefined;
  /** Arrested before this: milliseconds since 1970. */
  readonly arrestedTo?: number | undefined;
}

/** What of a filter one index can find: the events with some ids in a column, or those within its times. */
export type Condition =
  | { readonly column: IdColumn; readonly ids: readonly number[] }
  | { readonly column: "arrestedAt"; readonly from: number; readonly to: number };

/** What a filter asks, a condition for each column, those on ids first. */
export function conditionsOf(filter: EventFilter): Condition[] {
  const { arrestedFrom: from, arrestedTo: to } = filter;
  const found: Condition[] = ID_COLUMNS.flatMap((column) => {
    const ids = filter[column];
    return ids === undefined ? [] : [{ column, ids }];
  });
  if (from === undefined && to === undefined) return found;
  return [
    ...found,
    { column: "arrestedAt", from: from ?? MIN_TIMESTAMP, to: to ?? MAX_TIMESTAMP + 1 },
  ];
}

/** A condition as SQL. */
export function toSql(condition: Condition, values: Values): string {
  const name = FIELD_NAMES[condition.column];
  if (condition.column !== "arrestedAt") return values.oneOf(name, condition.ids);
  return `${name} >= ${values.add(condition.from)} and ${name} < ${values.add(condition.to)}`;
}

/** The columns whose indexes are by segments of the ids first, see `SEGMENT_BITS`. */
const SEGMENTED: ReadonlySet<keyof ArrestEventFields> = new Set(["officerId", "subjectId"]);

/** Whether the index of a column is by segments of the ids first. */
export function isSegmented(column: keyof ArrestEventFields | undefined): boolean {
  return column !== undefined && SEGMENTED.has(column);
}

/** A condition as SQL that its index finds, wherever in the table. */
export function toIndexedSql(condition: Condition, statements: Statements, values: Values): string {
  const sql = toSql(condition, values);
  if (!isSegmented(condition.column)) return sql;
  return `${values.oneOf(`(${SEGMENT})`, statements.segments())} and ${sql}`;
}

/** The table with the index of a column, which SQLite would choose without knowing how many rows a value has. */
export function byIndex(column: keyof ArrestEventFields | undefined): string {
  if (column === undefined) return "arrest_event not indexed";
  return `arrest_event indexed by arrest_event_by_${FIELD_NAMES[column]}`;
}

/** The most events that are looked for and sorted at once: some milliseconds. */
export const MAX_SORTED = 10_000;

/** The condition that the fewest events meet; none when more than `most` meet each. */
export function rarest(
  statements: Statements,
  conditions: readonly Condition[],
  most: number = MAX_SORTED,
): Condition | undefined {
  let least = most + 1;
  let found: Condition | undefined;
  for (const condition of conditions) {
    const values = new Values();
    const [row] = statements.all<{ n: number }>(
      `select count(*) as n from (select 1 from ${byIndex(condition.column)} where ${toIndexedSql(condition, statements, values)} limit ${values.add(least)})`,
      values,
    );
    if (row === undefined || row.n >= least) continue;
    least = row.n;
    found = condition;
  }
  return found;
}
