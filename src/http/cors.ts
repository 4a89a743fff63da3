/** What the answers let pages of other origins do (the CORS protocol of the Fetch standard, 3.2). */
export interface Cors {
  /** Lets the page that asks read an answer, where it may. */
  allow(request: Request, headers: Headers): void;
  /** What a browser is told that asks with OPTIONS which requests it may send; nothing to others. */
  preflight(request: Request, methods: readonly string[]): Readonly<Record<string, string>>;
}

/** What a page may send beyond what any may. */
const REQUEST_HEADERS = [
  "Accept",
  "Content-Type",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "Prefer",
  "X-Request-Id",
].join(", ");

/** What a page may read of an answer beyond what any may. */
const RESPONSE_HEADERS = [
  "Accept-Patch",
  "Allow",
  "Content-Disposition",
  "ETag",
  "Link",
  "Location",
  "Preference-Applied",
  "Retry-After",
  "X-Request-Id",
].join(", ");

/** For how long a browser may remember what it may send, in seconds: two hours, the most that Chromium does. */
const MAX_AGE_S = "7200";

/**
 * Lets pages of some origins use the interface. They never send credentials: the service knows none.
 *
 * @param origins as browsers send them, or `*` for all
 * @returns `undefined` without origins
 */
export function openCors(origins: readonly string[]): Cors | undefined {
  if (origins.length === 0) return undefined;
  const isOpen = origins.includes("*");
  const isAllowed = (request: Request): boolean => isOfOrigins(request, origins);
  return {
    allow(request, headers) {
      if (!isOpen) headers.append("Vary", "Origin");
      if (!isAllowed(request)) return;
      const origin = isOpen ? "*" : `${request.headers.get("origin")}`;
      headers.set("Access-Control-Allow-Origin", origin);
      headers.set("Access-Control-Expose-Headers", RESPONSE_HEADERS);
    },
    preflight(request, methods) {
      const asks = request.headers.has("access-control-request-method");
      if (!asks || !isAllowed(request)) return {};
      return {
        "Access-Control-Allow-Methods": methods.join(", "),
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": MAX_AGE_S,
      };
    },
  };
}

/**
 * Whether a request comes from a page of another site than the service's own and `origins`. CORS keeps such
 * a page from reading answers, but lets it send what a form can send: a POST without a body, say. Browsers
 * tell by `Sec-Fetch-Site` (Fetch Metadata), and where they do not by `Origin`; other clients by neither.
 */
export function isCrossSite(request: Request, origins: readonly string[]): boolean {
  const { headers } = request;
  const site = headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return false;
  const origin = headers.get("origin");
  if (site === null && origin === null) return false;
  const isOwn = site === null && URL.parse(origin ?? "")?.host === headers.get("host");
  return !isOwn && !isOfOrigins(request, origins);
}

function isOfOrigins({ headers }: Request, origins: readonly string[]): boolean {
  return origins.includes("*") || origins.includes(headers.get("origin") ?? "");
}
