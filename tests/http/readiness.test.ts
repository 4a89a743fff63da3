import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { IngestStatus } from "../../src/writer/client.ts";
import { HEALTHY, type Service, startService } from "../support/http-service.ts";

let service: Service;

beforeAll(async () => {
  service = await startService("silent");
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

beforeEach(() => {
  service.state.status = HEALTHY;
  service.faults.unreadable = false;
  service.faults.stopping = false;
});

function ingest(change: Partial<IngestStatus>): void {
  service.state.status = { ...HEALTHY, ingest: { ...HEALTHY.ingest, ...change } };
}

test("a service in order is ready and tells how far it has read", async () => {
  const { status, json, headers } = await service.ask("/readyz");
  expect({ status, retryAfter: headers.get("Retry-After") }).toEqual({
    status: 200,
    retryAfter: null,
  });
  expect(json).toEqual({
    status: "ready",
    stopping: false,
    checks: {
      store: { status: "ok" },
      kafka: {
        status: "ok",
        mode: "external",
        state: "reading",
        brokers: "kafka-1:9092",
        topic: "arrest_event",
        group: "arrest-events",
        partitions: [
          { partition: 0, next_offset: 40, end_offset: 44, lag: 4 },
          { partition: 1, next_offset: 7, end_offset: 9, lag: 2 },
        ],
        stored_events: 45,
        dead_letters: 2,
        last_message_at: "2026-11-22T13:05:01.000Z",
        last_stored_at: "2026-11-22T13:05:01.250Z",
        last_committed_at: "2026-11-22T13:05:02.000Z",
        dead_letter_topic: null,
      },
    },
  });
});

describe("Kafka is", () => {
  const cases: [name: string, change: Partial<IngestStatus>, status: string][] = [
    ["ok when none is configured", { state: "off", mode: "none", brokers: null }, "ok"],
    ["ok while it waits for a partition", { state: "waiting", partitions: [] }, "ok"],
    [
      "ok before anything was stored",
      { lastMessageAt: null, lastStoredAt: null, lastCommittedAt: null },
      "ok",
    ],
    ["degraded while no broker answers", { state: "connecting" }, "degraded"],
    ["degraded while it has trouble", { problem: "unknown topic" }, "degraded"],
    [
      "ok while dead letters are forwarded",
      { forwarding: { topic: "refused", forwarded: 3 } },
      "ok",
    ],
    [
      "degraded while dead letters cannot be forwarded",
      { forwarding: { topic: "refused", forwarded: 3, problem: "unknown topic" } },
      "degraded",
    ],
    ["ok when a message bore an impossible time", { lastMessageAt: 8.64e15 }, "ok"],
    ["degraded after its stop", { state: "stopped" }, "degraded"],
  ];
  for (const [name, change, status] of cases) {
    test(`${name}, and the service is ready`, async () => {
      ingest(change);
      const answer = await service.ask("/readyz");
      expect(answer.status).toBe(200);
      expect(answer.json.status).toBe("ready");
      expect(answer.json.checks.kafka.status).toBe(status);
      expect(answer.json.checks.kafka.problem).toBe(change.problem);
    });
  }
});

describe("a service is not ready", () => {
  const cases: [name: string, fault: () => void, expected: object][] = [
    [
      "while its store cannot be written",
      () => {
        service.state.status = { ...HEALTHY, store: { writable: false, problem: "disk full" } };
      },
      { checks: { store: { status: "failing", problem: "disk full" }, kafka: { status: "ok" } } },
    ],
    [
      "while its store cannot be written and nothing says why",
      () => {
        service.state.status = { ...HEALTHY, store: { writable: false } };
      },
      { checks: { store: { status: "failing", problem: "the store cannot be written" } } },
    ],
    [
      "while its store cannot be read",
      () => {
        service.faults.unreadable = true;
      },
      { checks: { store: { status: "failing", problem: "the store cannot be read" } } },
    ],
    [
      "while what it reads cannot be stored",
      () => ingest({ state: "store-failing" }),
      { checks: { store: { status: "ok" }, kafka: { status: "failing" } } },
    ],
    [
      "while there are as many dead letters as there may be",
      () => ingest({ state: "dead-letters-full" }),
      { checks: { store: { status: "ok" }, kafka: { status: "failing" } } },
    ],
    [
      "while it stops",
      () => {
        service.faults.stopping = true;
      },
      { stopping: true, checks: { store: { status: "ok" }, kafka: { status: "ok" } } },
    ],
  ];
  for (const [name, fault, expected] of cases) {
    test(name, async () => {
      fault();
      const { status, json, headers } = await service.ask("/readyz");
      expect(status).toBe(503);
      expect(json).toMatchObject({ status: "not-ready", ...expected });
      expect(headers.get("Retry-After")).toBe("5");
      expect(headers.get("Content-Type")).toBe("application/json");
    });
  }
});

test("a process is alive whatever else is wrong", async () => {
  service.faults.stopping = true;
  service.faults.unreadable = true;
  service.state.status = { ...HEALTHY, store: { writable: false } };
  const { status, json } = await service.ask("/livez");
  expect({ status, json }).toEqual({ status: 200, json: { status: "ok" } });
});
