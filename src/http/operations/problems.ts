import { z } from "@hono/zod-openapi";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import {
  PROBLEM_NAMES,
  PROBLEMS,
  Problem,
  type ProblemKind,
  type ProblemName,
  problemType,
} from "../problem.ts";

const ProblemDocumentation = z
  .strictObject({
    type: z.string().openapi({ format: "uri-reference", description: "The kind of problem." }),
    title: z.string().openapi({ description: "What it is called." }),
    status: z
      .int()
      .openapi({ minimum: 400, maximum: 599, description: "The status it comes with." }),
    description: z.string().openapi({ description: "When it happens, and what its members tell." }),
  })
  .openapi("ProblemDocumentation", { description: "The documentation of a kind of problem." });

/** Adds `GET /problems/{name}`, where the `type` of each problem leads. */
export function addProblems(api: Api): void {
  api.add(
    {
      method: "get",
      path: "/problems/{name}",
      operationId: "getProblem",
      tag: "Documentation",
      summary: "Explain a kind of problem",
      description: "Answers what the `type` of a problem document means.",
      request: {
        params: z.object({
          name: z.enum(PROBLEM_NAMES).openapi({
            param: { name: "name", in: "path", description: "The last part of the `type`." },
            example: "invalid-event",
          }),
        }),
      },
      responses: {
        200: {
          description: "The documentation of the problem.",
          content: {
            "application/json": {
              schema: ProblemDocumentation,
              example: document("invalid-event"),
            },
          },
        },
      },
      problems: ["not-found"],
    },
    ({ req }) => {
      const name = PROBLEM_NAMES.find((known) => known === req.param("name"));
      if (name === undefined) throw new Problem("not-found");
      return jsonAnswer(JSON.stringify(document(name)));
    },
  );
}

function document(name: ProblemName): z.infer<typeof ProblemDocumentation> {
  const { title, status, about }: ProblemKind = PROBLEMS[name];
  return { type: problemType(name), title, status, description: about };
}
