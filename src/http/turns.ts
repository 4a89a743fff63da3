import { Problem } from "./problem.ts";

/**
 * Lets others be served before a long read goes on.
 *
 * @param until when the answer must be there, on the clock of `performance.now()`
 * @throws Problem `answer-timeout` when that has passed
 * @returns whether the client is still there to take the answer
 */
export async function nextTurn(
  { signal }: { readonly signal: AbortSignal },
  until = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  if (performance.now() >= until) throw new Problem("answer-timeout");
  // A microtask would let no other request in.
  await new Promise(setImmediate);
  return !signal.aborted;
}

/**
 * Writes a JSON array, and lets others be served before each further part of it.
 *
 * @param atOnce how many items a part has
 * @param write gives an item as JSON
 * @param until as for {@link nextTurn}
 * @throws Problem `answer-timeout`
 * @returns `undefined` when the client is no longer there
 */
export async function writeArray<T>(
  request: Request,
  items: readonly T[],
  atOnce: number,
  write: (item: T) => string,
  until?: number,
): Promise<string | undefined> {
  const written: string[] = [];
  for (let from = 0; from < items.length; from += atOnce) {
    if (from > 0 && !(await nextTurn(request, until))) return undefined;
    written.push(
      items
        .slice(from, from + atOnce)
        .map(write)
        .join(),
    );
  }
  return `[${written.join()}]`;
}
