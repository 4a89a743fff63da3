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
