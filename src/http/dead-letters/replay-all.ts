import { z } from "@hono/zod-openapi";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { makeChange } from "../change.ts";
import type { Dependencies } from "../dependencies.ts";
import { linkHeader, nextLink, pageParameters, readQuery } from "../query.ts";
import { filterParameters, letters, toFilter } from "./contract.ts";

const ReplayQuery = z.object({
  ...filterParameters,
  ...pageParameters(1000, "The most dead letters that are replayed."),
});

const Replayed = z
  .strictObject({
    replayed: letters("How many became arrest events, and are gone."),
    refused: letters("How many still are no valid arrest events, and stay."),
  })
  .openapi("ReplayedDeadLetters", { description: "What became of dead letters." });

/** Adds `POST /dead_letters/replay`. */
export function addReplayAll(api: Api, { writer }: Pick<Dependencies, "writer">): void {
  api.add(
    {
      method: "post",
      path: "/dead_letters/replay",
      operationId: "replayDeadLetters",
      tag: "Dead letters",
      summary: "Make arrest events of dead letters",
      description:
        "Replays the dead letters that match, oldest first, up to `limit` of them in one transaction. Those that still are no valid arrest events stay as they are. While there are more, `Link` leads to where to POST next.",
      request: { query: ReplayQuery },
      responses: {
        200: {
          description: "What became of them.",
          headers: { Link: linkHeader("/dead_letters/replay?limit=1000&cursor=4711") },
          content: {
            "application/json": { schema: Replayed, example: { replayed: 990, refused: 10 } },
          },
        },
      },
      problems: ["internal-error", "store-unavailable"],
    },
    async ({ req, env }) => {
      const query = readQuery(ReplayQuery, req.url);
      const { letters: result } = await makeChange(writer, {
        kind: "replay-letters",
        filter: toFilter(query),
        after: query.cursor ?? 0,
        limit: query.limit,
        ...env,
      });
      const { done, refused, lastId, more } = result;
      const body: z.infer<typeof Replayed> = { replayed: done, refused };
      return jsonAnswer(JSON.stringify(body), 200, more ? nextLink(req.url, lastId) : undefined);
    },
  );
}
