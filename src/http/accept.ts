import { parseAccept } from "hono/utils/accept";

/**
 * Tells whether an `Accept` header allows JSON. The most exact of its ranges decides, and a weight of 0
 * excludes (RFC 9110, 12.5.1); parameters other than `q` are not looked at. No header allows everything.
 */
export function acceptsJson(header: string | null): boolean {
  if (header === null || header === "*/*" || header === "application/json") return true;
  const ranges = parseAccept(header);
  if (ranges.length === 0) return true;
  for (const wanted of ["application/json", "application/*", "*/*"]) {
    const matching = ranges.filter(({ type }) => type.toLowerCase() === wanted);
    if (matching.length > 0) return matching.some(({ q }) => q > 0);
  }
  return false;
}
