import { Database } from "bun:sqlite";
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { connect, type Socket } from "node:net";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { someEvents } from "../support/many-events.ts";
import { parseMetrics } from "../support/metrics.ts";
import { inTime, until } from "../support/until.ts";

// A busy machine is no failure.
setDefaultTimeout(120_000);

const ALL = "/arrest_events";

/** A list that is longer than all that a connection holds. */
async function startLong(idleTimeout = 120): Promise<Service> {
  const service = await startService("error", { idleTimeout });
  service.store(someEvents(150_000));
  return service;
}

/** Begins to read all events, and stops with the first bytes. */
async function stall({ port }: Service, headers = ""): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(`GET ${ALL} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  await new Promise<void>((resolve) => socket.once("data", () => resolve()));
  return socket.pause();
}

/** A list that tests only read. */
let service: Service;

beforeAll(async () => {
  service = await startLong();
});

afterEach(async () => {
  service.limits.requestTimeoutMs = 30_000;
  await streaming(service, 0);
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

/** Waits until so many streams are under way. */
async function streaming(service: Service, count: number): Promise<void> {
  await until(`${count} streams are under way`, async () => {
    const { value } = parseMetrics((await service.ask("/metrics")).text);
    return value("arrest_events_http_streams") === count;
  });
}

describe("streams beyond as many as there may be at once", () => {
  test("are refused for a while, whatever the form", async () => {
    service.limits.maxStreams = 2;
    const sockets = [await stall(service), await stall(service, "Accept-Encoding: zstd\r\n")];
    for (const query of ["", "?format=csv", "?sort=-arrested_at", "?arrest_type_id=1"]) {
      const { status, headers, json } = await service.ask(`${ALL}${query}`);
      expect([status, json.type]).toEqual([503, "/problems/too-many-streams"]);
      expect(headers.get("Retry-After")).toBe("5");
    }
    for (const socket of sockets) socket.destroy();
    await streaming(service, 0);
  });

  test("are answered where they are short, as are pages, counts and heads", async () => {
    service.limits.maxStreams = 1;
    const socket = await stall(service);
    for (const [query, events] of [
      ["?subject_id=7", 1],
      ["?subject_id=200000", 0],
      [
        `?sort=-id&${Array.from({ length: 20 }, (_, index) => `subject_id=${index + 1}`).join("&")}`,
        20,
      ],
      ["?limit=1000", 1000],
    ] as const) {
      const { status, json, headers } = await service.ask(`${ALL}${query}`);
      expect([query, status, json.length]).toEqual([query, 200, events]);
      expect(headers.has("Link")).toBe(query === "?limit=1000");
    }
    expect((await service.ask(ALL, { method: "HEAD" })).status).toBe(200);
    expect((await service.ask(`${ALL}/count`)).json).toEqual({ count: 150_000 });
    socket.destroy();
  });

  test("may be 1,000 events long, and no more", async () => {
    service.limits.maxStreams = 1;
    const socket = await stall(service);
    const { json } = await service.ask(`${ALL}?limit=1000&sort=-arrested_at`);
    const [first, second] = [json.at(-1), json.at(-2)].map((event) => event.arrested_at);
    const thousand = await service.ask(`${ALL}?arrested_from=${second}`);
    expect([thousand.status, thousand.json.length]).toEqual([200, 999]);
    expect((await service.ask(`${ALL}?arrested_from=${first}`)).json).toHaveLength(1000);
    const before = new Date(Date.parse(first) - 1).toISOString();
    expect((await service.ask(`${ALL}?arrested_from=${before}`)).status).toBe(503);
    socket.destroy();
  });

  test("are let in when one ends, when one fails, and when a client leaves", async () => {
    service.limits.maxStreams = 1;
    expect((await (await fetch(`${service.url}${ALL}`)).json()) as unknown[]).toHaveLength(150_000);
    await streaming(service, 0);

    const failing = await fetch(`${service.url}${ALL}`);
    service.faults.unreadable = true;
    await expect(failing.text()).rejects.toThrow();
    service.faults.unreadable = false;
    await streaming(service, 0);

    for (const headers of ["", "Accept-Encoding: gzip\r\n"]) {
      const socket = await stall(service, headers);
      expect((await service.ask(ALL)).status).toBe(503);
      socket.destroy();
      await streaming(service, 0);
    }
  });

  test("are let in when a client left before its stream had begun", async () => {
    service.limits.maxStreams = 1;
    const left = new AbortController();
    // Nobody reads the answer.
    const ask = () =>
      service.app.fetch(new Request(`http://localhost${ALL}`, { signal: left.signal }));
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(503);
    left.abort();
    await streaming(service, 0);
    expect((await ask()).status).toBe(200);
    await streaming(service, 0);
  });

  test("are not taken up by heads", async () => {
    service.limits.maxStreams = 1;
    for (let heads = 0; heads < 3; heads++) await service.ask(ALL, { method: "HEAD" });
    const answer = await fetch(`${service.url}${ALL}`);
    await answer.body?.cancel();
    expect(answer.status).toBe(200);
  });
});

describe("a client that takes nothing of its stream", () => {
  test("does not keep the log from being emptied", async () => {
    await using service = await startLong();
    const sockets = await Promise.all(Array.from({ length: 5 }, () => stall(service)));
    service.store(someEvents(5000));
    await service.ask("/livez");
    using database = new Database(service.path);
    expect(database.query("pragma wal_checkpoint(truncate)").get()).toEqual({
      busy: 0,
      log: 0,
      checkpointed: 0,
    });
    for (const socket of sockets) socket.destroy();
  });

  test("is cut after the idle time-out, and gives its place back; one that reads slowly is not", async () => {
    await using service = await startLong(8);
    service.limits.maxStreams = 2;
    const startedAt = performance.now();
    const stalled = await stall(service);
    const slow = await stall(service);
    let bytes = 0;
    slow.on("data", (data) => {
      bytes += data.length;
      slow.pause();
      setTimeout(() => slow.resume(), 400);
    });
    slow.resume();
    await streaming(service, 2);
    await streaming(service, 1);
    expect(performance.now() - startedAt).toBeGreaterThan(3000);
    // The slow one goes on.
    await until("most has been read", () => bytes > 15_000_000);
    stalled.destroy();
    slow.destroy();
  });
});

describe("a body that comes slowly", () => {
  const HEAD = `POST ${ALL} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  const BODY = JSON.stringify(VALID_MEMBERS);

  /** Sends a request a byte at a time, and gives all that is answered until the connection is closed. */
  async function drip({ port }: Service, head: string, body: Iterable<string>): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    let text = "";
    socket.on("data", (data) => {
      text += data.toString();
    });
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.write(head);
    const pieces = body[Symbol.iterator]();
    const dripping = setInterval(() => {
      const { done, value } = pieces.next();
      if (done !== true) socket.write(value);
    }, 20);
    await inTime("the connection is closed", closed);
    clearInterval(dripping);
    return text;
  }

  test.each([
    ["with a length", `Content-Length: ${BODY.length}\r\n\r\n`, [...BODY]],
    [
      "in chunks",
      "Transfer-Encoding: chunked\r\n\r\n",
      [...BODY].map((byte) => `1\r\n${byte}\r\n`),
    ],
  ])(
    "is answered 408 in time, changes nothing, and ends the connection: %s",
    async (_, head, body) => {
      await using service = await startService();
      service.limits.requestTimeoutMs = 500;
      const text = await drip(service, `${HEAD}${head}`, body);
      expect(text).toStartWith("HTTP/1.1 408 ");
      expect(text.toLowerCase()).toContain("\r\nconnection: close\r\n");
      expect(text).toContain('"type":"/problems/body-timeout"');
      expect((await service.ask(`${ALL}/count`)).json).toEqual({ count: 0 });
      expect(service.logged).toEqual([]);
    },
  );

  test("is taken while it is in time", async () => {
    await using service = await startService();
    const text = await drip(
      service,
      `${HEAD}Connection: close\r\nContent-Length: ${BODY.length}\r\n\r\n`,
      BODY.match(/.{1,9}/g) ?? [],
    );
    expect(text).toStartWith("HTTP/1.1 201 ");
  });

  test("of headers that do not end is cut off", async () => {
    await using service = await startService("error", { idleTimeout: 8 });
    const letters = Array.from({ length: 100_000 }, () => "a");
    expect(await drip(service, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ", letters)).toBe(
      "",
    );
  });
});

describe("a store that does not answer in time", () => {
  test("leaves the outcome unknown, which the key of the request then tells", async () => {
    await using service = await startService();
    service.limits.requestTimeoutMs = 200;
    const letGo = service.hold();
    const create = sendJson("POST", VALID_MEMBERS);
    const headers = { "Content-Type": "application/json", "Idempotency-Key": "again" };
    const late = await service.ask(ALL, { ...create, headers });
    expect([late.status, late.json.type]).toEqual([503, "/problems/outcome-unknown"]);
    expect(late.headers.get("Retry-After")).toBe("5");
    service.limits.requestTimeoutMs = 30_000;
    letGo();
    const again = await service.ask(ALL, { ...create, headers });
    expect([again.status, again.json.id]).toEqual([201, 1]);
    // The first was made after all, and the second by no means once more.
    expect((await service.ask(`${ALL}/count`)).json).toEqual({ count: 1 });
  });
});

describe("a read that looks at much", () => {
  test.each([
    `${ALL}/count?arrest_type_id=1&arrest_type_id=2`,
    `${ALL}/stats?group_by=officer_id&group_by=hour`,
    `${ALL}?limit=1000&arrest_type_id=1&${[1, 2, 3, 4, 5].map((id) => `crime_type_id=${id}`).join("&")}`,
  ])("is given up in time, and says so: %s", async (path) => {
    service.limits.requestTimeoutMs = 0;
    const { status, headers, json } = await service.ask(path);
    expect([status, json.type]).toEqual([503, "/problems/answer-timeout"]);
    expect(headers.get("Retry-After")).toBe("5");
  });

  test("is streamed for as long as it takes", async () => {
    service.limits.requestTimeoutMs = 0;
    const { json } = await service.ask(ALL);
    expect(json).toHaveLength(150_000);
  });
});

describe("a request whose head is too large", () => {
  /** What is answered to a request of this text. */
  async function answerTo({ port }: Service, text: string): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    let answer = "";
    socket.on("data", (data) => {
      answer += data.toString();
    });
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.write(text);
    await inTime("the connection is closed", closed);
    return answer;
  }

  test.each([
    ["the path", `GET /${"a".repeat(16_384)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["the query", `GET ${ALL}?${"officer_id=1&".repeat(1300)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["a header", `GET ${ALL} HTTP/1.1\r\nHost: localhost\r\nX-A: ${"a".repeat(16_384)}\r\n\r\n`],
    [
      "the number of headers",
      `GET ${ALL} HTTP/1.1\r\nHost: localhost\r\n${"X-A: a\r\n".repeat(200)}\r\n`,
    ],
  ])("is answered 431, and its connection closed: %s", async (_, text) => {
    await using service = await startService();
    expect(await answerTo(service, text)).toStartWith("HTTP/1.1 431 ");
  });

  const TOO_MANY = [{ parameter: "officer_id", detail: "must be given at most 100 times" }];

  test.each([
    ["officer_id=1&", 422, TOO_MANY],
    ["officer_id=x&", 422, TOO_MANY],
    ["limit=1&", 400, [{ parameter: "limit", detail: "must be given only once" }]],
    ["a&", 400, [{ parameter: "a", detail: "is not a parameter here" }]],
    ["%00=%00&", 400, [{ parameter: "\0", detail: "is not a parameter here" }]],
    ["&", 200, undefined],
  ])(
    "is answered as any other just below that, each rule once: %j",
    async (piece, expected, errors) => {
      await using service = await startService();
      const query = piece.repeat(Math.floor(15_500 / piece.length));
      const { status, json } = await service.ask(`${ALL}?limit=1&${query}`);
      expect([status, json.errors]).toEqual([expected, errors]);
    },
  );
});
