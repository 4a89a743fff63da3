import { z } from "@hono/zod-openapi";
import type { ArrestEvent } from "../../arrest-event.ts";
import type { EventScan } from "../../store/read.ts";
import { answerToNobody } from "../answer.ts";
import type { Api } from "../api.ts";
import { codedAnswer, codedStream } from "../coded-answer.ts";
import { codingFor } from "../content-coding.ts";
import { ArrestEventSchema, EXAMPLE_EVENT } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { Problem } from "../problem.ts";
import { linkHeader, nextLink, readQuery } from "../query.ts";
import type { Streams } from "../streams.ts";
import { nextTurn } from "../turns.ts";
import { ListQuery, toFilter } from "./contract.ts";
import { writeCursor } from "./cursor.ts";
import { chooseForm, type EventForm, FORMS } from "./forms.ts";

const DESCRIPTION = `Answers the arrest events that match all filters, in the order that \`sort\` says.

With \`limit\` the answer is a page, and \`Link\` leads to the next one, which begins behind the last event of this one: however deep it lies, it costs no more, and events that are written meanwhile neither repeat nor hide others.

Without \`limit\` all that match are streamed: the service holds a page of them at a time, however many there are, and waits for a slow reader; one that takes nothing for two minutes, unless that is set otherwise, is cut off. Only so many lists are streamed at once: one more is answered 503, unless it has 1,000 events at most. Events that are created while it runs are not in it. If reading fails on the way, the connection is cut before the end, so that a part is never taken for the whole.

The answer is a JSON array, a line of JSON for each event (\`application/x-ndjson\`), or CSV with a header line (\`text/csv\`, RFC 4180), as \`Accept\` or \`format\` asks for.`;

/** Adds `GET /arrest_events`. */
export function addGetAll(
  api: Api,
  { reader, log, limits }: Pick<Dependencies, "reader" | "log" | "limits">,
  streams: Streams,
): void {
  api.add(
    {
      method: "get",
      path: "/arrest_events",
      operationId: "listArrestEvents",
      tag: "Arrest events",
      summary: "List arrest events",
      description: DESCRIPTION,
      request: { query: ListQuery },
      choosesForm: true,
      responses: {
        200: {
          description: "The arrest events.",
          headers: {
            Link: linkHeader("/arrest_events?officer_id=7&limit=100&cursor=aWQ6NDcxMQ"),
            "Content-Disposition": {
              description: "With CSV: the name of the file that a browser keeps it as.",
              required: false,
              schema: { type: "string" },
              example: FORMS.csv.headers["Content-Disposition"],
            },
          },
          content: {
            "application/json": { schema: z.array(ArrestEventSchema), example: [EXAMPLE_EVENT] },
            "application/x-ndjson": {
              schema: { type: "string", description: "An `ArrestEvent` in each line." },
              example: `${JSON.stringify(EXAMPLE_EVENT)}\n`,
            },
            "text/csv": {
              schema: {
                type: "string",
                description: "The names of the members, then the events, each in a line.",
              },
              example: `${Object.keys(EXAMPLE_EVENT).join()}\r\n${Object.values(EXAMPLE_EVENT).join()}\r\n`,
            },
          },
        },
      },
      problems: ["internal-error", "answer-timeout", "too-many-streams"],
      compresses: true,
    },
    async ({ req, env }) => {
      const query = readQuery(ListQuery, req.url);
      const form = chooseForm(query.format, req.raw.headers.get("accept"));
      const { sort, limit } = query;
      const scan = reader.scan({ filter: toFilter(query), sort, after: query.cursor?.place });
      const { contentType, headers } = form;
      if (limit === undefined) {
        const coding = codingFor(req.raw, Number.POSITIVE_INFINITY);
        const end = env.isHead ? () => undefined : streams.take(req.raw.signal);
        if (end !== undefined) {
          const stream = streamEvents(scan, form, end, (error) =>
            log.error({ err: error }, "the stream of events was cut"),
          );
          return codedStream(coding, contentType, stream, headers);
        }
      }
      // One more than are asked for shows whether there is a next page.
      const size = limit ?? PART_SIZE;
      const until = performance.now() + limits.requestTimeoutMs;
      const found = await readEvents(scan, size + 1, req.raw, until);
      if (found === undefined) return answerToNobody();
      // What a stream would send at once needs no place among them.
      if (limit === undefined && found.length > size) throw new Problem("too-many-streams");
      const page = found.slice(0, size);
      const last = page.at(-1);
      const hasNext = last !== undefined && found.length > page.length;
      const link = hasNext ? nextLink(req.url, writeCursor({ sort, place: last })) : undefined;
      const text = `${form.begin}${form.write(page)}${form.end}`;
      return codedAnswer(req.raw, contentType, text, {
        ...headers,
        ...link,
      });
    },
  );
}

/** Reads up to `limit` events of a scan; `undefined` when the client has left before they are found. */
async function readEvents(
  scan: EventScan,
  limit: number,
  request: Request,
  until: number,
): Promise<ArrestEvent[] | undefined> {
  const events: ArrestEvent[] = [];
  for (;;) {
    const step = scan.next(limit - events.length);
    events.push(...step.events);
    if (step.ended || events.length === limit) return events;
    if (!(await nextTurn(request, until))) return undefined;
  }
}

/** The events that a part of a stream has: enough to be fast, few enough (a millisecond or two) for others to be served in between. */
const PART_SIZE = 1000;

/**
 * Streams the events of a scan. Each part is read when the client has taken the one before; nothing is
 * held in between.
 *
 * @param end called once the stream is over, however that comes
 * @param onError told of a failing read, upon which the stream breaks off with an error
 */
function streamEvents(
  scan: EventScan,
  form: EventForm,
  end: () => void,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const left = new AbortController();
  let begun = false;

  /** The text of the next part with events, or of the end; `undefined` when the client has left. */
  async function readPart(): Promise<{ text: string; ended: boolean } | undefined> {
    while (await nextTurn(left)) {
      const { events, ended } = scan.next(PART_SIZE);
      if (events.length === 0 && !ended) continue;
      const before = begun ? (events.length > 0 ? form.between : "") : form.begin;
      begun = true;
      return { text: `${before}${form.write(events)}${ended ? form.end : ""}`, ended };
    }
    return undefined;
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const part = await readPart();
          if (part === undefined) return;
          if (part.text !== "") controller.enqueue(Buffer.from(part.text));
          if (!part.ended) return;
          controller.close();
          end();
        } catch (error) {
          end();
          onError(error);
          // What failed is for the log alone, and servers print what breaks a stream.
          controller.error(new Error("the stream of events was cut"));
        }
      },
      cancel() {
        left.abort();
        end();
      },
    },
    // Nothing is read before it is asked for; HEAD asks for nothing.
    { highWaterMark: 0 },
  );
}
