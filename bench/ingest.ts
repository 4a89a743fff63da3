/**
 * How fast a backlog goes from Kafka into the table, beside what its parts take alone.
 *
 *     bun bench/ingest.ts [--events N] [--rounds N] [--rows N] [--batch N]
 *
 * `--events` is the backlog, `--rows` what the table holds before. Each measurement is a process of its
 * own, and the sides take turns, so that neither a warm machine nor a busy one favours any of them.
 */
import { join } from "node:path";
import type { IngestResult, IngestTask, Side } from "./ingest-side.ts";
import {
  cells,
  figure,
  makeTable,
  measure,
  median,
  type Order,
  printMachine,
  printTable,
  readOptions,
  run,
  spread,
  startBacklog,
  temporaryDirectory,
} from "./support.ts";

const options = readOptions("bench/ingest.ts", {
  events: 100_000,
  rounds: 5,
  rows: 0,
  batch: 5000,
});

const SIDES = {
  raw: "(a) raw SQLite, no Kafka",
  whole: "the whole: Kafka to table",
  client: "(b) the Kafka client alone",
  writer: "(c) the store's writer, no Kafka",
  "raw without indexes": "(d) as (a), without indexes",
  decode: "(e) decoding messages alone",
} as const satisfies Partial<Record<Side, string>>;

const BATCH_SIZES = [1000, 5000, 10_000, 20_000];
const BATCH_ROUNDS = 3;

/** Measures each of the tasks `rounds` times, in turns. */
async function inTurns<Task extends IngestTask>(
  rounds: number,
  tasks: readonly Task[],
): Promise<Map<Task, IngestResult[]>> {
  const results = new Map<Task, IngestResult[]>(tasks.map((task) => [task, []]));
  for (let round = 0; round < rounds; round++) {
    for (const task of tasks) {
      results.get(task)?.push(await measure<IngestResult>("bench/ingest-side.ts", task));
    }
  }
  return results;
}

interface Backlog {
  readonly address: string;
  readonly table: string;
  /** Where a measurement puts its copy of the table. */
  readonly path: string;
}

function rates(results: readonly IngestResult[]): number[] {
  return results.map(({ eventsPerSecond }) => eventsPerSecond);
}

async function compareSides(order: Order, backlog: Backlog): Promise<void> {
  const { events, rows, batch } = options;
  const { address: brokers, table, path } = backlog;
  const common = { events, table, path, rows, order, batchSize: batch, brokers };
  const sides = Object.keys(SIDES) as (keyof typeof SIDES)[];
  const tasks = sides.map((side) => ({ side, ...common }));
  const measured = [...(await inTurns(options.rounds, tasks))];
  const base = measured.find(([{ side }]) => side === "raw")?.[1] ?? [];
  printTable(
    `Ingest, ${order} arrested_at: ${figure(events)} events into a table of ${figure(rows)}, batches of ${figure(batch)}, ${options.rounds} rounds`,
    ["", "events/s, median", "spread", "ratio to (a)", "CPU µs/event"],
    measured.map(([{ side }, results]) => [
      SIDES[side],
      ...cells(rates(results), rates(base)),
      figure(median(results.map(({ processorTime }) => processorTime))),
    ]),
  );
  const memory = measured
    .filter(([{ side }]) => side === "whole")
    .flatMap(([, results]) => results.flatMap((result) => result.memory ?? []));
  if (memory.length === 0) return;
  printTable(
    `Resident memory of the whole, ${order} arrested_at (MiB)`,
    ["", "median", "spread"],
    (
      [
        ["connecting, before the first row", "before"],
        ["at the last row", "after"],
        ["3 s idle later", "idle"],
        ["peak", "peak"],
      ] as const
    ).map(([name, key]) => {
      const samples = memory.map((each) => each[key]);
      return [name, figure(median(samples)), spread(samples)];
    }),
  );
}

async function compareBatchSizes(backlog: Backlog): Promise<void> {
  const { events, rows } = options;
  const sides = ["raw", "writer", "whole"] as const;
  const tasks = BATCH_SIZES.flatMap((batchSize) =>
    sides.map((side) => ({
      side,
      events,
      table: backlog.table,
      path: backlog.path,
      rows,
      order: "rising" as const,
      batchSize,
      brokers: backlog.address,
    })),
  );
  const measured = [...(await inTurns(BATCH_ROUNDS, tasks))];
  printTable(
    `Batch sizes, rising arrested_at, ${BATCH_ROUNDS} rounds`,
    ["", "events/s, median", "spread", "ratio to (a)"],
    measured.map(([{ side, batchSize }, results]) => {
      const base = measured.find(
        ([task]) => task.side === "raw" && task.batchSize === batchSize,
      )?.[1];
      return [`${figure(batchSize)}: ${SIDES[side]}`, ...cells(rates(results), rates(base ?? []))];
    }),
  );
}

await run(async () => {
  const directory = temporaryDirectory();
  printMachine("Ingest");
  for (const order of ["rising", "random"] as const) {
    const table = join(directory, `${order}.sqlite`);
    makeTable(table, options.rows, order);
    const broker = await startBacklog(options.events, order);
    const backlog = { address: broker.address, table, path: join(directory, "measured.sqlite") };
    await compareSides(order, backlog);
    if (order === "rising") await compareBatchSizes(backlog);
    await broker.stop();
  }
});
