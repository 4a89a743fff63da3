/** How fast a backlog goes from Kafka into the table, beside what its parts take alone. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type DrainResult, drainBacklog } from "../drain.ts";
import type { Order } from "../events.ts";
import { PYTHON_CONSUMER, pythonOf } from "../http/install.ts";
import { copyTemplate, LETTERS, removeDatabase, templateOf } from "../http/template.ts";
import { judge, ratioCell, ratios } from "../http/verdicts.ts";
import type { IngestResult, IngestTask } from "../ingest-side.ts";
import { type Backlog, checkRoom } from "../kafka.ts";
import { figure, measure, median, printTable, spread, startProcess } from "../support.ts";
import {
  column,
  inTurns,
  RATE_HEADS,
  type RateSample,
  rateCells,
  type Samples,
  type Side,
  type Suite,
} from "./suite.ts";

/** The batches of what has no policy of its own for them. */
const USUAL_BATCH = 5000;

/** Commits of one row each are few a second, and all alike. */
const PYTHON_SHARE = 1000;

/** Bytes that a row takes in the database at most, and how many copies there are at a time. */
const ROW_BYTES = 100;

/** What raw SQLite took. */
export interface RawResult extends IngestResult {
  /** What the database grew by, in bytes an event. */
  readonly diskBytes: number;
}

/** What of ingest is measured in a process of this project. */
function part(
  { directory }: Suite,
  backlog: Backlog,
  task: Pick<IngestTask, "side" | "events" | "rows" | "batchSize">,
): () => Promise<RawResult> {
  return async () => {
    const path = join(directory, `${crypto.randomUUID()}.sqlite`);
    const { columns, brokers, topic, partitions } = backlog;
    const table = await templateOf(task.rows, backlog.order);
    const place = { columns, brokers, topic, partitions };
    const common = { ...task, ...place, table, path, letters: LETTERS };
    const result = await measure<IngestResult>("bench/ingest-side.ts", common);
    const grown = statSync(path).size - statSync(table).size;
    removeDatabase(path);
    return { ...result, diskBytes: grown / task.events };
  };
}

/** The same rows into the same tables, by raw prepared statements without Kafka. */
function raw(suite: Suite, backlog: Backlog, events: number, rows: number, batchSize: number) {
  return part(suite, backlog, { side: "raw with origins", events, rows, batchSize });
}

function service(
  { directory }: Suite,
  backlog: Backlog,
  events: number,
  rows: number,
  settings: Readonly<Record<string, string>> = {},
): () => Promise<DrainResult> {
  return () => drainBacklog({ directory, backlog, events, rows, settings });
}

async function python(
  { directory }: Suite,
  backlog: Backlog,
  events: number,
  synchronous: string,
): Promise<RateSample> {
  const path = join(directory, `${crypto.randomUUID()}.sqlite`);
  copyTemplate(await templateOf(0), path);
  const args = [backlog.brokers, backlog.topic, path, String(events), synchronous];
  const command = [pythonOf(PYTHON_CONSUMER)];
  const child = startProcess("bench/python/consumer.py", args, {}, { command });
  const result = await child.find((line) => JSON.parse(line) as RateSample);
  await child.exited;
  removeDatabase(path);
  return result;
}

/** Raw SQLite into an empty table, as it is compared with. */
export function measureRaw(suite: Suite, backlog: Backlog, events: number): Promise<RawResult> {
  return raw(suite, backlog, events, 0, USUAL_BATCH)();
}

/** Compares batch sizes, and returns that with which raw SQLite was the fastest. */
async function compareBatches(suite: Suite, backlog: Backlog): Promise<number> {
  const { rounds, batches } = suite.options;
  const events = Math.min(suite.options.sample, backlog.events);
  // What is measured begins behind the first batch.
  const sizes = batches.filter((size) => size * 2 <= events);
  const names = (size: number) => ({
    raw: `raw SQLite, ${figure(size)}`,
    service: `the service, INGEST_BATCH_SIZE=${size}`,
  });
  const byDefault = "the service as it is set by default";
  const samples = await inTurns<RateSample>(rounds, [
    ...sizes.flatMap((size) => [
      { name: names(size).raw, measure: raw(suite, backlog, events, 0, size) },
      {
        name: names(size).service,
        measure: service(suite, backlog, events, 0, { INGEST_BATCH_SIZE: String(size) }),
      },
    ]),
    { name: byDefault, measure: service(suite, backlog, events, 0) },
  ]);
  const rate = (size: number) => median(column(samples, names(size).raw, "eventsPerSecond"));
  const best = sizes.toSorted((one, other) => rate(other) - rate(one))[0] ?? USUAL_BATCH;
  const reference = names(best).raw;
  printTable(
    `Batch sizes: ${figure(events)} events with rising times into an empty table, ratio to raw SQLite at its best (${figure(best)}), ${rounds} rounds`,
    ["", ...RATE_HEADS],
    [...samples.keys()].map((name) => [name, ...rateCells(samples, name, reference)]),
  );
  judgeRate(samples, byDefault, reference, `${figure(events)} events`);
  return best;
}

const NAMES = {
  raw: "(c) the same rows by raw prepared statements, no Kafka",
  bare: "(d) as (c), without secondary indexes",
  writer: "the store's writer alone, no Kafka",
  decode: "decoding the messages alone",
  python: "(e) Python, a commit a row, as SQLite syncs by default",
  pythonNormal: "(e) Python, a commit a row, synchronous = NORMAL as here",
};

function named(codec: string) {
  return {
    service: `the service, ${codec}`,
    librdkafka: `(a) librdkafka alone in C, ${codec}`,
    client: `(b) the client alone in Bun, ${codec}`,
  };
}

async function compareSides(
  suite: Suite,
  backlogs: readonly Backlog[],
  best: number,
): Promise<void> {
  const [first] = backlogs;
  if (first === undefined) return;
  const { longRounds: rounds, sample } = suite.options;
  const { events } = first;
  const few = Math.max(Math.floor(events / PYTHON_SHARE), 500);
  const usual = { rows: 0, batchSize: USUAL_BATCH };
  const { librdkafka } = suite;
  const sides: Side<RateSample>[] = [
    { name: NAMES.raw, measure: raw(suite, first, events, 0, best) },
    ...backlogs.flatMap((backlog): Side<RateSample>[] => {
      const names = named(backlog.codec);
      return [
        { name: names.service, measure: service(suite, backlog, events, 0) },
        ...(librdkafka === undefined
          ? []
          : [{ name: names.librdkafka, measure: () => librdkafka.read(backlog, events) }]),
        { name: names.client, measure: part(suite, backlog, { ...usual, side: "client", events }) },
      ];
    }),
    {
      name: NAMES.bare,
      measure: part(suite, first, { ...usual, side: "raw without indexes", events }),
    },
    {
      name: NAMES.writer,
      measure: part(suite, first, { ...usual, side: "writer", events: Math.min(sample, events) }),
    },
    {
      name: NAMES.decode,
      measure: part(suite, first, { ...usual, side: "decode", events: Math.min(sample, events) }),
    },
    ...(suite.hasPython
      ? [
          { name: NAMES.python, measure: () => python(suite, first, few, "full") },
          { name: NAMES.pythonNormal, measure: () => python(suite, first, few, "normal") },
        ]
      : []),
  ];
  const samples = await inTurns(rounds, sides);
  printTable(
    `Ingest: a backlog of ${figure(events)} events with rising times on ${first.partitions} partitions into an empty table, ratio to (c) in batches of ${figure(best)}, ${rounds} rounds`,
    ["", ...RATE_HEADS],
    sides.map(({ name }) => [name, ...rateCells(samples, name, NAMES.raw)]),
  );
  const own = named(first.codec).service;
  judgeRate(samples, own, NAMES.raw, `${figure(events)} events`);
  const rate = (name: string) => column(samples, name, "eventsPerSecond");
  judge("ingest ÷ (e)", ratios(rate(own), rate(NAMES.python)), { atLeast: 150 });
}

/** As the table grows the rate falls: the more events, the more is wanted. */
function judgeRate(
  samples: Samples<RateSample>,
  own: string,
  reference: string,
  events: string,
): void {
  const rate = (name: string) => column(samples, name, "eventsPerSecond");
  const wanted = { atLeast: 120_000 };
  judge(`ingest, ${events} with rising times into an empty table`, rate(own), wanted, " events/s");
  const ratio = ratios(rate(own), rate(reference));
  judge(`ingest ÷ (c) at its best batch size, ${events}`, ratio, { atLeast: 0.7 });
}

async function compareTables(
  suite: Suite,
  backlog: Backlog,
  order: Order,
  best: number,
): Promise<void> {
  const { rounds, rows } = suite.options;
  const events = Math.min(suite.options.sample, backlog.events);
  const batchSize = best * 2 <= events ? best : USUAL_BATCH;
  checkRoom(Math.max(...rows) * ROW_BYTES * 2);
  const names = (count: number) => ({
    raw: `raw SQLite, ${figure(count)} rows`,
    service: `the service, ${figure(count)} rows`,
  });
  const samples = await inTurns<RateSample>(
    rounds,
    rows.flatMap((count) => [
      { name: names(count).raw, measure: raw(suite, backlog, events, count, batchSize) },
      { name: names(count).service, measure: service(suite, backlog, events, count) },
    ]),
  );
  const rate = (name: string) => column(samples, name, "eventsPerSecond");
  const [least = 0] = rows;
  printTable(
    `Table sizes: ${figure(events)} events with ${order} times into tables of such, ${rounds} rounds`,
    ["", "events/s, median", "spread", `÷ ${figure(least)} rows`, "÷ raw SQLite", "CPU µs/event"],
    rows.flatMap((count) =>
      (["raw", "service"] as const).map((side) => {
        const name = names(count)[side];
        return [
          name,
          figure(median(rate(name))),
          spread(rate(name)),
          ratioCell(rate(name), rate(names(least)[side])),
          ratioCell(rate(name), rate(names(count).raw)),
          figure(median(column(samples, name, "processorTime"))),
        ];
      }),
    ),
  );
  if (least !== 0) return;
  for (const count of rows.filter((each) => each >= 10_000_000)) {
    const kept = ratios(rate(names(count).service), rate(names(0).service));
    const question = `ingest at ${figure(count)} rows ÷ at an empty table, ${order} times`;
    judge(question, kept, { atLeast: 0.6 });
  }
}

/** Answers how fast a backlog is taken in. */
export async function answerIngest(suite: Suite): Promise<void> {
  const { kafka, options } = suite;
  const backlogs = await kafka.backlogs(options.events, "rising", options.codecs);
  const [first] = backlogs;
  if (first === undefined) return;
  const best = await compareBatches(suite, first);
  await compareSides(suite, backlogs, best);
  for (const order of ["rising", "random"] as const) {
    const backlog = order === "rising" ? first : await kafka.backlog(options.sample, order);
    await compareTables(suite, backlog, order, best);
  }
}
