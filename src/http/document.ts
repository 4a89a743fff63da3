import type { OpenAPIHono } from "@hono/zod-openapi";
import type { HttpEnv } from "./api.ts";
import { problemType } from "./problem.ts";
import { problemResponses } from "./problem-documentation.ts";

const DESCRIPTION = `Arrest events, taken from Kafka exactly once, to be read and changed over HTTP.

Every answer has \`Cache-Control: no-store\`, where it says nothing else, \`X-Content-Type-Options: nosniff\`, \`Referrer-Policy: no-referrer\` and \`Cross-Origin-Resource-Policy: same-origin\`.

Errors are problem documents (RFC 9457); what was sent is not repeated in them. Their \`type\` is a link to their documentation.

Besides what each operation says: a path that is not listed here answers 404 as the component \`NotFound\` says. A method that a path does not have answers 405 with \`Allow\`, which lists the methods that it has, and a \`Problem\` of the type \`${problemType("method-not-allowed")}\`. HEAD works where GET does; OPTIONS answers 204 with \`Allow\`, and \`Accept-Patch\` where there is a PATCH. A path with a slash at its end answers 308 with the \`Location\` without it.

Large answers are compressed by zstd or gzip where \`Accept-Encoding\` asks for that. With \`CORS_ORIGINS\` the pages of other origins can use this interface; without it changes that browsers send for them are answered 403.

An \`X-Request-Id\` of the request is that of its answer, of its line in the log, and of the history of what it changes.`;

/** Makes the OpenAPI 3.1 document of what `hono` has been given. */
export function openApiDocument(hono: OpenAPIHono<HttpEnv>, version: string) {
  // The answer where there is no operation, to which the description refers.
  problemResponses(hono.openAPIRegistry, ["not-found"]);
  return hono.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Arrest Events",
      version,
      description: DESCRIPTION,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [
      {
        url: "{scheme}://{host}:{port}",
        description:
          "The service; with the defaults of the variables, that of its default settings.",
        variables: {
          scheme: {
            enum: ["http", "https"],
            default: "http",
            description: "`https` where something in front of the service speaks TLS.",
          },
          host: { default: "localhost", description: "The host that the service listens on." },
          port: { default: "5100", description: "The port that the service listens on." },
        },
      },
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
