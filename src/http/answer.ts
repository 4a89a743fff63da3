import { entityTag } from "./entity-tag.ts";

/**
 * What every answer carries. Event data belongs in no cache that the service cannot correct; what may
 * be kept says so itself. Nothing is for pages of other origins to embed.
 */
const COMMON_HEADERS = {
  "Cache-Control": "no-store",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** Makes an answer with a body, with the headers that all answers share. */
export function answer(
  contentType: string,
  body: string | Uint8Array | Blob | ReadableStream<Uint8Array>,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(body, {
    status,
    headers: { ...COMMON_HEADERS, "Content-Type": contentType, ...headers },
  });
}

// Made once: as an object of its own for each answer it would cost the hot path twice as much.
const JSON_INIT = {
  headers: new Headers({ ...COMMON_HEADERS, "Content-Type": "application/json" }),
};

/** Makes an answer of JSON text. */
export function jsonAnswer(
  text: string | ReadableStream<Uint8Array>,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  if (status === 200 && headers === undefined) return new Response(text, JSON_INIT);
  return answer("application/json", text, status, headers);
}

/** Those of answers with an entity tag, by version: nearly all events have one of the first few. */
const TAGGED_INITS: { readonly headers: Headers }[] = [];
const KEPT_INITS = 16;

/** Makes an answer of the JSON text of an event, with its entity tag. */
export function taggedAnswer(text: string, version: number): Response {
  const kept = TAGGED_INITS[version];
  if (kept !== undefined) return new Response(text, kept);
  const headers = new Headers(JSON_INIT.headers);
  headers.set("ETag", entityTag(version));
  if (version < KEPT_INITS) TAGGED_INITS[version] = { headers };
  return new Response(text, { headers });
}

/** Makes an answer without a body. */
export function emptyAnswer(
  status: 201 | 204 | 304 | 308,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(null, { status, headers: { ...COMMON_HEADERS, ...headers } });
}

/** Makes the answer to a request whose client has left: only the metrics see its status, which nginx made known. */
export function answerToNobody(): Response {
  return new Response(null, { status: 499 });
}
