/**
 * What the history of events and the counts that are kept cost ingest.
 *
 *     bun bench/overhead.ts [--events N] [--rounds N] [--rows N] [--batch N]
 *
 * `--events` are stored by each measurement, which is a process of its own, into a table that holds `--rows`
 * before. The two sides of a comparison take turns.
 */
import { Database } from "bun:sqlite";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { makeTable, type Order } from "./events.ts";
import type { IngestResult, IngestTask } from "./ingest-side.ts";
import { embeddedBacklog } from "./kafka.ts";
import {
  cells,
  figure,
  measure,
  median,
  printMachine,
  printTable,
  readOptions,
  run,
  temporaryDirectory,
} from "./support.ts";

const options = readOptions("bench/overhead.ts", {
  events: 100_000,
  rounds: 9,
  rows: 0,
  batch: 5000,
});

type Sides = Readonly<Record<string, Pick<IngestTask, "side" | "table">>>;

/** Makes the table anew, of the same events, with or without the versions of events. */
function rebuild(path: string, versions: boolean): void {
  const database = new Database(path);
  const texts = database
    .query<{ sql: string }, []>(
      "select sql from sqlite_master where tbl_name = 'arrest_event' and sql is not null order by type = 'index'",
    )
    .all()
    .map(({ sql }) => sql);
  const [table = "", ...indexes] = texts;
  const lines = table.split("\n").filter((line) => versions || !line.includes("version"));
  const columns = "id, officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at";
  database.run("create temp table earlier as select * from arrest_event");
  database.run("drop table arrest_event");
  // The line before the last may have lost its successor.
  database.run(lines.join("\n").replace(/,\s*\)$/, "\n)"));
  database.run(`insert into arrest_event (${columns}) select ${columns} from earlier order by id`);
  for (const index of indexes) database.run(index);
  database.close();
}

/** Measures two sides in turns, and prints the second's part of the first's rate. */
async function compare(title: string, sides: Sides, common: Omit<IngestTask, "side" | "table">) {
  const results = new Map<string, IngestResult[]>(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    const names = Object.keys(sides);
    // Neither always comes first.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const task = { ...common, ...sides[name] };
      results.get(name)?.push(await measure<IngestResult>("bench/ingest-side.ts", task));
    }
  }
  const rates = [...results].map(
    ([name, measured]) => [name, measured.map(({ eventsPerSecond }) => eventsPerSecond)] as const,
  );
  const base = rates[0]?.[1] ?? [];
  printTable(
    title,
    ["", "events/s, median", "spread", "ratio", "CPU µs/event"],
    rates.map(([name, samples]) => [
      name,
      ...cells(samples, base),
      figure(median((results.get(name) ?? []).map(({ processorTime }) => processorTime))),
    ]),
  );
}

async function measureOrder(order: Order, directory: string): Promise<void> {
  const file = (name: string): string => join(directory, `${order}-${name}.sqlite`);
  const { events, rows, batch } = options;
  makeTable(file("whole"), rows, order);
  for (const [name, versions] of [
    ["with", true],
    ["without", false],
  ] as const) {
    copyFileSync(file("whole"), file(name));
    rebuild(file(name), versions);
  }
  const backlog = await embeddedBacklog(events, order, directory);
  const { columns, brokers, topic, partitions } = backlog;
  const place = { columns, brokers, topic, partitions };
  const common = { ...place, events, rows, letters: 0, batchSize: batch, path: file("measured") };
  const of = `${order} arrested_at: ${figure(events)} events into a table of ${figure(rows)}, batches of ${figure(batch)}, ${options.rounds} rounds`;
  await compare(
    `History, raw SQLite, ${of}`,
    {
      "without versions and origins": { side: "raw", table: file("without") },
      "with both": { side: "raw with origins", table: file("with") },
    },
    common,
  );
  await compare(
    `Counts, the whole service, ${of}`,
    {
      "not counting": { side: "whole without counts", table: file("whole") },
      "keeping the counts": { side: "whole", table: file("whole") },
    },
    common,
  );
  await backlog.stop();
}

await run(async () => {
  const directory = temporaryDirectory();
  printMachine("What history and counts cost ingest");
  for (const order of ["rising", "random"] as const) await measureOrder(order, directory);
});
