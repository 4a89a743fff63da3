/**
 * The same answers with the least that can give them, in this process of its own: Bun.serve over bound
 * statements, without a router, validation, problems, history or a writer thread. A write is on the disk
 * before it is answered, as in the service: in a transaction of its own, or with all that wait.
 */
import { type ArrestEvent, type ArrestEventJson, toJson } from "../src/arrest-event.ts";
import { openForReading, openForWriting } from "../src/store/database.ts";
import { answer, readTask } from "./processes.ts";

/** What to serve, and how. */
export interface BareTask {
  readonly path: string;
  /** Writes that wait share a transaction, rather than having one each. */
  readonly shareTransactions: boolean;
}

const { path, shareTransactions } = readTask<BareTask>();
const { $client: writing } = openForWriting(path);
const { $client: reading } = openForReading(path);
writing.run("pragma synchronous = full");

const COLUMNS =
  "id, officer_id as officerId, subject_id as subjectId, arrest_type_id as arrestTypeId, crime_type_id as crimeTypeId, arrested_at as arrestedAt";
const byId = reading.prepare<ArrestEvent, [number]>(
  `select ${COLUMNS} from arrest_event where id = ?`,
);
const page = reading.prepare<ArrestEvent, [number, number]>(
  `select ${COLUMNS} from arrest_event where id > ? order by id limit ?`,
);
const insert = writing.prepare<ArrestEvent, [number, number, number, number, number]>(
  `insert into arrest_event (officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at) values (?, ?, ?, ?, ?) returning ${COLUMNS}`,
);

function store(json: ArrestEventJson): ArrestEvent {
  const event = insert.get(
    json.officer_id,
    json.subject_id,
    json.arrest_type_id,
    json.crime_type_id,
    Date.parse(json.arrested_at),
  );
  if (event === null) throw new Error("nothing was inserted");
  return event;
}

interface Waiting {
  readonly json: ArrestEventJson;
  readonly resolve: (event: ArrestEvent) => void;
}

let waiting: Waiting[] = [];

const storeAll = writing.transaction((group: readonly Waiting[]) =>
  group.map(({ json }) => store(json)),
);

function storeWaiting(): void {
  const group = waiting;
  waiting = [];
  for (const [index, event] of storeAll(group).entries()) group[index]?.resolve(event);
}

function storeWithOthers(json: ArrestEventJson): Promise<ArrestEvent> {
  const { promise, resolve } = Promise.withResolvers<ArrestEvent>();
  if (waiting.push({ json, resolve }) === 1) setImmediate(storeWaiting);
  return promise;
}

const JSON_TYPE = { headers: { "Content-Type": "application/json" } };
const NDJSON_TYPE = { headers: { "Content-Type": "application/x-ndjson" } };

const PART_SIZE = 1000;

/** The whole table, read a part at a time as the client takes it. */
function lines(): ReadableStream<Uint8Array> {
  let last = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // Others are to be served in between.
        await new Promise(setImmediate);
        const events = page.all(last, PART_SIZE);
        last = events.at(-1)?.id ?? last;
        const text = events.map((event) => `${JSON.stringify(toJson(event))}\n`).join("");
        if (text !== "") controller.enqueue(Buffer.from(text));
        if (events.length < PART_SIZE) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    const { url, method } = request;
    if (method === "POST") {
      const json = (await request.json()) as ArrestEventJson;
      const event = shareTransactions ? await storeWithOthers(json) : store(json);
      return new Response(JSON.stringify(toJson(event)), { ...JSON_TYPE, status: 201 });
    }
    const queryAt = url.indexOf("?");
    if (queryAt < 0) {
      const event = byId.get(Number(url.slice(url.lastIndexOf("/") + 1)));
      if (event === null) return new Response(null, { status: 404 });
      return new Response(JSON.stringify(toJson(event)), JSON_TYPE);
    }
    const query = new URLSearchParams(url.slice(queryAt));
    if (query.get("format") === "ndjson") return new Response(lines(), NDJSON_TYPE);
    const events = page.all(Number(query.get("after") ?? 0), Number(query.get("limit")));
    return new Response(JSON.stringify(events.map(toJson)), JSON_TYPE);
  },
});

process.once("SIGTERM", () => process.exit(0));
answer(server.port);
