import { expect, test } from "bun:test";
import { requestLevel } from "../../src/http/request-log.ts";
import { type Settings, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";

test("at level debug each request is a line, with its route and without what was sent", async () => {
  await using service = await startService("debug");
  await service.ask("/arrest_events", sendJson("POST", { ...VALID_MEMBERS, officer_id: 424_242 }));
  await service.ask("/arrest_events/1", { method: "HEAD" });
  await service.ask("/arrest_events/secret");
  await service.ask("/elsewhere");
  await service.ask("/livez", { method: "DELETE" });
  expect(service.logged.map(({ method, route, status }) => [method, route, status])).toEqual([
    ["POST", "/arrest_events", 201],
    ["HEAD", "/arrest_events/:id", 200],
    ["GET", "/arrest_events/:id", 404],
    ["GET", null, 404],
    ["DELETE", null, 405],
  ]);
  for (const { duration_ms } of service.logged) expect(duration_ms).toBeNumber();
  expect(JSON.stringify(service.logged)).not.toMatch(/424242|secret/);
});

/** What a day brings: reads, changes, refusals, a failure of the store, and probes all the time. */
async function linesOf(settings: Settings): Promise<unknown[][]> {
  await using service = await startService("info", settings);
  await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
  await service.ask("/arrest_events/1?");
  await service.ask("/arrest_events", { method: "OPTIONS" });
  await service.ask("/arrest_events", sendJson("POST", {}));
  service.faults.unwritable = true;
  await service.ask("/arrest_events/1", { method: "DELETE" });
  service.faults.stopping = true;
  for (const probe of ["/livez", "/readyz", "/metrics"]) await service.ask(probe);
  return service.logged.map(({ level, method, status }) => [level, method, status]);
}

const [INFO, WARN] = [30, 40];
const FAILURE = [WARN, "DELETE", 503];
const CHANGES = [[INFO, "POST", 201], [INFO, "POST", 422], FAILURE];

test.each<[string, Settings, unknown[][]]>([
  ["only failures, unless more is wanted", {}, [FAILURE]],
  ["failures and changes", { logRequests: "changes" }, CHANGES],
  [
    "all requests but probes and scrapes",
    { logRequests: "all" },
    CHANGES.toSpliced(1, 0, [INFO, "GET", 200], [INFO, "OPTIONS", 204]),
  ],
])("at level info there are lines of %s", async (_, settings, lines) => {
  expect(await linesOf(settings)).toEqual(lines);
});

test("a request that takes longer than a second is a warning", () => {
  expect(requestLevel("failures", "GET", "/arrest_events/:id", 200, 999)).toBe("debug");
  expect(requestLevel("failures", "GET", "/arrest_events/:id", 200, 1000)).toBe("warn");
  expect(requestLevel("all", "GET", "/metrics", 200, 1000)).toBe("debug");
});

test("a failure is a line with the id that the client was told", async () => {
  await using service = await startService();
  service.faults.unreadable = true;
  const { json } = await service.ask("/arrest_events/1");
  expect(service.logged).toMatchObject([
    {
      level: 50,
      id: json.id,
      method: "GET",
      route: "/arrest_events/:id",
      err: { message: expect.stringContaining("SQLITE_IOERR") },
    },
  ]);
});
