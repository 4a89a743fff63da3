import { parseArgs } from "node:util";
import { MAX_SEED } from "../../src/simulate/random.ts";

/** What a soak is asked for. */
export interface SoakOptions {
  /** How long messages are sent, in minutes. */
  readonly minutes: number;
  readonly seed: number;
  /** Where the report is written besides standard output. */
  readonly report: string | undefined;
}

export const USAGE = "Usage: bun run soak -- --minutes N [--seed S] [--report FILE]";

/** Reads the command line; `undefined` when it is wrong. */
export function readOptions(args: readonly string[]): SoakOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: "string" },
        seed: { type: "string" },
        report: { type: "string" },
      },
    });
    const minutes = Number(values.minutes);
    const seed = Number(values.seed ?? Math.floor(Math.random() * MAX_SEED));
    const isUsable = minutes > 0 && Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED;
    return isUsable ? { minutes, seed, report: values.report } : undefined;
  } catch {
    return undefined;
  }
}
