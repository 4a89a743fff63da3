import { describe, expect, test } from "bun:test";
import {
  type Answer,
  type Service,
  sendJson,
  startService,
  VALID_MEMBERS,
} from "../support/http-service.ts";

const PAGE = "https://app.example";
const ALL = "/arrest_events";

function from(origin: string, init: RequestInit = {}): RequestInit {
  return { ...init, headers: { ...init.headers, Origin: origin } };
}

/** What a browser asks before it sends a request that a form could not send. */
function preflight(service: Service, path: string, method: string, origin = PAGE): Promise<Answer> {
  return service.ask(
    path,
    from(origin, { method: "OPTIONS", headers: { "Access-Control-Request-Method": method } }),
  );
}

function corsHeaders({ headers }: Answer): string[] {
  return [...headers.keys()].filter((name) => name.startsWith("access-control-"));
}

test("no page of another origin may do anything unless it is configured", async () => {
  await using service = await startService();
  const read = await service.ask(ALL, from(PAGE));
  const asked = await preflight(service, ALL, "POST");
  expect([corsHeaders(read), corsHeaders(asked)]).toEqual([[], []]);
  expect((await service.ask(`${ALL}/1`, from(PAGE))).headers.has("Vary")).toBe(false);
});

describe("the pages of configured origins", () => {
  test("may read answers of every kind, and the headers that tell something", async () => {
    await using service = await startService("silent", {
      corsOrigins: ["http://localhost:3000", PAGE],
    });
    for (const [path, init] of [
      [ALL, sendJson("POST", VALID_MEMBERS)],
      [`${ALL}/1`, {}],
      [ALL, {}],
      [`${ALL}/9`, {}],
      ["/elsewhere", {}],
      [`${ALL}/`, {}],
      ["/livez", { method: "PUT" }],
      [`${ALL}?limit=x`, {}],
    ] as const) {
      const { headers } = await service.ask(path, from(PAGE, init));
      expect(headers.get("Access-Control-Allow-Origin"), path).toBe(PAGE);
      expect(headers.get("Access-Control-Expose-Headers")?.split(", "), path).toEqual(
        expect.arrayContaining(["ETag", "Link", "Location", "Retry-After", "X-Request-Id"]),
      );
      expect(headers.get("Vary")?.split(", "), path).toContain("Origin");
      expect(headers.has("Access-Control-Allow-Credentials")).toBe(false);
    }
  });

  test("leave no trace in the answers to others", async () => {
    await using service = await startService("error", { corsOrigins: [PAGE] });
    await service.ask(ALL, sendJson("POST", VALID_MEMBERS));
    for (let times = 0; times < 3; times++) {
      expect((await service.ask(`${ALL}/1`, from(PAGE))).headers.get("Vary")).toBe("Origin");
    }
    const other = await service.ask(`${ALL}/1`);
    expect([corsHeaders(other), other.headers.get("Vary")]).toEqual([[], "Origin"]);
  });

  test("are told before what they may send", async () => {
    await using service = await startService("error", { corsOrigins: [PAGE] });
    const { status, headers } = await preflight(service, `${ALL}/1`, "PATCH");
    expect(status).toBe(204);
    expect(Object.fromEntries(headers)).toMatchObject({
      "access-control-allow-origin": PAGE,
      "access-control-allow-methods": "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
      "access-control-allow-headers":
        "Accept, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Request-Id",
      "access-control-max-age": "7200",
      allow: "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
      vary: "Origin",
    });
  });

  test("are told nothing more by an OPTIONS that is no preflight", async () => {
    await using service = await startService("error", { corsOrigins: [PAGE] });
    const answer = await service.ask(ALL, from(PAGE, { method: "OPTIONS" }));
    expect(corsHeaders(answer)).toEqual([
      "access-control-allow-origin",
      "access-control-expose-headers",
    ]);
  });

  test.each(["https://app.example.evil.example", "https://APP.example", "null", "*", ""])(
    "are not those of %p",
    async (origin) => {
      await using service = await startService("error", { corsOrigins: [PAGE] });
      const read = await service.ask(ALL, from(origin));
      expect([read.status, corsHeaders(read)]).toEqual([200, []]);
      expect(read.headers.get("Vary")?.split(", ")).toContain("Origin");
      expect(corsHeaders(await preflight(service, ALL, "POST", origin))).toEqual([]);
    },
  );
});

test("where every origin is let in, answers do not depend on it", async () => {
  await using service = await startService("error", { corsOrigins: ["*"] });
  for (const init of [{}, from(PAGE)]) {
    const { headers } = await service.ask(`${ALL}?limit=1`, init);
    expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(headers.get("Vary")).not.toContain("Origin");
  }
  const { headers } = await preflight(service, ALL, "POST");
  expect(headers.get("Access-Control-Allow-Methods")).toBe("GET, POST, HEAD, OPTIONS");
});

describe("a change", () => {
  /** Whether a change is made for these headers of a browser: one that needs no preflight. */
  async function isMade(headers: Record<string, string>, corsOrigins: string[] = []) {
    await using service = await startService("error", { corsOrigins });
    const host = `127.0.0.1:${service.port}`;
    const sent = Object.entries(headers).map(([name, value]) => [
      name,
      value.replace("HOST", host),
    ]);
    const { status } = await service.ask("/dead_letters/replay", {
      method: "POST",
      headers: Object.fromEntries(sent),
    });
    expect([200, 403]).toContain(status);
    return status === 200;
  }

  test.each<Record<string, string>>([
    {},
    { "Sec-Fetch-Site": "same-origin", Origin: "https://a.proxy.example" },
    { "Sec-Fetch-Site": "none" },
    { Origin: "http://HOST" },
    { Origin: "https://HOST" },
  ])("is made for a program, a user and the page of the service itself: %p", async (headers) => {
    expect(await isMade(headers)).toBe(true);
  });

  const foreign = [
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "cross-site", Origin: PAGE },
    { "Sec-Fetch-Site": "same-site", Origin: "http://localhost:8080" },
    { "Sec-Fetch-Site": "anything", Origin: "http://HOST" },
    { Origin: PAGE },
    { Origin: "http://HOST.evil.example" },
    { Origin: "null" },
  ];

  test.each<Record<string, string>>(foreign)(
    "is not made for a page elsewhere: %p",
    async (headers) => {
      expect(await isMade(headers)).toBe(false);
      expect(await isMade(headers, ["https://other.example"])).toBe(false);
    },
  );

  test("is made for pages of configured origins", async () => {
    expect(await isMade({ "Sec-Fetch-Site": "cross-site", Origin: PAGE }, [PAGE])).toBe(true);
    expect(await isMade({ Origin: PAGE }, ["*"])).toBe(true);
  });
});
