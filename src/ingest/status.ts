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
 * - `stopped`: after an orderly stop
 */
export type IngestState =
  | "off"
  | "connecting"
  | "waiting"
  | "reading"
  | "store-failing"
  | "stopped";

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
  /** The last trouble with Kafka, until it is over. */
  readonly problem?: string;
}
