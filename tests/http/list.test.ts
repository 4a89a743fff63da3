import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import {
  type ArrestEventFields,
  type ArrestEventJson,
  MAX_ID,
  MAX_TIMESTAMP,
  MIN_TIMESTAMP,
  toJson,
} from "../../src/arrest-event.ts";
import { type Service, startService } from "../support/http-service.ts";
import { checkAsync } from "../support/property.ts";
import { fields } from "../support/store.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

const START = Date.UTC(2026, 10, 1);
const HOUR_MS = 3_600_000;

/** An event an hour, of which every three have the same time. */
const EVENTS = Array.from({ length: 60 }, (_, index) =>
  fields({
    officerId: 1 + (index % 4),
    subjectId: 1 + index,
    arrestTypeId: 1 + (index % 2),
    crimeTypeId: 1 + (index % 5),
    arrestedAt: START + Math.floor(((index * 7) % 60) / 3) * HOUR_MS,
  }),
);

let service: Service;

beforeAll(async () => {
  service = await startService();
  service.store(EVENTS);
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

const stored = EVENTS.map((event, index) => ({ id: index + 1, ...event }));

function idsOf(events: readonly { readonly id: number }[]): number[] {
  return events.map(({ id }) => id);
}

async function list(query: string): Promise<ArrestEventJson[]> {
  const { status, json } = await service.ask(`/arrest_events?${query}`);
  expect(status).toBe(200);
  return json;
}

/** Where the `Link` of an answer leads; `undefined` without one. */
function next(headers: Headers): string | undefined {
  return headers.get("Link")?.match(/^<([^>]+)>; rel="next"$/)?.[1];
}

/** The pages that the links lead through. */
async function pages(path: string, meanwhile?: (page: number) => void): Promise<number[][]> {
  const found: number[][] = [];
  for (let to: string | undefined = path; to !== undefined; ) {
    const { status, headers, json } = await service.ask(to);
    expect(status).toBe(200);
    found.push(idsOf(json));
    meanwhile?.(found.length);
    to = next(headers);
  }
  return found;
}

describe("a filter", () => {
  const at = (hours: number): string => new Date(START + hours * HOUR_MS).toISOString();
  test.each<[string, (event: ArrestEventFields) => boolean]>([
    ["officer_id=3", ({ officerId }) => officerId === 3],
    ["officer_id=3&officer_id=1&officer_id=3", ({ officerId }) => [1, 3].includes(officerId)],
    ["subject_id=9", ({ subjectId }) => subjectId === 9],
    ["arrest_type_id=2&crime_type_id=1", (e) => e.arrestTypeId === 2 && e.crimeTypeId === 1],
    [`officer_id=${MAX_ID}`, () => false],
    [`arrested_from=${at(4)}`, ({ arrestedAt }) => arrestedAt >= START + 4 * HOUR_MS],
    [`arrested_to=${at(4)}`, ({ arrestedAt }) => arrestedAt < START + 4 * HOUR_MS],
    [
      `arrested_from=${at(4)}&arrested_to=${at(9)}&officer_id=1`,
      (e) =>
        e.arrestedAt >= START + 4 * HOUR_MS &&
        e.arrestedAt < START + 9 * HOUR_MS &&
        e.officerId === 1,
    ],
    [
      "arrested_from=2026-11-01T05:00%2B01:00&arrested_to=2026-11-01T09:00",
      ({ arrestedAt }) => arrestedAt >= START + 4 * HOUR_MS && arrestedAt < START + 9 * HOUR_MS,
    ],
    [`arrested_from=${at(9)}&arrested_to=${at(4)}`, () => false],
  ])(
    "%s means just the events that it describes, streamed, paged and counted",
    async (query, means) => {
      const expected = stored.filter(means);
      expect(await list(query)).toEqual(expected.map(toJson));
      expect((await pages(`/arrest_events?${query}&limit=7`)).flat()).toEqual(idsOf(expected));
      const { json } = await service.ask(`/arrest_events/count?${query}`);
      expect(json).toEqual({ count: expected.length });
    },
  );
});

describe("a sort", () => {
  test.each([
    ["id", 0, 1],
    ["-id", 0, -1],
    ["arrested_at", 1, 1],
    ["-arrested_at", 1, -1],
  ] as const)(
    "by %s is kept through the pages, events of the same time by their ids",
    async (sort, byTime, sign) => {
      const expected = idsOf(
        stored.toSorted((a, b) => sign * (byTime * (a.arrestedAt - b.arrestedAt) || a.id - b.id)),
      );
      expect(idsOf(await list(`sort=${sort}`))).toEqual(expected);
      expect((await pages(`/arrest_events?sort=${sort}&limit=2`)).flat()).toEqual(expected);
    },
  );
});

describe("pages", () => {
  test("are as long as they may be, and the last has no link", async () => {
    const found = await pages("/arrest_events?limit=25");
    expect(found.map((page) => page.length)).toEqual([25, 25, 10]);
    expect(await pages("/arrest_events?limit=60")).toHaveLength(1);
    expect(await pages("/arrest_events?limit=59")).toHaveLength(2);
  });

  test("lead on with all that was asked for", async () => {
    const path = "/arrest_events?officer_id=1&officer_id=2&sort=-id&limit=3&format=csv";
    const { headers } = await service.ask(path);
    const url = new URL(`${next(headers)}`, service.url);
    expect(url.pathname).toBe("/arrest_events");
    expect(url.searchParams.getAll("officer_id")).toEqual(["1", "2"]);
    url.searchParams.delete("cursor");
    expect(url.pathname + url.search).toBe(path);
  });

  test("without a limit go on to the end, as a stream", async () => {
    const { headers } = await service.ask("/arrest_events?limit=20");
    const rest = `${next(headers)}`.replace("limit=20&", "");
    expect(idsOf((await service.ask(rest)).json)).toEqual(idsOf(stored.slice(20)));
  });

  test("neither repeat nor hide events that others write meanwhile", async () => {
    await using own = await startService();
    own.store(EVENTS);
    let to: string | undefined = "/arrest_events?sort=arrested_at&limit=10";
    const found: number[] = [];
    while (to !== undefined) {
      const { headers, json } = await own.ask(to);
      found.push(...idsOf(json));
      // One before and one behind the place that has been reached, and one that was read is gone.
      own.store([fields({ arrestedAt: START - 1 }), fields({ arrestedAt: START + 30 * HOUR_MS })]);
      await own.ask(`/arrest_events/${found[0]}`, { method: "DELETE" });
      to = found.length < 100 ? next(headers) : undefined;
    }
    const before = found.filter((id) => id <= 60);
    expect(new Set(found).size).toBe(found.length);
    expect(before.toSorted((a, b) => a - b)).toEqual(idsOf(stored));
  });

  test("tell nothing of the keys in the open", async () => {
    const { headers } = await service.ask("/arrest_events?limit=1&sort=-arrested_at");
    expect(new URL(`${next(headers)}`, service.url).searchParams.get("cursor")).toMatch(
      /^[\w-]{16,64}$/,
    );
  });
});

describe("a page that has to look at many events", () => {
  const count = 24_000;
  const path = "/arrest_events?officer_id=1&crime_type_id=2&limit=5";

  /** More events of each of the two than are sorted at once, and the last alone has both. */
  async function newService(): Promise<Service> {
    const own = await startService();
    own.store(
      Array.from({ length: count }, (_, index) =>
        fields({ officerId: 1 + (index % 2), crimeTypeId: 1 + (index % 2) }),
      ),
    );
    own.store([fields({ officerId: 1, crimeTypeId: 2 })]);
    return own;
  }

  test("finds what there is, and lets others be served meanwhile", async () => {
    await using own = await newService();
    const page = own.app.fetch(new Request(`http://localhost${path}`));
    // What comes in at the next turn of the event loop.
    await new Promise(setImmediate);
    const readUntilThen = own.pages.length;
    const found = (await (await page).json()) as ArrestEventJson[];
    expect(idsOf(found)).toEqual([count + 1]);
    expect(readUntilThen).toBeLessThan(own.pages.length);
  });

  test("is given up when the client leaves", async () => {
    await using own = await newService();
    const controller = new AbortController();
    const { signal } = controller;
    const answer = own.app.fetch(new Request(`http://localhost${path}`, { signal }));
    controller.abort();
    expect((await answer).status).toBe(499);
    expect(own.pages).toHaveLength(1);
    expect(own.logged).toEqual([]);
  });
});

describe("the form of the answer", () => {
  const EVENT = toJson({ id: 1, ...(EVENTS[0] as ArrestEventFields) });
  const line = `${JSON.stringify(EVENT)}\n`;
  const csv =
    "id,officer_id,subject_id,arrest_type_id,crime_type_id,arrested_at\r\n1,1,1,1,1,2026-11-01T00:00:00.000Z\r\n";

  test.each([
    [undefined, "application/json", `[${line.trim()}]`],
    ["application/x-ndjson", "application/x-ndjson", line],
    ["text/csv", "text/csv; charset=utf-8", csv],
    ["text/*", "text/csv; charset=utf-8", csv],
    ["text/csv;q=0.5, application/x-ndjson;q=0.6", "application/x-ndjson", line],
    ["text/csv, */*", "text/csv; charset=utf-8", csv],
    ["application/*", "application/json", `[${line.trim()}]`],
    ["application/json;q=0, */*;q=0.1", "application/x-ndjson", line],
    [
      "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "application/json",
      `[${line.trim()}]`,
    ],
    ["TEXT/CSV", "text/csv; charset=utf-8", csv],
  ])("for Accept: %s is %s, streamed and paged", async (accept, type, text) => {
    for (const query of ["subject_id=1", "limit=1"]) {
      const init = accept === undefined ? {} : { headers: { Accept: accept } };
      const answer = await service.ask(`/arrest_events?${query}`, init);
      expect([answer.headers.get("Content-Type"), answer.text]).toEqual([type, text]);
      expect(answer.headers.get("Vary")).toBe("Accept, Accept-Encoding");
    }
  });

  test.each([
    ["json", "application/json", "[]"],
    ["ndjson", "application/x-ndjson", ""],
    ["csv", "text/csv; charset=utf-8", `${csv.split("\r\n")[0]}\r\n`],
  ])("is %s for format, whatever Accept says; of no events too", async (format, type, text) => {
    for (const limit of ["", "&limit=1"]) {
      const path = `/arrest_events?officer_id=99&format=${format}${limit}`;
      const answer = await service.ask(path, { headers: { Accept: "image/png" } });
      expect([answer.headers.get("Content-Type"), answer.text]).toEqual([type, text]);
    }
  });

  test("names a file for CSV alone", async () => {
    for (const [format, disposition] of [
      ["csv", 'attachment; filename="arrest_events.csv"'],
      ["ndjson", null],
      ["json", null],
    ]) {
      const { headers } = await service.ask(`/arrest_events?limit=1&format=${format}`);
      expect(headers.get("Content-Disposition")).toBe(disposition as string);
    }
  });

  test("is told where none is acceptable", async () => {
    const { status, json } = await service.ask("/arrest_events", {
      headers: { Accept: "text/html" },
    });
    expect(status).toBe(406);
    for (const type of ["application/json", "application/x-ndjson", "text/csv"]) {
      expect(json.detail).toContain(type);
    }
  });

  test("says the same of every event in all forms, in parts as in one", async () => {
    await using own = await startService();
    own.store(Array.from({ length: 2500 }, (_, index) => fields({ subjectId: 1 + index })));
    const json: ArrestEventJson[] = (await own.ask("/arrest_events")).json;
    const ndjson = (await own.ask("/arrest_events?format=ndjson")).text;
    expect(ndjson.endsWith("\n")).toBe(true);
    expect(
      ndjson
        .trimEnd()
        .split("\n")
        .map((text) => JSON.parse(text)),
    ).toEqual(json);
    const [header, ...lines] = (await own.ask("/arrest_events?format=csv")).text.split("\r\n");
    expect(lines.pop()).toBe("");
    expect(header?.split(",")).toEqual(Object.keys(json[0] ?? {}));
    expect(lines).toEqual(json.map((event) => Object.values(event).join()));
  });

  test("as CSV has no field that a spreadsheet takes for a formula, nor one that needs quotes", async () => {
    await using own = await startService();
    const id = fc.oneof(fc.integer({ min: 1, max: MAX_ID }), fc.constantFrom(1, MAX_ID));
    const event = fc.record({
      officerId: id,
      subjectId: id,
      arrestTypeId: id,
      crimeTypeId: id,
      arrestedAt: fc.oneof(
        fc.integer({ min: MIN_TIMESTAMP, max: MAX_TIMESTAMP }),
        fc.constantFrom(MIN_TIMESTAMP, MAX_TIMESTAMP, -1, 0),
      ),
    });
    await checkAsync(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 50 }), async (events) => {
        own.store(events);
        const { text } = await own.ask(`/arrest_events?sort=-id&limit=${events.length}&format=csv`);
        const [header, ...lines] = text.trimEnd().split("\r\n");
        expect(lines).toHaveLength(events.length);
        for (const name of `${header}`.split(",")) expect(name).toMatch(/^[a-z][a-z_]*$/);
        for (const field of lines.flatMap((line) => line.split(","))) {
          expect(field).toMatch(/^\d[\dTZ:.-]*$/);
        }
      }),
      100,
    );
  });
});

describe("HEAD", () => {
  test.each(["limit=3", "limit=3&format=csv", "officer_id=99&limit=1"])(
    "of a page with %s tells what GET does",
    async (query) => {
      const got = await service.ask(`/arrest_events?${query}`);
      const head = await service.ask(`/arrest_events?${query}`, { method: "HEAD" });
      for (const name of ["Content-Type", "Link", "Vary", "Content-Disposition"]) {
        expect(head.headers.get(name)).toBe(got.headers.get(name));
      }
      expect([head.status, head.text]).toEqual([200, ""]);
      expect(head.headers.get("Content-Length")).toBe(String(Buffer.byteLength(got.text)));
    },
  );

  test("of a stream reads nothing, whatever it selects", async () => {
    const before = service.pages.length;
    const { status } = await service.ask("/arrest_events?officer_id=1&format=csv", {
      method: "HEAD",
    });
    expect([status, service.pages.length]).toEqual([200, before]);
  });
});
