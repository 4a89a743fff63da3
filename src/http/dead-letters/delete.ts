import { emptyAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { makeChange } from "../change.ts";
import { parseId } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { DeadLetterPath } from "./contract.ts";

/** Adds `DELETE /dead_letters/{id}`. */
export function addDelete(api: Api, { writer }: Pick<Dependencies, "writer">): void {
  api.add(
    {
      method: "delete",
      path: "/dead_letters/{id}",
      operationId: "deleteDeadLetter",
      tag: "Dead letters",
      summary: "Delete a dead letter",
      description:
        "Deletes a dead letter, and with it the message: the service does not read it again.",
      request: { params: DeadLetterPath },
      responses: { 204: { description: "The dead letter is deleted." } },
      problems: ["dead-letter-not-found", "internal-error", "store-unavailable"],
    },
    async ({ req }) => {
      const letterId = parseId(req.param("id"), "dead-letter-not-found");
      await makeChange(writer, { kind: "delete-letter", letterId });
      return emptyAnswer(204);
    },
  );
}
