import { afterAll, beforeAll, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { type Service, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { fields } from "../support/store.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

let service: Service;

beforeAll(async () => {
  service = await startService();
  service.store([
    fields({ officerId: 10, arrestTypeId: 2, arrestedAt: Date.UTC(2026, 10, 22, 13, 59, 59, 999) }),
    fields({ officerId: 9, arrestTypeId: 1, arrestedAt: Date.UTC(2026, 10, 22, 13) }),
    fields({ officerId: 9, arrestTypeId: 1, arrestedAt: Date.UTC(2026, 9, 31, 23, 59) }),
    fields({ officerId: 9, arrestTypeId: 1, crimeTypeId: 5, arrestedAt: Date.UTC(2026, 10, 1) }),
  ]);
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

test.each<[string, object[]]>([
  [
    "group_by=officer_id",
    [
      { officer_id: 9, count: 3 },
      { officer_id: 10, count: 1 },
    ],
  ],
  [
    "group_by=crime_type_id",
    [
      { crime_type_id: 5, count: 1 },
      { crime_type_id: 31, count: 3 },
    ],
  ],
  [
    "group_by=arrest_type_id&group_by=month",
    [
      { arrest_type_id: 1, month: "2026-10", count: 1 },
      { arrest_type_id: 1, month: "2026-11", count: 2 },
      { arrest_type_id: 2, month: "2026-11", count: 1 },
    ],
  ],
  [
    "group_by=month&group_by=arrest_type_id",
    [
      { month: "2026-10", arrest_type_id: 1, count: 1 },
      { month: "2026-11", arrest_type_id: 1, count: 2 },
      { month: "2026-11", arrest_type_id: 2, count: 1 },
    ],
  ],
  [
    "group_by=day",
    [
      { day: "2026-10-31", count: 1 },
      { day: "2026-11-01", count: 1 },
      { day: "2026-11-22", count: 2 },
    ],
  ],
  ["group_by=hour&arrested_from=2026-11-22T00:00", [{ hour: "2026-11-22T13:00Z", count: 2 }]],
  [
    "group_by=officer_id&officer_id=9&arrest_type_id=1&crime_type_id=5",
    [{ officer_id: 9, count: 1 }],
  ],
  ["group_by=officer_id&group_by=crime_type_id&officer_id=99", []],
])("%s counts what is in common, in order", async (query, groups) => {
  const { status, text } = await service.ask(`/arrest_events/stats?${query}`);
  expect([status, text]).toEqual([200, JSON.stringify(groups)]);
});

test("the beginning of an hour can be sent back as a filter", async () => {
  const { json } = await service.ask("/arrest_events/stats?group_by=hour");
  const { hour, count } = json.at(-1);
  const answer = await service.ask(`/arrest_events/count?arrested_from=${hour}`);
  expect(answer.json).toEqual({ count });
});

test("10,000 groups are answered, and more are refused before they fill the memory", async () => {
  await using own = await startService();
  own.store(Array.from({ length: 10_000 }, (_, index) => fields({ officerId: 1 + index })));
  const answer = await own.ask("/arrest_events/stats?group_by=officer_id");
  expect(answer.json).toHaveLength(10_000);
  own.store([fields({ officerId: 10_001 })]);
  const { status, json } = await own.ask("/arrest_events/stats?group_by=officer_id");
  expect([status, json.errors]).toEqual([
    422,
    [{ parameter: "group_by", detail: "makes more than 10000 groups: filters can leave fewer" }],
  ]);
  const fewer = await own.ask("/arrest_events/stats?group_by=officer_id&officer_id=10001");
  expect(fewer.json).toEqual([{ officer_id: 10_001, count: 1 }]);
});

test("the count is that of all events without filters, and 0 of none", async () => {
  expect((await service.ask("/arrest_events/count")).json).toEqual({ count: 4 });
  await using empty = await startService();
  expect((await empty.ask("/arrest_events/count")).json).toEqual({ count: 0 });
  expect((await empty.ask("/arrest_events/stats?group_by=day")).json).toEqual([]);
});

test("every change shows in the next answer", async () => {
  await using own = await startService();
  own.store([fields({ crimeTypeId: 1 }), fields({ crimeTypeId: 1 })]);
  const stats = async () => (await own.ask("/arrest_events/stats?group_by=crime_type_id")).json;
  expect(await stats()).toEqual([{ crime_type_id: 1, count: 2 }]);
  const send = (method: string, path: string, body?: object) =>
    own.ask(`/arrest_events${path}`, {
      method,
      ...(body && {
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    });
  await send("POST", "", { ...VALID_MEMBERS, crime_type_id: 2 });
  expect(await stats()).toEqual([
    { crime_type_id: 1, count: 2 },
    { crime_type_id: 2, count: 1 },
  ]);
  await send("PUT", "/1", { crime_type_id: 2 });
  await send("PATCH", "/2", { crime_type_id: 3 });
  await send("DELETE", "/3");
  expect(await stats()).toEqual([
    { crime_type_id: 2, count: 1 },
    { crime_type_id: 3, count: 1 },
  ]);
  expect((await own.ask("/arrest_events/count?crime_type_id=3")).json).toEqual({ count: 1 });
});

test("HEAD of a count and of groups tells the length of what GET answers", async () => {
  for (const path of ["/arrest_events/count", "/arrest_events/stats?group_by=day"]) {
    const got = await service.ask(path);
    const head = await service.ask(path, { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(head.headers.get("Content-Length")).toBe(String(got.text.length));
  }
});

test("other requests are served while events are counted", async () => {
  await using own = await startService();
  own.store(Array.from({ length: 60_000 }, () => fields()));
  let counted = false;
  const path = "/arrest_events/stats?group_by=officer_id&group_by=day";
  const counting = Promise.resolve(own.app.fetch(new Request(`http://localhost${path}`))).finally(
    () => {
      counted = true;
    },
  );
  // What comes in at the next turn of the event loop.
  await new Promise(setImmediate);
  expect(counted).toBe(false);
  expect(await (await counting).json()).toEqual([
    { officer_id: 7, day: "2026-11-22", count: 60_000 },
  ]);
});

test("a client that leaves ends the counting", async () => {
  await using own = await startService();
  own.store(Array.from({ length: 60_000 }, () => fields()));
  const controller = new AbortController();
  const request = new Request("http://localhost/arrest_events/count", {
    signal: controller.signal,
  });
  const answer = own.app.fetch(request);
  controller.abort();
  expect((await answer).status).toBe(499);
  expect(own.logged).toEqual([]);
});

test("others are answered while many groups are written, which are those of a single piece", async () => {
  await using crowded = await startService();
  crowded.store(Array.from({ length: 3500 }, (_, index) => fields({ officerId: index + 1 })));
  // Counts them, so that nothing but the writing takes turns.
  await crowded.ask("/arrest_events/count");
  using turns = spyOn(globalThis, "setImmediate");
  const { json } = await crowded.ask("/arrest_events/stats?group_by=officer_id");
  expect(turns.mock.calls.length).toBe(3);
  expect(json).toEqual(
    Array.from({ length: 3500 }, (_, index) => ({ officer_id: index + 1, count: 1 })),
  );
});
