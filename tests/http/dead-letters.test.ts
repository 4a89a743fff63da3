import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { toDeadLetter } from "../../src/ingest/message.ts";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { letter } from "../support/store.ts";

let service: Service;

beforeEach(async () => {
  service = await startService();
});

afterEach(async () => {
  await service[Symbol.asyncDispose]();
});

const AT = Date.UTC(2026, 10, 22, 13, 0);
const MINUTE = 60_000;

/** A letter of a message that has become good since: what ingest refused, the rules let through now. */
const GOOD = {
  reason: "invalid_event",
  value: Buffer.from(JSON.stringify(VALID_MEMBERS)),
} as const;

async function listed(query = ""): Promise<number[]> {
  const { json } = await service.ask(`/dead_letters${query}`);
  return json.map(({ offset }: { offset: number }) => offset);
}

describe("a list of dead letters", () => {
  test("tells where each message was, when, and what is wrong with it, but not what it held", async () => {
    service.refuse([
      letter({
        partition: 3,
        offset: 88,
        timestamp: AT - MINUTE,
        refusedAt: AT,
        reason: "invalid_event",
        refusals: [{ pointer: "/subject_id", detail: "is missing" }],
        value: Buffer.from('{"officer_id":7}'),
      }),
    ]);
    expect((await service.ask("/dead_letters")).json).toEqual([
      {
        id: 1,
        topic: "arrest_event",
        partition: 3,
        offset: 88,
        timestamp: "2026-11-22T12:59:00.000Z",
        reason: "invalid_event",
        errors: [{ pointer: "/subject_id", detail: "is missing" }],
        refused_at: "2026-11-22T13:00:00.000Z",
        value_bytes: 16,
      },
    ]);
  });

  test("lets others be answered while it is written, and is whole", async () => {
    service.refuse(Array.from({ length: 600 }, (_, index) => letter({ offset: index })));
    using turns = spyOn(globalThis, "setImmediate");
    const offsets = await listed("?limit=600");
    expect(turns.mock.calls.length).toBe(2);
    expect(offsets).toEqual(Array.from({ length: 600 }, (_, index) => index));
  });

  test("is filtered by topic, partition, reason and time", async () => {
    service.refuse([
      letter({ offset: 1, topic: "other" }),
      letter({ offset: 2, partition: 5 }),
      letter({ offset: 3, reason: "no_value", value: null }),
      letter({ offset: 4, refusedAt: AT + MINUTE }),
      letter({ offset: 5, refusedAt: AT + 2 * MINUTE }),
    ]);
    expect(await listed("?topic=other")).toEqual([1]);
    expect(await listed("?partition=5")).toEqual([2]);
    expect(await listed("?reason=no_value")).toEqual([3]);
    expect(await listed("?topic=arrest_event&partition=0&reason=not_json")).toEqual([4, 5]);
    const from = "refused_from=2026-11-22T13:01:00Z";
    expect(await listed(`?${from}&refused_to=2026-11-22T13:02:00Z`)).toEqual([4]);
    expect(await listed("?topic=none")).toEqual([]);
  });

  test("pages by its links through all that match, none twice, none missing", async () => {
    service.refuse(Array.from({ length: 25 }, (_, offset) => letter({ offset })));
    const seen: number[] = [];
    let next: string | undefined = "/dead_letters?limit=10&partition=0";
    let pages = 0;
    while (next !== undefined) {
      const { json, headers } = await service.ask(next);
      seen.push(...json.map(({ offset }: { offset: number }) => offset));
      // What is refused meanwhile comes behind.
      if (++pages === 1) service.refuse([letter({ offset: 25 })]);
      next = /^<([^>]+)>; rel="next"$/.exec(headers.get("Link") ?? "")?.[1];
    }
    expect(seen).toEqual(Array.from({ length: 26 }, (_, offset) => offset));
    expect(pages).toBe(3);
  });

  test("has no link behind its last page, even when that is full", async () => {
    service.refuse(Array.from({ length: 10 }, (_, offset) => letter({ offset })));
    const { headers } = await service.ask("/dead_letters?limit=10");
    expect(headers.get("Link")).toBeNull();
  });
});

describe("a dead letter", () => {
  test("shows the message whole: text as text, other bytes in base64, null as null", async () => {
    const headers = [
      ["source", Buffer.from("cad")],
      ["source", Buffer.from([0xff, 0x00])],
      ["empty", Buffer.alloc(0)],
    ] as const;
    const message = {
      topic: "arrest_event",
      partition: 0,
      offset: 7,
      timestamp: null,
      key: Buffer.from("Straße"),
      value: Buffer.from([0x7b, 0xff]),
      headers,
    };
    const refused = { reason: "not_utf8", refusals: [{ pointer: "", detail: "x" }] } as const;
    service.refuse([toDeadLetter(message, refused, "kafka", AT)]);
    expect((await service.ask("/dead_letters/1")).json).toMatchObject({
      timestamp: null,
      key: { encoding: "utf-8", data: "Straße" },
      value: { encoding: "base64", data: "e/8=" },
      value_bytes: 2,
      headers: [
        { name: "source", value: { encoding: "utf-8", data: "cad" } },
        { name: "source", value: { encoding: "base64", data: "/wA=" } },
        { name: "empty", value: { encoding: "utf-8", data: "" } },
      ],
    });
    service.refuse([letter({ value: null, headers: [["none", null]] })]);
    expect((await service.ask("/dead_letters/2")).json).toMatchObject({
      key: null,
      value: null,
      value_bytes: null,
      headers: [{ name: "none", value: null }],
    });
  });

  test("keeps a byte-order mark and control characters of its text", async () => {
    const value = '\uFEFF{"a":"\u0000\u001f"';
    service.refuse([letter({ value: Buffer.from(value) })]);
    const { json } = await service.ask("/dead_letters/1");
    expect(json.value).toEqual({ encoding: "utf-8", data: value });
  });

  test("whose message bears an impossible time is shown without it", async () => {
    service.refuse([
      letter({ timestamp: 8.64e15 }),
      letter({ timestamp: Number.MAX_SAFE_INTEGER }),
    ]);
    const { json } = await service.ask("/dead_letters");
    expect(json.map(({ timestamp }: { timestamp: unknown }) => timestamp)).toEqual([null, null]);
  });

  test("that is deleted is gone, and its id is not used again", async () => {
    service.refuse([letter()]);
    expect((await service.ask("/dead_letters/1", { method: "DELETE" })).status).toBe(204);
    expect((await service.ask("/dead_letters/1")).status).toBe(404);
    service.refuse([letter()]);
    expect((await service.ask("/dead_letters")).json[0].id).toBe(2);
  });
});

describe("a replay", () => {
  test("of a corrected event makes that event, and the letter is gone", async () => {
    service.refuse([letter()]);
    const replayed = await service.ask("/dead_letters/1/replay", sendJson("POST", VALID_MEMBERS));
    expect(replayed.status).toBe(201);
    const event = await service.ask(`${replayed.headers.get("Location")}`);
    expect(event.json).toEqual(replayed.json);
    expect(event.json).toMatchObject({ subject_id: VALID_MEMBERS.subject_id });
    expect(await listed()).toEqual([]);
  });

  test("of a message that the rules let through by now makes its event", async () => {
    service.refuse([letter(GOOD)]);
    const { status, json } = await service.ask("/dead_letters/1/replay", { method: "POST" });
    expect(status).toBe(201);
    expect(json).toMatchObject({ ...VALID_MEMBERS, arrested_at: "2026-11-22T13:05:00.000Z" });
    expect(await listed()).toEqual([]);
  });

  test("of a message that still is no event is refused with the reasons, and nothing changes", async () => {
    service.refuse([letter({ value: Buffer.from('{"officer_id":0}') })]);
    const { status, json } = await service.ask("/dead_letters/1/replay", { method: "POST" });
    expect(status).toBe(422);
    expect(json.type).toBe("/problems/dead-letter-refused");
    expect(json.errors).toContainEqual({ pointer: "/subject_id", detail: "is missing" });
    expect(await listed()).toEqual([0]);
    expect((await service.ask("/arrest_events")).json).toEqual([]);
  });

  test("of an invalid correction is refused, and nothing changes", async () => {
    service.refuse([letter(GOOD)]);
    const correction = sendJson("POST", { ...VALID_MEMBERS, officer_id: 0 });
    const { status, json } = await service.ask("/dead_letters/1/replay", correction);
    expect([status, json.type]).toEqual([422, "/problems/invalid-event"]);
    expect(await listed()).toEqual([0]);
  });

  test("a second time finds no letter, so that no event is made twice", async () => {
    service.refuse([letter(GOOD)]);
    const replay = () => service.ask("/dead_letters/1/replay", { method: "POST" });
    const statuses = (await Promise.all([replay(), replay(), replay()])).map(
      ({ status }) => status,
    );
    expect(statuses.sort()).toEqual([201, 404, 404]);
    expect((await service.ask("/arrest_events")).json).toBeArrayOfSize(1);
  });
});

describe("a replay of many", () => {
  test("makes events of those that match and are good by now, and leaves the others", async () => {
    service.refuse([
      letter({ ...GOOD, offset: 1 }),
      letter({ offset: 2 }),
      letter({ ...GOOD, offset: 3 }),
      letter({ ...GOOD, offset: 4, topic: "other" }),
    ]);
    const { json, headers } = await service.ask("/dead_letters/replay?topic=arrest_event", {
      method: "POST",
    });
    expect(json).toEqual({ replayed: 2, refused: 1 });
    expect(headers.get("Link")).toBeNull();
    expect(await listed()).toEqual([2, 4]);
    expect((await service.ask("/arrest_events")).json).toBeArrayOfSize(2);
  });

  test("goes on by its links, past those that stay", async () => {
    service.refuse(
      Array.from({ length: 12 }, (_, offset) =>
        offset % 2 === 0 ? letter({ offset }) : letter({ ...GOOD, offset }),
      ),
    );
    let next: string | undefined = "/dead_letters/replay?limit=5";
    const answers: object[] = [];
    while (next !== undefined) {
      const { json, headers } = await service.ask(next, { method: "POST" });
      answers.push(json);
      next = /^<([^>]+)>; rel="next"$/.exec(headers.get("Link") ?? "")?.[1];
    }
    expect(answers).toEqual([
      { replayed: 2, refused: 3 },
      { replayed: 3, refused: 2 },
      { replayed: 1, refused: 1 },
    ]);
    expect(await listed()).toEqual([0, 2, 4, 6, 8, 10]);
  });
});

describe("a delete of many", () => {
  test("takes those that match, up to the limit, and links to the rest", async () => {
    service.refuse([
      ...Array.from({ length: 3 }, (_, offset) => letter({ offset })),
      letter({ offset: 9, reason: "no_value", value: null }),
    ]);
    const first = await service.ask("/dead_letters?reason=not_json&limit=2", { method: "DELETE" });
    expect(first.json).toEqual({ deleted: 2 });
    const next = /^<([^>]+)>; rel="next"$/.exec(first.headers.get("Link") ?? "")?.[1];
    const second = await service.ask(`${next}`, { method: "DELETE" });
    expect([second.json, second.headers.get("Link")]).toEqual([{ deleted: 1 }, null]);
    expect(await listed()).toEqual([9]);
  });

  test("without a filter is refused: it would take all", async () => {
    service.refuse([letter()]);
    const { status, json } = await service.ask("/dead_letters?limit=10", { method: "DELETE" });
    expect([status, json.type]).toEqual([422, "/problems/invalid-query"]);
    expect(await listed()).toEqual([0]);
  });
});
