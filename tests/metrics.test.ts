import { expect, test } from "bun:test";
import { join } from "node:path";
import { pino } from "pino";
import { parseConfig } from "../src/config.ts";
import { startService } from "../src/service.ts";
import { messages, send } from "./support/kafka.ts";
import { parseMetrics } from "./support/metrics.ts";
import { newDirectory } from "./support/store.ts";
import { inTime, until } from "./support/until.ts";

test("the metrics of the whole service are one exposition, and tell what was sent to it", async () => {
  using directory = newDirectory();
  const startedAt = Date.now() / 1000;
  const config = parseConfig(
    { PORT: "0", DATABASE_PATH: directory.file(), LOG_LEVEL: "silent", KAFKA_BROKERS: "embedded" },
    false,
  );
  const service = await startService(config, pino({ level: "silent" }), "1.2.3");
  try {
    const get = (path: string) => fetch(new URL(path, service.url));
    const scrape = async () => parseMetrics(await (await get("/metrics")).text());
    const readiness = (await (await get("/readyz")).json()) as {
      checks: { kafka: { brokers: string } };
    };
    const { brokers } = readiness.checks.kafka;
    await send(brokers, config.kafka.topic, [
      ...messages(1, 50, 4),
      { value: "poison" },
      { value: null },
    ]);
    const { value, types } = await until("all is stored", async () => {
      const found = await scrape();
      const refused = found.value("arrest_events_dead_letters");
      return found.value("arrest_events_ingested_events_total") === 50 && refused === 2 && found;
    });
    expect(value("arrest_events_refused_messages_total", { reason: "not_json" })).toBe(1);
    expect(value("arrest_events_refused_messages_total", { reason: "no_value" })).toBe(1);
    expect(value("arrest_events_dead_letters_bytes")).toBeGreaterThanOrEqual("poison".length);
    expect(value("arrest_events_writer_responding")).toBe(1);
    expect(
      value("arrest_events_http_request_duration_seconds_count", {
        method: "GET",
        route: "/readyz",
        status: 200,
      }),
    ).toBe(1);

    const documented = await documentedMetrics();
    for (const [name, type] of types) expect([name, documented.get(name)]).toEqual([name, type]);
    if (process.platform === "linux") {
      expect([...documented.keys()].filter((name) => !types.has(name))).toEqual([]);
    }

    const info = [...types.keys()].filter((name) => name.endsWith("_info"));
    expect(info).toEqual(["arrest_events_build_info"]);
    const { samples } = await scrape();
    const build = samples.find(({ name }) => name === "arrest_events_build_info");
    expect(build?.labels).toMatchObject({ version: "1.2.3", bun: Bun.version });
    expect(build?.labels["sqlite"]).toMatch(/^3\.\d+/);
    expect(build?.labels["librdkafka"]).toMatch(/^2\.\d+/);

    const started = value("process_start_time_seconds") ?? 0;
    expect(started).toBeGreaterThan(startedAt - 3600);
    expect(started).toBeLessThanOrEqual(Date.now() / 1000);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
    if (process.platform === "linux") {
      expect(value("process_open_fds")).toBeGreaterThan(2);
      expect(value("process_max_fds")).toBeGreaterThan(2);
    }
    const before = (await scrape()).value("process_cpu_seconds_total") ?? 0;
    const used = process.cpuUsage();
    while (process.cpuUsage(used).user < 200_000);
    const after = await scrape();
    const processorSeconds = (after.value("process_cpu_seconds_total") ?? 0) - before;
    expect(processorSeconds).toBeGreaterThanOrEqual(0.2);
    // That kept the event loop waiting, which is told once.
    const longest = "arrest_events_event_loop_lag_max_seconds";
    expect(after.value(longest)).toBeGreaterThan(0.15);
    await until("it is looked for anew", async () => {
      return ((await scrape()).value(longest) ?? 1) < 0.15 || undefined;
    });
    const late = await until("it is measured", async () => {
      const found = await scrape();
      const lag = (le: string) =>
        found.value("arrest_events_event_loop_lag_seconds_bucket", { le }) ?? 0;
      return lag("+Inf") > lag("0.05") && found;
    });
    expect(late.value("arrest_events_event_loop_lag_seconds_sum")).toBeGreaterThan(0.05);
  } finally {
    await inTime("stopping the service", service.stop());
  }
}, 60_000);

/** The types of the metrics that the documentation lists, by their names. */
async function documentedMetrics(): Promise<Map<string, string>> {
  const text = await Bun.file(join(import.meta.dir, "../docs/metrics.md")).text();
  const rows = text.matchAll(/^\| (`[^|]+`) \| (counter|gauge|histogram) \|/gm);
  return new Map(
    [...rows].flatMap(([, names = "", type = ""]) =>
      names.split(", ").map((name) => [name.slice(1, -1), type] as const),
    ),
  );
}
