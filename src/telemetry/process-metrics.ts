import { readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, type Registry } from "./prometheus.ts";

/** What the process is built of. */
export interface BuildInfo {
  /** Of the service. */
  readonly version: string;
  readonly bun: string;
  readonly sqlite: string;
  readonly librdkafka: string;
}

/** Adds a gauge that is always 1 and bears the versions as labels. */
export function addBuildInfo(registry: Registry, build: BuildInfo): void {
  new Gauge({
    name: "arrest_events_build_info",
    help: "Always 1; its labels tell the versions.",
    labelNames: ["version", "bun", "sqlite", "librdkafka"],
    registers: [registry],
  }).set({ ...build }, 1);
}

/**
 * Adds the figures of the process, all threads together, under the names that all Prometheus clients
 * use. prom-client's own set is made for Node.js: on Bun, much of it is 0 whatever happens.
 */
export function addProcessMetrics(registry: Registry): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge(
    "process_start_time_seconds",
    "Start time of the process since the Unix epoch, in seconds.",
    () => performance.timeOrigin / 1000,
  );
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", () =>
    process.memoryUsage.rss(),
  );
  addProcessorTime(registry);
  // Linux tells these; elsewhere they are left out.
  if (process.platform !== "linux") return;
  gauge(
    "process_open_fds",
    "Number of open file descriptors.",
    // One of them is that of the listing itself.
    () => readdirSync("/proc/self/fd").length - 1,
  );
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  if (limit !== undefined) {
    gauge("process_max_fds", "Maximum number of open file descriptors.", () => Number(limit));
  }
}

function addProcessorTime(registry: Registry): void {
  let counted = 0;
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      const total = (user + system) / 1e6;
      this.inc(total - counted);
      counted = total;
    },
  });
}

/** How often a timer tells how long it has waited: as often as not, like requests, while nothing is amiss. */
const TICK_MS = 100;

/** How often it is looked for the longest wait, which is told that much too short at most. */
const RESOLUTION_MS = 10;

/**
 * Adds how late timers of this thread fire, and how late one has been at the most. The first are samples,
 * as many as are cheap; in between, the runtime looks for the longest by itself.
 *
 * @returns ends the measuring
 */
export function addEventLoopLag(registry: Registry): () => void {
  const lag = new Histogram({
    name: "arrest_events_event_loop_lag_seconds",
    help: `How late a timer of the HTTP thread fires that runs each ${TICK_MS} ms: how long a request waits for the thread.`,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  new Gauge({
    name: "arrest_events_event_loop_lag_max_seconds",
    help: `The longest that the HTTP thread has been held up by one thing since the last collection, less ${RESOLUTION_MS} ms at most.`,
    registers: [registry],
    collect() {
      this.set(delays.max / 1e9);
      delays.reset();
    },
  });
  delays.enable();
  let dueAt = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    lag.observe(Math.max(0, now - dueAt) / 1000);
    dueAt = now + TICK_MS;
  }, TICK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    delays.disable();
  };
}
