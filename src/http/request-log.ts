import { isRead } from "./request-id.ts";

/** Which requests are logged at the usual level: each includes those before it. */
export type RequestLog = "failures" | "changes" | "all";

/** From how many milliseconds on a request is slow. */
const SLOW_MS = 1000;

/** Asked every few seconds by machines, whatever happens. */
const PROBES: readonly (string | null)[] = ["/livez", "/readyz", "/metrics"];

/**
 * The level at which a request is logged.
 *
 * @param route the pattern of its route, null without one
 * @param durationMs until its answer, or the beginning of that, was there
 */
export function requestLevel(
  logged: RequestLog,
  method: string,
  route: string | null,
  status: number,
  durationMs: number,
): "warn" | "info" | "debug" {
  const failed = status >= 500 || durationMs >= SLOW_MS;
  if (!failed && logged === "failures") return "debug";
  if (PROBES.includes(route)) return "debug";
  if (failed) return "warn";
  return logged === "all" || !isRead(method) ? "info" : "debug";
}
