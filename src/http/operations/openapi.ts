import type { Api } from "../api.ts";
import { codedAnswer } from "../coded-answer.ts";

/**
 * Adds `GET /openapi.json`.
 *
 * @param document makes the document; called once, when it is first asked for
 */
export function addOpenApi(api: Api, document: () => object): void {
  let text: string | undefined;
  api.add(
    {
      method: "get",
      path: "/openapi.json",
      operationId: "getOpenApiDocument",
      tag: "Documentation",
      summary: "Get this description",
      description: "Answers the OpenAPI 3.1 document that describes all that the service serves.",
      responses: {
        200: {
          description: "The OpenAPI document.",
          content: {
            "application/json": {
              schema: {
                type: "object",
                description: "An OpenAPI 3.1 document.",
                properties: {
                  openapi: { type: "string", pattern: "^3\\.1\\." },
                  info: { type: "object", description: "What the interface is called." },
                  paths: { type: "object", description: "The operations by path and method." },
                },
                required: ["openapi", "info", "paths"],
              },
              example: {
                openapi: "3.1.0",
                info: { title: "Arrest Events", version: "0.1.0" },
                paths: {},
              },
            },
          },
        },
      },
      problems: [],
      compresses: true,
    },
    ({ req }) => {
      text ??= JSON.stringify(document());
      return codedAnswer(req.raw, "application/json", text);
    },
  );
}
