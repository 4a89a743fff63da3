import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  type Answer,
  type Service,
  sendJson,
  startService,
  VALID_MEMBERS,
} from "../support/http-service.ts";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;

let service: Service;

beforeEach(async () => {
  service = await startService();
});

afterEach(async () => {
  await service[Symbol.asyncDispose]();
});

function post(key: string, body: unknown = VALID_MEMBERS, path = "/arrest_events") {
  return service.ask(path, {
    ...sendJson("POST", body),
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
  });
}

async function count(): Promise<number> {
  return (await service.ask("/arrest_events")).json.length;
}

/** What tells two answers apart. */
function essence({ status, text, headers }: Answer) {
  return { status, text, location: headers.get("Location"), tag: headers.get("ETag") };
}

describe("a request with an idempotency key", () => {
  test("that is sent again gets the first answer again, and creates nothing", async () => {
    const first = await post("one");
    expect(first.status).toBe(201);
    for (let again = 0; again < 3; again++) {
      expect(essence(await post("one"))).toEqual(essence(first));
    }
    expect(await count()).toBe(1);
  });

  test("gets it although the event has changed since, or is gone", async () => {
    const first = await post("one");
    const path = `${first.headers.get("Location")}`;
    await service.ask(path, sendJson("PUT", { officer_id: 99 }));
    expect(essence(await post("one"))).toEqual(essence(first));
    await service.ask(path, { method: "DELETE" });
    expect(essence(await post("one"))).toEqual(essence(first));
    expect(await count()).toBe(0);
  });

  test("is the same request when it writes the same event in other bytes", async () => {
    const first = await post("one");
    const { officer_id, ...others } = VALID_MEMBERS;
    const again = await post("one", {
      ...others,
      arrested_at: "2026-11-22T13:05:00.000Z",
      officer_id,
    });
    expect(essence(again)).toEqual(essence(first));
  });

  test("is refused when an earlier one with its key created another event", async () => {
    await post("one");
    const other = await post("one", { ...VALID_MEMBERS, officer_id: 8 });
    expect([other.status, other.json.type]).toEqual([422, "/problems/idempotency-key-reused"]);
    const batch = await post("one", [VALID_MEMBERS], "/arrest_events/batch");
    expect([batch.status, batch.json.type]).toEqual([422, "/problems/idempotency-key-reused"]);
    expect(await count()).toBe(1);
  });

  test("has a key of its own although it creates the same event", async () => {
    const [first, second] = [await post("one"), await post("two")];
    expect(first.headers.get("Location")).not.toBe(second.headers.get("Location"));
    expect(await count()).toBe(2);
  });

  test("can be mended and sent again with its key when it was refused", async () => {
    expect((await post("one", { ...VALID_MEMBERS, officer_id: 0 })).status).toBe(422);
    service.faults.unwritable = true;
    expect((await post("one")).status).toBe(503);
    service.faults.unwritable = false;
    expect((await post("one")).status).toBe(201);
  });

  test("is refused while the first is under way, which then is answered", async () => {
    const letGo = service.hold();
    const first = post("one");
    await until("the first is under way", () => service.held === 1);
    const early = await post("one");
    expect([early.status, early.json.type]).toEqual([409, "/problems/request-under-way"]);
    const other = await post("one", { ...VALID_MEMBERS, officer_id: 8 });
    expect([other.status, other.json.type]).toEqual([422, "/problems/idempotency-key-reused"]);
    letGo();
    expect((await first).status).toBe(201);
    expect(essence(await post("one"))).toEqual(essence(await first));
    expect(await count()).toBe(1);
  });

  test("is a new one after 24 hours", async () => {
    const first = await post("one");
    service.clock.now += DAY_MS;
    expect(essence(await post("one"))).toEqual(essence(first));
    service.clock.now += 1;
    const later = await post("one", { ...VALID_MEMBERS, officer_id: 8 });
    expect(later.status).toBe(201);
    expect(later.headers.get("Location")).not.toBe(first.headers.get("Location"));
    expect(essence(await post("one", { ...VALID_MEMBERS, officer_id: 8 }))).toEqual(essence(later));
  });

  test("gets the ids of its batch again", async () => {
    const events = [1, 2, 3].map((officer_id) => ({ ...VALID_MEMBERS, officer_id }));
    const first = await post("one", events, "/arrest_events/batch");
    expect(first.json).toEqual({ ids: [1, 2, 3] });
    await post("two");
    expect(essence(await post("one", events, "/arrest_events/batch"))).toEqual(essence(first));
    const fewer = await post("one", events.slice(1), "/arrest_events/batch");
    expect([fewer.status, fewer.json.type]).toEqual([422, "/problems/idempotency-key-reused"]);
    expect(await count()).toBe(4);
  });
});

describe("an idempotency key", () => {
  test.each([
    ["one", '"one"'],
    ['a"b', '"a\\"b"'],
    ["a\\b", '"a\\\\b"'],
    ["k".repeat(255), `"${"k".repeat(255)}"`],
  ])("%s is the same in quotes", async (bare, quoted) => {
    const first = await post(bare);
    expect(first.status).toBe(201);
    expect(essence(await post(quoted))).toEqual(essence(first));
  });

  test.each([
    "",
    '""',
    '"',
    '"one',
    '"one"two"',
    '"o\\ne"',
    "two words",
    '"two words"',
    "k".repeat(256),
    `"${"k".repeat(256)}"`,
    "ü",
  ])("%p is refused", async (key) => {
    const { status, json } = await post(key);
    expect([status, json.type]).toEqual([400, "/problems/bad-idempotency-key"]);
    expect(await count()).toBe(0);
  });
});
