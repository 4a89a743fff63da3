import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import {
  blob,
  check,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
} from "drizzle-orm/sqlite-core";
import { MAX_ID, MAX_TIMESTAMP, MIN_TIMESTAMP } from "../arrest-event.ts";

/** An integer within bounds, even for a program that writes to the file without this service. */
function integerBetween(column: AnyColumn, from: number, to: number): SQL {
  return sql`typeof(${column}) = 'integer' and ${column} between ${sql.raw(String(from))} and ${sql.raw(String(to))}`;
}

/**
 * The arrest events. `id` is AUTOINCREMENT, so that the id of a deleted event is never used again.
 * There is one index a filter of the HTTP contract; SQLite appends the id to each, so all of them
 * page in id order as well.
 */
export const arrestEvent = sqliteTable(
  "arrest_event",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    officerId: integer("officer_id").notNull(),
    subjectId: integer("subject_id").notNull(),
    arrestTypeId: integer("arrest_type_id").notNull(),
    crimeTypeId: integer("crime_type_id").notNull(),
    /** Milliseconds since 1970 in UTC. */
    arrestedAt: integer("arrested_at").notNull(),
  },
  (table) => [
    check("arrest_event_id", integerBetween(table.id, 1, MAX_ID)),
    check("arrest_event_officer_id", integerBetween(table.officerId, 1, MAX_ID)),
    check("arrest_event_subject_id", integerBetween(table.subjectId, 1, MAX_ID)),
    check("arrest_event_arrest_type_id", integerBetween(table.arrestTypeId, 1, MAX_ID)),
    check("arrest_event_crime_type_id", integerBetween(table.crimeTypeId, 1, MAX_ID)),
    check(
      "arrest_event_arrested_at",
      integerBetween(table.arrestedAt, MIN_TIMESTAMP, MAX_TIMESTAMP),
    ),
    index("arrest_event_by_officer_id").on(table.officerId),
    index("arrest_event_by_subject_id").on(table.subjectId),
    index("arrest_event_by_arrest_type_id").on(table.arrestTypeId),
    index("arrest_event_by_crime_type_id").on(table.crimeTypeId),
    index("arrest_event_by_arrested_at").on(table.arrestedAt),
  ],
);

/**
 * How far each partition has been stored. It changes only in the transaction that stores what the
 * offset stands behind, which is what makes ingest exactly once.
 */
export const consumerOffset = sqliteTable(
  "consumer_offset",
  {
    /** `kafka`, or `embedded` for the broker in this process, whose offsets begin anew with it. */
    cluster: text("cluster", { enum: ["kafka", "embedded"] }).notNull(),
    topic: text("topic").notNull(),
    partition: integer("partition").notNull(),
    /** The offset of the first message that is not stored yet. */
    nextOffset: integer("next_offset").notNull(),
    /** The id of the topic that the offset counts in (KIP-516), where the broker tells: a topic made anew has another. */
    topicId: text("topic_id"),
  },
  (table) => [
    primaryKey({ columns: [table.cluster, table.topic, table.partition] }),
    check("consumer_offset_next_offset", integerBetween(table.nextOffset, 0, MAX_ID)),
  ],
);

/** One row: what tells this store from others, in the metadata of the offsets that the group is told. */
export const storeIdentity = sqliteTable("store_identity", { id: text("id").primaryKey() });

/** Why a message was refused: where in its value, as a JSON Pointer (RFC 6901), and which rule. */
export interface Refusal {
  readonly pointer: string;
  readonly detail: string;
}

/** The kinds of refusal, as they are counted. */
export const DEAD_LETTER_REASONS = [
  "no_value",
  "not_utf8",
  "not_json",
  "invalid_event",
  "refused_by_store",
] as const;

/** One kind of refusal. */
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** The messages that are no arrest events, whole, with the reasons. */
export const deadLetter = sqliteTable(
  "dead_letter",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    cluster: text("cluster", { enum: ["kafka", "embedded"] }).notNull(),
    topic: text("topic").notNull(),
    partition: integer("partition").notNull(),
    offset: integer("offset").notNull(),
    reason: text("reason", { enum: DEAD_LETTER_REASONS }).notNull(),
    /** When it was refused: milliseconds since 1970. */
    refusedAt: integer("refused_at").notNull(),
    /** The message's own time in milliseconds since 1970, where it has one. */
    timestamp: integer("timestamp"),
    refusals: text("refusals", { mode: "json" }).$type<readonly Refusal[]>().notNull(),
    // What may be large comes last, so that nothing before it lies on an overflow page.
    /** The message's headers in order: names, and values in base64 (null stays null). */
    headers: text("headers", { mode: "json" })
      .$type<readonly (readonly [string, string | null])[]>()
      .notNull(),
    key: blob("key", { mode: "buffer" }),
    value: blob("value", { mode: "buffer" }),
  },
  // One index a filter; each has the id as well, so that pages in its order need no sorting.
  (table) => [
    index("dead_letter_by_topic").on(table.topic),
    index("dead_letter_by_partition").on(table.partition),
    index("dead_letter_by_reason").on(table.reason),
    index("dead_letter_by_refused_at").on(table.refusedAt),
    index("dead_letter_by_cluster").on(table.cluster),
  ],
);

/** How far the dead letters have been forwarded to a Kafka topic: all up to this one. */
export const deadLetterForwarding = sqliteTable(
  "dead_letter_forwarding",
  {
    cluster: text("cluster", { enum: ["kafka", "embedded"] }).notNull(),
    topic: text("topic").notNull(),
    lastId: integer("last_id").notNull(),
  },
  (table) => [primaryKey({ columns: [table.cluster, table.topic] })],
);

/** Which Kafka cluster an offset belongs to. */
export type Cluster = (typeof consumerOffset.$inferSelect)["cluster"];

/** A refused message as it is stored. */
export type StoredDeadLetter = typeof deadLetter.$inferSelect;

/** A refused message; the store adds its id. */
export type DeadLetter = Omit<StoredDeadLetter, "id">;
