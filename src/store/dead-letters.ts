import { and, asc, count, eq, gt, gte, lt, type SQL, sql, sum } from "drizzle-orm";
import type { ArrestEventFields, VersionedEvent } from "../arrest-event.ts";
import { isConstraintError, type StoreDatabase } from "./database.ts";
import {
  DEAD_LETTER_SIZE,
  type DeadLetter,
  type DeadLetterReason,
  deadLetter,
  REFUSED_BY_STORE,
  type Refusal,
} from "./schema.ts";

/** Which dead letters are meant; an absent member means all. */
export interface DeadLetterFilter {
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  readonly reason?: DeadLetterReason | undefined;
  /** Refused at or after this: milliseconds since 1970. */
  readonly refusedFrom?: number | undefined;
  /** Refused before this: milliseconds since 1970. */
  readonly refusedTo?: number | undefined;
}

/** How much the dead letters are: their number, and the bytes of their keys, values, headers and reasons. */
export interface DeadLetterTotals {
  readonly count: number;
  readonly bytes: number;
}

/** What a change of many dead letters came to. */
export interface BulkResult {
  /** How many letters are gone: replayed or deleted. */
  readonly done: number;
  /** How many still cannot be events, and stay. */
  readonly refused: number;
  /** The id of the last letter that was looked at; 0 when there was none. */
  readonly lastId: number;
  /** Whether more letters match behind that. */
  readonly more: boolean;
}

/** What became of the replay of one dead letter. */
export type Replay =
  | { readonly kind: "done"; readonly event: VersionedEvent }
  | { readonly kind: "not-found" }
  /** It still cannot be an event, and stays. */
  | { readonly kind: "refused"; readonly refusals: readonly Refusal[] };

/** What a message is made of an event by: the rules of ingest, which the store does not know itself. */
export type Decode = (
  value: Buffer | null,
) => ArrestEventFields | { readonly refusals: readonly Refusal[] };

/** Where a message came from. */
export type MessagePlace = Pick<DeadLetter, "cluster" | "topic" | "partition" | "offset">;

/**
 * Makes an event of a message that had been refused.
 *
 * @param requestId the id of the HTTP request that asks for it
 */
export type CreateOfLetter = (
  fields: ArrestEventFields,
  from: MessagePlace,
  requestId: string | undefined,
) => VersionedEvent;

/** The condition that a filter stands for. */
export function matching(filter: DeadLetterFilter): SQL | undefined {
  const { topic, partition, reason, refusedFrom, refusedTo } = filter;
  return and(
    topic === undefined ? undefined : eq(deadLetter.topic, topic),
    partition === undefined ? undefined : eq(deadLetter.partition, partition),
    reason === undefined ? undefined : eq(deadLetter.reason, reason),
    ...(refusedFrom === undefined ? [] : refusedSince(refusedFrom)),
    refusedTo === undefined ? undefined : lt(deadLetter.refusedAt, refusedTo),
  );
}

/** Ids grow with the time of the refusal but for a clock that was set: the first of them bounds the search. */
function refusedSince(milliseconds: number): (SQL | undefined)[] {
  const first = sql`(select min(${deadLetter.id}) from ${deadLetter} indexed by dead_letter_by_refused_at where ${deadLetter.refusedAt} >= ${milliseconds})`;
  return [gte(deadLetter.refusedAt, milliseconds), gte(deadLetter.id, first)];
}

/** The query for all that is stored, whose time counts for the start. */
export function totalsOf(database: StoreDatabase) {
  return database
    .select({ count: count(), bytes: sum(DEAD_LETTER_SIZE).mapWith(Number) })
    .from(deadLetter);
}

/** The dead letters on the writing connection. What it changes belongs to the caller's transaction. */
export class DeadLetterBox {
  readonly #database: StoreDatabase;
  readonly #decode: Decode;
  readonly #createEvent: CreateOfLetter;
  readonly #insert;
  readonly #remove;
  #totals: DeadLetterTotals;
  #added = { count: 0, bytes: 0 };

  constructor(database: StoreDatabase, decode: Decode, createEvent: CreateOfLetter) {
    this.#database = database;
    this.#decode = decode;
    this.#createEvent = createEvent;
    this.#insert = database
      .insert(deadLetter)
      .values({
        cluster: sql.placeholder("cluster"),
        topic: sql.placeholder("topic"),
        partition: sql.placeholder("partition"),
        offset: sql.placeholder("offset"),
        reason: sql.placeholder("reason"),
        refusedAt: sql.placeholder("refusedAt"),
        timestamp: sql.placeholder("timestamp"),
        refusals: sql.placeholder("refusals"),
        headers: sql.placeholder("headers"),
        key: sql.placeholder("key"),
        value: sql.placeholder("value"),
      })
      .returning({ bytes: DEAD_LETTER_SIZE })
      .prepare();
    this.#remove = database
      .delete(deadLetter)
      .where(eq(deadLetter.id, sql.placeholder("id")))
      .returning({ bytes: DEAD_LETTER_SIZE })
      .prepare();
    const total = totalsOf(database).get();
    this.#totals = { count: total?.count ?? 0, bytes: total?.bytes ?? 0 };
  }

  /** What is stored, as far as it is committed. */
  get totals(): DeadLetterTotals {
    return this.#totals;
  }

  /** Runs a transaction, and takes its letters into the totals once it is committed. */
  counting<T>(transaction: () => T): T {
    this.#added = { count: 0, bytes: 0 };
    const result = transaction();
    this.#totals = {
      count: this.#totals.count + this.#added.count,
      bytes: this.#totals.bytes + this.#added.bytes,
    };
    return result;
  }

  /** Runs a part of a transaction that may be undone by itself. */
  inSavepoint<T>(part: () => T): T {
    const before = { ...this.#added };
    try {
      return part();
    } catch (error) {
      this.#added = before;
      throw error;
    }
  }

  /** Keeps a refused message. */
  insert(letter: DeadLetter): void {
    this.#add(1, this.#insert.get({ ...letter })?.bytes ?? 0);
  }

  /** Deletes a letter. Returns false when there is none with this id. */
  delete(id: number): boolean {
    const removed = this.#remove.get({ id });
    if (removed === undefined) return false;
    this.#add(-1, -removed.bytes);
    return true;
  }

  /** Makes an event of a letter, which is then gone: of its own value, or of the corrected event. */
  replay(
    id: number,
    corrected: ArrestEventFields | undefined,
    requestId: string | undefined,
  ): Replay {
    const letter = this.#database
      .select({
        cluster: deadLetter.cluster,
        topic: deadLetter.topic,
        partition: deadLetter.partition,
        offset: deadLetter.offset,
        value: deadLetter.value,
      })
      .from(deadLetter)
      .where(eq(deadLetter.id, id))
      .get();
    if (letter === undefined) return { kind: "not-found" };
    const fields = corrected ?? this.#decode(letter.value);
    if ("refusals" in fields) return { kind: "refused", refusals: fields.refusals };
    // A failed constraint undoes its own statement only, which is one of several: a savepoint undoes them all.
    const create = this.#database.$client.transaction(() =>
      this.#createEvent(fields, letter, requestId),
    );
    try {
      const event = create();
      this.delete(id);
      return { kind: "done", event };
    } catch (error) {
      if (!isConstraintError(error) || !this.#database.$client.inTransaction) throw error;
      return { kind: "refused", refusals: REFUSED_BY_STORE.refusals };
    }
  }

  /** Replays up to `limit` letters that match, of those with ids above `after`, in id order. */
  replayAll(
    filter: DeadLetterFilter,
    after: number,
    limit: number,
    requestId: string | undefined,
  ): BulkResult {
    return this.#forEach(
      filter,
      after,
      limit,
      (id) => this.replay(id, undefined, requestId).kind === "done",
    );
  }

  /** Deletes up to `limit` letters that match, in id order. */
  deleteAll(filter: DeadLetterFilter, limit: number): BulkResult {
    return this.#forEach(filter, 0, limit, (id) => this.delete(id));
  }

  #forEach(
    filter: DeadLetterFilter,
    after: number,
    limit: number,
    work: (id: number) => boolean,
  ): BulkResult {
    // One more than are wanted shows whether there are more; values are read one at a time.
    const found = this.#database
      .select({ id: deadLetter.id })
      .from(deadLetter)
      .where(and(matching(filter), gt(deadLetter.id, after)))
      .orderBy(asc(deadLetter.id))
      .limit(limit + 1)
      .all();
    const ids = found.slice(0, limit).map(({ id }) => id);
    const done = ids.filter(work).length;
    return {
      done,
      refused: ids.length - done,
      lastId: ids.at(-1) ?? 0,
      more: found.length > limit,
    };
  }

  #add(letters: number, bytes: number): void {
    this.#added.count += letters;
    this.#added.bytes += bytes;
  }
}
