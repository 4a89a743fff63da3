import fc from "fast-check";

/** A new seed each run, printed so that a failure can be run again: `SEED=… bun test …`. */
const SEED = Number(process.env["SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0]);

/** Checks a property with examples of the printed seed. */
export function check<T extends [unknown, ...unknown[]]>(
  property: fc.IProperty<T>,
  runs = 1000,
): void {
  // On standard error, where the test runner's own lines go.
  process.stderr.write(`seed ${SEED}\n`);
  fc.assert(property, { seed: SEED % 2 ** 31, numRuns: runs });
}

/** Checks a property that has to wait, one example after the other, with examples of the printed seed. */
export async function checkAsync<T extends [unknown, ...unknown[]]>(
  property: fc.IAsyncProperty<T>,
  runs: number,
): Promise<void> {
  process.stderr.write(`seed ${SEED}\n`);
  await fc.assert(property, { seed: SEED % 2 ** 31, numRuns: runs });
}
