import { toJson } from "../../arrest-event.ts";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { EVENT_CONTENT, EventPath, parseId } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
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
      description: "Answers one arrest event by its id.",
      request: { params: EventPath },
      responses: {
        200: {
          description: "The arrest event.",
          content: EVENT_CONTENT,
        },
      },
      problems: ["event-not-found", "internal-error"],
    },
    ({ req }) => {
      const event = reader.get(parseId(req.param("id"), "event-not-found"));
      if (event === undefined) throw new Problem("event-not-found");
      return jsonAnswer(JSON.stringify(toJson(event)));
    },
  );
}
