import type { Api } from "../api.ts";
import { codedAnswer } from "../coded-answer.ts";
import type { Dependencies } from "../dependencies.ts";

/**
 * Adds `GET /openapi.json`. What is answered is the document that is checked in, which a test holds to be that
 * of the code: making it of the code would hold the thread for some 50 ms.
 */
export function addOpenApi(api: Api, { version }: Pick<Dependencies, "version">): void {
  let text: Promise<string> | undefined;
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
    async ({ req }) => {
      text ??= readDocument(version);
      return codedAnswer(req.raw, "application/json", await text);
    },
  );
}

async function readDocument(version: string): Promise<string> {
  const { default: document } = await import("../../../docs/openapi.json");
  return JSON.stringify({ ...document, info: { ...document.info, version } });
}
