/**
 * The same answers with the least that can give them, in this process of its own: Bun.serve over bound
 * statements, without a router, validation, problems or a writer thread. Writes that wait share a
 * transaction that is on the disk before they are answered, as in the service.
 */
import { type ArrestEvent, type ArrestEventJson, toJson } from "../src/arrest-event.ts";
import { openForReading, openForWriting } from "../src/store/database.ts";
import { answer, readTask } from "./support.ts";

const path = readTask<string>();
const { $client: writing } = openForWriting(path);
const { $client: reading } = openForReading(path);
writing.run("pragma synchronous = full");

const COLUMNS =
  "id, officer_id as officerId, subject_id as subjectId, arrest_type_id as arrestTypeId, crime_type_id as crimeTypeId, arrested_at as arrestedAt";
const byId = reading.prepare<ArrestEvent, [number]>(
  `select ${COLUMNS} from arrest_event where id = ?`,
);
const insert = writing.prepare<ArrestEvent, [number, number, number, number, number]>(
  `insert into arrest_event (officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at) values (?, ?, ?, ?, ?) returning ${COLUMNS}`,
);

interface Waiting {
  readonly json: ArrestEventJson;
  readonly resolve: (event: ArrestEvent) => void;
}

let waiting: Waiting[] = [];

const writeAll = writing.transaction((group: readonly Waiting[]) =>
  group.map(({ json }) => {
    const event = insert.get(
      json.officer_id,
      json.subject_id,
      json.arrest_type_id,
      json.crime_type_id,
      Date.parse(json.arrested_at),
    );
    if (event === null) throw new Error("nothing was inserted");
    return event;
  }),
);

function writeWaiting(): void {
  const group = waiting;
  waiting = [];
  for (const [index, event] of writeAll(group).entries()) group[index]?.resolve(event);
}

const JSON_TYPE = { headers: { "Content-Type": "application/json" } };

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    if (request.method === "POST") {
      const json = (await request.json()) as ArrestEventJson;
      const { promise, resolve } = Promise.withResolvers<ArrestEvent>();
      if (waiting.push({ json, resolve }) === 1) setImmediate(writeWaiting);
      return new Response(JSON.stringify(toJson(await promise)), { ...JSON_TYPE, status: 201 });
    }
    const event = byId.get(Number(request.url.slice(request.url.lastIndexOf("/") + 1)));
    if (event === null) return new Response(null, { status: 404 });
    return new Response(JSON.stringify(toJson(event)), JSON_TYPE);
  },
});

process.once("SIGTERM", () => process.exit(0));
answer(server.port);
