import { OpenAPIHono } from "@hono/zod-openapi";
import { routePath } from "hono/route";
import type { H, RouterRoute } from "hono/types";
import { StoreUnavailableError } from "../writer/client.ts";
import { emptyAnswer } from "./answer.ts";
import { type Bindings, createApi, type HttpEnv } from "./api.ts";
import { addArrestEvents } from "./arrest-events/index.ts";
import { ACCEPT_PATCH } from "./body.ts";
import { addDeadLetters } from "./dead-letters/index.ts";
import type { Dependencies } from "./dependencies.ts";
import { openApiDocument } from "./document.ts";
import { RequestMetrics } from "./metrics.ts";
import { addOperations } from "./operations/index.ts";
import { PathRouter } from "./path-router.ts";
import { Problem, problemAnswer } from "./problem.ts";
import { REQUEST_ID, requestIdOf } from "./request-id.ts";

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
  const router = new PathRouter<[H, RouterRoute]>();
  const hono = new OpenAPIHono<HttpEnv>({ router });
  const metrics = new RequestMetrics(dependencies.registry);
  /** The pattern of the route that the last request has met, which unlike its path has few values. */
  let route: string | null = null;
  const api = createApi(hono, dependencies.isStopping, (pattern) => {
    route = pattern;
  });
  const openApi = () => openApiDocument(hono, dependencies.version);
  addArrestEvents(api, dependencies);
  addDeadLetters(api, dependencies);
  addOperations(api, dependencies, openApi);

  hono.notFound(({ req }) => {
    const methods = allowedMethods(router.methodsOf(req.path));
    if (methods.length === 0) return problemAnswer(new Problem("not-found"), req.url);
    const headers = { Allow: methods.join(", ") };
    if (req.method === "OPTIONS") {
      return emptyAnswer(204, { ...headers, ...(methods.includes("PATCH") && ACCEPT_PATCH) });
    }
    return problemAnswer(new Problem("method-not-allowed", { headers }), req.url);
  });

  hono.onError((error, context) => {
    const { method, url } = context.req;
    const request_id = context.env.requestId;
    const where = { method, route: routePath(context, 0), ...(request_id && { request_id }) };
    return problemAnswer(problemOf(error, where), url);
  });

  function problemOf(error: Error, where: object): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof StoreUnavailableError) return new Problem("store-unavailable");
    const id = dependencies.newId();
    log.error({ err: error, id, ...where }, "request failed");
    return new Problem("internal-error", { id });
  }

  function answered(
    method: string,
    route: string | null,
    requestId: string | undefined,
    response: Response,
    startedAt: number,
  ): void {
    const { status } = response;
    // Not looked at otherwise: Bun makes the headers of an answer when they are asked for.
    if (requestId !== undefined) response.headers.set(REQUEST_ID, requestId);
    const durationMs = performance.now() - startedAt;
    metrics.answered(method, route, status, durationMs);
    if (!log.isLevelEnabled("debug")) return;
    const duration_ms = Math.round(durationMs * 1000) / 1000;
    const request_id = requestId && { request_id: requestId };
    log.debug({ method, route, status, duration_ms, ...request_id }, "request");
  }

  return {
    openApi,
    fetch: (request) => {
      const startedAt = performance.now();
      const { method } = request;
      // hono would throw the body of a HEAD away, and with it the length that the answer should tell.
      const asked = method === "HEAD" ? new Request(request, { method: "GET" }) : request;
      const requestId = requestIdOf(request, dependencies.newId);
      route = null;
      const response = hono.fetch(asked, requestId === undefined ? NAMELESS : { requestId });
      const met = route;
      if (response instanceof Response) {
        answered(method, met, requestId, response, startedAt);
        return response;
      }
      return response.then((late) => {
        answered(method, met, requestId, late, startedAt);
        return late;
      });
    },
  };
}

/** The bindings of a read that brings no id. */
const NAMELESS: Bindings = {};

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** What `Allow` lists for a path that has these methods; nothing for an unknown path. */
function allowedMethods(methods: readonly string[]): string[] {
  if (methods.length === 0) return [];
  const served = METHODS.filter((method) => methods.includes(method));
  return [...served, ...(served.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
}
