import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { isId, MAX_TIMESTAMP, MIN_TIMESTAMP, parseTimestamp } from "../../src/arrest-event.ts";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

const id = fc.oneof(
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(1, Number.MAX_SAFE_INTEGER),
);

/** Instants in the forms of ISO 8601 that may be sent. */
const timestamp = fc
  .record({
    instant: fc.integer({ min: MIN_TIMESTAMP, max: MAX_TIMESTAMP }),
    end: fc.constantFrom("Z", "z", "", "+00:00", "-00:30", "+0530", "+01"),
    digits: fc.constantFrom(16, 19, 23),
  })
  .map(({ instant, end, digits }) => new Date(instant).toISOString().slice(0, digits) + end)
  .filter((text) => parseTimestamp(text) !== undefined);

const members = fc.record({
  officer_id: id,
  subject_id: id,
  arrest_type_id: id,
  crime_type_id: id,
  arrested_at: timestamp,
});

test("whatever is a valid event is created, and is found as it was sent", async () => {
  await fc.assert(
    fc.asyncProperty(members, async (sent) => {
      const created = await service.ask("/arrest_events", sendJson("POST", sent));
      expect(created.status).toBe(201);
      const { id: created_id, ...found } = (await service.ask(`${created.headers.get("Location")}`))
        .json;
      expect(isId(created_id)).toBe(true);
      const instant = new Date(parseTimestamp(sent.arrested_at) ?? Number.NaN).toISOString();
      expect(found).toEqual({ ...sent, arrested_at: instant });
    }),
    { numRuns: 200 },
  );
});

test("a member is taken exactly when the rules for events take it", async () => {
  const value = fc.oneof(fc.jsonValue(), fc.double(), fc.string(), timestamp, id);
  const name = fc.constantFrom("officer_id", "arrested_at");
  await fc.assert(
    fc.asyncProperty(name, value, async (member, sent) => {
      const text = JSON.stringify({ ...VALID_MEMBERS, [member]: sent });
      const given = JSON.parse(text)[member];
      const valid =
        member === "officer_id"
          ? isId(given)
          : typeof given === "string" && parseTimestamp(given) !== undefined;
      const { status } = await service.ask("/arrest_events", sendJson("POST", text));
      expect(status).toBe(valid ? 201 : 422);
    }),
    { numRuns: 300 },
  );
});

test("whatever bytes are sent, the answer is a declared one and no failure", async () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: "binary" }).map((text) => new TextEncoder().encode(text)),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc
      .tuple(fc.nat(120), fc.uint8Array({ maxLength: 5 }))
      .map(([position, bytes]) =>
        Buffer.concat([
          Buffer.from(JSON.stringify(VALID_MEMBERS)).subarray(0, position),
          bytes,
          Buffer.from(JSON.stringify(VALID_MEMBERS)).subarray(position + bytes.length),
        ]),
      ),
  );
  const request = fc.constantFrom(
    ["POST", "/arrest_events", "application/json"],
    ["PUT", "/arrest_events/1", "application/json"],
    ["PATCH", "/arrest_events/1", "application/merge-patch+json"],
    ["POST", "/arrest_events/batch", "application/json"],
    ["POST", "/arrest_events/batch", "application/x-ndjson"],
  );
  await fc.assert(
    fc.asyncProperty(request, body, async ([method, path, type], bytes) => {
      const { status } = await service.ask(`${path}`, {
        method: `${method}`,
        headers: { "Content-Type": `${type}` },
        body: new Uint8Array(bytes),
      });
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
});

test("whatever a header that the service reads holds, the answer is a declared one and no failure", async () => {
  await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom('"', "\\", "*", ",", "=", ";", " ", "W/", '"1"', "1", "return", "minimal"),
      fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)),
    ),
    maxLength: 20,
  });
  const header = fc.constantFrom(
    "If-Match",
    "If-None-Match",
    "Prefer",
    "Idempotency-Key",
    "X-Request-Id",
    "Content-Type",
  );
  const request = fc.constantFrom(
    ["GET", "/arrest_events/1"],
    ["POST", "/arrest_events"],
    ["PUT", "/arrest_events/1"],
    ["PATCH", "/arrest_events/1"],
  );
  await fc.assert(
    fc.asyncProperty(request, fc.dictionary(header, text), async ([method, path], headers) => {
      const { status } = await service.ask(`${path}`, {
        method: `${method}`,
        headers: { "Content-Type": "application/json", ...headers },
        ...(method !== "GET" && { body: JSON.stringify(VALID_MEMBERS) }),
      });
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
});

test("an item is taken in a batch exactly when it is taken alone, and is told the same", async () => {
  const value = fc.oneof(id, timestamp, fc.jsonValue({ maxDepth: 1 }));
  const item = fc.oneof(
    members,
    fc.record(
      {
        ...Object.fromEntries(Object.keys(VALID_MEMBERS).map((name) => [name, value])),
        other: fc.constant(1),
      },
      { requiredKeys: [] },
    ),
    fc.jsonValue({ maxDepth: 1 }),
  );
  await fc.assert(
    fc.asyncProperty(item, fc.nat(3), fc.boolean(), async (sent, index, isLines) => {
      const items = Array.from({ length: index + 1 }, (_, at) =>
        at < index ? VALID_MEMBERS : sent,
      );
      const alone = await service.ask("/arrest_events", sendJson("POST", JSON.stringify(sent)));
      const together = await service.ask("/arrest_events/batch", {
        method: "POST",
        headers: { "Content-Type": isLines ? "application/x-ndjson" : "application/json" },
        body: isLines
          ? items.map((each) => JSON.stringify(each)).join("\n")
          : JSON.stringify(items),
      });
      expect(together.status).toBe(alone.status);
      const told = (alone.json.errors ?? []) as { pointer: string; detail: string }[];
      expect(together.json.errors ?? []).toEqual(
        told.map(({ pointer, detail }) => ({ pointer: `/${index}${pointer}`, detail })),
      );
    }),
    { numRuns: 300 },
  );
});

test("no value that was sent is in the answer to a refused body", async () => {
  const marker = "f00dfacef00dface";
  const value = fc.constantFrom<unknown>(marker, [marker], { officer_id: marker }, { [marker]: 1 });
  const body = fc
    .record(
      { officer_id: value, arrested_at: value, unknown: value, id: value },
      { requiredKeys: ["officer_id"] },
    )
    .map((sent) => JSON.stringify(sent));
  const broken = fc.tuple(body, fc.nat(60)).map(([text, length]) => text.slice(0, -1 - length));
  await fc.assert(
    fc.asyncProperty(fc.oneof(body, broken), async (text) => {
      const { status, text: answer } = await service.ask("/arrest_events", sendJson("POST", text));
      expect(status).toBeOneOf([400, 422]);
      expect(answer).not.toContain(marker);
    }),
    { numRuns: 200 },
  );
});

test("whatever path is asked for, the answer is a declared one and no failure", async () => {
  const segment = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.integer().map(String),
    fc.double().map(String),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(segment, { maxLength: 3 }), async (segments) => {
      const path = ["/arrest_events", ...segments.map(encodeURIComponent)].join("/");
      const { status } = await service.ask(path);
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
});
