import { answer } from "./answer.ts";

/** How long a client should wait before it asks again, in seconds (RFC 9110, 10.2.3). */
export const RETRY_AFTER_SECONDS = 5;

/** The most errors that one answer lists. */
export const MAX_ERRORS = 100;

/** The longest name of a member or parameter that an answer repeats, in characters. */
export const MAX_NAME_LENGTH = 100;

/** A kind of problem: what the answers say and what the documentation says of them. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** What went wrong, where the place that meets it has nothing more exact to say. */
  readonly detail: string;
  /** For the documentation: when it happens, and what to do about it. */
  readonly about: string;
  /** What it has beyond the members of RFC 9457. */
  readonly extension?: "query-errors" | "body-errors" | "id";
  readonly header?: "Accept-Patch" | "Retry-After";
}

/** Every problem that the service answers with. The answers and the OpenAPI document both read this table. */
export const PROBLEMS = {
  "bad-query": {
    status: 400,
    title: "Bad query",
    detail: "The query has parameters that cannot be used.",
    about:
      "The query names a parameter that this operation does not have, or repeats one that takes a single value. `errors` names each.",
    extension: "query-errors",
  },
  "invalid-query": {
    status: 422,
    title: "Invalid query",
    detail: "The query has parameters whose values break rules.",
    about:
      "The operation has these parameters, but not with these values. `errors` names each of them and the rule.",
    extension: "query-errors",
  },
  "bad-idempotency-key": {
    status: 400,
    title: "Bad idempotency key",
    detail: "The Idempotency-Key must be 1 to 255 visible ASCII characters, in quotes or not.",
    about:
      "The `Idempotency-Key` is empty, longer than 255 characters, or has characters other than visible ASCII ones.",
  },
  "malformed-body": {
    status: 400,
    title: "Malformed body",
    detail: "The body is not JSON.",
    about:
      "The body is empty, ends too early, is not UTF-8, or is not JSON (RFC 8259), or has far more members than any arrest event. For NDJSON the last counts line by line, see `invalid-batch`.",
  },
  "cross-site": {
    status: 403,
    title: "Cross-site request",
    detail: "Pages of other sites may not make changes. Nothing was changed.",
    about:
      "A browser sent this request for a page of another site, whose origin is not one of `CORS_ORIGINS`. Nothing was changed.",
  },
  "not-found": {
    status: 404,
    title: "Not found",
    detail: "Nothing is served at this path.",
    about: "Nothing is served at this path.",
  },
  "event-not-found": {
    status: 404,
    title: "No such arrest event",
    detail: "There is no arrest event with this id.",
    about:
      "There is no arrest event with this id: it never existed, it was deleted, or the id is not a positive integer.",
  },
  "dead-letter-not-found": {
    status: 404,
    title: "No such dead letter",
    detail: "There is no dead letter with this id.",
    about:
      "There is no dead letter with this id: it never existed, it was replayed or deleted, or the id is not a positive integer.",
  },
  "method-not-allowed": {
    status: 405,
    title: "Method not allowed",
    detail: "This path does not have this method.",
    about: "The path exists, but not with this method. `Allow` lists the methods it has.",
  },
  "not-acceptable": {
    status: 406,
    title: "Not acceptable",
    detail: "The answer is application/json, which the Accept header excludes.",
    about:
      "The `Accept` header of the request excludes every form that there is of the answer. `detail` lists them.",
  },
  "body-timeout": {
    status: 408,
    title: "Body too slow",
    detail: "The body did not arrive in time. Nothing was changed.",
    about:
      "The body of the request did not arrive in the time that the service gives it (`HTTP_REQUEST_TIMEOUT_MS`, 30 s by default). Nothing was changed, and the connection is closed.",
  },
  "request-under-way": {
    status: 409,
    title: "Request under way",
    detail: "A request with this Idempotency-Key has not been answered yet.",
    about:
      "The same request, with the same `Idempotency-Key`, has not been answered yet. Sent again later, it gets the answer of the first.",
  },
  "precondition-failed": {
    status: 412,
    title: "Precondition failed",
    detail:
      "The arrest event has another version than If-Match or If-None-Match asks for. Nothing was changed.",
    about:
      "The arrest event has another version than `If-Match` asks for, or one that `If-None-Match` excludes: somebody has changed it meanwhile. Nothing was changed; get it again, with its `ETag`.",
  },
  "body-too-large": {
    status: 413,
    title: "Body too large",
    detail: "The body is larger than 1 MiB.",
    about:
      "The body is larger than this operation takes: 1,048,576 bytes, or 8,388,608 bytes for a batch.",
  },
  "unsupported-media-type": {
    status: 415,
    title: "Unsupported media type",
    detail: "The Content-Type must be application/json.",
    about:
      "The `Content-Type` is none that this operation takes, which `detail` lists, declares another charset than UTF-8, or the body is compressed.",
    header: "Accept-Patch",
  },
  "invalid-event": {
    status: 422,
    title: "Invalid arrest event",
    detail: "The body is JSON, but not a valid arrest event.",
    about:
      "The body is JSON, but breaks rules for arrest events. `errors` names each place in the body and the rule, up to 100 of them.",
    extension: "body-errors",
  },
  "invalid-batch": {
    status: 422,
    title: "Invalid batch",
    detail: "The body is no batch of valid arrest events. Nothing was created.",
    about:
      "The body is no array of 1 to 10,000 items, or items of it break rules for arrest events; nothing was created. `errors` names each place and the rule, up to 100 of them: `/17/officer_id` is a member of the item with the index 17, which for NDJSON is the index of the line.",
    extension: "body-errors",
  },
  "idempotency-key-reused": {
    status: 422,
    title: "Idempotency key reused",
    detail: "Another request had this Idempotency-Key. Nothing was created.",
    about:
      "A request of the last 24 hours had the same `Idempotency-Key` and asked for something else. Nothing was created; every request needs a key of its own.",
  },
  "dead-letter-refused": {
    status: 422,
    title: "Dead letter refused again",
    detail: "What the dead letter holds still is no valid arrest event.",
    about:
      "The dead letter was replayed as it is, and still is no valid arrest event; it stays. `errors` names each place in its value and the rule. A corrected event can be given in the body.",
    extension: "body-errors",
  },
  "internal-error": {
    status: 500,
    title: "Internal error",
    detail: "The service failed to answer this request.",
    about: "The service failed. The log tells more in the line that has the same `id`.",
    extension: "id",
  },
  "store-unavailable": {
    status: 503,
    title: "Store unavailable",
    detail: "The store cannot be written now. Nothing was changed.",
    about:
      "The store cannot be written now, for example because the disk is full, and nothing was changed. Reads are answered meanwhile.",
    header: "Retry-After",
  },
  "outcome-unknown": {
    status: 503,
    title: "Outcome unknown",
    detail: "The store did not answer in time. Whether the change was made is not known.",
    about:
      "The store did not answer in the time that the service gives a request (`HTTP_REQUEST_TIMEOUT_MS`, 30 s by default). The change may have been made, or be made yet. A request with an `Idempotency-Key` can be sent again with the same key, and changes nothing twice; without one, look before sending it again.",
    header: "Retry-After",
  },
  "answer-timeout": {
    status: 503,
    title: "Answer too slow",
    detail: "The answer took longer than the service gives a request.",
    about:
      "Looking at all the events that had to be looked at took longer than the service gives a request (`HTTP_REQUEST_TIMEOUT_MS`, 30 s by default). Filters that leave fewer events, or another time with less to do, can help.",
    header: "Retry-After",
  },
  "too-many-streams": {
    status: 503,
    title: "Too many streams",
    detail: "As many lists without a limit are being streamed as may be at once.",
    about:
      "As many lists without `limit` are being streamed as may be at once (`HTTP_MAX_STREAMS`, 16 by default). Lists of up to 1,000 events, and pages, are answered meanwhile.",
    header: "Retry-After",
  },
  stopping: {
    status: 503,
    title: "Stopping",
    detail: "The service is stopping. Nothing was changed.",
    about: "The service is stopping and takes no new requests. Nothing was changed.",
    header: "Retry-After",
  },
} as const satisfies Record<string, ProblemKind>;

/** The name of a kind of problem, the last part of its `type`. */
export type ProblemName = keyof typeof PROBLEMS;

/** Every name of the table. */
export const PROBLEM_NAMES = Object.keys(PROBLEMS) as [ProblemName, ...ProblemName[]];

/** What is wrong with one member of a body, or one parameter of a query. */
export type InvalidInput =
  /** A JSON Pointer (RFC 6901) into the body; empty for the whole of it. */
  | { readonly pointer: string; readonly detail: string }
  | { readonly parameter: string; readonly detail: string };

/** A request that is answered with a problem document. What it holds is for the client to read. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly kind: ProblemName;
  /** Members of the answer beside the common ones. */
  readonly extension: { readonly errors?: readonly InvalidInput[]; readonly id?: string };
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    kind: ProblemName,
    more: {
      readonly detail?: string;
      readonly errors?: readonly InvalidInput[];
      readonly id?: string;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(more.detail ?? PROBLEMS[kind].detail);
    this.kind = kind;
    this.extension = {
      ...(more.errors && { errors: more.errors.slice(0, MAX_ERRORS) }),
      ...(more.id && { id: more.id }),
    };
    this.headers = more.headers ?? {};
  }
}

/** Where a kind of problem is documented, which is its `type` (RFC 9457, 3.1.1). */
export function problemType(name: ProblemName): string {
  return `/problems/${name}`;
}

/**
 * Writes a problem document (RFC 9457).
 *
 * @param url the request's, of which only the path is repeated
 */
export function problemAnswer(problem: Problem, url: string): Response {
  const kind: ProblemKind = PROBLEMS[problem.kind];
  const document = {
    type: problemType(problem.kind),
    title: kind.title,
    status: kind.status,
    detail: problem.message,
    instance: new URL(url).pathname,
    ...problem.extension,
  };
  return answer("application/problem+json", JSON.stringify(document), kind.status, {
    ...(kind.header === "Retry-After" && RETRY_AFTER),
    ...problem.headers,
  });
}

/** The header that goes with each 503. */
export const RETRY_AFTER = { "Retry-After": String(RETRY_AFTER_SECONDS) };

/** Shortens a name that the client chose to what an answer may repeat of it. */
export function shortened(name: string): string {
  return name.slice(0, MAX_NAME_LENGTH).toWellFormed();
}

/** The JSON Pointer (RFC 6901) of a member of the body, shortened to what an answer may repeat. */
export function pointerTo(member: string): string {
  return `/${shortened(member).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
