import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { type Metrics, parseMetrics } from "../support/metrics.ts";
import { fields } from "../support/store.ts";
import { until } from "../support/until.ts";

const DURATION = "arrest_events_http_request_duration_seconds";

/** What the writer thread told last. */
const NUMBERS = `# HELP of_writer_total Told by the writer thread.
# TYPE of_writer_total counter
of_writer_total 7
`;

let service: Service;

beforeAll(async () => {
  service = await startService("silent");
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

beforeEach(() => {
  service.state.numbers = { text: NUMBERS, isCurrent: true };
  service.faults.unreadable = false;
  service.faults.stopping = false;
});

async function metrics(): Promise<Metrics> {
  return parseMetrics((await service.ask("/metrics")).text);
}

/** How many more requests of a series there are than before. */
async function countOf(
  labels: { method: string; route: string; status: number },
  ask: () => Promise<unknown>,
): Promise<number> {
  const name = `${DURATION}_count`;
  const before = (await metrics()).value(name, labels) ?? 0;
  await ask();
  return ((await metrics()).value(name, labels) ?? 0) - before;
}

test("the metrics are Prometheus' text, of both threads", async () => {
  const { status, headers, text } = await service.ask("/metrics");
  expect(status).toBe(200);
  expect(headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(headers.get("Cache-Control")).toBe("no-store");
  const { value, types } = parseMetrics(text);
  expect(value("of_writer_total")).toBe(7);
  expect(value("arrest_events_writer_responding")).toBe(1);
  expect(types.get(DURATION)).toBe("histogram");
});

describe("a request is counted", () => {
  type Series = Parameters<typeof countOf>[0];
  const cases: [name: string, ask: () => Promise<unknown>, series: Series][] = [
    [
      "by the pattern of its route, not by its path",
      () => service.ask("/arrest_events/123456"),
      { method: "GET", route: "/arrest_events/:id", status: 404 },
    ],
    [
      "by its method, HEAD apart from GET",
      () => service.ask("/livez", { method: "HEAD" }),
      { method: "HEAD", route: "/livez", status: 200 },
    ],
    [
      "when it creates",
      () => service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS)),
      { method: "POST", route: "/arrest_events", status: 201 },
    ],
    [
      "when it is refused",
      () => service.ask("/arrest_events", sendJson("POST", {})),
      { method: "POST", route: "/arrest_events", status: 422 },
    ],
    [
      "when it fails",
      () => {
        service.faults.unreadable = true;
        return service.ask("/arrest_events/1").finally(() => {
          service.faults.unreadable = false;
        });
      },
      { method: "GET", route: "/arrest_events/:id", status: 500 },
    ],
    [
      "when it streams",
      () => service.ask("/arrest_events"),
      { method: "GET", route: "/arrest_events", status: 200 },
    ],
    [
      "where there is no route, as one for all paths",
      async () => {
        for (const path of ["/a", "/b/c", "/.env"]) await service.ask(path);
        await service.ask("/livez", { method: "DELETE" });
      },
      { method: "GET", route: "none", status: 404 },
    ],
  ];
  for (const [name, ask, series] of cases) {
    test(name, async () => {
      const requests = series.route === "none" ? 3 : 1;
      expect(await countOf(series, ask)).toBe(requests);
    });
  }

  test("under one method for all that no route has", async () => {
    const series = { method: "other", route: "none", status: 404 };
    const ask = async () => {
      for (const method of ["PROPFIND", "TRACE"]) {
        await service.app.fetch(new Request(`${service.url}/pot`, { method }));
      }
    };
    expect(await countOf(series, ask)).toBe(2);
    const { samples } = await metrics();
    expect(samples.filter(({ labels }) => labels["method"] === "PROPFIND")).toEqual([]);
  });
});

test("a stream is in flight until it has ended", async () => {
  service.store(Array.from({ length: 50_000 }, (_, index) => fields({ officerId: index + 1 })));
  const inFlight = async () => (await metrics()).value("arrest_events_http_requests_in_flight");
  const { body } = await fetch(`${service.url}/arrest_events`);
  const reader = body?.getReader();
  await reader?.read();
  // The stream, and the request that asks.
  expect(await inFlight()).toBe(2);
  await reader?.cancel();
  await until("it is over", async () => (await inFlight()) === 1);
});

test("the sizes of the store are those of its files", async () => {
  const { value } = await metrics();
  const size = service.size();
  expect(size.logBytes).toBeGreaterThan(0);
  expect(value("arrest_events_store_database_bytes")).toBe(size.databaseBytes);
  expect(value("arrest_events_store_log_bytes")).toBe(size.logBytes);
  expect(value("arrest_events_store_free_bytes")).toBe(size.freeBytes);
});

describe("the metrics are answered", () => {
  test("when the writer thread does not, with what it told last", async () => {
    service.state.numbers = { text: NUMBERS, isCurrent: false };
    const { value } = await metrics();
    expect(value("arrest_events_writer_responding")).toBe(0);
    expect(value("of_writer_total")).toBe(7);
  });

  test("when the writer thread has never told anything", async () => {
    service.state.numbers = { text: "", isCurrent: false };
    expect((await metrics()).value("arrest_events_writer_responding")).toBe(0);
  });

  test("when the store cannot be read, without its sizes", async () => {
    service.faults.unreadable = true;
    const { value, types } = await metrics();
    expect(value("arrest_events_store_database_bytes")).toBeUndefined();
    expect(types.get("arrest_events_store_database_bytes")).toBe("gauge");
  });

  test("while the service stops", async () => {
    service.faults.stopping = true;
    expect((await service.ask("/metrics")).status).toBe(200);
  });
});
