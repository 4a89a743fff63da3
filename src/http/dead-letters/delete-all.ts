import { z } from "@hono/zod-openapi";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { makeChange } from "../change.ts";
import type { Dependencies } from "../dependencies.ts";
import { Problem } from "../problem.ts";
import { linkHeader, nextLink, pageParameters, readQuery } from "../query.ts";
import { filterParameters, letters, toFilter } from "./contract.ts";

const DeleteQuery = z.object({
  ...filterParameters,
  limit: pageParameters(1000, "The most dead letters that are deleted.").limit,
});

const Deleted = z
  .strictObject({ deleted: letters("How many are gone.") })
  .openapi("DeletedDeadLetters", { description: "What became of dead letters." });

/** Adds `DELETE /dead_letters`. */
export function addDeleteAll(api: Api, { writer }: Pick<Dependencies, "writer">): void {
  api.add(
    {
      method: "delete",
      path: "/dead_letters",
      operationId: "deleteDeadLetters",
      tag: "Dead letters",
      summary: "Delete dead letters",
      description:
        "Deletes the dead letters that match, oldest first, up to `limit` of them in one transaction, and with them the messages. At least one filter is required. While there are more, `Link` leads to where to send the next DELETE.",
      request: { query: DeleteQuery },
      responses: {
        200: {
          description: "How many are gone.",
          headers: { Link: linkHeader("/dead_letters?reason=not_json&limit=1000") },
          content: { "application/json": { schema: Deleted, example: { deleted: 1000 } } },
        },
      },
      problems: ["internal-error", "store-unavailable"],
    },
    async ({ req }) => {
      const query = readQuery(DeleteQuery, req.url);
      const filter = toFilter(query);
      if (Object.values(filter).every((value) => value === undefined)) {
        const detail = "is required, or another filter: without one all would be deleted";
        throw new Problem("invalid-query", { errors: [{ parameter: "topic", detail }] });
      }
      const { limit } = query;
      const change = { kind: "delete-letters", filter, limit } as const;
      const { done, more } = (await makeChange(writer, change)).letters;
      const body: z.infer<typeof Deleted> = { deleted: done };
      return jsonAnswer(JSON.stringify(body), 200, more ? nextLink(req.url, undefined) : undefined);
    },
  );
}
