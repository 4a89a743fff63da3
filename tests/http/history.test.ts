import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { fields, letter, ofPartition } from "../support/store.ts";

const UTC_MEMBERS = { ...VALID_MEMBERS, arrested_at: "2026-11-22T13:05:00.000Z" };

let service: Service;

beforeEach(async () => {
  service = await startService();
});

afterEach(async () => {
  await service[Symbol.asyncDispose]();
});

function named(requestId: string, init: RequestInit): RequestInit {
  return { ...init, headers: { "Content-Type": "application/json", "X-Request-Id": requestId } };
}

async function history(id: number, query = "") {
  return service.ask(`/arrest_events/${id}/history${query}`);
}

describe("the history of an event", () => {
  test("has each of its changes: what it was and became, when, and by which request", async () => {
    await service.ask("/arrest_events", named("first", sendJson("POST", VALID_MEMBERS)));
    service.clock.now += 1000;
    await service.ask("/arrest_events/1", named("second", sendJson("PUT", { officer_id: 8 })));
    service.clock.now += 1000;
    await service.ask("/arrest_events/1", named("third", sendJson("PATCH", { subject_id: 9 })));
    service.clock.now += 1000;
    await service.ask("/arrest_events/1", named("fourth", { method: "DELETE" }));
    const states = [
      { id: 1, ...UTC_MEMBERS },
      { id: 1, ...UTC_MEMBERS, officer_id: 8 },
      { id: 1, ...UTC_MEMBERS, officer_id: 8, subject_id: 9 },
    ];
    const change = (version: number, kind: string, request_id: string) => ({
      version,
      kind,
      at: `2026-11-22T13:05:0${version - 1}.000Z`,
      by: null,
      request_id,
      before: states[version - 2] ?? null,
      after: states[version - 1] ?? null,
    });
    const { status, json, headers } = await history(1);
    expect(status).toBe(200);
    expect(headers.get("Link")).toBeNull();
    expect(json).toEqual({
      origin: null,
      changes: [
        change(1, "create", "first"),
        change(2, "update", "second"),
        change(3, "update", "third"),
        change(4, "delete", "fourth"),
      ],
    });
  });

  test("names the request by the id that its answer has", async () => {
    const { headers } = await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
    const { json } = await history(1);
    expect(json.changes[0].request_id).toBe(headers.get("X-Request-Id"));
  });

  test("has nothing of changes that were refused or not made", async () => {
    await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
    await service.ask("/arrest_events/1", sendJson("PUT", { officer_id: 0 }));
    await service.ask("/arrest_events/1", {
      method: "DELETE",
      headers: { "If-Match": '"2"' },
    });
    service.faults.unwritable = true;
    await service.ask("/arrest_events/1", sendJson("PUT", { officer_id: 8 }));
    service.faults.unwritable = false;
    expect((await history(1)).json.changes).toHaveLength(1);
  });

  test("tells that it came in a batch", async () => {
    await service.ask("/arrest_events/batch", sendJson("POST", [VALID_MEMBERS, VALID_MEMBERS]));
    for (const id of [1, 2]) {
      expect((await history(id)).json.changes).toMatchObject([
        { version: 1, kind: "batch", before: null, after: { id, ...UTC_MEMBERS } },
      ]);
    }
  });

  test("is paged by Link, the oldest change first", async () => {
    await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
    for (let officer_id = 2; officer_id <= 7; officer_id++) {
      await service.ask("/arrest_events/1", sendJson("PUT", { officer_id }));
    }
    const met: number[] = [];
    for (let path: string | undefined = "/arrest_events/1/history?limit=3"; path !== undefined; ) {
      const { json, headers }: Awaited<ReturnType<typeof history>> = await service.ask(path);
      expect(json.changes.length).toBeLessThanOrEqual(3);
      met.push(...json.changes.map(({ version }: { version: number }) => version));
      path = /<(.*)>; rel="next"/.exec(headers.get("Link") ?? "")?.[1];
    }
    expect(met).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect((await history(1, "?cursor=7")).json).toEqual({ origin: null, changes: [] });
  });

  test("is not there for an id that no event had", async () => {
    for (const id of [1, 9_007_199_254_740_991]) expect((await history(id)).status).toBe(404);
  });
});

describe("the origin of an event", () => {
  test("is the messages of its partition that were stored with it", async () => {
    service.ingest({
      partitions: [
        ofPartition(3, [fields(), fields()], 80),
        ofPartition(0, [fields(), fields(), fields()], 7),
      ],
    });
    service.clock.now += 60_000;
    service.ingest({ partitions: [ofPartition(3, [fields()], 82)] });
    const origins = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (id) => (await history(id)).json),
    );
    const stored = (partition: number, first_offset: number, last_offset: number) => ({
      origin: {
        topic: "arrest_event",
        partition,
        first_offset,
        last_offset,
        stored_at: "2026-11-22T13:05:00.000Z",
      },
      changes: [],
    });
    expect(origins.slice(0, 5)).toEqual([
      stored(3, 80, 81),
      stored(3, 80, 81),
      stored(0, 7, 9),
      stored(0, 7, 9),
      stored(0, 7, 9),
    ]);
    expect(origins[5].origin).toMatchObject({
      first_offset: 82,
      stored_at: "2026-11-22T13:06:00.000Z",
    });
  });

  test("stays when the event is changed and deleted, and is not that of its neighbours", async () => {
    service.ingest({ partitions: [ofPartition(3, [fields()], 80)] });
    await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
    await service.ask("/arrest_events/1", sendJson("PUT", { officer_id: 8 }));
    await service.ask("/arrest_events/1", { method: "DELETE" });
    const { origin, changes } = (await history(1)).json;
    expect(origin).toMatchObject({ partition: 3, first_offset: 80, last_offset: 80 });
    expect(changes).toMatchObject([
      { version: 2, kind: "update", before: { id: 1, officer_id: 7 } },
      { version: 3, kind: "delete", before: { id: 1, officer_id: 8 }, after: null },
    ]);
    expect((await history(2)).json.origin).toBeNull();
    expect((await history(3)).status).toBe(404);
  });

  test("of a replayed dead letter is its message", async () => {
    service.refuse([letter({ topic: "elsewhere", partition: 5, offset: 41 })]);
    await service.ask("/dead_letters/1/replay", named("mend", sendJson("POST", VALID_MEMBERS)));
    expect((await history(1)).json).toEqual({
      origin: {
        topic: "elsewhere",
        partition: 5,
        first_offset: 41,
        last_offset: 41,
        stored_at: "2026-11-22T13:05:00.000Z",
      },
      changes: [
        {
          version: 1,
          kind: "replay",
          at: "2026-11-22T13:05:00.000Z",
          by: null,
          request_id: "mend",
          before: null,
          after: { id: 1, ...UTC_MEMBERS },
        },
      ],
    });
  });

  test("of many dead letters that are replayed at once is that of each", async () => {
    const value = Buffer.from(JSON.stringify(VALID_MEMBERS));
    service.refuse([1, 2, 3].map((offset) => letter({ offset, value })));
    await service.ask("/dead_letters/replay", named("all", { method: "POST" }));
    for (const id of [1, 2, 3]) {
      const { origin, changes } = (await history(id)).json;
      expect([origin.first_offset, origin.last_offset]).toEqual([id, id]);
      expect(changes).toMatchObject([{ kind: "replay", request_id: "all" }]);
    }
  });
});
