import type { Api } from "../api.ts";
import { codedAnswer } from "../coded-answer.ts";
import { linksById, parseId } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { Problem } from "../problem.ts";
import { DeadLetterPath, DeadLetterSchema, EXAMPLE_DEAD_LETTER, toWhole } from "./contract.ts";

/** Adds `GET /dead_letters/{id}`. */
export function addGet(api: Api, { reader }: Pick<Dependencies, "reader">): void {
  api.add(
    {
      method: "get",
      path: "/dead_letters/{id}",
      operationId: "getDeadLetter",
      tag: "Dead letters",
      summary: "Get a dead letter",
      description: "Answers one refused message, whole, with the reasons.",
      request: { params: DeadLetterPath },
      responses: {
        200: {
          description: "The dead letter.",
          links: linksById("The dead letter", ["replayDeadLetter", "deleteDeadLetter"]),
          content: {
            "application/json": { schema: DeadLetterSchema, example: EXAMPLE_DEAD_LETTER },
          },
        },
      },
      problems: ["dead-letter-not-found", "internal-error"],
      compresses: true,
    },
    ({ req }) => {
      const letter = reader.deadLetter(parseId(req.param("id"), "dead-letter-not-found"));
      if (letter === undefined) throw new Problem("dead-letter-not-found");
      return codedAnswer(req.raw, "application/json", JSON.stringify(toWhole(letter)));
    },
  );
}
