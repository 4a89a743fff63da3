import { z } from "@hono/zod-openapi";
import { emptyAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { makeChange } from "../change.ts";
import { EventPath, parseId } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { IF_MATCH, IF_NONE_MATCH_OF_CHANGE, versionCondition } from "../entity-tag.ts";

/** Adds `DELETE /arrest_events/{id}`. */
export function addDelete(api: Api, { writer }: Pick<Dependencies, "writer">): void {
  api.add(
    {
      method: "delete",
      path: "/arrest_events/{id}",
      operationId: "deleteArrestEvent",
      tag: "Arrest events",
      summary: "Delete an arrest event",
      description:
        "Deletes an arrest event. Its id is never used again, and its history stays. The change is on the disk when the answer is sent. With `If-Match` it is made only while nobody else has changed the event.",
      request: {
        params: EventPath,
        headers: z.object({ "If-Match": IF_MATCH, "If-None-Match": IF_NONE_MATCH_OF_CHANGE }),
      },
      responses: { 204: { description: "The arrest event is deleted." } },
      problems: ["event-not-found", "precondition-failed", "internal-error", "store-unavailable"],
    },
    async ({ req, env }) => {
      const id = parseId(req.param("id"), "event-not-found");
      await makeChange(writer, {
        kind: "delete",
        id,
        ...versionCondition(req.raw.headers),
        ...env,
      });
      return emptyAnswer(204);
    },
  );
}
