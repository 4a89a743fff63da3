/**
 * The parts of prom-client that are used. Its index loads the others too, an HTTP client for a gateway
 * and what it measures of Node.js, which takes each thread a tenth of a second of its start.
 */
export type { Metric, MetricObjectWithValues } from "prom-client";
export { default as Counter } from "prom-client/lib/counter.js";
export { default as Gauge } from "prom-client/lib/gauge.js";
export { default as Histogram } from "prom-client/lib/histogram.js";
export { default as Registry } from "prom-client/lib/registry.js";
