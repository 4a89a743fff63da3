import { z } from "@hono/zod-openapi";
import type { Api, Operation } from "../api.ts";
import { type MediaType, readJson } from "../body.ts";
import { makeChange } from "../change.ts";
import { ArrestEventChanges, EventPath, parseChanges, parseId } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { IF_MATCH, IF_NONE_MATCH_OF_CHANGE, versionCondition } from "../entity-tag.ts";
import { PREFER } from "../prefer.ts";
import { CHANGED_RESPONSES, eventAnswer } from "./answer.ts";

/** Adds `PUT /arrest_events/{id}`. */
export function addPut(api: Api, dependencies: Pick<Dependencies, "writer" | "limits">): void {
  addUpdate(api, dependencies, ["application/json"], {
    method: "put",
    operationId: "updateArrestEvent",
    summary: "Update an arrest event",
    description:
      "Changes the members that are given, at least one, and answers the whole arrest event. The change is on the disk when the answer is sent. With `If-Match` it is made only while nobody else has changed the event.",
  });
}

/** Adds an operation that changes the members which its body has. */
export function addUpdate(
  api: Api,
  { writer, limits }: Pick<Dependencies, "writer" | "limits">,
  mediaTypes: readonly MediaType[],
  operation: Pick<Operation, "method" | "operationId" | "summary" | "description">,
): void {
  const content = { schema: ArrestEventChanges, example: { crime_type_id: 32 } };
  api.add(
    {
      ...operation,
      path: "/arrest_events/{id}",
      tag: "Arrest events",
      request: {
        params: EventPath,
        headers: z.object({
          "If-Match": IF_MATCH,
          "If-None-Match": IF_NONE_MATCH_OF_CHANGE,
          Prefer: PREFER,
        }),
        body: {
          description: "The members to change, up to 1 MiB.",
          required: true,
          content: Object.fromEntries(mediaTypes.map((type) => [type, content])),
        },
      },
      responses: CHANGED_RESPONSES,
      problems: [
        "malformed-body",
        "event-not-found",
        "precondition-failed",
        "body-too-large",
        "unsupported-media-type",
        "invalid-event",
        "internal-error",
        "store-unavailable",
      ],
    },
    async ({ req, env }) => {
      const id = parseId(req.param("id"), "event-not-found");
      const fields = parseChanges(await readJson(req.raw, limits.requestTimeoutMs, mediaTypes));
      const { event } = await makeChange(writer, {
        kind: "update",
        id,
        fields,
        ...versionCondition(req.raw.headers),
        ...env,
      });
      return eventAnswer(req.raw, event, false);
    },
  );
}
