/** What a run of the suite answers, and with how much. */
import { parseArgs } from "node:util";
import { list, oneOf, whole } from "../http/options.ts";
import { CODECS, type Codec } from "../kafka.ts";

/** The questions of the suite, in their order. */
export const QUESTIONS = ["ingest", "latency", "both", "cost"] as const;

/** The measurements that have a command of their own as well. */
export const OTHERS = ["http", "stats", "overhead"] as const;

/** What can be asked. */
export type Question = (typeof QUESTIONS)[number] | (typeof OTHERS)[number];

/** The options of a run. */
export interface Options {
  readonly questions: readonly Question[];
  readonly quick: boolean;
  /** How many events the backlog has. */
  readonly events: number;
  /** How many of them are measured where there are many measurements. */
  readonly sample: number;
  readonly rounds: number;
  /** Of what takes long. */
  readonly longRounds: number;
  /** How many rows the tables have before, in turn. */
  readonly rows: readonly number[];
  readonly batches: readonly number[];
  /** How the messages of the backlog are compressed, in turn. */
  readonly codecs: readonly Codec[];
  /** Messages a second of which the latency is measured. */
  readonly rates: readonly number[];
  /** How long a rate, or a load, is kept up, in seconds. */
  readonly seconds: number;
  /** How long a service is fed to see whether its memory stays flat, in seconds. */
  readonly feedSeconds: number;
  /** Where what is printed is written to as well. */
  readonly output: string | undefined;
}

const DEFAULTS = {
  events: "5000000",
  sample: "300000",
  rounds: "3",
  rows: "0,1000000,10000000",
  batches: "1000,5000,20000,50000,100000",
  codecs: "none,lz4",
  rates: "100,1000,10000,50000",
  seconds: "4",
  "feed-seconds": "60",
};

const QUICK: typeof DEFAULTS = {
  events: "300000",
  sample: "100000",
  rounds: "1",
  rows: "0,100000",
  batches: "1000,5000,20000",
  codecs: "none,lz4",
  rates: "1000,10000",
  seconds: "1",
  "feed-seconds": "6",
};

const names = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[];

function usage(): string {
  const all = names.map(
    (name) =>
      `[--${name} ${name === "rows" || name === "batches" || name === "rates" ? "N,N…" : "N"}]`,
  );
  const listed = (values: typeof DEFAULTS) =>
    names.map((name) => `${name} ${values[name]}`).join("; ");
  return `Usage: bun bench/bench.ts [--quick] [--questions ${[...QUESTIONS, ...OTHERS].join()}] [--output FILE]
  ${all.join(" ")}
Defaults: ${QUESTIONS.join()}; ${listed(DEFAULTS)}
--quick: ${listed(QUICK)}
The whole backlog and the latencies are measured in half as many rounds.
Into tables of 100 million rows: --rows 0,100000000, with room for 40 GB in the temporary directory.`;
}

/** Reads the options. Prints the usage and ends when they are wrong. */
export function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        questions: { type: "string", default: QUESTIONS.join() },
        output: { type: "string" },
        ...Object.fromEntries(names.map((name) => [name, { type: "string" }] as const)),
      },
    });
    const quick = values.quick === true;
    const given = values as Readonly<Record<string, unknown>>;
    const text = (name: keyof typeof DEFAULTS): string =>
      String(given[name] ?? (quick ? QUICK : DEFAULTS)[name]);
    const wholes = (name: keyof typeof DEFAULTS): number[] =>
      (list(text(name)) ?? []).map((each) => (each === "0" ? 0 : whole(each)));
    const events = whole(text("events"));
    const rounds = whole(text("rounds"));
    return {
      questions: oneOf([...QUESTIONS, ...OTHERS], list(String(values.questions))),
      quick,
      events,
      sample: Math.min(events, whole(text("sample"))),
      rounds,
      longRounds: Math.ceil(rounds / 2),
      rows: wholes("rows"),
      batches: wholes("batches").map((size) => whole(String(size))),
      codecs: oneOf(CODECS, list(text("codecs"))),
      rates: wholes("rates").map((rate) => whole(String(rate))),
      seconds: whole(text("seconds")),
      feedSeconds: whole(text("feed-seconds")),
      output: typeof values.output === "string" ? values.output : undefined,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage()}\n`);
    process.exit(64);
  }
}
