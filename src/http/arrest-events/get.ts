import { z } from "@hono/zod-openapi";
import { toJson } from "../../arrest-event.ts";
import { emptyAnswer, taggedAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { EVENT_CONTENT, EVENT_LINKS, EventPath, parseId } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { ETAG_HEADER, entityTag, IF_NONE_MATCH, isKnown } from "../entity-tag.ts";
import { Problem } from "../problem.ts";

/** Adds `GET /arrest_events/{id}`. */
export function addGet(api: Api, { reader }: Pick<Dependencies, "reader">): void {
  api.add(
    {
      method: "get",
      path: "/arrest_events/{id}",
      operationId: "getArrestEvent",
      tag: "Arrest events",
      summary: "Get an arrest event",
      description:
        "Answers one arrest event by its id, with an `ETag` by which it can be asked for again, or changed, only if it has changed meanwhile, or only if not.",
      request: { params: EventPath, headers: z.object({ "If-None-Match": IF_NONE_MATCH }) },
      responses: {
        200: {
          description: "The arrest event.",
          headers: { ETag: ETAG_HEADER },
          links: EVENT_LINKS,
          content: EVENT_CONTENT,
        },
        304: {
          description: "The arrest event is as the client knows it by `If-None-Match`.",
          headers: { ETag: ETAG_HEADER },
        },
      },
      problems: ["event-not-found", "internal-error"],
    },
    ({ req }) => {
      const event = reader.get(parseId(req.param("id"), "event-not-found"));
      if (event === undefined) throw new Problem("event-not-found");
      const { version } = event;
      if (isKnown(req.raw.headers.get("if-none-match"), version)) {
        return emptyAnswer(304, { ETag: entityTag(version) });
      }
      return taggedAnswer(JSON.stringify(toJson(event)), version);
    },
  );
}
