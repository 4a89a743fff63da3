import { emptyAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { EventPath, parseId } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { makeChange } from "./change.ts";

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
        "Deletes an arrest event. Its id is never used again. The change is on the disk when the answer is sent.",
      request: { params: EventPath },
      responses: { 204: { description: "The arrest event is deleted." } },
      problems: ["event-not-found", "internal-error", "store-unavailable"],
    },
    async ({ req }) => {
      await makeChange(writer, { kind: "delete", id: parseId(req.param("id"), "event-not-found") });
      return emptyAnswer(204);
    },
  );
}
