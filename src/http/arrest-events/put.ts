import { toJson } from "../../arrest-event.ts";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { readJson } from "../body.ts";
import {
  ArrestEventChanges,
  EVENT_CONTENT,
  EventPath,
  parseChanges,
  parseId,
} from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { makeChange } from "./change.ts";

/** Adds `PUT /arrest_events/{id}`. */
export function addPut(api: Api, { writer }: Pick<Dependencies, "writer">): void {
  api.add(
    {
      method: "put",
      path: "/arrest_events/{id}",
      operationId: "updateArrestEvent",
      tag: "Arrest events",
      summary: "Update an arrest event",
      description:
        "Changes the members that are given, at least one, and answers the whole arrest event. The change is on the disk when the answer is sent.",
      request: {
        params: EventPath,
        body: {
          description: "The members to change, up to 1 MiB.",
          required: true,
          content: {
            "application/json": { schema: ArrestEventChanges, example: { crime_type_id: 32 } },
          },
        },
      },
      responses: {
        200: {
          description: "The arrest event as it is stored now.",
          content: EVENT_CONTENT,
        },
      },
      problems: [
        "malformed-body",
        "event-not-found",
        "body-too-large",
        "unsupported-media-type",
        "invalid-event",
        "internal-error",
        "store-unavailable",
      ],
    },
    async ({ req }) => {
      const id = parseId(req.param("id"), "event-not-found");
      const fields = parseChanges(await readJson(req.raw));
      const event = await makeChange(writer, { kind: "update", id, fields });
      return jsonAnswer(JSON.stringify(toJson(event)));
    },
  );
}
