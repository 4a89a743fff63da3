import { toJson } from "../../arrest-event.ts";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { readJson } from "../body.ts";
import {
  EVENT_CONTENT,
  EXAMPLE_NEW_EVENT,
  LOCATION_HEADER,
  NewArrestEvent,
  parseNewEvent,
} from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { makeChange } from "./change.ts";

/** Adds `POST /arrest_events`. */
export function addPost(api: Api, { writer }: Pick<Dependencies, "writer">): void {
  api.add(
    {
      method: "post",
      path: "/arrest_events",
      operationId: "createArrestEvent",
      tag: "Arrest events",
      summary: "Create an arrest event",
      description:
        "Creates an arrest event and answers it with the id that it was given. It is on the disk when the answer is sent. All members are required, and there are no others.",
      request: {
        body: {
          description: "The arrest event without its id, up to 1 MiB.",
          required: true,
          content: {
            "application/json": { schema: NewArrestEvent, example: EXAMPLE_NEW_EVENT },
          },
        },
      },
      responses: {
        201: {
          description: "The arrest event as it was stored.",
          headers: {
            Location: LOCATION_HEADER,
          },
          content: EVENT_CONTENT,
        },
      },
      problems: [
        "malformed-body",
        "body-too-large",
        "unsupported-media-type",
        "invalid-event",
        "internal-error",
        "store-unavailable",
      ],
    },
    async ({ req }) => {
      const fields = parseNewEvent(await readJson(req.raw));
      const event = await makeChange(writer, { kind: "create", fields });
      return jsonAnswer(JSON.stringify(toJson(event)), 201, {
        Location: `/arrest_events/${event.id}`,
      });
    },
  );
}
