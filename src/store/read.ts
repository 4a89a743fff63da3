import { asc, eq, gt, max, sql } from "drizzle-orm";
import type { ArrestEvent } from "../arrest-event.ts";
import { openForReading } from "./database.ts";
import { arrestEvent } from "./schema.ts";

/** Reads of committed events. Every call is one statement that ends before it returns, so none pins the log. */
export interface EventReader {
  /** The event with this id, or `undefined`. */
  get(id: number): ArrestEvent | undefined;
  /** The greatest id in the table; 0 when it is empty. */
  lastId(): number;
  /** Up to `limit` events with ids above `after`, in id order. */
  page(after: number, limit: number): ArrestEvent[];
  /** Throws when the database cannot be read. */
  check(): void;
  close(): void;
}

/** Opens the database at `path` for reading; the writer must have opened it before. */
export function openReader(path: string): EventReader {
  const database = openForReading(path);
  const byId = database
    .select()
    .from(arrestEvent)
    .where(eq(arrestEvent.id, sql.placeholder("id")))
    .prepare();
  const lastId = database
    .select({ id: max(arrestEvent.id) })
    .from(arrestEvent)
    .prepare();
  const page = database
    .select()
    .from(arrestEvent)
    .where(gt(arrestEvent.id, sql.placeholder("after")))
    .orderBy(asc(arrestEvent.id))
    .limit(sql.placeholder("limit"))
    .prepare();
  return {
    get: (id) => byId.get({ id }),
    lastId: () => lastId.get()?.id ?? 0,
    page: (after, limit) => page.all({ after, limit }),
    check: () => void lastId.get(),
    close: () => database.$client.close(),
  };
}
