import { and, asc, desc, eq, gt, lte, sql } from "drizzle-orm";
import type { StoreDatabase } from "./database.ts";
import { arrestEvent, arrestEventChange, ingestBatch } from "./schema.ts";

export { EVENT_CHANGE_KINDS } from "./schema.ts";

/** The messages that an event was stored with: its own is one of them. */
export type EventOrigin = Pick<
  typeof ingestBatch.$inferSelect,
  "topic" | "partition" | "firstOffset" | "lastOffset" | "storedAt"
>;

/** A change of an event, as it was recorded. */
export type StoredChange = Omit<typeof arrestEventChange.$inferSelect, "id" | "eventId">;

/** What is known of an event that is there or was. */
export interface EventHistory {
  /** Where it came from; null when that was not Kafka. */
  readonly origin: EventOrigin | null;
  /** The oldest first. */
  readonly changes: readonly StoredChange[];
}

/** Reads histories. Each call is a few statements that end before it returns. */
export class HistoryReader {
  readonly #batch;
  readonly #changes;
  readonly #event;

  constructor(database: StoreDatabase) {
    this.#batch = database
      .select()
      .from(ingestBatch)
      .where(lte(ingestBatch.firstId, sql.placeholder("id")))
      .orderBy(desc(ingestBatch.firstId))
      .limit(1)
      .prepare();
    this.#changes = database
      .select({
        version: arrestEventChange.version,
        kind: arrestEventChange.kind,
        at: arrestEventChange.at,
        by: arrestEventChange.by,
        requestId: arrestEventChange.requestId,
        before: arrestEventChange.before,
        after: arrestEventChange.after,
      })
      .from(arrestEventChange)
      .where(
        and(
          eq(arrestEventChange.eventId, sql.placeholder("id")),
          gt(arrestEventChange.version, sql.placeholder("after")),
        ),
      )
      .orderBy(asc(arrestEventChange.version))
      .limit(sql.placeholder("limit"))
      .prepare();
    this.#event = database
      .select({ id: arrestEvent.id })
      .from(arrestEvent)
      .where(eq(arrestEvent.id, sql.placeholder("id")))
      .prepare();
  }

  /** The origin of an event and up to `limit` of its changes to versions above `after`; `undefined` when nothing is known of it. */
  read(id: number, after: number, limit: number): EventHistory | undefined {
    const origin = this.#originOf(id);
    const changes = this.#changes.all({ id, after, limit });
    const isKnown =
      origin !== null ||
      changes.length > 0 ||
      this.#changes.get({ id, after: 0, limit: 1 }) !== undefined ||
      // Another program may have written it.
      this.#event.get({ id }) !== undefined;
    return isKnown ? { origin, changes } : undefined;
  }

  #originOf(id: number): EventOrigin | null {
    const batch = this.#batch.get({ id });
    if (batch === undefined || batch.lastId < id) return null;
    const { topic, partition, firstOffset, lastOffset, storedAt } = batch;
    return { topic, partition, firstOffset, lastOffset, storedAt };
  }
}
