import type { Config } from "../config.ts";
import type { IngestStatus } from "../ingest/status.ts";
import type { Change, ChangeResult } from "../store/write.ts";

/** Whether the store can be written. */
export interface StoreStatus {
  readonly writable: boolean;
  /** What the last failure was, for the log and the operator; absent while the store can be written. */
  readonly problem?: string;
}

/** What the main thread knows of the writer thread. */
export interface WriterStatus {
  readonly store: StoreStatus;
  readonly ingest: IngestStatus;
}

/** What the main thread sends to the writer thread. */
export type ToWriter =
  | { readonly kind: "start"; readonly config: Config }
  /** Answered by `applied` or `not-applied`; the next group is sent after the answer. */
  | { readonly kind: "apply"; readonly changes: readonly Change[] }
  /** Answered by `metrics`. */
  | { readonly kind: "metrics" }
  /** Stops reading, while changes are still made. */
  | { readonly kind: "stop-ingest" }
  /** Closes the store once ingest has stopped, or after so many milliseconds. */
  | { readonly kind: "stop"; readonly withinMs: number };

/** What the writer thread sends to the main thread. */
export type FromWriter =
  /** The store is open and migrated. Ingest connects on its own time. */
  | {
      readonly kind: "started";
      readonly status: WriterStatus;
      readonly librdkafkaVersion: string;
    }
  /** Nothing runs; the process is to end with this exit code. */
  | { readonly kind: "not-started"; readonly message: string; readonly exitCode: number }
  | { readonly kind: "applied"; readonly results: readonly ChangeResult[] }
  /** The store could not be written, and none of the group's changes was made. */
  | { readonly kind: "not-applied" }
  /** Sent when it changes, and each {@link HEARTBEAT_INTERVAL_MS} as a sign of life. */
  | { readonly kind: "status"; readonly status: WriterStatus }
  /** The thread's numbers in Prometheus' text format. */
  | { readonly kind: "metrics"; readonly text: string }
  /** All that was read is stored, and the store is closed. */
  | { readonly kind: "stopped" };

/** How often the thread tells its status even when nothing has changed, in milliseconds. */
export const HEARTBEAT_INTERVAL_MS = 1000;

/** How many events a change is about, as far as that is known. */
export function eventsOf(change: Change): number {
  return change.kind === "create-batch" ? change.events.length : 1;
}
