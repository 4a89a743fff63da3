import { OpenAPIHono } from "@hono/zod-openapi";
import { StoreUnavailableError } from "../writer/client.ts";
import { emptyAnswer } from "./answer.ts";
import { createApi } from "./api.ts";
import { addArrestEvents } from "./arrest-events/index.ts";
import { addDeadLetters } from "./dead-letters/index.ts";
import type { Dependencies } from "./dependencies.ts";
import { openApiDocument } from "./document.ts";
import { addOperations } from "./operations/index.ts";
import { Problem, problemAnswer } from "./problem.ts";

/** The HTTP door, apart from any server. */
export interface App {
  /**
   * Answers a request. The answer to HEAD is that to GET, body included: the server leaves the body out
   * and keeps its length (Bun.serve does), and has not yet read any of it when it is a stream.
   */
  fetch(request: Request): Response | Promise<Response>;
  /** The OpenAPI 3.1 document of everything that is served. */
  openApi(): ReturnType<typeof openApiDocument>;
}

/** Makes the app over its dependencies. It holds nothing open and starts nothing. */
export function createApp(dependencies: Dependencies): App {
  const { log } = dependencies;
  const hono = new OpenAPIHono();
  const api = createApi(hono, dependencies.isStopping);
  const openApi = () => openApiDocument(hono, dependencies.version);
  addArrestEvents(api, dependencies);
  addDeadLetters(api, dependencies);
  addOperations(api, dependencies, openApi);

  hono.notFound(({ req }) => {
    const methods = methodsOf(hono, req.path);
    if (methods.length === 0) return problemAnswer(new Problem("not-found"), req.url);
    const headers = { Allow: methods.join(", ") };
    if (req.method === "OPTIONS") return emptyAnswer(204, headers);
    return problemAnswer(new Problem("method-not-allowed", { headers }), req.url);
  });

  hono.onError((error, { req }) => problemAnswer(problemOf(error, req.raw), req.url));

  function problemOf(error: Error, request: Request): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof StoreUnavailableError) return new Problem("store-unavailable");
    const id = dependencies.newId();
    log.error(
      { err: error, id, method: request.method, route: routeOf(hono, request) },
      "request failed",
    );
    return new Problem("internal-error", { id });
  }

  async function fetchAndLog(request: Request, asked: Request): Promise<Response> {
    const startedAt = performance.now();
    const response = await hono.fetch(asked);
    log.debug(
      {
        method: request.method,
        route: routeOf(hono, asked),
        status: response.status,
        duration_ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
      },
      "request",
    );
    return response;
  }

  return {
    openApi,
    fetch: (request) => {
      // hono would throw the body of a HEAD away, and with it the length that the answer should tell.
      const asked = request.method === "HEAD" ? new Request(request, { method: "GET" }) : request;
      return log.isLevelEnabled("debug") ? fetchAndLog(request, asked) : hono.fetch(asked);
    },
  };
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** The methods that a path has, as `Allow` lists them; none for an unknown path. */
function methodsOf(hono: OpenAPIHono, path: string): string[] {
  const served = METHODS.filter((method) => hono.router.match(method, path)[0].length > 0);
  if (served.length === 0) return [];
  return [...served, ...(served.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
}

/** The pattern of the route that answers a request, which unlike its path has few values; null without one. */
function routeOf(hono: OpenAPIHono, request: Request): string | null {
  const [[matched]] = hono.router.match(request.method, new URL(request.url).pathname);
  return matched === undefined ? null : matched[0][1].path;
}
