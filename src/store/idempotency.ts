import { and, asc, eq, inArray, lt, sql } from "drizzle-orm";
import type { StoreDatabase } from "./database.ts";
import { idempotencyKey } from "./schema.ts";

/** How long a key is kept, in milliseconds: 24 hours. */
export const KEY_LIFETIME_MS = 86_400_000;

/** How many of the oldest keys are looked at with each new one: more than one, so that they grow fewer. */
const REMOVED_AT_ONCE = 4;

/** What makes a request that creates events one that can be sent again. */
export interface Idempotency {
  /** Chosen by the client. */
  readonly key: string;
  /** Tells requests that ask for the same from others: a SHA-256. */
  readonly fingerprint: string;
}

/** The ids of events that one request created. */
export interface IdRange {
  readonly firstId: number;
  readonly lastId: number;
}

/** The idempotency keys on the writing connection. What it changes belongs to the caller's transaction. */
export class IdempotencyKeys {
  readonly #now: () => number;
  readonly #find;
  readonly #remove;
  readonly #removeExpired;
  readonly #insert;

  /** @param now milliseconds since 1970 */
  constructor(database: StoreDatabase, now: () => number) {
    this.#now = now;
    this.#find = database
      .select()
      .from(idempotencyKey)
      .where(eq(idempotencyKey.key, sql.placeholder("key")))
      .prepare();
    this.#remove = database
      .delete(idempotencyKey)
      .where(eq(idempotencyKey.key, sql.placeholder("key")))
      .prepare();
    const oldest = database
      .select({ id: idempotencyKey.id })
      .from(idempotencyKey)
      .orderBy(asc(idempotencyKey.id))
      .limit(REMOVED_AT_ONCE);
    this.#removeExpired = database
      .delete(idempotencyKey)
      .where(
        and(
          inArray(idempotencyKey.id, oldest),
          lt(idempotencyKey.createdAt, sql.placeholder("before")),
        ),
      )
      .prepare();
    this.#insert = database
      .insert(idempotencyKey)
      .values({
        key: sql.placeholder("key"),
        fingerprint: sql.placeholder("fingerprint"),
        firstId: sql.placeholder("firstId"),
        lastId: sql.placeholder("lastId"),
        createdAt: sql.placeholder("createdAt"),
      })
      .prepare();
  }

  /**
   * Creates events, unless a request with the same key has done so.
   *
   * @returns their ids, or `undefined` when that request asked for something else
   */
  once({ key, fingerprint }: Idempotency, create: () => IdRange): IdRange | undefined {
    const now = this.#now();
    const before = now - KEY_LIFETIME_MS;
    const known = this.#find.get({ key });
    if (known !== undefined && known.createdAt >= before) {
      return known.fingerprint === fingerprint ? known : undefined;
    }
    const ids = create();
    this.#remove.run({ key });
    this.#removeExpired.run({ before });
    this.#insert.run({ key, fingerprint, ...ids, createdAt: now });
    return ids;
  }
}
