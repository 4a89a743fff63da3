import type { EventReader } from "../store/read.ts";
import type { Log } from "../telemetry/log.ts";
import type { Registry } from "../telemetry/prometheus.ts";
import type { WriterClient } from "../writer/client.ts";

/** What the HTTP room is handed by whoever starts it. */
export interface Dependencies {
  readonly reader: EventReader;
  readonly writer: Pick<WriterClient, "change" | "metrics" | "status">;
  readonly log: Log;
  /** Where this thread's metrics are kept. */
  readonly registry: Registry;
  /** How many requests have not been answered to their end. */
  requestsInFlight(): number;
  /** The version of the service, for the OpenAPI document. */
  readonly version: string;
  /** Whether the service has begun to stop: new requests are refused from then on. */
  isStopping(): boolean;
  /** Makes an id (a UUID): of a change, or to tie an answer with status 500 to its line in the log. */
  newId(): string;
}
