import { and, asc, eq, gt, sql } from "drizzle-orm";
import { type ArrestEventFields, FIELD_NAMES } from "../arrest-event.ts";
import { type Change, type ChangeResult, EventChanges } from "./changes.ts";
import { isConstraintError, openForWriting, type StoreDatabase } from "./database.ts";
import {
  type CreateOfLetter,
  DeadLetterBox,
  type DeadLetterTotals,
  type Decode,
} from "./dead-letters.ts";
import {
  type Cluster,
  consumerOffset,
  type DeadLetter,
  deadLetter,
  deadLetterForwarding,
  ingestBatch,
  type StoredDeadLetter,
  storeIdentity,
} from "./schema.ts";
import { type OnCheckpoint, Transactions } from "./transactions.ts";

export type { Change, ChangeResult, VersionCondition } from "./changes.ts";

/** A partition and the offset of the first of its messages that is not stored. */
export interface Position {
  readonly partition: number;
  readonly nextOffset: number;
}

/** Where the reading of a partition begins, and in which topic of that name. */
export interface Beginning extends Position {
  /** The topic's id (KIP-516); absent where the broker does not tell, and then the stored one stays. */
  readonly topicId?: string | undefined;
}

/** A position as it is stored. */
export interface StoredPosition {
  readonly nextOffset: number;
  readonly topicId: string | null;
}

/** The events of one partition, at least one, in the order of their messages. */
export interface PartitionEvents {
  readonly partition: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly events: readonly ArrestEventFields[];
  /** The dead letter for `events[index]`, should a constraint of the store refuse that event. */
  deadLetterFor(index: number): DeadLetter;
}

/** What one ingest transaction stores: messages of one topic. */
export interface IngestBatch {
  /** No partition twice: the events of each get consecutive ids. */
  readonly partitions: readonly PartitionEvents[];
  readonly deadLetters: readonly DeadLetter[];
  readonly positions: readonly Position[];
}

/** How many rows and dead letters a batch became. */
export interface IngestCounts {
  readonly events: number;
  readonly deadLetters: number;
}

/** The only thing that writes to the store. Every call is one transaction; one that throws has changed nothing. */
export interface EventWriter {
  /** A UUID that the database file got when it was made. */
  readonly storeId: string;
  /**
   * Applies a group of changes, each in its own savepoint, in order. When this returns they are on
   * the disk (`synchronous = FULL`).
   */
  apply(changes: readonly Change[]): ChangeResult[];
  /** Stores rows, dead letters and positions together. */
  ingest(batch: IngestBatch): IngestCounts;
  /** The stored position of a partition, or `undefined` when it was never read. */
  position(partition: number): StoredPosition | undefined;
  /** Stores positions, on the disk when this returns, and with them all that was stored before. */
  setPositions(positions: readonly Beginning[]): void;
  /** The dead letters that are stored now. */
  deadLetters(): DeadLetterTotals;
  /** Up to `limit` dead letters of this cluster that have not been forwarded to a topic, oldest first. */
  lettersToForward(toTopic: string, limit: number): StoredDeadLetter[];
  /** Takes note that all letters up to an id have been forwarded to a topic. */
  setForwarded(toTopic: string, lastId: number): void;
  /** Forgets all positions of the cluster: its log has begun anew. */
  forgetPositions(): void;
  /** Writes something that changes nothing. Throws while the store cannot be written. */
  probe(): void;
  /** Gives the memory back that keeps pages of the file at hand. */
  shrink(): void;
  /** Moves the log into the database file and closes it. */
  close(): void;
}

/** What the store is told of and asks. */
export interface WriterOptions {
  /** Told of each checkpoint. */
  readonly onCheckpoint?: OnCheckpoint;
  /** Milliseconds since 1970; the system's clock unless given. */
  readonly now?: () => number;
}

/**
 * Opens the database at `path` for writing, migrated, for the topic that this service reads.
 *
 * @param decode how a replay reads what a dead letter holds
 * @throws UnusableDatabaseError see `openForWriting`
 */
export function openWriter(
  path: string,
  cluster: Cluster,
  topic: string,
  decode: Decode,
  { onCheckpoint = () => undefined, now = Date.now }: WriterOptions = {},
): EventWriter {
  const database = openForWriting(path);
  const transactions = new Transactions(database, onCheckpoint);
  const changes = new EventChanges(database, now);
  // Drizzle's own would take a tenth of the time of ingest.
  const insertEvent = database.$client.prepare<unknown, [number, number, number, number, number]>(
    `insert into arrest_event (${Object.values(FIELD_NAMES).join(", ")}) values (?, ?, ?, ?, ?)`,
  );
  /** For the events that were inserted just before, `stored` of them. */
  const insertOrigin = database
    .insert(ingestBatch)
    .values({
      firstId: sql`last_insert_rowid() - ${sql.placeholder("stored")} + 1`,
      lastId: sql`last_insert_rowid()`,
      cluster: sql.placeholder("cluster"),
      topic: sql.placeholder("topic"),
      partition: sql.placeholder("partition"),
      firstOffset: sql.placeholder("firstOffset"),
      lastOffset: sql.placeholder("lastOffset"),
      storedAt: sql.placeholder("storedAt"),
    })
    .prepare();
  const setPosition = database
    .insert(consumerOffset)
    .values({
      cluster,
      topic,
      partition: sql.placeholder("partition"),
      nextOffset: sql.placeholder("nextOffset"),
      topicId: sql.placeholder("topicId"),
    })
    .onConflictDoUpdate({
      target: [consumerOffset.cluster, consumerOffset.topic, consumerOffset.partition],
      set: {
        nextOffset: sql`excluded.next_offset`,
        topicId: sql`coalesce(excluded.topic_id, ${consumerOffset.topicId})`,
      },
    })
    .prepare();
  const storeId = identify(database);
  const createOfLetter: CreateOfLetter = (fields, { offset, ...place }, requestId) => {
    const event = changes.create(fields, "replay", requestId);
    database
      .insert(ingestBatch)
      .values({
        firstId: event.id,
        lastId: event.id,
        cluster: place.cluster,
        topic: place.topic,
        partition: place.partition,
        firstOffset: offset,
        lastOffset: offset,
        storedAt: now(),
      })
      .run();
    return event;
  };
  const letters = new DeadLetterBox(database, decode, createOfLetter);

  function applyOne(change: Change): ChangeResult {
    switch (change.kind) {
      case "create":
        return changes.createOnce(change);
      case "create-batch":
        return changes.createBatch(change);
      case "update":
        return changes.update(change);
      case "delete":
        return changes.delete(change);
      case "replay":
        return letters.replay(change.letterId, change.fields, change.requestId);
      case "delete-letter":
        return letters.delete(change.letterId) ? { kind: "deleted" } : { kind: "not-found" };
      case "replay-letters":
        return {
          kind: "letters",
          letters: letters.replayAll(change.filter, change.after, change.limit, change.requestId),
        };
      case "delete-letters":
        return { kind: "letters", letters: letters.deleteAll(change.filter, change.limit) };
    }
  }

  /** Makes the changes of a group so that one which a constraint refuses does not undo the others. */
  function applyApart(changes: readonly Change[]): ChangeResult[] {
    return letters.counting(() =>
      transactions.runDurably((transaction) =>
        changes.map((change) => {
          try {
            return letters.inSavepoint(() => transaction.transaction(() => applyOne(change)));
          } catch (error) {
            if (!isConstraintError(error)) throw error;
            return { kind: "failed", message: error.message };
          }
        }),
      ),
    );
  }

  /** Returns the dead letters of the events that a constraint has refused. */
  function storeEvents({ events, deadLetterFor, ...origin }: PartitionEvents): DeadLetter[] {
    const refused: DeadLetter[] = [];
    for (const [index, event] of events.entries()) {
      const { officerId, subjectId, arrestTypeId, crimeTypeId, arrestedAt } = event;
      try {
        insertEvent.run(officerId, subjectId, arrestTypeId, crimeTypeId, arrestedAt);
      } catch (error) {
        // A failed constraint undoes its own statement only; anything else is a failing store, and
        // so is a foreign trigger that has undone the whole transaction.
        if (!isConstraintError(error) || !database.$client.inTransaction) throw error;
        refused.push(deadLetterFor(index));
      }
    }
    const stored = events.length - refused.length;
    if (stored > 0) insertOrigin.run({ ...origin, stored, cluster, topic, storedAt: now() });
    return refused;
  }

  return {
    storeId,

    apply: (changes) => {
      try {
        return letters.counting(() => transactions.runDurably(() => changes.map(applyOne)));
      } catch (error) {
        // The contract of HTTP lets nothing through that the schema refuses, and a savepoint for each change
        // takes as long as the change.
        if (!isConstraintError(error)) throw error;
        return applyApart(changes);
      }
    },

    ingest: (batch) =>
      letters.counting(() =>
        transactions.run(() => {
          const refused = batch.partitions.flatMap(storeEvents);
          for (const letter of batch.deadLetters) letters.insert(letter);
          for (const letter of refused) letters.insert(letter);
          for (const position of batch.positions) setPosition.run({ ...position, topicId: null });
          const events = batch.partitions.reduce((sum, { events }) => sum + events.length, 0);
          return {
            events: events - refused.length,
            deadLetters: batch.deadLetters.length + refused.length,
          };
        }),
      ),

    position: (partition) =>
      database
        .select({ nextOffset: consumerOffset.nextOffset, topicId: consumerOffset.topicId })
        .from(consumerOffset)
        .where(
          and(
            eq(consumerOffset.cluster, cluster),
            eq(consumerOffset.topic, topic),
            eq(consumerOffset.partition, partition),
          ),
        )
        .get(),

    setPositions: (positions) =>
      transactions.runDurably(() => {
        for (const { topicId = null, ...position } of positions) {
          setPosition.run({ ...position, topicId });
        }
      }),

    deadLetters: () => letters.totals,

    lettersToForward: (toTopic, limit) => {
      const forwarded = database
        .select({ lastId: deadLetterForwarding.lastId })
        .from(deadLetterForwarding)
        .where(
          and(eq(deadLetterForwarding.cluster, cluster), eq(deadLetterForwarding.topic, toTopic)),
        )
        .get();
      return database
        .select()
        .from(deadLetter)
        .where(and(gt(deadLetter.id, forwarded?.lastId ?? 0), eq(deadLetter.cluster, cluster)))
        .orderBy(asc(deadLetter.id))
        .limit(limit)
        .all();
    },

    setForwarded: (toTopic, lastId) =>
      transactions.run(() => {
        database
          .insert(deadLetterForwarding)
          .values({ cluster, topic: toTopic, lastId })
          .onConflictDoUpdate({
            target: [deadLetterForwarding.cluster, deadLetterForwarding.topic],
            set: { lastId },
          })
          .run();
      }),

    forgetPositions: () =>
      transactions.runDurably(() => {
        database.delete(consumerOffset).where(eq(consumerOffset.cluster, cluster)).run();
      }),

    probe: () => transactions.runDurably(() => undefined),

    shrink: () => void database.$client.run("pragma shrink_memory"),

    close: () => {
      try {
        transactions.emptyLog();
      } finally {
        database.$client.close();
      }
    },
  };
}

/** The file's identity, made with its first opening. */
function identify(database: StoreDatabase): string {
  const known = database.select().from(storeIdentity).get();
  if (known !== undefined) return known.id;
  const id = crypto.randomUUID();
  database.insert(storeIdentity).values({ id }).run();
  return id;
}
