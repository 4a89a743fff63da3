/**
 * What a promise gives, unless that takes too long; then it is left to itself.
 *
 * @param tooLong makes what is thrown then
 */
export async function within<T>(
  promise: Promise<T>,
  milliseconds: number,
  tooLong: () => Error,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooLong()), milliseconds);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
