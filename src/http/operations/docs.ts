import { z } from "@hono/zod-openapi";
import favicon from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import styles from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import { answer, emptyAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { CODING_HEADERS, codingFor, codingHeaders, encode } from "../content-coding.ts";
import { Problem } from "../problem.ts";

/** The page. Its links are relative, so that it works below any prefix that a proxy adds. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Arrest Events: HTTP interface</title>
    <link rel="icon" type="image/png" href="docs/favicon.png">
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <script src="docs/swagger-ui-bundle.js" defer></script>
    <script src="docs/initializer.js" type="module"></script>
  </head>
  <body>
    <div id="swagger-ui"></div>
    <noscript>The description that this page shows is at <a href="openapi.json">openapi.json</a>.</noscript>
  </body>
</html>
`;

// The page asks the service that served it, whatever address the document names. It would fill the examples of
// all parameters in, filters and cursors among them, of which a request needs none.
const INITIALIZER = `const home = new URL(".", location.href).href;
const answer = await fetch(home + "openapi.json");
const spec = await answer.json();
spec.servers = [{ url: home.slice(0, -1) }];
const operations = Object.values(spec.paths).flatMap((path) => Object.values(path));
for (const { parameters = [] } of [...operations, { parameters: Object.values(spec.components.parameters) }]) {
  for (const parameter of parameters.filter(({ required }) => !required)) {
    delete parameter.example;
    delete parameter.schema?.example;
    delete parameter.schema?.items?.example;
  }
}
SwaggerUIBundle({ spec, dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
`;

/** Swagger UI sets style attributes and shows images that lie in its own styles. Nothing else may come from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const JAVASCRIPT = "text/javascript; charset=utf-8";

/** The only files that are served. Those of the package are named one by one, so that a bundler can take them in. */
const FILES = {
  "swagger-ui.css": { type: "text/css; charset=utf-8", content: Bun.file(styles) },
  "swagger-ui-bundle.js": { type: JAVASCRIPT, content: Bun.file(bundle) },
  "favicon.png": { type: "image/png", content: Bun.file(favicon) },
  "initializer.js": { type: JAVASCRIPT, content: new Blob([INITIALIZER]) },
} as const satisfies Record<string, { type: string; content: Blob }>;

type FileName = keyof typeof FILES;
const FILE_NAMES = Object.keys(FILES) as [FileName, ...FileName[]];

const FILE_HEADERS = {
  ETag: {
    description: "The version of the file in its coding, for `If-None-Match`.",
    required: true,
    schema: { type: "string" },
    example: '"5f1d7a84db00d2fc"',
  },
  "Cache-Control": {
    description: "How long the file may be kept.",
    required: true,
    schema: { type: "string" },
    example: "public, max-age=86400",
  },
} as const;

/** Adds `GET /docs`, the page, and `GET /docs/{file}`, what it is made of. */
export function addDocs(api: Api): void {
  api.add(
    {
      method: "get",
      path: "/docs",
      operationId: "getDocs",
      tag: "Documentation",
      summary: "Read and try this interface",
      description: "Answers a page that shows this document and sends requests. It works offline.",
      responses: {
        200: {
          description: "The page.",
          headers: {
            "Content-Security-Policy": {
              description: "Keeps the page from loading anything from elsewhere.",
              required: true,
              schema: { type: "string" },
              example: CONTENT_SECURITY_POLICY,
            },
          },
          content: {
            "text/html": {
              schema: { type: "string", description: "The page." },
              example: `${PAGE.slice(0, PAGE.indexOf("<head>"))}…`,
            },
          },
        },
      },
      problems: [],
    },
    () =>
      answer("text/html; charset=utf-8", PAGE, 200, {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
      }),
  );

  const hashes = new Map<FileName, Promise<string>>();
  api.add(
    {
      method: "get",
      path: "/docs/{file}",
      operationId: "getDocsFile",
      tag: "Documentation",
      summary: "Get a file of the documentation page",
      description: "Answers a stylesheet, script or image that the page at `/docs` needs.",
      request: {
        params: z.object({
          file: z.enum(FILE_NAMES).openapi({
            param: { name: "file", in: "path", description: "The name of the file." },
            example: "initializer.js",
          }),
        }),
        headers: z.object({
          "If-None-Match": z.string().optional().openapi({
            description: "An `ETag` of the file that is kept, or several with commas between.",
            example: '"5f1d7a84db00d2fc"',
          }),
        }),
      },
      responses: {
        200: {
          description: "The file.",
          headers: FILE_HEADERS,
          content: {
            "text/css": {
              schema: { type: "string", description: "A stylesheet." },
              example: ".swagger-ui { color: #3b4151 }",
            },
            "text/javascript": {
              schema: { type: "string", description: "A script." },
              example: INITIALIZER.split("\n")[0],
            },
            "image/png": {
              schema: { type: "string", contentMediaType: "image/png", description: "An image." },
              example: "\u0089PNG…",
            },
          },
        },
        304: {
          description: "The file that is kept is the same.",
          headers: { ...FILE_HEADERS, Vary: CODING_HEADERS.Vary },
        },
      },
      problems: ["not-found"],
      compresses: true,
    },
    async ({ req }) => {
      const name = FILE_NAMES.find((known) => known === req.param("file"));
      if (name === undefined) throw new Problem("not-found");
      const { type, content } = FILES[name];
      const hash = hashes.get(name) ?? hashOf(content);
      hashes.set(name, hash);
      const coding = codingFor(req.raw, content.size);
      const kept = {
        // Strong: the bytes of another coding are others (RFC 9110, 8.8.3.3).
        ETag: `"${await hash}${coding === "identity" ? "" : `-${coding}`}"`,
        "Cache-Control": "public, max-age=86400",
        ...codingHeaders("identity"),
      };
      if (matches(req.header("if-none-match"), kept.ETag)) return emptyAnswer(304, kept);
      const headers = { ...kept, ...codingHeaders(coding) };
      if (coding === "identity") return answer(type, content, 200, headers);
      return answer(type, await encode(await content.bytes(), coding), 200, headers);
    },
  );
}

async function hashOf(content: Blob): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256").update(await content.arrayBuffer()).digest("hex");
  return hash.slice(0, 16);
}

/** Whether an `If-None-Match` names a strong entity tag, by the weak comparison (RFC 9110, 13.1.2). */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === tag);
}
