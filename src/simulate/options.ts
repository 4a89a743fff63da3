import { parseArgs } from "node:util";
import { formatTimestamp, parseTimestamp } from "../arrest-event.ts";
import { ConfigError, parseConfig } from "../config.ts";
import { MAX_SEED } from "./random.ts";

/** What `simulate` shall do. */
export interface SimulateOptions {
  /** Messages a second; infinite for as many as go. */
  readonly rate: number;
  /** End after this many messages; infinite for no end. */
  readonly count: number;
  /** End after this many seconds; infinite for no end. */
  readonly seconds: number;
  /** The part of messages that ingest must refuse, 0 to 1. */
  readonly refused: number;
  /** All that is random follows from it. */
  readonly seed: number;
  /** When the first arrest happens: milliseconds since 1970. */
  readonly start: number;
  /** Arrests in an average day of the simulated region: how fast its time goes by. */
  readonly perDay: number;
  /** `host:port,…` in place of the configured brokers. */
  readonly brokers?: string;
}

/** Options that cannot be used. `problems` names each of them. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

interface Option<T> {
  /** How the value is called in the help. */
  readonly value: string;
  readonly about: string;
  /** Follows "must be". */
  readonly rule: string;
  /** undefined when the rule is broken. */
  readonly parse: (text: string) => T | undefined;
}

const DEFAULT_RATE = 100;
const DEFAULT_ARRESTS_PER_DAY = 1200;
const YEAR = 365 * 86_400_000;

/** Every option. The parser and `--help` read this table. */
const OPTIONS = {
  rate: {
    value: "N|max",
    about: `Messages a second; max: as many as go. Default: max with --count or --seconds, else ${DEFAULT_RATE}.`,
    rule: "a number above 0, or max",
    parse: (text: string) =>
      text === "max" ? Number.POSITIVE_INFINITY : number(text, (value) => value > 0),
  },
  count: {
    value: "N",
    about: "End after this many messages. Default: go on until Ctrl-C or SIGTERM.",
    rule: "a whole number from 1",
    parse: (text: string) => wholeNumber(text, 1, Number.MAX_SAFE_INTEGER),
  },
  seconds: {
    value: "N",
    about: "End after this many seconds. With --count, whichever comes first.",
    rule: "a number above 0",
    parse: (text: string) => number(text, (value) => value > 0),
  },
  refused: {
    value: "SHARE",
    about:
      "The part of messages that are no events in one of many ways, from 0 to 1, such as 0.01. Default: 0.",
    rule: "a number from 0 to 1",
    parse: (text: string) => number(text, (value) => value <= 1),
  },
  seed: {
    value: "N",
    about: "The same seed and the same --start give the same messages. Default: random, and shown.",
    rule: `a whole number from 0 to ${MAX_SEED}`,
    parse: (text: string) => wholeNumber(text, 0, MAX_SEED),
  },
  start: {
    value: "TIMESTAMP",
    about: "When the first arrest happens, ISO 8601. Default: a year ago.",
    rule: "an ISO 8601 date and time, such as 2026-11-22T13:05:00Z",
    parse: parseTimestamp,
  },
  "per-day": {
    value: "N",
    about: `Arrests in an average simulated day. Default: ${DEFAULT_ARRESTS_PER_DAY}.`,
    rule: "a whole number from 1 to 100000000",
    parse: (text: string) => wholeNumber(text, 1, 100_000_000),
  },
  brokers: {
    value: "HOST:PORT,…",
    about:
      "Send there instead of to KAFKA_BROKERS. With neither, the service at HOST and PORT is asked for its embedded broker.",
    rule: "host:port,host:port",
    parse: (text: string) => (isBrokerList(text) ? text : undefined),
  },
} as const satisfies Record<string, Option<number | string>>;

type Values = { [K in keyof typeof OPTIONS]?: ReturnType<(typeof OPTIONS)[K]["parse"]> };

/**
 * Reads the command line after `simulate`.
 *
 * @param now milliseconds since 1970, for the default of `--start`
 * @param randomSeed a seed from 0 to {@link MAX_SEED}, for when none is given
 * @returns `"help"` when help is asked for
 * @throws UsageError naming every problem at once
 */
export function parseSimulateOptions(
  argv: readonly string[],
  now: number,
  randomSeed: number,
): SimulateOptions | "help" {
  const { tokens } = parseArgs({
    args: [...argv],
    options: {
      ...Object.fromEntries(
        Object.keys(OPTIONS).map((name) => [name, { type: "string" }] as const),
      ),
      help: { type: "boolean", short: "h" },
    },
    // The parser would stop at the first problem; its tokens let each one be named.
    strict: false,
    tokens: true,
  });
  const problems: string[] = [];
  const given = new Map<string, number | string>();
  let help = false;
  for (const token of tokens) {
    if (token.kind === "positional") {
      problems.push("only options are taken, each beginning with --");
    } else if (token.kind === "option" && token.name === "help") {
      help = true;
    } else if (token.kind === "option" && !Object.hasOwn(OPTIONS, token.name)) {
      problems.push(`${token.rawName} is not an option`);
    } else if (token.kind === "option") {
      const option: Option<number | string> = OPTIONS[token.name as keyof typeof OPTIONS];
      const value = token.value === undefined ? undefined : option.parse(token.value);
      if (given.has(token.name)) problems.push(`${token.rawName} must be given once`);
      else if (value === undefined) problems.push(`${token.rawName} must be ${option.rule}`);
      else given.set(token.name, value);
    }
  }
  if (help) return "help";
  if (problems.length > 0) throw new UsageError(problems);
  return withDefaults(Object.fromEntries(given), now, randomSeed);
}

function withDefaults(values: Values, now: number, randomSeed: number): SimulateOptions {
  const ends = values.count !== undefined || values.seconds !== undefined;
  return {
    rate: values.rate ?? (ends ? Number.POSITIVE_INFINITY : DEFAULT_RATE),
    count: values.count ?? Number.POSITIVE_INFINITY,
    seconds: values.seconds ?? Number.POSITIVE_INFINITY,
    refused: values.refused ?? 0,
    seed: values.seed ?? randomSeed,
    start: values.start ?? now - YEAR,
    perDay: values["per-day"] ?? DEFAULT_ARRESTS_PER_DAY,
    ...(values.brokers === undefined ? {} : { brokers: values.brokers }),
  };
}

/** The arguments that send the same messages again. */
export function repetition(options: SimulateOptions): string {
  return [
    `--seed ${options.seed} --start ${formatTimestamp(options.start)} --per-day ${options.perDay}`,
    ...(options.refused === 0 ? [] : [`--refused ${options.refused}`]),
  ].join(" ");
}

/** What `simulate --help` prints. */
export function simulateHelp(): string {
  const rows = [
    ...Object.entries<Option<unknown>>(OPTIONS).map(
      ([name, { value, about }]) => [`--${name} ${value}`, about] as const,
    ),
    ["--help", "Show this."] as const,
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    "Usage: arrest-events simulate [options]",
    "",
    "Sends realistic arrest events to the topic KAFKA_TOPIC, for demonstrations and load.",
    "",
    ...rows.map(([name, about]) => `  ${name.padEnd(width)}  ${about}`),
    "",
    "Exit codes: 0 all delivered, 1 some not delivered, 64 wrong options, 69 no broker to send to, 78 wrong settings.",
    "",
  ].join("\n");
}

function number(text: string, rule: (value: number) => boolean): number | undefined {
  if (!/^\d{1,15}(\.\d{1,15})?$/.test(text)) return undefined;
  const value = Number(text);
  return rule(value) ? value : undefined;
}

function wholeNumber(text: string, from: number, to: number): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= from && value <= to ? value : undefined;
}

/** By the rule of KAFKA_BROKERS, but for the words that name no broker. */
function isBrokerList(text: string): boolean {
  try {
    return parseConfig({ KAFKA_BROKERS: text }, false).kafka.source.mode === "external";
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}
