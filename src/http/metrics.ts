import type { EventReader, StoreSize } from "../store/read.ts";
import { DURATION_BUCKETS } from "../telemetry/buckets.ts";
import { oncePerTurn } from "../telemetry/once-per-turn.ts";
import {
  Gauge,
  type Metric,
  type MetricObjectWithValues,
  type Registry,
} from "../telemetry/prometheus.ts";

const DURATION = "arrest_events_http_request_duration_seconds";

/** Where no route answers: unknown paths must not make a series each. */
const NO_ROUTE = "none";

/** The methods that get a series of their own; the others that Bun lets through are one. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** The answers to one method of one route that had one status. */
class Series {
  readonly method: string;
  readonly status: number;
  /** By bucket, each without those below it; the last is beyond all bounds. */
  readonly counts = [...DURATION_BUCKETS, Number.POSITIVE_INFINITY].map(() => 0);
  sum = 0;

  constructor(method: string, status: number) {
    this.method = method;
    this.status = status;
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < DURATION_BUCKETS.length && seconds > (DURATION_BUCKETS[bucket] as number))
      bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += seconds;
  }
}

/**
 * Measures how long requests take to be answered. prom-client's own histogram looks its labels up by a
 * text that it makes of them for each measurement, which is several times what this costs the hot path.
 */
export class RequestMetrics {
  readonly #series = new Map<string | null, Series[]>();

  constructor(registry: Registry) {
    const metric = {
      name: DURATION,
      get: () => Promise.resolve(this.#collect()),
      reset: () => this.#series.clear(),
    };
    // All that a registry asks of a metric.
    registry.registerMetric(metric as unknown as Metric);
  }

  /** Takes note of an answer. `route` is the pattern of the route, null without one. */
  answered(method: string, route: string | null, status: number, durationMs: number): void {
    this.#seriesOf(route, METHODS.has(method) ? method : "other", status).observe(
      durationMs / 1000,
    );
  }

  #seriesOf(route: string | null, method: string, status: number): Series {
    let ofRoute = this.#series.get(route);
    if (ofRoute === undefined) {
      ofRoute = [];
      this.#series.set(route, ofRoute);
    }
    for (const series of ofRoute) {
      if (series.status === status && series.method === method) return series;
    }
    const series = new Series(method, status);
    ofRoute.push(series);
    return series;
  }

  #collect() {
    const values = [...this.#series].flatMap(([route, ofRoute]) =>
      ofRoute.flatMap((series) => samplesOf(route ?? NO_ROUTE, series)),
    );
    return {
      name: DURATION,
      help: "Time from a request, its body not yet read, to its answer, by the pattern of its route; of an answer that is streamed, to its beginning.",
      type: "histogram",
      aggregator: "sum",
      values,
    } as unknown as MetricObjectWithValues<(typeof values)[number]>;
  }
}

/** The samples of a series, its buckets with those below them. */
function samplesOf(route: string, { method, status, counts, sum }: Series) {
  const labels = { method, route, status: String(status) };
  let count = 0;
  const buckets = counts.map((ofBucket, bucket) => {
    count += ofBucket;
    const le = String(DURATION_BUCKETS[bucket] ?? "+Inf");
    return { metricName: `${DURATION}_bucket`, labels: { le, ...labels }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${DURATION}_sum`, labels, value: sum },
    { metricName: `${DURATION}_count`, labels, value: count },
  ];
}

/** Adds the gauge of requests that have been taken and not yet been answered to their end. */
export function addRequestsInFlight(registry: Registry, count: () => number): void {
  new Gauge({
    name: "arrest_events_http_requests_in_flight",
    help: "Requests whose answer has not ended yet, streams and the request for these metrics among them.",
    registers: [registry],
    collect() {
      this.set(count());
    },
  });
}

/** Adds the gauge of lists that are being streamed. */
export function addStreamsOpen(registry: Registry, count: () => number): void {
  new Gauge({
    name: "arrest_events_http_streams",
    help: "Lists without a limit that are being streamed, of which there may be HTTP_MAX_STREAMS.",
    registers: [registry],
    collect() {
      this.set(count());
    },
  });
}

/** Adds the sizes of the store's files. */
export function addStoreSize(registry: Registry, reader: Pick<EventReader, "size">): void {
  const size = oncePerTurn(() => reader.size());
  const gauge = (name: string, help: string, key: keyof StoreSize) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        try {
          this.set(size()[key]);
        } catch {
          // No value is the truth about a store that cannot be read, which /readyz tells in words.
          this.remove();
        }
      },
    });
  gauge(
    "arrest_events_store_database_bytes",
    "Size of the database file, without its write-ahead log.",
    "databaseBytes",
  );
  gauge(
    "arrest_events_store_log_bytes",
    "Size of the write-ahead log's file, which is used again after each checkpoint.",
    "logBytes",
  );
  gauge(
    "arrest_events_store_free_bytes",
    "Size of the pages of the database that hold nothing and are used again.",
    "freeBytes",
  );
}
