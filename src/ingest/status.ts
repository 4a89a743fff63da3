import type { KafkaSource } from "../config.ts";

/** How far the reading of one partition is. Offsets are Kafka's. */
export interface PartitionStatus {
  readonly partition: number;
  /** The first offset that is not stored. */
  readonly nextOffset: number;
  /** The offset that the next message will get, as last heard from the broker. */
  readonly endOffset: number;
  /** How many offsets lie between the two. */
  readonly lag: number;
}

/**
 * What ingest is doing:
 * - `off`: no Kafka is configured
 * - `connecting`: no broker has answered yet, or none answers now
 * - `waiting`: connected, without a partition: the topic does not exist, or others have them all
 * - `reading`: partitions are assigned and read
 * - `store-failing`: reading has stopped until the store can be written again
 * - `dead-letters-full`: reading has stopped until dead letters are replayed or deleted
 * - `stopped`: after an orderly stop
 */
export const INGEST_STATES = [
  "off",
  "connecting",
  "waiting",
  "reading",
  "store-failing",
  "dead-letters-full",
  "stopped",
] as const;

/** One of {@link INGEST_STATES}. */
export type IngestState = (typeof INGEST_STATES)[number];

/** Ingest as its operator sees it. */
export interface IngestStatus {
  readonly state: IngestState;
  readonly mode: KafkaSource["mode"];
  /** `host:port,…` of the brokers; null without Kafka, and until the embedded broker has started. */
  readonly brokers: string | null;
  readonly topic: string;
  readonly groupId: string;
  readonly partitions: readonly PartitionStatus[];
  /** Since the start of the process. */
  readonly storedEvents: number;
  /** Since the start of the process. */
  readonly deadLetters: number;
  /** When the last batch was stored: milliseconds since 1970; null before the first. */
  readonly lastStoredAt: number | null;
  /** The greatest time that a message of that batch bears itself; null while none has borne one. */
  readonly lastMessageAt: number | null;
  /** When the group last took a commit of offsets; null before the first. */
  readonly lastCommittedAt: number | null;
  /** The forwarding of dead letters; null when there is none. */
  readonly forwarding: ForwardingStatus | null;
  /** The last trouble with Kafka, until it is over. */
  readonly problem?: string;
}

/** The forwarding of dead letters to a Kafka topic. */
export interface ForwardingStatus {
  readonly topic: string;
  /** How many have been forwarded since the start of the process. */
  readonly forwarded: number;
  /** Why none can be forwarded now; absent while they can. */
  readonly problem?: string;
}
