import { z } from "@hono/zod-openapi";
import type { EventCounting } from "../../store/read.ts";
import { answerToNobody, jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import type { Dependencies } from "../dependencies.ts";
import { readQuery } from "../query.ts";
import { nextTurn } from "../turns.ts";
import { filterParameters, toFilter } from "./contract.ts";

const CountQuery = z.object(filterParameters);

/** A number of events. */
export const eventCount = z.int().openapi({
  format: "int64",
  minimum: 0,
  description: "How many events there are.",
});

const EventCount = z
  .strictObject({ count: eventCount })
  .openapi("ArrestEventCount", { description: "A number of arrest events." });

/** Adds `GET /arrest_events/count`. */
export function addCount(
  api: Api,
  { reader, limits }: Pick<Dependencies, "reader" | "limits">,
): void {
  api.add(
    {
      method: "get",
      path: "/arrest_events/count",
      operationId: "countArrestEvents",
      tag: "Arrest events",
      summary: "Count arrest events",
      description:
        "Counts the arrest events that match all filters; without any, all. When it takes longer, other requests are served in between: what is created or changed meanwhile may or may not be counted.",
      request: { query: CountQuery },
      responses: {
        200: {
          description: "How many arrest events match.",
          content: { "application/json": { schema: EventCount, example: { count: 17 } } },
        },
      },
      problems: ["internal-error", "answer-timeout"],
    },
    async ({ req }) => {
      const counting = reader.counting(toFilter(readQuery(CountQuery, req.url)), []);
      const until = performance.now() + limits.requestTimeoutMs;
      if ((await countAll(counting, req.raw, until)) === "left") return answerToNobody();
      return jsonAnswer(JSON.stringify({ count: counting.groups()[0]?.count ?? 0 }));
    },
  );
}

/**
 * Counts to the end; less when the client has left, or when there are more groups than are wanted.
 *
 * @param until when the answer must be there, on the clock of `performance.now()`
 * @throws Problem `answer-timeout`
 */
export async function countAll(
  counting: EventCounting,
  request: Request,
  until: number,
): Promise<"counted" | "left" | "too-many-groups"> {
  while (!counting.next()) {
    if (counting.tooMany()) return "too-many-groups";
    if (!(await nextTurn(request, until))) return "left";
  }
  return counting.tooMany() ? "too-many-groups" : "counted";
}
