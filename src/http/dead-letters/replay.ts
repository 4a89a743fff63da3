import { toJson } from "../../arrest-event.ts";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { eventHeaders } from "../arrest-events/answer.ts";
import { hasBody, readJson } from "../body.ts";
import { makeChange } from "../change.ts";
import {
  EVENT_CONTENT,
  EVENT_LINKS,
  EXAMPLE_NEW_EVENT,
  LOCATION_HEADER,
  NewArrestEvent,
  parseId,
  parseNewEvent,
} from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { ETAG_HEADER } from "../entity-tag.ts";
import { DeadLetterPath } from "./contract.ts";

/** Adds `POST /dead_letters/{id}/replay`. */
export function addReplay(
  api: Api,
  { writer, limits }: Pick<Dependencies, "writer" | "limits">,
): void {
  api.add(
    {
      method: "post",
      path: "/dead_letters/{id}/replay",
      operationId: "replayDeadLetter",
      tag: "Dead letters",
      summary: "Make an arrest event of a dead letter",
      description:
        "Makes an arrest event of what the message held, or of the corrected event in the body, and deletes the dead letter, both or neither. Without a body it succeeds where the rules have changed since the message was refused.",
      request: {
        params: DeadLetterPath,
        body: {
          description: "The corrected event, up to 1 MiB; no body means the message as it is.",
          required: false,
          content: {
            "application/json": { schema: NewArrestEvent, example: EXAMPLE_NEW_EVENT },
          },
        },
      },
      responses: {
        201: {
          description: "The arrest event as it was stored. The dead letter is gone.",
          headers: { Location: LOCATION_HEADER, ETag: ETAG_HEADER },
          links: EVENT_LINKS,
          content: EVENT_CONTENT,
        },
      },
      problems: [
        "malformed-body",
        "dead-letter-not-found",
        "body-too-large",
        "unsupported-media-type",
        "invalid-event",
        "dead-letter-refused",
        "internal-error",
        "store-unavailable",
      ],
    },
    async ({ req, env }) => {
      const letterId = parseId(req.param("id"), "dead-letter-not-found");
      const fields = hasBody(req.raw)
        ? parseNewEvent(await readJson(req.raw, limits.requestTimeoutMs))
        : undefined;
      const { event } = await makeChange(writer, {
        kind: "replay",
        letterId,
        ...(fields && { fields }),
        ...env,
      });
      return jsonAnswer(JSON.stringify(toJson(event)), 201, eventHeaders(event, true));
    },
  );
}
