/**
 * The service with something left out, in this process of its own, over the same store and the same writer
 * thread:
 *
 * - `unchecked`: hono's routes for the same paths, whose handlers believe what they are sent: no zod and no
 *   other check of paths, queries, headers and bodies, no ids of requests, no metrics and no log.
 * - `alone`: the service as it is, but each change waits until the one before is on the disk: a transaction
 *   a change.
 */
import { Hono } from "hono";
import { type ArrestEventFields, type ArrestEventJson, toJson } from "../../src/arrest-event.ts";
import { parseConfig } from "../../src/config.ts";
import { emptyAnswer, jsonAnswer, taggedAnswer } from "../../src/http/answer.ts";
import { createApp } from "../../src/http/app.ts";
import { eventHeaders } from "../../src/http/arrest-events/answer.ts";
import { readCursor, writeCursor } from "../../src/http/arrest-events/cursor.ts";
import { FORMS, type FormName } from "../../src/http/arrest-events/forms.ts";
import { toSummary } from "../../src/http/dead-letters/contract.ts";
import { entityTag } from "../../src/http/entity-tag.ts";
import { PathRouter } from "../../src/http/path-router.ts";
import { nextLink } from "../../src/http/query.ts";
import { keepCounting } from "../../src/keep-counts.ts";
import {
  type EventFilter,
  type EventGrouping,
  type EventScan,
  type EventSort,
  openReader,
} from "../../src/store/read.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { Registry } from "../../src/telemetry/prometheus.ts";
import { type Change, startWriter, type WriterClient } from "../../src/writer/client.ts";
import { answer, readTask } from "../processes.ts";

/** What to serve, and how. */
export interface VariantTask {
  readonly path: string;
  readonly variant: "unchecked" | "alone";
}

const { path, variant } = readTask<VariantTask>();
const config = parseConfig({ DATABASE_PATH: path, KAFKA_BROKERS: "none" }, false);
const log = openLog({ level: "error", format: "json" });
const writer = await startWriter(config);
const reader = openReader(path, setImmediate);
keepCounting(reader, log);

/** The service's own app, whose changes queue up. */
function alone(): (request: Request) => Response | Promise<Response> {
  let last: Promise<unknown> = Promise.resolve();
  const change: WriterClient["change"] = (one) => {
    const made = last.then(() => writer.change(one));
    last = made.catch(() => undefined);
    return made;
  };
  const { fetch } = createApp({
    reader,
    writer: { change, metrics: writer.metrics, status: writer.status },
    log,
    registry: new Registry(),
    requestsInFlight: () => 0,
    version: "0",
    isStopping: () => false,
    newId: () => crypto.randomUUID(),
    limits: config.http,
    corsOrigins: [],
    logRequests: "failures",
  });
  return fetch;
}

// --- Without checks ---

function fieldsOf(json: ArrestEventJson): ArrestEventFields {
  return {
    officerId: json.officer_id,
    subjectId: json.subject_id,
    arrestTypeId: json.arrest_type_id,
    crimeTypeId: json.crime_type_id,
    arrestedAt: Date.parse(json.arrested_at),
  };
}

function changesOf(json: Partial<ArrestEventJson>): Partial<ArrestEventFields> {
  const fields = fieldsOf(json as ArrestEventJson);
  const given = Object.entries(fields).filter(([, value]) => !Number.isNaN(value ?? Number.NaN));
  return Object.fromEntries(given);
}

function filterOf(query: URLSearchParams): EventFilter {
  const ids = (name: string) => (query.has(name) ? query.getAll(name).map(Number) : undefined);
  return {
    officerId: ids("officer_id"),
    subjectId: ids("subject_id"),
    arrestTypeId: ids("arrest_type_id"),
    crimeTypeId: ids("crime_type_id"),
    arrestedFrom: undefined,
    arrestedTo: undefined,
  };
}

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at));
}

const PART_SIZE = 1000;

function streamOf(scan: EventScan, name: FormName): ReadableStream<Uint8Array> {
  const form = FORMS[name];
  let before = form.begin;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await new Promise(setImmediate);
        const { events, ended } = scan.next(PART_SIZE);
        controller.enqueue(Buffer.from(`${before}${form.write(events)}${ended ? form.end : ""}`));
        before = form.between;
        if (ended) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

function list(url: string): Response {
  const query = queryOf(url);
  const sort = (query.get("sort") ?? "id") as EventSort;
  const name = (query.get("format") ?? "json") as FormName;
  const cursor = query.get("cursor");
  const after = cursor === null ? undefined : readCursor(cursor)?.place;
  const scan = reader.scan({ filter: filterOf(query), sort, after });
  const { headers } = FORMS[name];
  if (!query.has("limit")) return new Response(streamOf(scan, name), { headers });
  const limit = Number(query.get("limit"));
  const found: ReturnType<EventScan["next"]>["events"][number][] = [];
  for (let ended = false; !ended && found.length <= limit; ) {
    const step = scan.next(limit + 1 - found.length);
    found.push(...step.events);
    ended = step.ended;
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const hasNext = last !== undefined && found.length > limit;
  const link = hasNext ? nextLink(url, writeCursor({ sort, place: last })) : undefined;
  return jsonAnswer(JSON.stringify(page.map(toJson)), 200, link ?? {});
}

const GROUPINGS: Readonly<Record<string, EventGrouping>> = {
  officer_id: "officerId",
  arrest_type_id: "arrestTypeId",
  crime_type_id: "crimeTypeId",
  hour: "hour",
  day: "day",
  month: "month",
};

/** Steps of a counting, with others served in between. */
async function count(url: string): Promise<{ names: string[]; groups: Counted }> {
  const query = queryOf(url);
  const names = query.getAll("group_by");
  const groupings = names.map((name) => GROUPINGS[name] as EventGrouping);
  const counting = reader.counting(filterOf(query), groupings);
  while (!counting.next()) await new Promise(setImmediate);
  return { names, groups: counting.groups() };
}

type Counted = ReturnType<ReturnType<typeof reader.counting>["groups"]>;

async function make<C extends Change>(change: C) {
  const result = await writer.change(change);
  reader.refresh();
  if ("event" in result) return result.event;
  throw new Error(`not made: ${result.kind}`);
}

function unchecked(): (request: Request) => Response | Promise<Response> {
  const hono = new Hono({ router: new PathRouter() });
  hono.get("/arrest_events/count", async ({ req }) => {
    const { groups } = await count(req.url);
    return jsonAnswer(JSON.stringify({ count: groups[0]?.count ?? 0 }));
  });
  hono.get("/arrest_events/stats", async ({ req }) => {
    const { names, groups } = await count(req.url);
    const rows = groups.map(({ values, count }) => ({
      ...Object.fromEntries(names.map((name, index) => [name, values[index]])),
      count,
    }));
    return jsonAnswer(JSON.stringify(rows));
  });
  hono.get("/arrest_events", ({ req }) => list(req.url));
  hono.get("/arrest_events/:id", ({ req }) => {
    const event = reader.get(Number(req.param("id")));
    if (event === undefined) return emptyOf404();
    if (req.raw.headers.get("if-none-match") === entityTag(event.version)) {
      return emptyAnswer(304, { ETag: entityTag(event.version) });
    }
    return taggedAnswer(JSON.stringify(toJson(event)), event.version);
  });
  hono.get("/arrest_events/:id/history", ({ req }) =>
    jsonAnswer(JSON.stringify(reader.history(Number(req.param("id")), 0, 100))),
  );
  hono.post("/arrest_events/batch", async ({ req }) => {
    const events = ((await req.raw.json()) as ArrestEventJson[]).map(fieldsOf);
    const made = await writer.change({ kind: "create-batch", events });
    if (made.kind !== "created") throw new Error(`not made: ${made.kind}`);
    return jsonAnswer(JSON.stringify({ ids: events.map((_, at) => made.firstId + at) }), 201);
  });
  hono.post("/arrest_events", async ({ req }) => {
    const fields = fieldsOf((await req.raw.json()) as ArrestEventJson);
    const key = req.raw.headers.get("idempotency-key");
    // As good a fingerprint as another where nothing is checked.
    const idempotency = key === null ? {} : { idempotency: { key, fingerprint: key } };
    const event = await make({ kind: "create", fields, ...idempotency });
    return jsonAnswer(JSON.stringify(toJson(event)), 201, eventHeaders(event, true));
  });
  hono.on(["PUT", "PATCH"], "/arrest_events/:id", async ({ req }) => {
    const fields = changesOf((await req.raw.json()) as Partial<ArrestEventJson>);
    const event = await make({ kind: "update", id: Number(req.param("id")), fields });
    return jsonAnswer(JSON.stringify(toJson(event)), 200, eventHeaders(event, false));
  });
  hono.delete("/arrest_events/:id", async ({ req }) => {
    await make({ kind: "delete", id: Number(req.param("id")) });
    return emptyAnswer(204);
  });
  hono.get("/dead_letters", ({ req }) => {
    const letters = reader.deadLetters({}, 0, Number(queryOf(req.url).get("limit") ?? 100));
    return jsonAnswer(JSON.stringify(letters.map(toSummary)));
  });
  return (request) => hono.fetch(request);
}

function emptyOf404(): Response {
  return new Response(null, { status: 404 });
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  fetch: variant === "alone" ? alone() : unchecked(),
});
process.once("SIGTERM", async () => {
  await server.stop(true);
  reader.close();
  await writer.stop(5000);
  process.exit(0);
});
answer(server.port);
