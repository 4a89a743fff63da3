import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type Service, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { letter } from "../support/store.ts";
import { inTime } from "../support/until.ts";

let service: Service;

beforeAll(async () => {
  service = await startService("silent");
  await service.ask("/arrest_events", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(VALID_MEMBERS),
  });
  service.refuse([letter()]);
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

/** Each path of the service, and what it answers to the methods that it has. */
const ROUTES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "/arrest_events": { GET: 200, POST: 415 },
  "/arrest_events/batch": { POST: 415 },
  "/arrest_events/count": { GET: 200 },
  "/arrest_events/stats": { GET: 422 },
  "/arrest_events/1": { GET: 200, PUT: 415, PATCH: 415, DELETE: 412 },
  "/arrest_events/none": { GET: 404, PUT: 404, PATCH: 404, DELETE: 404 },
  "/arrest_events/1/history": { GET: 200 },
  "/dead_letters": { GET: 200, DELETE: 422 },
  "/dead_letters/replay": { POST: 200 },
  "/dead_letters/none": { GET: 404, DELETE: 404 },
  "/dead_letters/none/replay": { POST: 404 },
  "/livez": { GET: 200 },
  "/readyz": { GET: 200 },
  "/metrics": { GET: 200 },
  "/openapi.json": { GET: 200 },
  "/docs": { GET: 200 },
  "/docs/initializer.js": { GET: 200 },
  "/problems/stopping": { GET: 200 },
};

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "QUERY"];

interface Told {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends a request that no client library would, and reads its answer to the end of the connection. */
async function send(method: string, path: string): Promise<Told> {
  const socket = connect(service.port, "127.0.0.1");
  let text = "";
  socket.on("data", (data) => {
    text += data.toString("latin1");
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nIf-Match: "9"\r\nConnection: close\r\n\r\n`,
  );
  await inTime(`${method} ${path}`, closed);
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [line = "", ...fields] = head.split("\r\n");
  return {
    status: Number(line.split(" ")[1]),
    headers: new Map(
      fields.map((field) => {
        const [name = "", ...value] = field.split(":");
        return [name.toLowerCase(), value.join(":").trim()];
      }),
    ),
    body: rest.join("\r\n\r\n"),
  };
}

test("the table has every path of the document", async () => {
  const { paths } = (await service.ask("/openapi.json")).json as {
    paths: Record<string, Record<string, unknown>>;
  };
  for (const [path, operations] of Object.entries(paths)) {
    const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
    const row =
      ROUTES[path] ?? Object.entries(ROUTES).findLast(([each]) => pattern.test(each))?.[1];
    const methods = Object.keys(operations).map((method) => method.toUpperCase());
    expect([path, Object.keys(row ?? {}).toSorted()]).toEqual([path, methods.toSorted()]);
  }
});

describe.each(Object.entries(ROUTES))("%s", (path, statuses) => {
  const own = Object.keys(statuses);
  const allow = [...own, ...(own.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");

  for (const method of METHODS) {
    const status = statuses[method] ?? 405;
    test(`answers ${method} with ${status}`, async () => {
      const answer = await send(method, path);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("allow")).toBe(status === 405 ? allow : undefined);
      if (status === 405) expect(answer.body).toContain('"type":"/problems/method-not-allowed"');
    });
  }

  test("answers HEAD as GET, without the body", async () => {
    const head = await send("HEAD", path);
    const get = await send("GET", path);
    const { GET: status = 405 } = statuses;
    expect([head.status, get.status, head.body]).toEqual([status, status, ""]);
    for (const [name, value] of get.headers) {
      if (name === "date") continue;
      // Of a stream it is not known before it is read, and each scrape counts the one before.
      if (name === "content-length" && ["/arrest_events", "/metrics"].includes(path)) continue;
      expect([name, head.headers.get(name)]).toEqual([name, value]);
    }
  });

  test("answers OPTIONS with its methods", async () => {
    const answer = await send("OPTIONS", path);
    expect([answer.status, answer.body]).toEqual([204, ""]);
    expect(answer.headers.get("allow")).toBe(allow);
    expect(answer.headers.has("accept-patch")).toBe(own.includes("PATCH"));
  });
});

test("a path that nothing is served at answers 404 to every method", async () => {
  for (const method of [...METHODS, "OPTIONS", "HEAD"]) {
    const { status, headers } = await send(method, "/elsewhere");
    expect([method, status, headers.has("allow")]).toEqual([method, 404, false]);
  }
});

test("a method that is none ends the connection, and disturbs nobody", async () => {
  for (const method of ["ARREST", "get", "G"]) {
    const { status } = await send(method, "/arrest_events");
    expect([method, Number.isNaN(status) || status >= 400]).toEqual([method, true]);
  }
  expect((await send("GET", "/livez")).status).toBe(200);
});

test("every answer says what may be done with it", async () => {
  const KEPT = ["/docs/initializer.js"];
  for (const path of [...Object.keys(ROUTES), "/elsewhere", "/livez/"]) {
    for (const method of ["GET", "PUT", "OPTIONS"]) {
      const { headers } = await send(method, path);
      const isKept = KEPT.includes(path) && method === "GET";
      expect([path, method, Object.fromEntries(headers)]).toMatchObject([
        path,
        method,
        {
          "cache-control": isKept ? "public, max-age=86400" : "no-store",
          "cross-origin-resource-policy": "same-origin",
          "referrer-policy": "no-referrer",
          "x-content-type-options": "nosniff",
        },
      ]);
    }
  }
});
