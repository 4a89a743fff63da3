import { expect, test } from "bun:test";
import { sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";

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

test("at level info a request that goes well, or is refused, leaves no line", async () => {
  await using service = await startService("info");
  await service.ask("/livez");
  await service.ask("/arrest_events", sendJson("POST", {}));
  service.faults.unwritable = true;
  await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
  expect(service.logged).toEqual([]);
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
