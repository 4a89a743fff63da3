import type { EventReader } from "../store/read.ts";
import type { Log } from "../telemetry/log.ts";
import type { Registry } from "../telemetry/prometheus.ts";
import type { WriterClient } from "../writer/client.ts";
import type { RequestLog } from "./request-log.ts";

/** What a request may take. */
export interface HttpLimits {
  /** How many lists without `limit` may be streamed at once. */
  readonly maxStreams: number;
  /** How long a body may take to arrive, and then the answer, unless it is streamed, to be made. */
  readonly requestTimeoutMs: number;
}

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
  /** What a request may take. */
  readonly limits: HttpLimits;
  /** The origins whose pages may use the interface from a browser; `*` for all. */
  readonly corsOrigins: readonly string[];
  /** Which requests are logged at the usual level. */
  readonly logRequests: RequestLog;
  /** Makes an id (a UUID): of a change, or to tie an answer with status 500 to its line in the log. */
  newId(): string;
}
