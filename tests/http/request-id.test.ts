import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";

const NEW_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let service: Service;

beforeAll(async () => {
  service = await startService("debug");
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

async function answered(path: string, init: RequestInit = {}): Promise<string | null> {
  return (await service.ask(path, init)).headers.get("X-Request-Id");
}

function named(id: string, init: RequestInit = {}): RequestInit {
  return { ...init, headers: { "Content-Type": "application/json", "X-Request-Id": id } };
}

const CREATE = sendJson("POST", VALID_MEMBERS);

describe("the id of a request", () => {
  test.each(["a", "~!\"'<>", "x".repeat(128)])("that is %s is that of the answer", async (id) => {
    for (const [path, init] of [
      ["/arrest_events", CREATE],
      ["/arrest_events", sendJson("POST", "{")],
      ["/arrest_events/9999", {}],
      ["/livez", {}],
      ["/elsewhere", {}],
      ["/arrest_events", { method: "OPTIONS" }],
      ["/livez", { method: "PUT" }],
    ] as const) {
      expect(await answered(path, named(id, init)), path).toBe(id);
    }
  });

  test.each(["", "two words", "x".repeat(129), "ü"])("that is %p is replaced", async (id) => {
    expect(await answered("/arrest_events", named(id, CREATE))).toMatch(NEW_ID);
    expect(await answered("/livez", named(id))).toMatch(NEW_ID);
  });

  test("is made for every change, and for no read", async () => {
    const first = await answered("/arrest_events", CREATE);
    const second = await answered("/arrest_events", sendJson("POST", {}));
    expect(first).toMatch(NEW_ID);
    expect(second).toMatch(NEW_ID);
    expect(first).not.toBe(second);
    expect(await answered("/livez")).toBeNull();
    expect(await answered("/arrest_events/1")).toBeNull();
  });

  test("is in the log, where the request and its failure are", async () => {
    service.logged.length = 0;
    service.faults.unreadable = true;
    await service.ask("/arrest_events/1", named("find-me"));
    service.faults.unreadable = false;
    await service.ask("/livez");
    expect(service.logged.map(({ msg, request_id }) => [msg, request_id])).toEqual([
      ["request failed", "find-me"],
      ["request", "find-me"],
      ["request", undefined],
    ]);
  });

  test("of a stream does not wait for its end", async () => {
    expect(await answered("/arrest_events", named("stream"))).toBe("stream");
  });
});
