/** What a run measures. */
import { parseArgs } from "node:util";
import { SIDE_NAMES, type SideName } from "./sides.ts";

/** The parts of a run, in their order. */
export const PARTS = ["operations", "streams", "durable"] as const;

/** A part of a run. */
export type Part = (typeof PARTS)[number];

/** The options of a run. */
export interface Options {
  /** How many rows the tables have, in turn. */
  readonly rows: readonly number[];
  readonly parts: readonly Part[];
  readonly sides: readonly SideName[];
  /** Parts of the names of the operations that are measured; all where there are none. */
  readonly only: readonly string[];
  readonly rounds: number;
  /** How long a sample takes, in milliseconds. */
  readonly measureMs: number;
  readonly connections: number;
  /** Servers and load have processors of their own. */
  readonly pin: boolean;
}

const USAGE = `Usage: bun bench/http.ts [--quick] [--rows N,N…] [--parts ${PARTS.join()}] [--sides ${SIDE_NAMES.join()}]
  [--only NAME,NAME…] [--rounds N] [--measure-ms N] [--connections N] [--no-pin]
Defaults: rows 10000,1000000,10000000, all parts and sides, rounds 3, measure-ms 600, connections 64.
--quick: rows 10000, one round of 200 ms.`;

/** Reads the options. Prints the usage and ends when they are wrong. */
export function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        rows: { type: "string" },
        parts: { type: "string" },
        sides: { type: "string" },
        only: { type: "string" },
        rounds: { type: "string" },
        "measure-ms": { type: "string" },
        connections: { type: "string" },
        "no-pin": { type: "boolean", default: false },
      },
    });
    const { quick } = values;
    return {
      rows: list(values.rows)?.map(whole) ?? (quick ? [10_000] : [10_000, 1_000_000, 10_000_000]),
      parts: oneOf(PARTS, list(values.parts)),
      sides: oneOf(SIDE_NAMES, list(values.sides)),
      only: list(values.only) ?? [],
      rounds: whole(values.rounds ?? (quick ? "1" : "3")),
      measureMs: whole(values["measure-ms"] ?? (quick ? "200" : "600")),
      connections: whole(values.connections ?? "64"),
      pin: !values["no-pin"],
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    process.exit(64);
  }
}

/** The parts of a list with commas. */
export function list(text: string | undefined): string[] | undefined {
  return text?.split(",").map((each) => each.trim());
}

/** Reads a whole number above 0. */
export function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${text} is no whole number above 0`);
  return Number(text);
}

/** Checks that what is given is among all that there is, and returns it in that order; all where nothing is given. */
export function oneOf<T extends string>(
  all: readonly T[],
  given: readonly string[] | undefined,
): T[] {
  const unknown = given?.filter((each) => !all.some((known) => known === each)) ?? [];
  if (unknown.length > 0) throw new Error(`${unknown.join()}: not one of ${all.join()}`);
  return all.filter((each) => given === undefined || given.includes(each));
}
