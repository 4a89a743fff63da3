import { z } from "@hono/zod-openapi";
import { type ArrestEventFields, toJson } from "../../arrest-event.ts";
import { EVENT_CHANGE_KINDS, type EventHistory, type StoredChange } from "../../store/read.ts";
import type { Api } from "../api.ts";
import { codedAnswer } from "../coded-answer.ts";
import { ArrestEventSchema, EventPath, EXAMPLE_EVENT, parseId } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { Problem } from "../problem.ts";
import { linkHeader, nextLink, pageParameters, readQuery } from "../query.ts";

const HistoryQuery = z.object(pageParameters(100, "The most changes that the answer has."));

const dateTime = z.string().openapi({ format: "date-time" });
const offset = z.int().openapi({ format: "int64", minimum: 0 });

/** As `nullable`, a reference would lose the null on its way into the document. */
function eventOrNull(about: string) {
  return z.union([ArrestEventSchema, z.null()]).openapi({ description: about });
}

const Origin = z
  .strictObject({
    topic: z.string().openapi({ description: "The topic." }),
    partition: offset.openapi({ description: "The partition." }),
    first_offset: offset.openapi({
      description: "The offset of the first event that was stored together with this one.",
    }),
    last_offset: offset.openapi({
      description: "The offset of the last event that was stored together with this one.",
    }),
    stored_at: dateTime.openapi({ description: "When they were stored." }),
  })
  .openapi("ArrestEventOrigin", {
    description:
      "The Kafka messages of the transaction that stored the arrest event, of which its own is one. Offsets in between can be of dead letters.",
  });

const ChangeSchema = z
  .strictObject({
    version: z.int().openapi({
      format: "int64",
      minimum: 1,
      description: "The version that the arrest event got, and its `ETag`; for a delete the next.",
    }),
    kind: z.enum([...EVENT_CHANGE_KINDS]).openapi({
      description:
        "`create`: by itself. `batch`: with others. `replay`: of a dead letter. `update`, `delete`: what they say.",
    }),
    at: dateTime.openapi({ description: "When it was changed." }),
    by: z
      .string()
      .nullable()
      .openapi({ description: "Who changed it; null where no access control knows that." }),
    request_id: z.string().nullable().openapi({
      description: "The `X-Request-Id` of the request; null when the change came by none.",
    }),
    before: eventOrNull("What the arrest event was; null when it was created."),
    after: eventOrNull("What the arrest event became; null when it was deleted."),
  })
  .openapi("ArrestEventChange", { description: "A change of an arrest event over HTTP." });

const History = z
  .strictObject({
    origin: z
      .union([Origin, z.null()])
      .openapi({ description: "Where it came from; null when that was not Kafka." }),
    changes: z
      .array(ChangeSchema)
      .openapi({ description: "The changes over HTTP, the oldest first." }),
  })
  .openapi("ArrestEventHistory", { description: "What is known of an arrest event." });

const EXAMPLE: z.infer<typeof History> = {
  origin: {
    topic: "arrest_event",
    partition: 3,
    first_offset: 80,
    last_offset: 122,
    stored_at: "2026-11-22T13:05:01.250Z",
  },
  changes: [
    {
      version: 2,
      kind: "update",
      at: "2026-11-23T08:30:00.000Z",
      by: null,
      request_id: "3f0f4a5e-7a39-4c0e-9c5d-6d7d3c1f0b52",
      before: EXAMPLE_EVENT,
      after: { ...EXAMPLE_EVENT, crime_type_id: 32 },
    },
  ],
};

/** Adds `GET /arrest_events/{id}/history`. */
export function addHistory(api: Api, { reader }: Pick<Dependencies, "reader">): void {
  api.add(
    {
      method: "get",
      path: "/arrest_events/{id}/history",
      operationId: "getArrestEventHistory",
      tag: "Arrest events",
      summary: "Get the history of an arrest event",
      description:
        "Answers where an arrest event came from, and every change of it over HTTP: what it was and became, when, and by which request. A deleted event keeps its history. `Link` leads to later changes.",
      request: { params: EventPath, query: HistoryQuery },
      responses: {
        200: {
          description: "The history.",
          headers: { Link: linkHeader("/arrest_events/12/history?limit=100&cursor=100") },
          content: { "application/json": { schema: History, example: EXAMPLE } },
        },
      },
      problems: ["event-not-found", "internal-error"],
      compresses: true,
    },
    ({ req }) => {
      const id = parseId(req.param("id"), "event-not-found");
      const { cursor = 0, limit } = readQuery(HistoryQuery, req.url);
      // One more than are asked for shows whether there are more.
      const history = reader.history(id, cursor, limit + 1);
      if (history === undefined) throw new Problem("event-not-found");
      const changes = history.changes.slice(0, limit);
      const hasMore = history.changes.length > limit;
      const link = hasMore ? nextLink(req.url, changes.at(-1)?.version) : undefined;
      const text = JSON.stringify(toAnswer(id, history.origin, changes));
      return codedAnswer(req.raw, "application/json", text, link);
    },
  );
}

function toAnswer(
  id: number,
  origin: EventHistory["origin"],
  changes: readonly StoredChange[],
): z.infer<typeof History> {
  const eventOf = (fields: ArrestEventFields | null) => fields && toJson({ id, ...fields });
  return {
    origin: origin && {
      topic: origin.topic,
      partition: origin.partition,
      first_offset: origin.firstOffset,
      last_offset: origin.lastOffset,
      stored_at: new Date(origin.storedAt).toISOString(),
    },
    changes: changes.map(({ version, kind, at, by, requestId, before, after }) => ({
      version,
      kind,
      at: new Date(at).toISOString(),
      by,
      request_id: requestId,
      before: eventOf(before),
      after: eventOf(after),
    })),
  };
}
