import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { letter } from "../support/store.ts";

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

async function create(): Promise<string> {
  const { headers } = await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
  return `${headers.get("Location")}`;
}

function change(path: string, headers: Record<string, string>, method = "PUT", officer = 8) {
  const init = sendJson(method, { officer_id: officer });
  return service.ask(path, {
    ...init,
    headers: { "Content-Type": "application/json", ...headers },
  });
}

describe("an entity tag", () => {
  test("is the same for a new event, in its answer and when it is read", async () => {
    const created = await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
    const read = await service.ask(`${created.headers.get("Location")}`);
    expect([created, read].map(({ headers }) => headers.get("ETag"))).toEqual(['"1"', '"1"']);
  });

  test("is another after each change, and that of the answer is the one that is read", async () => {
    const path = await create();
    const met = new Set(['"1"']);
    // More changes than answers have headers ready for.
    for (let officer = 1; officer <= 40; officer++) {
      const changed = await change(path, {}, officer % 2 === 0 ? "PUT" : "PATCH", officer);
      const tag = `${changed.headers.get("ETag")}`;
      expect(met.has(tag)).toBe(false);
      met.add(tag);
      expect((await service.ask(path)).headers.get("ETag")).toBe(tag);
    }
  });

  test("stays the same when a change is refused", async () => {
    const path = await create();
    await change(path, {}, "PUT", 0);
    expect((await service.ask(path)).headers.get("ETag")).toBe('"1"');
  });

  test("is told of an event that was stored by ingest, and of a replayed dead letter", async () => {
    service.store([{ officerId: 1, subjectId: 1, arrestTypeId: 1, crimeTypeId: 1, arrestedAt: 0 }]);
    const all = (await service.ask("/arrest_events")).json as { id: number }[];
    const { headers } = await service.ask(`/arrest_events/${all.at(-1)?.id}`);
    expect(headers.get("ETag")).toBe('"1"');
    service.refuse([letter()]);
    const replayed = await service.ask("/dead_letters/1/replay", sendJson("POST", VALID_MEMBERS));
    expect(replayed.headers.get("ETag")).toBe('"1"');
  });
});

describe("If-None-Match", () => {
  test.each(['"1"', 'W/"1"', '"7", "1"', '"7",W/"1"', "*", ' "1" '])(
    "%s is answered without the event while it is as it was",
    async (tags) => {
      const path = await create();
      const { status, text, headers } = await service.ask(path, {
        headers: { "If-None-Match": tags },
      });
      expect([status, text, headers.get("ETag")]).toEqual([304, "", '"1"']);
      expect(headers.get("Content-Type")).toBeNull();
    },
  );

  test.each(['"2"', "1", '"01"', '"1', '"x1"', '"1.0"', "", '"9999999999999999999"'])(
    "%s is answered with the event, which has another entity tag",
    async (tags) => {
      const { status, json } = await service.ask(await create(), {
        headers: { "If-None-Match": tags },
      });
      expect(status).toBe(200);
      expect(json).toMatchObject({ officer_id: 7 });
    },
  );

  test("is answered with the event once that has changed", async () => {
    const path = await create();
    await change(path, {});
    const known = { headers: { "If-None-Match": '"1"' } };
    expect((await service.ask(path, known)).json).toMatchObject({ officer_id: 8 });
  });
});

describe("If-Match", () => {
  const METHODS = ["PUT", "PATCH", "DELETE"];

  for (const method of METHODS) {
    test.each(['"1"', '"7", "1"', 'W/"1","1"', "*"])(
      `%s lets ${method} change the event that has not changed`,
      async (tags) => {
        const { status } = await change(await create(), { "If-Match": tags }, method);
        expect(status).toBe(method === "DELETE" ? 204 : 200);
      },
    );

    test.each(['"2"', 'W/"1"', "1", '"1', '""', '"x"', "", '"11"'])(
      `%s keeps ${method} from changing an event that has another entity tag`,
      async (tags) => {
        const path = await create();
        const { status, json } = await change(path, { "If-Match": tags }, method);
        expect([status, json.type]).toEqual([412, "/problems/precondition-failed"]);
        const { headers, json: event } = await service.ask(path);
        expect([headers.get("ETag"), event.officer_id]).toEqual(['"1"', 7]);
      },
    );

    test(`is not looked at by ${method} where there is no event`, async () => {
      const path = await create();
      await service.ask(path, { method: "DELETE" });
      const { status } = await change(path, { "If-Match": "*" }, method);
      expect(status).toBe(404);
    });
  }

  test.each(["PUT", "PATCH", "DELETE"])(
    "is not enough for %s where If-None-Match excludes the same entity tag",
    async (method) => {
      const path = await create();
      const { status } = await change(path, { "If-Match": '"1"', "If-None-Match": '"1"' }, method);
      expect(status).toBe(412);
    },
  );

  test("lets one of many clients win that have read the same", async () => {
    const path = await create();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, officer) =>
        change(path, { "If-Match": '"1"' }, "PUT", 100 + officer),
      ),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(19);
    expect((await service.ask(path)).json).toEqual(won[0]?.json);
  });
});

describe("If-None-Match of a change", () => {
  for (const method of ["PUT", "PATCH", "DELETE"]) {
    test.each(["*", '"1"', 'W/"1"', '"7", "1"'])(
      `%s keeps ${method} from changing an event that has the entity tag`,
      async (tags) => {
        const path = await create();
        const { status, json } = await change(path, { "If-None-Match": tags }, method);
        expect([status, json.type]).toEqual([412, "/problems/precondition-failed"]);
        const { headers, json: event } = await service.ask(path);
        expect([headers.get("ETag"), event.officer_id]).toEqual(['"1"', 7]);
      },
    );

    test.each(['"2"', "1", ""])(
      `%s lets ${method} change an event that has another`,
      async (tags) => {
        const { status } = await change(await create(), { "If-None-Match": tags }, method);
        expect(status).toBe(method === "DELETE" ? 204 : 200);
      },
    );
  }
});

describe("Prefer: return=minimal", () => {
  const minimal = { Prefer: "return=minimal" };

  test("is answered with where the new event is, and no body", async () => {
    const { status, text, headers } = await service.ask("/arrest_events", {
      ...sendJson("POST", VALID_MEMBERS),
      headers: { "Content-Type": "application/json", ...minimal },
    });
    expect([status, text, headers.get("Content-Type")]).toEqual([201, "", null]);
    expect(headers.get("Preference-Applied")).toBe("return=minimal");
    expect(headers.get("ETag")).toBe('"1"');
    expect((await service.ask(`${headers.get("Location")}`)).json).toMatchObject({ officer_id: 7 });
  });

  test.each(["PUT", "PATCH"])("makes %s answer 204 with the new entity tag", async (method) => {
    const path = await create();
    const { status, text, headers } = await change(path, minimal, method);
    expect([status, text, headers.get("ETag")]).toEqual([204, "", '"2"']);
    expect(headers.get("Preference-Applied")).toBe("return=minimal");
    expect((await service.ask(path)).json.officer_id).toBe(8);
  });

  test.each([
    ["respond-async, return=minimal; x=1", "return=minimal"],
    ['Return="Minimal"', "return=minimal"],
    [" return = minimal ", "return=minimal"],
    ["return=representation, return=minimal", "return=representation"],
    ["return=nothing", null],
    ["xreturn=minimal", null],
    ["return", null],
    ["", null],
  ])("is found in %s as %p", async (prefer, applied) => {
    const { status, headers } = await change(await create(), { Prefer: prefer });
    expect(headers.get("Preference-Applied")).toBe(applied);
    expect(status).toBe(applied === "return=minimal" ? 204 : 200);
  });

  test("leaves problems whole", async () => {
    const { status, json } = await change(await create(), minimal, "PUT", 0);
    expect([status, json.errors.length]).toEqual([422, 1]);
  });
});

describe("PATCH", () => {
  const patch = (path: string, body: unknown, type = "application/merge-patch+json") =>
    service.ask(path, { ...sendJson("PATCH", body), headers: { "Content-Type": type } });

  test.each([
    "application/merge-patch+json",
    "application/json",
    "Application/Merge-Patch+JSON; charset=utf-8",
  ])("takes %s and leaves the members alone that it does not name", async (type) => {
    const path = await create();
    const before = (await service.ask(path)).json;
    const patched = await patch(path, { crime_type_id: 99 }, type);
    expect([patched.status, patched.json]).toEqual([200, { ...before, crime_type_id: 99 }]);
    expect((await service.ask(path)).json).toEqual(patched.json);
  });

  test("removes no member: all are required", async () => {
    const path = await create();
    const { status, json } = await patch(path, { officer_id: null, crime_type_id: 1 });
    expect([status, json.errors]).toEqual([
      422,
      [{ pointer: "/officer_id", detail: "must be an integer from 1 to 9007199254740991" }],
    ]);
    expect((await service.ask(path)).json).toMatchObject({ crime_type_id: 31 });
  });

  test("tells which media types it takes when it is given another", async () => {
    const path = await create();
    const { status, json, headers } = await patch(path, {}, "application/json-patch+json");
    expect([status, json.detail]).toEqual([
      415,
      "The Content-Type must be application/merge-patch+json or application/json.",
    ]);
    const accepted = "application/merge-patch+json, application/json";
    expect(headers.get("Accept-Patch")).toBe(accepted);
    const options = await service.ask(path, { method: "OPTIONS" });
    expect(options.headers.get("Accept-Patch")).toBe(accepted);
    const elsewhere = await service.ask("/arrest_events", { method: "OPTIONS" });
    expect(elsewhere.headers.get("Accept-Patch")).toBeNull();
  });

  test("is another media type to PUT", async () => {
    const init = sendJson("PUT", { officer_id: 8 });
    const headers = { "Content-Type": "application/merge-patch+json" };
    const answer = await service.ask(await create(), { ...init, headers });
    expect([answer.status, answer.headers.get("Accept-Patch")]).toEqual([415, null]);
  });
});
