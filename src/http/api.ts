import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import type { Context } from "hono";
import { preferredType } from "./accept.ts";
import { ACCEPT_ENCODING_PARAMETER, CODING_HEADERS } from "./content-coding.ts";
import { Problem, type ProblemName } from "./problem.ts";
import {
  component,
  headersTooLarge,
  problemResponses,
  withRequestId,
} from "./problem-documentation.ts";
import { checkNames, type Query } from "./query.ts";
import { REQUEST_ID_PARAMETER } from "./request-id.ts";

/** A request of the contract and its documentation, without what holds for all of them. */
export interface Operation extends Pick<RouteConfig, "responses"> {
  readonly request?: RouteConfig["request"] & { readonly query?: Query };
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** With parameters as OpenAPI writes them: `/arrest_events/{id}`. */
  readonly path: string;
  /** What a generated client calls it. */
  readonly operationId: string;
  readonly tag: "Arrest events" | "Dead letters" | "Operations" | "Documentation";
  readonly summary: string;
  readonly description: string;
  /** The problems that only the handler can meet. */
  readonly problems: readonly ProblemName[];
  /** The handler chooses a form of the answer itself, by `Accept` among others. */
  readonly choosesForm?: true;
  /** It is compressed where the client asks for that. */
  readonly compresses?: true;
  /** It is answered even while the service stops. */
  readonly answersWhileStopping?: true;
}

/** What is known of a request beside itself. */
export interface Bindings {
  /** What names the request; every change has one. */
  readonly requestId?: string;
  /** The body of the answer will not be read. */
  readonly isHead?: true;
}

/** What hono is told of it. */
export interface HttpEnv {
  Bindings: Bindings;
}

const JSON_ALONE = ["application/json"];

/** Answers a request. A {@link Problem} that it throws is the answer. */
export type Handler = (context: Context<HttpEnv>) => Response | Promise<Response>;

/** What the operations of the service are added to. */
export interface Api {
  /** Serves and documents an operation. Its handler meets only requests that pass what holds for all. */
  add(operation: Operation, handler: Handler): void;
}

/**
 * Makes an API that serves through `hono` and, when it is told to, documents in its registry. The routes are not
 * hono's validated ones: those read bodies of any size and repair broken UTF-8, and each of their checks makes
 * the hot path longer.
 *
 * @param isCrossSite whether a request comes from a page that may not make changes
 * @param onRoute told of the route that a request has met, before anything is awaited
 * @returns with `document`, which documents what has been added since it was last called
 */
export function createApi(
  hono: OpenAPIHono<HttpEnv>,
  isStopping: () => boolean,
  isCrossSite: (request: Request) => boolean,
  onRoute: (pattern: string) => void,
): Api & { readonly document: () => void } {
  /** Half of what the routes cost at the start; asked for rarely. */
  const documentation: (() => void)[] = [];
  return {
    document: () => {
      for (const describe of documentation.splice(0)) describe();
    },
    add({ tag, problems, choosesForm, compresses, answersWhileStopping, ...operation }, handler) {
      const changes = operation.method !== "get";
      const answersJson = Object.values(operation.responses).some(
        (response) => "content" in response && "application/json" in (response.content ?? {}),
      );
      documentation.push(() => {
        hono.openAPIRegistry.registerPath({
          ...operation,
          tags: [tag],
          parameters: [
            component(hono.openAPIRegistry, "parameters", "RequestId", REQUEST_ID_PARAMETER),
            ...(compresses
              ? [
                  component(
                    hono.openAPIRegistry,
                    "parameters",
                    "AcceptEncoding",
                    ACCEPT_ENCODING_PARAMETER,
                  ),
                ]
              : []),
          ],
          responses: {
            ...withRequestId(
              hono.openAPIRegistry,
              compresses ? withCoding(operation.responses) : operation.responses,
            ),
            ...headersTooLarge(hono.openAPIRegistry),
            ...problemResponses(hono.openAPIRegistry, [
              "bad-query",
              ...(changes ? ["cross-site" as const] : []),
              ...(operation.request?.query ? ["invalid-query" as const] : []),
              ...(answersJson || compresses ? ["not-acceptable" as const] : []),
              ...(operation.request?.body ? ["body-timeout" as const] : []),
              ...problems,
              ...(problems.includes("store-unavailable") ? ["outcome-unknown" as const] : []),
              ...(answersWhileStopping ? [] : ["stopping" as const]),
            ]),
          },
        });
      });
      const checksAccept = answersJson && !choosesForm;
      const pattern = operation.path.replaceAll(/\{(\w+)\}/g, ":$1");
      hono.on(operation.method, pattern, (context) => {
        onRoute(pattern);
        const { url, headers } = context.req.raw;
        if (!answersWhileStopping && isStopping()) throw new Problem("stopping");
        if (changes && isCrossSite(context.req.raw)) throw new Problem("cross-site");
        if (url.includes("?")) checkNames(url, operation.request?.query);
        if (checksAccept && !preferredType(headers.get("accept"), JSON_ALONE)) {
          throw new Problem("not-acceptable", { headers: { Vary: "Accept" } });
        }
        return handler(context);
      });
    },
  };
}

/** Adds what an answer that may be compressed tells of that. */
function withCoding(responses: RouteConfig["responses"]): RouteConfig["responses"] {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      "content" in response
        ? { ...response, headers: { ...response.headers, ...CODING_HEADERS } }
        : response,
    ]),
  );
}
