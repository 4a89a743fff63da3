import { OpenAPIHono } from "@hono/zod-openapi";
import { routePath } from "hono/route";
import type { H, RouterRoute } from "hono/types";
import { StoreUnavailableError } from "../writer/client.ts";
import { emptyAnswer } from "./answer.ts";
import { type Bindings, createApi, type HttpEnv } from "./api.ts";
import { addArrestEvents } from "./arrest-events/index.ts";
import { ACCEPT_PATCH } from "./body.ts";
import { writerOf } from "./change.ts";
import { isCrossSite, openCors } from "./cors.ts";
import { addDeadLetters } from "./dead-letters/index.ts";
import type { Dependencies } from "./dependencies.ts";
import { openApiDocument } from "./document.ts";
import { addStreamsOpen, RequestMetrics } from "./metrics.ts";
import { addOperations } from "./operations/index.ts";
import { PathRouter } from "./path-router.ts";
import { Problem, problemAnswer } from "./problem.ts";
import { REQUEST_ID, requestIdOf } from "./request-id.ts";
import { requestLevel } from "./request-log.ts";
import { Streams } from "./streams.ts";

/** The HTTP door, apart from any server. */
export interface App {
  /**
   * Answers a request. The answer to HEAD is that to GET, body included: the server leaves the body out
   * and keeps its length (Bun.serve does), and has not yet read any of it when it is a stream.
   */
  fetch(request: Request): Response | Promise<Response>;
  /** Makes the OpenAPI 3.1 document of everything that is served, which is checked in and served from there. */
  openApi(): ReturnType<typeof openApiDocument>;
}

/** Makes the app over its dependencies. It holds nothing open and starts nothing. */
export function createApp(given: Dependencies): App {
  const dependencies = { ...given, writer: writerOf(given) };
  const { log, limits, logRequests } = dependencies;
  const cors = openCors(dependencies.corsOrigins);
  const router = new PathRouter<[H, RouterRoute]>();
  const hono = new OpenAPIHono<HttpEnv>({ router });
  const metrics = new RequestMetrics(dependencies.registry);
  /** The pattern of the route that the last request has met, which unlike its path has few values. */
  let route: string | null = null;
  const api = createApi(
    hono,
    dependencies.isStopping,
    (request) => isCrossSite(request, dependencies.corsOrigins),
    (pattern) => {
      route = pattern;
    },
  );
  const streams = new Streams(() => limits.maxStreams);
  addStreamsOpen(dependencies.registry, () => streams.open);
  addArrestEvents(api, dependencies, streams);
  addDeadLetters(api, dependencies);
  addOperations(api, dependencies);

  hono.notFound(({ req }) => {
    const methods = allowedMethods(router.methodsOf(req.path));
    if (methods.length === 0) {
      const { pathname, search } = new URL(req.url);
      const bare = pathname.slice(0, -1);
      if (pathname.endsWith("/") && router.methodsOf(bare).length > 0) {
        return emptyAnswer(308, { Location: `${bare}${search}` });
      }
      return problemAnswer(new Problem("not-found"), req.url);
    }
    const headers = { Allow: methods.join(", ") };
    if (req.method === "OPTIONS") {
      return emptyAnswer(204, {
        ...headers,
        ...(methods.includes("PATCH") && ACCEPT_PATCH),
        ...cors?.preflight(req.raw, methods),
      });
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
    request: Request,
    route: string | null,
    requestId: string | undefined,
    response: Response,
    startedAt: number,
  ): void {
    const { method } = request;
    const { status } = response;
    cors?.allow(request, response.headers);
    // Not looked at otherwise: Bun makes the headers of an answer when they are asked for.
    if (requestId !== undefined) response.headers.set(REQUEST_ID, requestId);
    const durationMs = performance.now() - startedAt;
    metrics.answered(method, route, status, durationMs);
    const level = requestLevel(logRequests, method, route, status, durationMs);
    if (!log.isLevelEnabled(level)) return;
    const duration_ms = Math.round(durationMs * 1000) / 1000;
    const request_id = requestId && { request_id: requestId };
    log[level]({ method, route, status, duration_ms, ...request_id }, "request");
  }

  return {
    openApi: () => {
      api.document();
      return openApiDocument(hono, dependencies.version);
    },
    fetch: (request) => {
      const startedAt = performance.now();
      // hono would throw the body of a HEAD away, and with it the length that the answer should tell.
      const isHead = request.method === "HEAD";
      const asked = isHead ? new Request(request, { method: "GET" }) : request;
      const requestId = requestIdOf(request, dependencies.newId);
      route = null;
      const response = hono.fetch(asked, bindings(requestId, isHead));
      const met = route;
      if (response instanceof Response) {
        answered(request, met, requestId, response, startedAt);
        return response;
      }
      return response.then((late) => {
        answered(request, met, requestId, late, startedAt);
        return late;
      });
    },
  };
}

/** The bindings of a read that brings no id. */
const NAMELESS: Bindings = {};

function bindings(requestId: string | undefined, isHead: boolean): Bindings {
  if (requestId === undefined && !isHead) return NAMELESS;
  return { ...(requestId !== undefined && { requestId }), ...(isHead && { isHead }) };
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** What `Allow` lists for a path that has these methods; nothing for an unknown path. */
function allowedMethods(methods: readonly string[]): string[] {
  if (methods.length === 0) return [];
  const served = METHODS.filter((method) => methods.includes(method));
  return [...served, ...(served.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
}
