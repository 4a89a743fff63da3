import { z } from "@hono/zod-openapi";
import type { DeadLetterSummary } from "../../store/read.ts";
import { answerToNobody } from "../answer.ts";
import type { Api } from "../api.ts";
import { codedAnswer } from "../coded-answer.ts";
import type { Dependencies } from "../dependencies.ts";
import { linkHeader, nextLink, pageParameters, readQuery } from "../query.ts";
import { writeArray } from "../turns.ts";
import {
  DeadLetterSummarySchema,
  EXAMPLE_SUMMARY,
  filterParameters,
  toFilter,
  toSummary,
} from "./contract.ts";

const ListQuery = z.object({
  ...filterParameters,
  ...pageParameters(100, "The most dead letters that the answer has."),
});

/** How many are written before others are served: some milliseconds. */
const LETTERS_AT_ONCE = 250;

/** Adds `GET /dead_letters`. */
export function addGetAll(api: Api, { reader }: Pick<Dependencies, "reader">): void {
  api.add(
    {
      method: "get",
      path: "/dead_letters",
      operationId: "listDeadLetters",
      tag: "Dead letters",
      summary: "List dead letters",
      description:
        "Answers the messages that were refused and wait for somebody to look after them, oldest first, without what they held. `Link` leads to the next page.",
      request: { query: ListQuery },
      responses: {
        200: {
          description: "Dead letters.",
          headers: { Link: linkHeader("/dead_letters?limit=100&cursor=4711") },
          content: {
            "application/json": {
              schema: z.array(DeadLetterSummarySchema),
              example: [EXAMPLE_SUMMARY],
            },
          },
        },
      },
      problems: ["internal-error"],
      compresses: true,
    },
    async ({ req }) => {
      const query = readQuery(ListQuery, req.url);
      // One more than are asked for shows whether there is a next page.
      const found = reader.deadLetters(toFilter(query), query.cursor ?? 0, query.limit + 1);
      const page = found.slice(0, query.limit);
      const link = found.length > page.length ? nextLink(req.url, page.at(-1)?.id) : undefined;
      const write = (letter: DeadLetterSummary): string => JSON.stringify(toSummary(letter));
      const text = await writeArray(req.raw, page, LETTERS_AT_ONCE, write);
      if (text === undefined) return answerToNobody();
      return codedAnswer(req.raw, "application/json", text, link);
    },
  );
}
