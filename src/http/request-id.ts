/** The header that names a request, in and out. */
export const REQUEST_ID = "X-Request-Id";

/** Visible ASCII characters only, which no log and no header can take for something else. */
const SOUND = /^[\x21-\x7e]{1,128}$/;

/** Whether requests with a method change nothing. */
export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

/**
 * The id of a request: the client's where it is sound, else one of ours. A read without one gets none,
 * which nothing would refer to.
 *
 * @param newId makes an id
 */
export function requestIdOf({ headers, method }: Request, newId: () => string): string | undefined {
  const sent = headers.get(REQUEST_ID);
  if (sent === null) return isRead(method) ? undefined : newId();
  return SOUND.test(sent) ? sent : newId();
}

/** The documentation of the header in a request. */
export const REQUEST_ID_PARAMETER = {
  name: REQUEST_ID,
  in: "header",
  description:
    "Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.",
  required: false,
  schema: { type: "string" },
  example: "checkout-7f3a",
} as const;

/** The documentation of the header in an answer. */
export const REQUEST_ID_HEADER = {
  description:
    "The id of the request: the one that it brought, or for a change one of the service's.",
  required: false,
  schema: { type: "string", minLength: 1, maxLength: 128 },
  example: "checkout-7f3a",
} as const;
