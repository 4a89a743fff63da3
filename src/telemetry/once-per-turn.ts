/**
 * Asks once for all that want to know in the same turn of the event loop, such as the metrics of one
 * collection. What fails is asked again by the next.
 */
export function oncePerTurn<T>(ask: () => T): () => T {
  let answer: { readonly value: T } | undefined;
  return () => {
    if (answer === undefined) {
      answer = { value: ask() };
      setImmediate(() => {
        answer = undefined;
      });
    }
    return answer.value;
  };
}
