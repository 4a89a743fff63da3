/** What requests need to know of the table that they are about. */
import { Database } from "bun:sqlite";

/** The first page of a list, one in the middle, and the last. */
export const DEPTHS = ["first", "middle", "last"] as const;

/** How deep a page lies. */
export type Depth = (typeof DEPTHS)[number];

/** Where a page begins: behind an event, with so many before it. */
export interface Place {
  readonly skipped: number;
  /** None before the first page. */
  readonly after: { readonly id: number; readonly arrestedAt: number } | undefined;
}

/** The lists whose pages are asked for: all by id, all by time, those that match a filter by id. */
export const LISTS = ["id", "arrested_at", "filter"] as const;

/** One of these lists. */
export type List = (typeof LISTS)[number];

/** How many events a page has. */
export const PAGE_SIZE = 50;

/** The filter of the list that has one: about a fifth of the events. */
export const FILTER = { name: "arrest_type_id", value: 2 } as const;

/** A table of which copies are asked. */
export interface Table {
  readonly rows: number;
  readonly places: Readonly<Record<List, Readonly<Record<Depth, Place>>>>;
}

/** Looks up where the pages of a table begin. */
export function readTable(path: string, rows: number): Table {
  const database = new Database(path, { readonly: true });
  const where = `where ${FILTER.name} = ${FILTER.value}`;
  const [{ matching } = { matching: 0 }] = database
    .query<{ matching: number }, []>(`select count(*) as matching from arrest_event ${where}`)
    .all();
  const placeOf = (list: List, skipped: number): Place => {
    if (skipped <= 0) return { skipped: 0, after: undefined };
    const order = list === "arrested_at" ? "arrested_at, id" : "id";
    const after = database
      .query<{ id: number; arrestedAt: number }, [number]>(
        `select id, arrested_at as arrestedAt from arrest_event ${list === "filter" ? where : ""} order by ${order} limit 1 offset ?`,
      )
      .get(skipped - 1);
    return { skipped, after: after ?? undefined };
  };
  const placesOf = (list: List): Record<Depth, Place> => {
    const count = list === "filter" ? matching : rows;
    return {
      first: placeOf(list, 0),
      middle: placeOf(list, Math.floor(count / 2)),
      last: placeOf(list, count - PAGE_SIZE),
    };
  };
  const places = {
    id: placesOf("id"),
    arrested_at: placesOf("arrested_at"),
    filter: placesOf("filter"),
  };
  database.close();
  return { rows, places };
}

/** Adds events for others to delete, and returns the first of their ids, which are consecutive. */
export function addEvents(path: string, count: number): number {
  const database = new Database(path);
  database.run("pragma busy_timeout = 10000");
  database.run("pragma synchronous = off");
  const insert = database.prepare<{ id: number }, [number]>(
    "insert into arrest_event (officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at) values (1, 1, 1, 1, ?) returning id",
  );
  const addAll = database.transaction(() => {
    const ids = Array.from({ length: count }, (_, index) => insert.get(index * 1000)?.id ?? 0);
    return ids[0] ?? 0;
  });
  const first = addAll.immediate();
  insert.finalize();
  database.close();
  return first;
}
