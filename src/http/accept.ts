import { parseAccept } from "hono/utils/accept";

/**
 * The media type that an `Accept` header prefers of those that are offered, `undefined` when it excludes
 * them all. For each type the most exact of the header's ranges decides, and a weight of 0 excludes
 * (RFC 9110, 12.5.1); parameters other than `q` are not looked at. Of types with the same weight one that
 * is named comes before one that a wildcard allows, then the first offered. No header allows everything.
 */
export function preferredType<T extends string>(
  header: string | null,
  offered: readonly T[],
): T | undefined {
  const [first] = offered;
  if (header === null || header === "*/*" || header === first) return first;
  const ranges = parseAccept(header).map(({ type, q }) => ({ type: type.toLowerCase(), q }));
  if (ranges.length === 0) return first;
  let best: { readonly type: T; readonly q: number; readonly exactness: number } | undefined;
  for (const type of offered) {
    const byExactness = [type, `${type.split("/")[0]}/*`, "*/*"].map((wanted) =>
      ranges.filter((range) => range.type === wanted),
    );
    const exactness = byExactness.findIndex((matching) => matching.length > 0);
    const q = Math.max(0, ...(byExactness[exactness] ?? []).map((range) => range.q));
    if (q === 0) continue;
    if (best === undefined || q > best.q || (q === best.q && exactness < best.exactness)) {
      best = { type, q, exactness };
    }
  }
  return best?.type;
}
