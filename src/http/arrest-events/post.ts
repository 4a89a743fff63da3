import { z } from "@hono/zod-openapi";
import type { Api } from "../api.ts";
import { readJson } from "../body.ts";
import { makeChange } from "../change.ts";
import { EXAMPLE_NEW_EVENT, NewArrestEvent, parseNewEvent } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { PREFER } from "../prefer.ts";
import { CREATED_RESPONSES, eventAnswer } from "./answer.ts";
import { IDEMPOTENCY_KEY, idempotencyKey, type RequestsUnderWay } from "./idempotency.ts";

/** Adds `POST /arrest_events`. */
export function addPost(
  api: Api,
  { writer, limits }: Pick<Dependencies, "writer" | "limits">,
  underWay: RequestsUnderWay,
): void {
  api.add(
    {
      method: "post",
      path: "/arrest_events",
      operationId: "createArrestEvent",
      tag: "Arrest events",
      summary: "Create an arrest event",
      description:
        "Creates an arrest event and answers it with the id that it was given. It is on the disk when the answer is sent. All members are required, and there are no others. With an `Idempotency-Key` the request can be sent again until it is answered, and creates the event once.",
      request: {
        headers: z.object({ "Idempotency-Key": IDEMPOTENCY_KEY, Prefer: PREFER }),
        body: {
          description: "The arrest event without its id, up to 1 MiB.",
          required: true,
          content: {
            "application/json": { schema: NewArrestEvent, example: EXAMPLE_NEW_EVENT },
          },
        },
      },
      responses: CREATED_RESPONSES,
      problems: [
        "bad-idempotency-key",
        "malformed-body",
        "request-under-way",
        "body-too-large",
        "unsupported-media-type",
        "invalid-event",
        "idempotency-key-reused",
        "internal-error",
        "store-unavailable",
      ],
    },
    async ({ req, env }) => {
      const key = idempotencyKey(req.raw.headers);
      const fields = parseNewEvent(await readJson(req.raw, limits.requestTimeoutMs));
      const { event } = await underWay.make(key, "create", [fields], (idempotency) =>
        makeChange(writer, { kind: "create", fields, ...idempotency, ...env }),
      );
      return eventAnswer(req.raw, event, true);
    },
  );
}
