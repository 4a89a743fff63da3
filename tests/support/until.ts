/** How long a condition may take before a test gives it up: generous, for machines that do much else. */
const PATIENCE_MS = 40_000;

/** Waits until `check` gives something other than `undefined` or `false`, and resolves to it. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await Bun.sleep(10);
  }
}

/** Resolves to what `promise` does; throws when it takes so long that it would be called a hang. */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
