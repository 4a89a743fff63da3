import { and, asc, eq, gt, sql } from "drizzle-orm";
import type { ArrestEvent, ArrestEventFields } from "../arrest-event.ts";
import { openForWriting, type StoreDatabase } from "./database.ts";
import {
  type BulkResult,
  DeadLetterBox,
  type DeadLetterFilter,
  type DeadLetterTotals,
  type Decode,
  type Replay,
} from "./dead-letters.ts";
import {
  arrestEvent,
  type Cluster,
  consumerOffset,
  type DeadLetter,
  deadLetter,
  deadLetterForwarding,
  type StoredDeadLetter,
  storeIdentity,
} from "./schema.ts";
import { type OnCheckpoint, Transactions } from "./transactions.ts";

/** A change of the events or of the dead letters, as HTTP asks for it. */
export type Change =
  | { readonly kind: "create"; readonly fields: ArrestEventFields }
  /** Members that are absent stay as they are. */
  | { readonly kind: "update"; readonly id: number; readonly fields: Partial<ArrestEventFields> }
  | { readonly kind: "delete"; readonly id: number }
  /** Makes an event of a dead letter, of what it holds or of the fields given. The letter is gone then. */
  | { readonly kind: "replay"; readonly letterId: number; readonly fields?: ArrestEventFields }
  | { readonly kind: "delete-letter"; readonly letterId: number }
  /** Replays letters that match, with ids above `after`; those that still cannot be events stay. */
  | {
      readonly kind: "replay-letters";
      readonly filter: DeadLetterFilter;
      readonly after: number;
      readonly limit: number;
    }
  | {
      readonly kind: "delete-letters";
      readonly filter: DeadLetterFilter;
      readonly limit: number;
    };

/** A kind of change. */
export type ChangeKind = Change["kind"];

/** What becomes of each kind of change. */
interface Outcomes {
  readonly create: { readonly kind: "done"; readonly event: ArrestEvent };
  readonly update: Outcomes["create"] | NotFound;
  readonly delete: Outcomes["update"];
  readonly replay: Replay;
  readonly "delete-letter": { readonly kind: "deleted" } | NotFound;
  readonly "replay-letters": { readonly kind: "letters"; readonly letters: BulkResult };
  readonly "delete-letters": Outcomes["replay-letters"];
}

interface NotFound {
  readonly kind: "not-found";
}

/** What became of a change of one kind, or of any. */
export type ChangeResult<K extends ChangeKind = ChangeKind> =
  | Outcomes[K]
  /** This change alone failed, for example by a constraint; the others of its group stand. */
  | { readonly kind: "failed"; readonly message: string };

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

/** What one ingest transaction stores: messages of one topic. */
export interface IngestBatch {
  /** In the order of their messages. */
  readonly events: readonly ArrestEventFields[];
  readonly deadLetters: readonly DeadLetter[];
  readonly positions: readonly Position[];
  /** The dead letter for `events[index]`, should a constraint of the store refuse that event. */
  deadLetterFor(index: number): DeadLetter;
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
  /** Moves the log into the database file and closes it. */
  close(): void;
}

/**
 * Opens the database at `path` for writing, migrated, for the topic that this service reads.
 *
 * @param decode how a replay reads what a dead letter holds
 * @param onCheckpoint told of each checkpoint
 * @throws UnusableDatabaseError see `openForWriting`
 */
export function openWriter(
  path: string,
  cluster: Cluster,
  topic: string,
  decode: Decode,
  onCheckpoint: OnCheckpoint = () => undefined,
): EventWriter {
  const database = openForWriting(path);
  const transactions = new Transactions(database, onCheckpoint);
  const newEvent = () =>
    database.insert(arrestEvent).values({
      officerId: sql.placeholder("officerId"),
      subjectId: sql.placeholder("subjectId"),
      arrestTypeId: sql.placeholder("arrestTypeId"),
      crimeTypeId: sql.placeholder("crimeTypeId"),
      arrestedAt: sql.placeholder("arrestedAt"),
    });
  const insertEvent = newEvent().prepare();
  const createEvent = newEvent().returning().prepare();
  const updateEvent = database
    .update(arrestEvent)
    .set({
      officerId: sql`coalesce(${sql.placeholder("officerId")}, ${arrestEvent.officerId})`,
      subjectId: sql`coalesce(${sql.placeholder("subjectId")}, ${arrestEvent.subjectId})`,
      arrestTypeId: sql`coalesce(${sql.placeholder("arrestTypeId")}, ${arrestEvent.arrestTypeId})`,
      crimeTypeId: sql`coalesce(${sql.placeholder("crimeTypeId")}, ${arrestEvent.crimeTypeId})`,
      arrestedAt: sql`coalesce(${sql.placeholder("arrestedAt")}, ${arrestEvent.arrestedAt})`,
    })
    .where(eq(arrestEvent.id, sql.placeholder("id")))
    .returning()
    .prepare();
  const deleteEvent = database
    .delete(arrestEvent)
    .where(eq(arrestEvent.id, sql.placeholder("id")))
    .returning()
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
  const letters = new DeadLetterBox(
    database,
    decode,
    (fields) => createEvent.get({ ...fields }),
    isConstraintError,
  );

  function applyOne(change: Change): ChangeResult {
    switch (change.kind) {
      case "create":
        return changed(createEvent.get({ ...change.fields }));
      case "update":
        return changed(
          updateEvent.get({
            id: change.id,
            officerId: change.fields.officerId ?? null,
            subjectId: change.fields.subjectId ?? null,
            arrestTypeId: change.fields.arrestTypeId ?? null,
            crimeTypeId: change.fields.crimeTypeId ?? null,
            arrestedAt: change.fields.arrestedAt ?? null,
          }),
        );
      case "delete":
        return changed(deleteEvent.get({ id: change.id }));
      case "replay":
        return letters.replay(change.letterId, change.fields);
      case "delete-letter":
        return letters.delete(change.letterId) ? { kind: "deleted" } : { kind: "not-found" };
      case "replay-letters":
        return {
          kind: "letters",
          letters: letters.replayAll(change.filter, change.after, change.limit),
        };
      case "delete-letters":
        return { kind: "letters", letters: letters.deleteAll(change.filter, change.limit) };
    }
  }

  function changed(event: ArrestEvent | undefined): ChangeResult {
    return event === undefined ? { kind: "not-found" } : { kind: "done", event };
  }

  return {
    storeId,

    apply: (changes) =>
      letters.counting(() =>
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
      ),

    ingest: (batch) =>
      letters.counting(() =>
        transactions.run(() => {
          const refused: DeadLetter[] = [];
          for (let index = 0; index < batch.events.length; index++) {
            try {
              insertEvent.run(batch.events[index] as unknown as Record<string, unknown>);
            } catch (error) {
              // A failed constraint undoes its own statement only; anything else is a failing store, and
              // so is a foreign trigger that has undone the whole transaction.
              if (!isConstraintError(error) || !database.$client.inTransaction) throw error;
              refused.push(batch.deadLetterFor(index));
            }
          }
          for (const letter of batch.deadLetters) letters.insert(letter);
          for (const letter of refused) letters.insert(letter);
          for (const position of batch.positions) setPosition.run({ ...position, topicId: null });
          return {
            events: batch.events.length - refused.length,
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

function isConstraintError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.startsWith("SQLITE_CONSTRAINT")
  );
}
