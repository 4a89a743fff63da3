import type { Database, Statement } from "bun:sqlite";
import { SEGMENT } from "./schema.ts";

/** How many statements a connection keeps ready: more than the common forms of questions are. */
const MAX_STATEMENTS = 100;

/** Statements that are put together from what is asked, prepared once for each form; those used last are kept. */
export class Statements {
  readonly #client: Database;
  readonly #prepared = new Map<string, Statement<unknown, number[]>>();
  readonly #segments: number[] = [];

  constructor(client: Database) {
    this.#client = client;
  }

  /** How many are kept. */
  get size(): number {
    return this.#prepared.size;
  }

  /** The rows of a statement, read to its end. Its text has no values in it. */
  all<Row>(text: string, values: Values): Row[] {
    return this.#statement(text).all(...values.list) as Row[];
  }

  /** The segments of ids that have events, or had; see `SEGMENT_BITS`. */
  segments(): readonly number[] {
    for (;;) {
      const values = new Values();
      const last = values.add(this.#segments.at(-1) ?? -1);
      const next = `select min(${SEGMENT}) as segment from arrest_event indexed by arrest_event_by_officer_id where (${SEGMENT}) > ${last}`;
      const [row] = this.all<{ segment: number | null }>(next, values);
      if (row === undefined || row.segment === null) return this.#segments;
      this.#segments.push(row.segment);
    }
  }

  #statement(text: string): Statement<unknown, number[]> {
    const known = this.#prepared.get(text);
    if (known !== undefined) {
      // The map is in the order of use.
      this.#prepared.delete(text);
      this.#prepared.set(text, known);
      return known;
    }
    const [oldest] = this.#prepared;
    if (this.#prepared.size >= MAX_STATEMENTS && oldest !== undefined) {
      this.#prepared.delete(oldest[0]);
      oldest[1].finalize();
    }
    const statement = this.#client.prepare<unknown, number[]>(text);
    this.#prepared.set(text, statement);
    return statement;
  }
}

/** The values of a statement that is being put together. */
export class Values {
  readonly list: number[] = [];

  /** Takes a value, and gives what stands for it in the text. */
  add(value: number): string {
    this.list.push(value);
    return `?${this.list.length}`;
  }

  /** A condition that a column has one of some ids. */
  oneOf(column: string, ids: readonly number[]): string {
    const places = padded(ids).map((id) => this.add(id));
    return places.length === 1 ? `${column} = ${places[0]}` : `${column} in (${places.join(", ")})`;
  }
}

/** No row has this as the id of anything. */
const NO_ID = 0;

/**
 * Fills a list of ids up to a power of two, so that lists of many lengths share few statements. Each id
 * is there once: a union of the rows of each would have them as often as the id.
 */
export function padded(ids: readonly number[]): number[] {
  const once = [...new Set(ids)];
  const length = 2 ** Math.ceil(Math.log2(Math.max(once.length, 1)));
  return [...once, ...new Array<number>(length - once.length).fill(NO_ID)];
}
