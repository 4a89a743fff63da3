import { z } from "@hono/zod-openapi";
import { toJson } from "../../arrest-event.ts";
import type { EventReader } from "../../store/read.ts";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { ArrestEventSchema, EXAMPLE_EVENT } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";

/** Adds `GET /arrest_events`. */
export function addGetAll(api: Api, { reader, log }: Pick<Dependencies, "reader" | "log">): void {
  api.add(
    {
      method: "get",
      path: "/arrest_events",
      operationId: "listArrestEvents",
      tag: "Arrest events",
      summary: "List all arrest events",
      description:
        "Answers all arrest events in the order of their ids, as a stream: the service holds a page of them at a time, however many there are. Events that are created while it runs are not in it. If reading fails on the way, the connection is cut before the array's end, so that a part is never taken for the whole.",
      responses: {
        200: {
          description: "All arrest events.",
          content: {
            "application/json": { schema: z.array(ArrestEventSchema), example: [EXAMPLE_EVENT] },
          },
        },
      },
      problems: ["internal-error"],
    },
    () =>
      jsonAnswer(
        streamEvents(reader, (error) => log.error({ err: error }, "the stream of events was cut")),
      ),
  );
}

/** The events that a page holds: enough to be fast, few enough (a millisecond or two) for others to be served in between. */
const PAGE_SIZE = 1000;

/**
 * Streams the events that are in the table now as the text of a JSON array. Each page is read, by a
 * statement of its own, when the client has taken the one before; nothing is held in between.
 *
 * @param onError told of a failing read, upon which the stream breaks off with an error
 */
function streamEvents(
  reader: Pick<EventReader, "lastId" | "page">,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  // Ids only grow: what ingest adds meanwhile lies beyond this, and cannot make the stream endless.
  const last = reader.lastId();
  let after = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // A microtask would let no other request in.
        await new Promise(setImmediate);
        try {
          const events = reader.page(after, PAGE_SIZE).filter(({ id }) => id <= last);
          const text = JSON.stringify(events.map(toJson)).slice(1, -1);
          const before = after === 0 ? "[" : events.length > 0 ? "," : "";
          const ended = events.length < PAGE_SIZE;
          controller.enqueue(Buffer.from(`${before}${text}${ended ? "]" : ""}`));
          if (ended) controller.close();
          after = events.at(-1)?.id ?? last;
        } catch (error) {
          onError(error);
          // What failed is for the log alone, and servers print what breaks a stream.
          controller.error(new Error("the stream of events was cut"));
        }
      },
    },
    // Nothing is read before it is asked for; HEAD asks for nothing.
    { highWaterMark: 0 },
  );
}
