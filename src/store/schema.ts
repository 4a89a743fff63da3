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
import { type ArrestEventFields, MAX_ID, MAX_TIMESTAMP, MIN_TIMESTAMP } from "../arrest-event.ts";

/** An integer within bounds, even for a program that writes to the file without this service. */
function integerBetween(column: AnyColumn, from: number, to: number): SQL {
  return sql`typeof(${column}) = 'integer' and ${column} between ${sql.raw(String(from))} and ${sql.raw(String(to))}`;
}

/**
 * A segment is the events with 2^17 ids in a row. Indexes of columns with very many values begin with it, so
 * that new events, whatever they hold, go to the pages of the last segment only: else each would touch
 * another page of an index that no cache holds.
 */
export const SEGMENT_BITS = 17;

/** The segment of an id, as the indexes have it and statements have to write it. */
export const SEGMENT: string = `id >> ${SEGMENT_BITS}`;

/**
 * The arrest events. `id` is AUTOINCREMENT, so that the id of a deleted event is never used again.
 * There is one index a filter of the HTTP contract; SQLite appends the id to each, so all of them
 * page in id order as well, those of officers and subjects a segment at a time.
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
    /** Counts its changes: the entity tag that HTTP answers. The 1 of most rows takes no byte but that of its type. */
    version: integer("version").notNull().default(1),
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
    check("arrest_event_version", integerBetween(table.version, 1, MAX_ID)),
    index("arrest_event_by_officer_id").on(sql.raw(`(${SEGMENT})`), table.officerId),
    index("arrest_event_by_subject_id").on(sql.raw(`(${SEGMENT})`), table.subjectId),
    index("arrest_event_by_arrest_type_id").on(table.arrestTypeId),
    index("arrest_event_by_crime_type_id").on(table.crimeTypeId),
    index("arrest_event_by_arrested_at").on(table.arrestedAt),
  ],
);

/** What a change of an event can be: created alone, in a batch, or of a dead letter; updated; deleted. */
export const EVENT_CHANGE_KINDS = ["create", "batch", "replay", "update", "delete"] as const;

/** What a change of an event was. */
export type EventChangeKind = (typeof EVENT_CHANGE_KINDS)[number];

/** Every change of an event that did not come from Kafka, written in the change's own transaction and kept for good. */
export const arrestEventChange = sqliteTable(
  "arrest_event_change",
  {
    id: integer("id").primaryKey(),
    eventId: integer("event_id").notNull(),
    /** What the event's version became; for a delete the one that would have come next. */
    version: integer("version").notNull(),
    kind: text("kind", { enum: EVENT_CHANGE_KINDS }).notNull(),
    /** Milliseconds since 1970. */
    at: integer("at").notNull(),
    /** Who made it; null as long as there is no access control. */
    by: text("by"),
    /** The id of the HTTP request that asked for it. */
    requestId: text("request_id"),
    /** What the event was; null when it was created. */
    before: text("before", { mode: "json" }).$type<ArrestEventFields>(),
    /** What it became; null when it was deleted. */
    after: text("after", { mode: "json" }).$type<ArrestEventFields>(),
  },
  (table) => [index("arrest_event_change_by_version").on(table.eventId, table.version)],
);

/**
 * Where events came from: one row a partition and ingest transaction, whose events have consecutive ids.
 * Offsets in between that are no event of it are those of dead letters and of control records.
 */
export const ingestBatch = sqliteTable("ingest_batch", {
  firstId: integer("first_id").primaryKey(),
  lastId: integer("last_id").notNull(),
  cluster: text("cluster", { enum: ["kafka", "embedded"] }).notNull(),
  topic: text("topic").notNull(),
  partition: integer("partition").notNull(),
  firstOffset: integer("first_offset").notNull(),
  lastOffset: integer("last_offset").notNull(),
  /** Milliseconds since 1970. */
  storedAt: integer("stored_at").notNull(),
});

/** The keys of requests that created events, with what is needed to answer such a request again. */
export const idempotencyKey = sqliteTable("idempotency_key", {
  /** Rises with the time, so that the oldest are found without an index. */
  id: integer("id").primaryKey({ autoIncrement: true }),
  key: text("key").notNull().unique(),
  /** The SHA-256 of what the request asked for. */
  fingerprint: text("fingerprint").notNull(),
  /** The events that it created have these ids and those in between. */
  firstId: integer("first_id").notNull(),
  lastId: integer("last_id").notNull(),
  /** Milliseconds since 1970. */
  createdAt: integer("created_at").notNull(),
});

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

/** Why a message cannot be an event. */
export interface RefusedMessage {
  readonly reason: DeadLetterReason;
  /** What is wrong and where. The rules only: never a part of the message. */
  readonly refusals: readonly Refusal[];
}

/** What is said of an event that a constraint of the store refuses. */
export const REFUSED_BY_STORE: RefusedMessage = {
  reason: "refused_by_store",
  refusals: [{ pointer: "", detail: "must satisfy the constraints of the store" }],
};

/** SQLite tells these lengths without reading the values. */
function sizeOf(letter: Record<"headers" | "refusals" | "key" | "value", AnyColumn>): SQL<number> {
  // No commas: drizzle-kit takes an expression in an index for several where there are any.
  const ifAny = (column: AnyColumn) =>
    sql`case when ${column} is null then 0 else octet_length(${column}) end`;
  return sql`octet_length(${letter.headers}) + octet_length(${letter.refusals}) + ${ifAny(letter.key)} + ${ifAny(letter.value)}`;
}

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
    // All sizes are added up at each start, which must not read all letters.
    index("dead_letter_by_size").on(sizeOf(table)),
  ],
);

/** The bytes of what a dead letter keeps: key, value, headers and reasons. */
export const DEAD_LETTER_SIZE: SQL<number> = sizeOf(deadLetter);

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
