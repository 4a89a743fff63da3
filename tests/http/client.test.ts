import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import createClient, { type Client } from "openapi-fetch";
import { type Service, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { letter } from "../support/store.ts";
import type { components, paths } from "./client/openapi.ts";

/** What answers are read as; the others are asked for as text. */
type Json = "application/json" | "application/problem+json";

type ArrestEvent = components["schemas"]["ArrestEvent"];

let service: Service;
let client: Client<paths, Json>;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

beforeEach(() => {
  client = createClient<paths, Json>({ baseUrl: service.url });
});

/** The body of an answer that must be a good one. */
function good<T>({ data, error }: { data?: T; error?: unknown }): NonNullable<T> {
  expect(error).toBeUndefined();
  if (data === undefined || data === null) throw new Error("the answer has no body");
  return data;
}

/** Creates an event. */
async function create(members: Partial<typeof VALID_MEMBERS> = {}): Promise<ArrestEvent> {
  return good(await client.POST("/arrest_events", { body: { ...VALID_MEMBERS, ...members } }));
}

/** The query that a `Link` leads to, in the parts that change from page to page. */
function nextCursor(response: Response): string | undefined {
  const next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("Link") ?? "")?.[1];
  return next && (new URL(next, service.url).searchParams.get("cursor") ?? undefined);
}

describe("a client that openapi-typescript makes of the document", () => {
  test("creates an event once however often it sends the same key", async () => {
    const request = {
      params: { header: { "Idempotency-Key": crypto.randomUUID() } },
      body: VALID_MEMBERS,
    };
    const first = await client.POST("/arrest_events", request);
    const second = await client.POST("/arrest_events", request);
    const event: ArrestEvent = good(first);
    expect(first.response.headers.get("Location")).toBe(`/arrest_events/${event.id}`);
    expect(good(second)).toEqual(event);
  });

  test("gets an event, and not again while it is the same", async () => {
    const { id } = await create();
    const first = await client.GET("/arrest_events/{id}", { params: { path: { id } } });
    expect(good(first).arrested_at).toBe("2026-11-22T13:05:00.000Z");
    const etag = `${first.response.headers.get("ETag")}`;
    const { response } = await client.GET("/arrest_events/{id}", {
      params: { path: { id }, header: { "If-None-Match": etag } },
    });
    expect(response.status).toBe(304);
  });

  test("lists what any of several values of a filter lets through", async () => {
    for (const officer_id of [901, 902, 903]) await create({ officer_id });
    const listed = await client.GET("/arrest_events", {
      params: {
        query: {
          officer_id: [901, 903],
          arrested_from: "2026-11-22T13:05:00Z",
          arrested_to: "2026-11-22T13:05:00.001Z",
          sort: "-id",
        },
      },
    });
    expect(good(listed).map(({ officer_id }) => officer_id)).toEqual([903, 901]);
  });

  test("goes from page to page by the links", async () => {
    for (let subject_id = 1; subject_id <= 5; subject_id++) {
      await create({ officer_id: 910, subject_id });
    }
    const found: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.GET("/arrest_events", {
        params: { query: { officer_id: [910], limit: 2, ...(cursor && { cursor }) } },
      });
      const events = good(page);
      expect(events.length).toBeLessThanOrEqual(2);
      found.push(...events.map(({ subject_id }) => subject_id));
      cursor = nextCursor(page.response);
    } while (cursor !== undefined);
    expect(found).toEqual([1, 2, 3, 4, 5]);
  });

  test("reads events as CSV and as NDJSON", async () => {
    const event = await create({ officer_id: 920 });
    const query = { officer_id: [920] };
    const csv = await client.GET("/arrest_events", {
      params: { query: { ...query, format: "csv" } },
      parseAs: "text",
    });
    expect(good(csv)).toBe(`${Object.keys(event).join()}\r\n${Object.values(event).join()}\r\n`);
    const ndjson = await client.GET("/arrest_events", {
      params: { query },
      headers: { Accept: "application/x-ndjson" },
      parseAs: "stream",
    });
    expect(await new Response(good(ndjson)).text()).toBe(`${JSON.stringify(event)}\n`);
  });

  test("creates a batch as JSON and as NDJSON", async () => {
    const events = [1, 2, 3].map((subject_id) => ({ ...VALID_MEMBERS, subject_id }));
    const asJson = good(await client.POST("/arrest_events/batch", { body: events }));
    expect(asJson.ids).toBeArrayOfSize(3);
    const asLines = await client.POST("/arrest_events/batch", {
      body: events.map((event) => `${JSON.stringify(event)}\n`).join(""),
      bodySerializer: (lines) => lines,
      headers: { "Content-Type": "application/x-ndjson" },
    });
    expect(good(asLines).ids).toEqual(asJson.ids.map((id) => id + 3));
  });

  test("changes an event only while nobody else has", async () => {
    const { id } = await create();
    const ifFirst = { path: { id }, header: { "If-Match": '"1"' } };
    const patched = await client.PATCH("/arrest_events/{id}", {
      params: ifFirst,
      body: { crime_type_id: 32 },
      headers: { "Content-Type": "application/merge-patch+json" },
    });
    expect(good(patched).crime_type_id).toBe(32);
    expect(patched.response.headers.get("ETag")).toBe('"2"');
    const late = await client.PUT("/arrest_events/{id}", {
      params: ifFirst,
      body: { crime_type_id: 33 },
    });
    expect(late.response.status).toBe(412);
    expect(late.error?.type).toBe("/problems/precondition-failed");
    const minimal = await client.PUT("/arrest_events/{id}", {
      params: { path: { id }, header: { "If-Match": '"2"', Prefer: "return=minimal" } },
      body: { crime_type_id: 33 },
    });
    expect([minimal.response.status, minimal.error]).toEqual([204, undefined]);
  });

  test("deletes an event, whose history stays", async () => {
    const { id } = await create();
    const path = { id };
    const deleted = await client.DELETE("/arrest_events/{id}", {
      params: { path, header: { "X-Request-Id": "the-end" } },
    });
    expect([deleted.response.status, deleted.error]).toEqual([204, undefined]);
    const again = await client.DELETE("/arrest_events/{id}", { params: { path } });
    expect(again.error?.type).toBe("/problems/event-not-found");
    const history = good(
      await client.GET("/arrest_events/{id}/history", { params: { path, query: { limit: 10 } } }),
    );
    expect(history.origin).toBeNull();
    expect(history.changes.map(({ kind, after }) => [kind, after?.id])).toEqual([
      ["create", id],
      ["delete", undefined],
    ]);
    expect(history.changes.at(-1)?.request_id).toBe("the-end");
  });

  test("counts events, alone and by what they have in common", async () => {
    for (const crime_type_id of [1, 2, 2]) await create({ officer_id: 930, crime_type_id });
    const query = { officer_id: [930] };
    const { count } = good(await client.GET("/arrest_events/count", { params: { query } }));
    expect(count).toBe(3);
    const groups = await client.GET("/arrest_events/stats", {
      params: { query: { ...query, group_by: ["crime_type_id", "day"] } },
    });
    expect(good(groups)).toEqual([
      { crime_type_id: 1, day: "2026-11-22", count: 1 },
      { crime_type_id: 2, day: "2026-11-22", count: 2 },
    ]);
  });

  test("looks after dead letters", async () => {
    service.refuse([0, 1, 2].map((offset) => letter({ topic: "client", offset })));
    const query = { topic: "client" } as const;
    const listed = await client.GET("/dead_letters", { params: { query: { ...query, limit: 2 } } });
    const [first, second] = good(listed);
    expect(nextCursor(listed.response)).toBe(`${second?.id}`);
    const path = { id: first?.id ?? Number.NaN };
    const whole = good(await client.GET("/dead_letters/{id}", { params: { path } }));
    expect(whole.value).toEqual({ encoding: "utf-8", data: "not JSON" });
    const asItIs = await client.POST("/dead_letters/{id}/replay", { params: { path } });
    if (asItIs.error?.type !== "/problems/dead-letter-refused") throw new Error("it was taken");
    expect(asItIs.error.errors).toEqual([{ pointer: "", detail: "must be JSON" }]);
    const corrected = await client.POST("/dead_letters/{id}/replay", {
      params: { path },
      body: VALID_MEMBERS,
    });
    expect(good(corrected).officer_id).toBe(VALID_MEMBERS.officer_id);
    const replayed = good(await client.POST("/dead_letters/replay", { params: { query } }));
    expect(replayed).toEqual({ replayed: 0, refused: 2 });
    const deleted = good(await client.DELETE("/dead_letters", { params: { query } }));
    expect(deleted).toEqual({ deleted: 2 });
  });

  test("tells kinds of problems apart by their type, and knows what each has", async () => {
    const body = { ...VALID_MEMBERS, officer_id: 0 };
    const { error } = await client.POST("/arrest_events", { body });
    if (error?.type !== "/problems/invalid-event") throw new Error("it is another problem");
    expect(error.errors.map(({ pointer }) => pointer)).toEqual(["/officer_id"]);
    const listed = await client.GET("/arrest_events", { params: { query: { limit: 0 } } });
    if (listed.error?.type !== "/problems/invalid-query") throw new Error("it is another problem");
    expect(listed.error.errors.map(({ parameter }) => parameter)).toEqual(["limit"]);
  });

  test("asks how the service is", async () => {
    expect(good(await client.GET("/livez")).status).toBe("ok");
    const { checks } = good(await client.GET("/readyz"));
    expect(checks.kafka.partitions.map(({ lag }) => lag)).toEqual([4, 2]);
    const metrics = good(await client.GET("/metrics", { parseAs: "text" }));
    expect(metrics).toContain("arrest_events_writer_responding 1");
    const problem = good(
      await client.GET("/problems/{name}", { params: { path: { name: "stopping" } } }),
    );
    expect(problem.status).toBe(503);
  });

  test("does not compile where it asks for what there is not", async () => {
    const requests = [
      // @ts-expect-error There is no such path.
      () => client.GET("/arrests"),
      // @ts-expect-error There is no such method.
      () => client.DELETE("/arrest_events"),
      // @ts-expect-error There is no such parameter.
      () => client.GET("/arrest_events", { params: { query: { officer: [7] } } }),
      // @ts-expect-error The order has another name.
      () => client.GET("/arrest_events", { params: { query: { sort: "officer_id" } } }),
      // @ts-expect-error Without its members there is no event.
      () => client.POST("/arrest_events", { body: { officer_id: 7 } }),
      // @ts-expect-error What to group by must be said.
      () => client.GET("/arrest_events/stats", { params: { query: {} } }),
      // @ts-expect-error Nothing can have this name.
      (event: ArrestEvent) => event.name,
    ] as const;
    // Only tsc can refuse them.
    expect(requests).toBeArrayOfSize(7);
  });
});
