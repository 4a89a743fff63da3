import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  spyOn,
  test,
} from "bun:test";
import { ID_RULE } from "../../src/arrest-event.ts";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

const PATH = "/arrest_events/batch";
const NDJSON = "application/x-ndjson";
const VALID = JSON.stringify(VALID_MEMBERS);
const MIB = 1_048_576;

let service: Service;
/** How many events there were before the test. */
let before: number;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

beforeEach(async () => {
  before = (await all()).length;
});

async function all(): Promise<{ id: number; officer_id: number }[]> {
  return (await service.ask("/arrest_events")).json;
}

function send(body: string | ReadableStream<Uint8Array>, type = "application/json") {
  return service.ask(PATH, { method: "POST", headers: { "Content-Type": type }, body });
}

function events(count: number, first = 1): object[] {
  return Array.from({ length: count }, (_, index) => ({
    ...VALID_MEMBERS,
    officer_id: first + index,
  }));
}

/** A body that comes in pieces of so many bytes, and does not say how long it is. */
function inPieces(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

const lines = (items: readonly object[]) => items.map((item) => JSON.stringify(item)).join("\n");

/** A batch in each of its forms. */
const FORMS: [string, (items: readonly object[]) => [string, string]][] = [
  ["a JSON array", (items) => [JSON.stringify(items), "application/json"]],
  ["NDJSON", (items) => [lines(items), NDJSON]],
  [
    "NDJSON with a last line that ends",
    (items) => [`${lines(items)}\n`, `${NDJSON}; charset=utf-8`],
  ],
];

describe.each(FORMS)("%s", (_, form) => {
  test("creates its events in their order, and answers their ids", async () => {
    const { status, json, headers } = await send(...form(events(2500, 1000)));
    expect(status).toBe(201);
    expect(headers.get("Location")).toBeNull();
    const created = (await all()).slice(before);
    expect(json).toEqual({ ids: created.map(({ id }) => id) });
    expect(created.map(({ officer_id }) => officer_id)).toEqual(
      Array.from({ length: 2500 }, (_, index) => 1000 + index),
    );
  });

  test("may have ten thousand events, and no more", async () => {
    const full = await send(...form(events(10_000)));
    expect([full.status, full.json.ids.length]).toEqual([201, 10_000]);
    const { status, json } = await send(...form(events(10_001)));
    expect([status, json.errors]).toEqual([
      422,
      [{ pointer: "", detail: "must have at most 10000 arrest events" }],
    ]);
    expect(await all()).toHaveLength(before + 10_000);
  });

  test("names each refused item by its index, and creates nothing", async () => {
    const items = [
      VALID_MEMBERS,
      { ...VALID_MEMBERS, officer_id: 0, crime_type_id: "x" },
      VALID_MEMBERS,
      { ...VALID_MEMBERS, oficer_id: 1 },
      [VALID_MEMBERS],
      {},
    ];
    const { status, json } = await send(...form(items));
    expect([status, json.type]).toEqual([422, "/problems/invalid-batch"]);
    expect(json.errors).toEqual([
      { pointer: "/1/officer_id", detail: ID_RULE },
      { pointer: "/1/crime_type_id", detail: ID_RULE },
      { pointer: "/3/oficer_id", detail: "is not a member that can be given" },
      { pointer: "/4", detail: "must be a JSON object" },
      ...Object.keys(VALID_MEMBERS).map((name) => ({
        pointer: `/5/${name}`,
        detail: "is required",
      })),
    ]);
    expect(await all()).toHaveLength(before);
  });

  test("names a hundred places and no more", async () => {
    const items = Array.from({ length: 300 }, () => ({ ...VALID_MEMBERS, officer_id: 0 }));
    const { json } = await send(...form(items));
    expect(json.errors).toEqual(
      Array.from({ length: 100 }, (_, index) => ({
        pointer: `/${index}/officer_id`,
        detail: ID_RULE,
      })),
    );
  });

  test("does not let a member that is given twice vanish", async () => {
    const [body, type] = form([{ mark: 0 }, VALID_MEMBERS, { mark: 1 }]);
    const twice = `{"officer_id":1,${VALID.slice(1)}`;
    const { json } = await send(
      body.replace('{"mark":0}', VALID).replace('{"mark":1}', twice),
      type,
    );
    expect(json.errors).toEqual([{ pointer: "/2/officer_id", detail: "must be given only once" }]);
  });

  test("without an event is refused", async () => {
    const { status, json } = await send(...form([]));
    expect([status, json.errors]).toEqual([
      422,
      [{ pointer: "", detail: "must have at least one arrest event" }],
    ]);
  });

  test("is answered without the ids where the client prefers that", async () => {
    const [body, contentType] = form(events(3));
    const { status, text } = await service.ask(PATH, {
      method: "POST",
      headers: { "Content-Type": contentType, Prefer: "return=minimal" },
      body,
    });
    expect([status, text]).toEqual([201, ""]);
    expect(await all()).toHaveLength(before + 3);
  });
});

describe("a JSON array", () => {
  test.each(["{}", "null", '"text"', VALID])("is what %s is not", async (body) => {
    const { status, json } = await send(body);
    expect([status, json.errors]).toEqual([422, [{ pointer: "", detail: "must be a JSON array" }]]);
  });

  test("has members only where its items are objects", async () => {
    const { json } = await send('[["a","a"],[{"a":1,"b":2},{"a":1}],"a","a",{"x":{"a":1,"a":2}}]');
    const detail = "must be a JSON object";
    expect(
      json.errors.filter((error: { detail: string }) => error.detail !== "is required"),
    ).toEqual([
      ...[0, 1, 2, 3].map((index) => ({ pointer: `/${index}`, detail })),
      { pointer: "/4/x", detail: "is not a member that can be given" },
    ]);
  });

  test("finds a repeated member behind strings that look like JSON", async () => {
    const tricky = '{"a\\\\":"},{\\"a\\":1,","b":"\\\\","b":[1,{"b":2,"b":3}]}';
    const { json } = await send(`[${VALID},${tricky}]`);
    expect(json.errors).toContainEqual({ pointer: "/1/b", detail: "must be given only once" });
    expect(json.errors).not.toContainEqual({
      pointer: "/1/a\\",
      detail: "must be given only once",
    });
  });

  test("that is not JSON is refused as a whole", async () => {
    for (const body of [`[${VALID}`, `${VALID}\n${VALID}`, ""]) {
      expect((await send(body)).json.type).toBe("/problems/malformed-body");
    }
  });
});

describe("NDJSON", () => {
  test.each([1, 7, 100_000])("may come in pieces of %p bytes, whatever they cut", async (size) => {
    const text = lines(events(40)).replace('"subject_id"', '"subject\\u005fid"');
    const { status } = await send(inPieces(`\uFEFF${text}`, size), NDJSON);
    expect(status).toBe(201);
    expect(await all()).toHaveLength(before + 40);
  });

  test("has indices that count empty lines, and lines may end as on Windows", async () => {
    const body = ["", VALID, " ", "{", VALID, "", "nul", ""].join("\r\n");
    const { status, json } = await send(body, NDJSON);
    expect([status, json.errors]).toEqual([
      422,
      [
        { pointer: "/3", detail: "must be JSON" },
        { pointer: "/6", detail: "must be JSON" },
      ],
    ]);
    expect((await send(`\r\n${VALID}\r\n\r\n${VALID}`, NDJSON)).json.ids).toHaveLength(2);
  });

  test("is refused before it has been read to its end", async () => {
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await Bun.sleep(1);
        controller.enqueue(Buffer.from("{}\n".repeat(10)));
      },
    });
    expect((await send(endless, NDJSON)).status).toBe(422);
  });

  test.each([
    ["in the middle", [0x22, 0xff, 0x22, 0x0a]],
    ["at the end", [0x31, 0xc3]],
  ])("that is not UTF-8 %s is refused as a whole", async (_, bytes) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(bytes));
        controller.close();
      },
    });
    expect((await send(body, NDJSON)).json.type).toBe("/problems/malformed-body");
  });
});

test.each([
  ["an array that is no JSON in the end", `[${"null,".repeat(2000)}`, undefined],
  ["an array of items that are refused in the end", `[${`${VALID},`.repeat(2000)}null]`, undefined],
  ["lines", lines(Array(2000).fill(VALID_MEMBERS)).concat("\n{"), NDJSON],
  ["empty lines", "\n".repeat(2000), NDJSON],
])("others are answered while a batch is read: %s", async (_, body, type) => {
  using turns = spyOn(globalThis, "setImmediate");
  expect([400, 422]).toContain((await send(body, type)).status);
  // One for 500 items or lines.
  expect(turns.mock.calls.length).toBeGreaterThanOrEqual(4);
});

describe("a batch of more than 8 MiB", () => {
  const padded = (bytes: number) => `[${VALID}]`.padEnd(bytes);

  test("is refused, whether or not it says how long it is", async () => {
    expect((await send(padded(8 * MIB))).status).toBe(201);
    for (const body of [padded(8 * MIB + 1), inPieces(padded(8 * MIB + 1), 65_536)]) {
      const { status, json } = await send(body);
      expect([status, json.detail]).toEqual([413, "The body is larger than 8 MiB."]);
    }
    const { status } = await send(inPieces(`${VALID}\n`.padEnd(8 * MIB + 1), 65_536), NDJSON);
    expect(status).toBe(413);
  });
});

test("a batch that the store fails leaves nothing", async () => {
  service.faults.unwritable = true;
  expect((await service.ask(PATH, sendJson("POST", events(3)))).status).toBe(503);
  service.faults.unwritable = false;
  expect(await all()).toHaveLength(before);
});
