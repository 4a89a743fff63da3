/**
 * The routes of the service as a user of Fastify and better-sqlite3 would write them: JSON schemas for
 * what comes in and goes out, prepared statements, pages by key, one process. What is acknowledged is on
 * the disk (WAL, synchronous = FULL), in a transaction a request.
 *
 *     node server.js DATABASE
 */
import { Readable } from "node:stream";
import Database from "better-sqlite3";
import Fastify from "fastify";

const MAX_ID = Number.MAX_SAFE_INTEGER;

const database = new Database(process.argv[2]);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");

const NAMES = ["officer_id", "subject_id", "arrest_type_id", "crime_type_id", "arrested_at"];
const COLUMNS = `id, ${NAMES.join(", ")}, version`;

const id = { type: "integer", minimum: 1, maximum: MAX_ID };
const members = {
  officer_id: id,
  subject_id: id,
  arrest_type_id: id,
  crime_type_id: id,
  arrested_at: { type: "string", format: "date-time" },
};
const newEvent = {
  type: "object",
  properties: members,
  required: NAMES,
  additionalProperties: false,
};
const changes = { ...newEvent, required: [], minProperties: 1 };
const event = { type: "object", properties: { id, ...members } };
const events = { type: "array", items: event };
const path = { type: "object", properties: { id }, required: ["id"] };
const filter = {
  officer_id: id,
  subject_id: id,
  arrest_type_id: id,
  crime_type_id: id,
};
const listQuery = {
  type: "object",
  properties: {
    ...filter,
    sort: { type: "string", enum: ["id", "arrested_at"], default: "id" },
    limit: { type: "integer", minimum: 1, maximum: 1000 },
    after_id: { type: "integer", minimum: 0 },
    after_time: { type: "integer" },
    format: { type: "string", enum: ["json", "ndjson", "csv"], default: "json" },
  },
  additionalProperties: false,
};
const GROUPS = {
  officer_id: "officer_id",
  arrest_type_id: "arrest_type_id",
  crime_type_id: "crime_type_id",
  day: "strftime('%Y-%m-%d', arrested_at / 1000, 'unixepoch')",
  month: "strftime('%Y-%m', arrested_at / 1000, 'unixepoch')",
};
const statsQuery = {
  type: "object",
  properties: {
    ...filter,
    group_by: {
      type: "array",
      items: { type: "string", enum: Object.keys(GROUPS) },
      minItems: 1,
      maxItems: 2,
    },
  },
  required: ["group_by"],
  additionalProperties: false,
};

const toJson = (row) => ({ ...row, arrested_at: new Date(row.arrested_at).toISOString() });
const etag = (row) => `"${row.version}"`;

// --- SQL ---

const statements = new Map();

function prepared(sql) {
  let statement = statements.get(sql);
  if (statement === undefined) {
    statement = database.prepare(sql);
    statements.set(sql, statement);
  }
  return statement;
}

function conditionsOf(query) {
  return Object.keys(filter)
    .filter((name) => query[name] !== undefined)
    .map((name) => `${name} = @${name}`);
}

/** What a statement is given: no more than it names. */
function valuesOf(query, ...names) {
  return Object.fromEntries([...Object.keys(filter), ...names].map((name) => [name, query[name]]));
}

function readPage(query) {
  const conditions = conditionsOf(query);
  const byTime = query.sort === "arrested_at";
  if (byTime && query.after_time !== undefined) {
    conditions.push("(arrested_at, id) > (@after_time, @after_id)");
  } else if (query.after_id !== undefined) {
    conditions.push("id > @after_id");
  }
  const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
  const order = byTime ? "arrested_at, id" : "id";
  return prepared(
    `select ${COLUMNS} from arrest_event ${where} order by ${order} limit @limit`,
  ).all(valuesOf(query, "limit", "after_id", "after_time"));
}

const byId = database.prepare(`select ${COLUMNS} from arrest_event where id = ?`);
const insert = database.prepare(
  `insert into arrest_event (${NAMES.join(", ")}) values (${NAMES.map((name) => `@${name}`).join(", ")}) returning ${COLUMNS}`,
);
const remove = database.prepare("delete from arrest_event where id = ?");
const create = (body) => insert.get({ ...body, arrested_at: Date.parse(body.arrested_at) });
const createAll = database.transaction((bodies) => bodies.map((body) => create(body).id));

function update(eventId, body) {
  const values = { ...body, id: eventId };
  if (body.arrested_at !== undefined) values.arrested_at = Date.parse(body.arrested_at);
  const assignments = Object.keys(body).map((name) => `${name} = @${name}`);
  return prepared(
    `update arrest_event set ${assignments.join(", ")}, version = version + 1 where id = @id returning ${COLUMNS}`,
  ).get(values);
}

// --- Streams ---

const CSV_HEADER = `id,${NAMES.join(",")}\r\n`;
const FORMS = {
  json: {
    type: "application/json",
    begin: "[",
    between: ",",
    end: "]",
    write: (row) => JSON.stringify(row),
    join: ",",
  },
  ndjson: {
    type: "application/x-ndjson",
    begin: "",
    between: "",
    end: "",
    write: (row) => `${JSON.stringify(row)}\n`,
    join: "",
  },
  csv: {
    type: "text/csv; charset=utf-8",
    begin: CSV_HEADER,
    between: "",
    end: "",
    write: (row) => `${Object.values(row).join()}\r\n`,
    join: "",
  },
};

/** By pages of keys: an open cursor would keep the connection from all others. */
function* stream(query, form) {
  let before = form.begin;
  let last = 0;
  for (;;) {
    const rows = readPage({ ...query, sort: "id", limit: 1000, after_id: last });
    if (rows.length === 0) break;
    last = rows.at(-1).id;
    const texts = rows.map(({ version, ...row }) => form.write(toJson(row)));
    yield `${before}${texts.join(form.join)}`;
    before = form.between;
  }
  yield `${before === form.begin ? form.begin : ""}${form.end}`;
}

// --- Routes ---

const fastify = Fastify({ logger: false });

fastify.get(
  "/arrest_events",
  { schema: { querystring: listQuery, response: { 200: events } } },
  (request, reply) => {
    const { query } = request;
    if (query.limit === undefined) {
      const form = FORMS[query.format];
      return reply.type(form.type).send(Readable.from(stream(query, form)));
    }
    return reply.send(readPage(query).map(toJson));
  },
);

fastify.get(
  "/arrest_events/count",
  { schema: { querystring: { type: "object", properties: filter, additionalProperties: false } } },
  ({ query }) => {
    const conditions = conditionsOf(query);
    const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
    return prepared(`select count(*) as count from arrest_event ${where}`).get(valuesOf(query));
  },
);

fastify.get("/arrest_events/stats", { schema: { querystring: statsQuery } }, ({ query }) => {
  const conditions = conditionsOf(query);
  const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
  const named = query.group_by.map((name) => `${GROUPS[name]} as ${name}_`);
  const names = query.group_by.map((name) => `${name}_`);
  const rows = prepared(
    `select ${named.join(", ")}, count(*) as count from arrest_event ${where} group by ${names.join(", ")} order by ${names.join(", ")}`,
  ).all(valuesOf(query));
  return rows.map((row) => ({
    ...Object.fromEntries(query.group_by.map((name) => [name, row[`${name}_`]])),
    count: row.count,
  }));
});

fastify.get(
  "/arrest_events/:id",
  { schema: { params: path, response: { 200: event } } },
  (request, reply) => {
    const row = byId.get(request.params.id);
    if (row === undefined) return reply.code(404).send({ message: "no such arrest event" });
    reply.header("etag", etag(row));
    if (request.headers["if-none-match"] === etag(row)) return reply.code(304).send();
    return reply.send(toJson(row));
  },
);

fastify.post(
  "/arrest_events",
  { schema: { body: newEvent, response: { 201: event } } },
  (request, reply) => {
    const row = create(request.body);
    reply.code(201).header("location", `/arrest_events/${row.id}`).header("etag", etag(row));
    return reply.send(toJson(row));
  },
);

fastify.post(
  "/arrest_events/batch",
  { schema: { body: { type: "array", items: newEvent, minItems: 1, maxItems: 10_000 } } },
  (request, reply) => reply.code(201).send({ ids: createAll(request.body) }),
);

for (const method of ["PUT", "PATCH"]) {
  fastify.route({
    method,
    url: "/arrest_events/:id",
    schema: { params: path, body: changes, response: { 200: event } },
    handler: (request, reply) => {
      const row = update(request.params.id, request.body);
      if (row === undefined) return reply.code(404).send({ message: "no such arrest event" });
      return reply.header("etag", etag(row)).send(toJson(row));
    },
  });
}

fastify.delete("/arrest_events/:id", { schema: { params: path } }, (request, reply) => {
  const { changes: count } = remove.run(request.params.id);
  return count === 0
    ? reply.code(404).send({ message: "no such arrest event" })
    : reply.code(204).send();
});

process.once("SIGTERM", () => {
  database.close();
  process.exit(0);
});
await fastify.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`${JSON.stringify({ port: fastify.server.address().port })}\n`);
