import type { OpenAPIHono } from "@hono/zod-openapi";
import type { HttpEnv } from "./api.ts";
import { problemResponses } from "./problem-documentation.ts";

const DESCRIPTION = `Arrest events, taken from Kafka exactly once, to be read and changed over HTTP.

Errors are problem documents (RFC 9457); what was sent is not repeated in them. Their \`type\` is a link to their documentation.

Besides what each operation says: a path that is not listed here answers 404 as the component \`NotFound\` says, and a method that a path does not have answers 405 as \`MethodNotAllowed\` says. HEAD works where GET does; OPTIONS answers 204 with \`Allow\`, and \`Accept-Patch\` where there is a PATCH. A path with a slash at its end answers 308 with the \`Location\` without it. A request line with its headers beyond 16 KiB, or more than 198 headers, answer 431 without a body.

Large answers are compressed by zstd or gzip where \`Accept-Encoding\` asks for that. With \`CORS_ORIGINS\` the pages of other origins can use this interface.

An \`X-Request-Id\` of the request is that of its answer, of its line in the log, and of the history of what it changes.`;

/** Makes the OpenAPI 3.1 document of what `hono` has been given. */
export function openApiDocument(hono: OpenAPIHono<HttpEnv>, version: string) {
  // No operation can refer to these: they are the answers where there is none.
  problemResponses(hono.openAPIRegistry, ["not-found", "method-not-allowed"]);
  return hono.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Arrest Events",
      version,
      description: DESCRIPTION,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [
      { url: "http://localhost:5100", description: "The service with its default settings." },
    ],
    // Access control, where it is wanted, lies in front of the service.
    security: [],
    tags: [
      { name: "Arrest events", description: "The events: all of them, and each by its id." },
      {
        name: "Dead letters",
        description:
          "The Kafka messages that are no arrest events: what was refused, why, and how to make good for it.",
      },
      { name: "Operations", description: "What those who run the service ask it." },
      { name: "Documentation", description: "What describes this interface." },
    ],
  });
}
