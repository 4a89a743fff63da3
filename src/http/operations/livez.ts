import { z } from "@hono/zod-openapi";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";

const Liveness = z
  .strictObject({ status: z.literal("ok") })
  .openapi("Liveness", { description: "The process serves requests." });

/** Adds `GET /livez`. */
export function addLivez(api: Api): void {
  const alive = JSON.stringify({ status: "ok" } satisfies z.infer<typeof Liveness>);
  api.add(
    {
      method: "get",
      path: "/livez",
      operationId: "getLiveness",
      tag: "Operations",
      summary: "Tell whether the process is alive",
      description:
        "Answers as long as the process serves requests, whatever else fails: restarting it would help against nothing else.",
      responses: {
        200: {
          description: "The process is alive.",
          content: { "application/json": { schema: Liveness, example: { status: "ok" } } },
        },
      },
      problems: [],
      answersWhileStopping: true,
    },
    () => jsonAnswer(alive),
  );
}
