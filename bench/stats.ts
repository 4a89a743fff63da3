/**
 * How long the common questions to `/arrest_events/stats` and `/arrest_events/count` take, answered from the
 * counts that are kept in memory and computed from the indexes.
 *
 *     bun bench/stats.ts [--rows N] [--rounds N] [--computed-rounds N]
 *
 * At 10,000 rows, at a million and at `--rows`, side by side in one process. The two sides take turns; each answer
 * is that of the HTTP handlers, to its last byte.
 */
import { pino } from "pino";
import { createApp } from "../src/http/app.ts";
import type { CountTableBounds } from "../src/store/count-table.ts";
import { openForReading } from "../src/store/database.ts";
import { openCounting } from "../src/store/event-counts.ts";
import { KeptCounts } from "../src/store/kept-counts.ts";
import { type EventReader, openReader } from "../src/store/read.ts";
import { Statements } from "../src/store/statements.ts";
import { Registry } from "../src/telemetry/prometheus.ts";
import { templateOf } from "./http/template.ts";
import {
  figure,
  median,
  print,
  printMachine,
  printTable,
  readOptions,
  residentMemory,
  run,
  spread,
} from "./support.ts";

const options = readOptions("bench/stats.ts", {
  rows: 10_000_000,
  rounds: 15,
  "computed-rounds": 3,
});

/** The questions, with what bounds the times of the last year, quarter and month of the events. */
const QUESTIONS = [
  "count",
  "count?arrest_type_id=1",
  "count?{year}",
  "count?officer_id=17",
  "stats?group_by=officer_id",
  "stats?group_by=arrest_type_id",
  "stats?group_by=crime_type_id",
  "stats?group_by=day",
  "stats?group_by=month",
  "stats?group_by=arrest_type_id&group_by=crime_type_id",
  "stats?group_by=arrest_type_id&group_by=month",
  "stats?group_by=day&arrest_type_id=1",
  "stats?group_by=month&crime_type_id=10",
  "stats?group_by=crime_type_id&group_by=month&{year}",
  "stats?group_by=officer_id&{year}",
  "stats?group_by=crime_type_id&{year}",
  "stats?group_by=hour&{year}",
  "stats?group_by=day&{year}",
  "stats?group_by=crime_type_id&group_by=day&{quarter}",
  "stats?group_by=officer_id&{month}",
  "stats?group_by=month&officer_id=17",
  "stats?group_by=month&subject_id=1204",
  // Not kept.
  "stats?group_by=officer_id&crime_type_id=10&{month}",
  "stats?group_by=arrest_type_id&group_by=hour&{month}",
] as const;

const DAY_MS = 86_400_000;

/** How many days each span has. */
const SPANS = { year: 365, quarter: 91, month: 30 } as const;

/** Not a single event: what is to be kept is given up with the first. */
const NOTHING: CountTableBounds = { cells: 0, rows: 0, columns: 0 };

/** In milliseconds: until the last byte of an answer, and of the processor, which others that share it disturb less. */
interface Time {
  readonly whole: number;
  readonly processor: number;
}

/** Asks the HTTP handlers. */
type Ask = (question: string) => Promise<Time>;

function askerOf(reader: EventReader): Ask {
  const nobody = (): never => {
    throw new Error("nothing but counts is asked for");
  };
  const app = createApp({
    reader,
    writer: { change: nobody, metrics: nobody, status: nobody },
    log: pino({ level: "silent" }),
    registry: new Registry(),
    requestsInFlight: () => 0,
    isStopping: () => false,
    newId: () => crypto.randomUUID(),
    version: "0",
    limits: { maxStreams: 1, requestTimeoutMs: 60_000 },
    corsOrigins: [],
    logRequests: "failures",
  });
  return async (question) => {
    const before = process.cpuUsage();
    const startedAt = performance.now();
    const answer = await app.fetch(new Request(`http://localhost/arrest_events/${question}`));
    await answer.arrayBuffer();
    const whole = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(before);
    if (answer.status !== 200) throw new Error(`${question} is answered ${answer.status}`);
    return { whole, processor: (user + system) / 1000 };
  };
}

/** The reader as it would be if it kept no counts. */
function computing(path: string, reader: EventReader): EventReader {
  const { $client } = openForReading(path);
  const statements = new Statements($client);
  const kept = new KeptCounts($client, statements, NOTHING);
  while (!kept.advance());
  return {
    ...reader,
    counting: (filter, groupings, maxGroups = Number.POSITIVE_INFINITY) =>
      openCounting(statements, kept, { filter, groupings }, reader.lastId(), maxGroups),
  };
}

/** Takes all events into the counts, and prints what that took. */
function countAll(reader: EventReader, rows: number): void {
  const before = residentMemory(process.pid)?.now ?? Number.NaN;
  const steps: number[] = [];
  const startedAt = performance.now();
  for (let isOver = false; !isOver; ) {
    const stepAt = performance.now();
    isOver = reader.keepCounts();
    steps.push(performance.now() - stepAt);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  Bun.gc(true);
  const after = residentMemory(process.pid)?.now ?? Number.NaN;
  const sorted = steps.toSorted((one, other) => one - other);
  const high = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  print(
    `\n${figure(rows)} rows counted in ${figure(seconds)} s: ${figure((seconds * 1e6) / rows)} µs each; steps of ${figure(median(steps))} ms, p99 ${figure(high)} ms; resident memory from ${figure(before)} to ${figure(after)} MiB`,
  );
}

/** A question with its times, up to that of the last event. */
function timed(question: string, last: number): string {
  return question.replace(/\{(\w+)\}/, (_, span: keyof typeof SPANS) => {
    const to = new Date(last);
    const from = new Date(last - SPANS[span] * DAY_MS);
    return `arrested_from=${from.toISOString()}&arrested_to=${to.toISOString()}`;
  });
}

function timesOf(samples: readonly Time[]): [whole: number[], processor: number[]] {
  return [samples.map(({ whole }) => whole), samples.map(({ processor }) => processor)];
}

async function measureRows(rows: number): Promise<void> {
  const path = await templateOf(rows);
  const reader = openReader(path);
  const [last] = reader.scan({ filter: {}, sort: "-arrested_at" }).next(1).events;
  const sides = { kept: askerOf(reader), computed: askerOf(computing(path, reader)) };
  countAll(reader, rows);
  const lines: string[][] = [];
  for (const question of QUESTIONS) {
    const text = timed(question, last?.arrestedAt ?? 0);
    const samples = { kept: [] as Time[], computed: [] as Time[] };
    for (let round = 0; round < options.rounds; round++) {
      samples.kept.push(await sides.kept(text));
      if (round < options["computed-rounds"]) samples.computed.push(await sides.computed(text));
    }
    const [kept, keptProcessor] = timesOf(samples.kept);
    const [computed, computedProcessor] = timesOf(samples.computed);
    const cells = [kept, keptProcessor, computed, computedProcessor].map(median);
    const ratio = figure(median(computed) / median(kept));
    lines.push([question, ...cells.map(figure), ratio, spread(kept)]);
  }
  printTable(
    `${figure(rows)} rows: ms, median of ${options.rounds} and of ${options["computed-rounds"]} rounds`,
    ["", "kept", "processor", "computed", "processor", "times as fast", "kept, spread"],
    lines,
  );
  reader.close();
}

await run(async () => {
  printMachine("Counts and groups");
  for (const rows of new Set([10_000, 1_000_000, options.rows])) {
    if (rows <= options.rows) await measureRows(rows);
  }
});
