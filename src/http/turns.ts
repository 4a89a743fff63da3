/**
 * Lets others be served before a long read goes on.
 *
 * @returns whether the client is still there to take the answer
 */
export async function nextTurn({ signal }: { readonly signal: AbortSignal }): Promise<boolean> {
  // A microtask would let no other request in.
  await new Promise(setImmediate);
  return !signal.aborted;
}
