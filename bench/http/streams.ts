/** The whole table, streamed: how fast, and what memory that takes. */
import { processorTime, residentMemory, startProcess } from "../processes.ts";
import { figure, loadAverage, median, print, printTable, spread } from "../support.ts";
import { type Bench, withServers } from "./compare.ts";
import { type Server, SIDES, type SideName } from "./sides.ts";
import type { StreamResult, StreamTask } from "./stream-client.ts";
import { templateOf } from "./template.ts";
import { judge, ratioCell } from "./verdicts.ts";

const FORMS = ["json", "ndjson", "csv"] as const;

type Form = (typeof FORMS)[number];

/** After this a stream is cut, and what has come by then is counted. */
const MAX_MS = 2500;

/** Flask's author makes the whole answer in memory, which is not asked of it for more rows than this. */
const MOST_IN_MEMORY = 100_000;

/** So long a stream is read before the first is measured, in milliseconds. */
const WARM_UP_MS = 400;

/** Below this a stream is over before it can be timed. */
const FEWEST_TO_JUDGE = 100_000;

/** Only what goes on for so long tells whether memory stays flat: at first the code is compiled and the caches fill. */
const LONG_ENOUGH_MS = 10_000;

/** How often memory is read, in milliseconds. */
const MEMORY_INTERVAL_MS = 100;

/** A slow reader: some 40,000 events a second, for so long. */
const SLOW_BYTES_PER_SECOND = 5_000_000;
const SLOW_MS = 15_000;

function formsOf(side: SideName, rows: number): readonly Form[] {
  if (side === "bare") return ["ndjson"];
  if (side === "flask") return rows <= MOST_IN_MEMORY ? ["json"] : [];
  return FORMS;
}

/** Reads a stream in a process of its own. */
async function read(task: StreamTask, cpus: string | undefined): Promise<StreamResult> {
  const client = startProcess("bench/http/stream-client.ts", [], {}, { cpus });
  client.send(task);
  const result = await client.receive<StreamResult>();
  await client.exited;
  return result;
}

const pathOf = (side: SideName, form: Form): string =>
  side === "flask" ? "/arrest_events" : `/arrest_events?format=${form}`;

/** What was read of a stream in one round: events by second. */
interface Rate {
  readonly elapsed: number;
  /** Of the server's processor time; NaN where that is unknown. */
  readonly processor: number;
}

/** Streams a table of so many rows in each form from each side that has it. */
export async function compareStreams(bench: Bench, rows: number): Promise<void> {
  const { options, sides } = bench;
  const rates = new Map<string, Rate[]>();
  const of = (side: SideName, form: Form, key: keyof Rate): number[] =>
    (rates.get(`${side} ${form}`) ?? []).map((rate) => rate[key]);
  await withServers(bench, await templateOf(rows), async (servers) => {
    for (let round = 0; round < options.rounds; round++) {
      for (const form of FORMS) {
        for (const [side, server] of servers) {
          if (!formsOf(side, rows).includes(form)) continue;
          const key = `${side} ${form}`;
          const rate = await measure(bench, side, server, form, rows, round === 0);
          rates.set(key, [...(rates.get(key) ?? []), rate]);
        }
      }
    }
  });
  const cell = (values: readonly number[]): string =>
    values.length === 0
      ? ""
      : `${figure(Math.round(median(values)))} (${spread(values.map(Math.round))})`;
  for (const [title, key] of [
    [`at most ${figure(MAX_MS / 1000)} s of it, ${options.rounds} rounds`, "elapsed"],
    ["by second of the server's processor time", "processor"],
  ] as const) {
    printTable(
      `The whole table streamed, events/s (spread): ${figure(rows)} rows, ${title}`,
      ["", ...sides.map((side) => SIDES[side].title), "service ÷ bare"],
      FORMS.map((form) => [
        form,
        ...sides.map((side) => cell(of(side, form, key))),
        ratioCell(of("service", form, key), of("bare", form, key)),
      ]),
    );
  }
  print(`\nLoad average: ${loadAverage()}`);
  if (rows < FEWEST_TO_JUDGE) return;
  const question = "whole table as NDJSON, events/s";
  const wanted = { atLeast: 300_000 };
  judge(`${question}, ${figure(rows)} rows`, of("service", "ndjson", "elapsed"), wanted);
  const byProcessor = of("service", "ndjson", "processor");
  judge(`${question} by processor time, ${figure(rows)} rows`, byProcessor, wanted);
}

async function measure(
  { loadCpus }: Bench,
  side: SideName,
  server: Server,
  form: Form,
  rows: number,
  isFirst: boolean,
): Promise<Rate> {
  const task = { port: server.port, path: pathOf(side, form), maxMs: MAX_MS };
  if (isFirst) await read({ ...task, maxMs: WARM_UP_MS }, loadCpus);
  const before = processorTime(server.pid);
  const { events, milliseconds, ended } = await read(task, loadCpus);
  const after = processorTime(server.pid);
  if (ended && events !== rows) throw new Error(`${side}: ${events} of ${rows} streamed`);
  return {
    elapsed: (events / milliseconds) * 1000,
    processor: before === null || after === null ? Number.NaN : events / (after - before),
  };
}

interface Memory {
  readonly start: number;
  readonly least: number;
  readonly most: number;
  readonly end: number;
  /** The highest of the second half over the highest of the first. */
  readonly growth: number;
}

/** Reads a server's resident memory, in MiB, while something goes on. */
async function watchMemory(
  server: Server,
  work: Promise<StreamResult>,
): Promise<Memory | undefined> {
  const now = (): number => residentMemory(server.pid)?.now ?? Number.NaN;
  const seen: number[] = [now()];
  const timer = setInterval(() => seen.push(now()), MEMORY_INTERVAL_MS);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  seen.push(now());
  if (seen.some(Number.isNaN)) return undefined;
  const half = seen.length >> 1;
  return {
    start: seen[0] ?? 0,
    least: Math.min(...seen),
    most: Math.max(...seen),
    end: seen.at(-1) ?? 0,
    growth: Math.max(...seen.slice(half)) / Math.max(...seen.slice(0, half)),
  };
}

/** Streams a whole table of so many rows once as fast as it comes, then a part of it slowly, with the service's memory. */
export async function streamWhole(bench: Bench, rows: number): Promise<void> {
  const ways = [
    { name: "as fast as it comes, to the end", maxMs: 600_000, bytesPerSecond: undefined },
    {
      name: `slowly, for ${SLOW_MS / 1000} s`,
      maxMs: SLOW_MS,
      bytesPerSecond: SLOW_BYTES_PER_SECOND,
    },
  ];
  const lines: string[][] = [];
  const only = { ...bench, sides: ["service" as const] };
  await withServers(only, await templateOf(rows), async (servers) => {
    const server = servers.get("service");
    if (server === undefined) return;
    for (const { name, maxMs, bytesPerSecond } of ways) {
      const task: StreamTask = {
        port: server.port,
        path: pathOf("service", "ndjson"),
        maxMs,
        ...(bytesPerSecond !== undefined && { bytesPerSecond }),
      };
      const reading = read(task, bench.loadCpus);
      const memory = await watchMemory(server, reading);
      const { events, milliseconds, ended } = await reading;
      if (bytesPerSecond === undefined && (!ended || events !== rows)) {
        throw new Error(`${events} of ${rows} events streamed`);
      }
      const { start, least, most, end } = memory ?? {};
      const figures = [start, least, most, end].map((value) => figure(value ?? Number.NaN));
      lines.push([
        name,
        figure(events),
        figure(Math.round((events / milliseconds) * 1000)),
        ...figures,
      ]);
      if (memory === undefined || milliseconds < LONG_ENOUGH_MS) continue;
      const question = `memory, ${name}: second half ÷ first half, ${figure(rows)} rows`;
      judge(question, [memory.growth], { atMost: 1.1 });
    }
  });
  printTable(
    `The service's resident memory while ${figure(rows)} rows are streamed as NDJSON, MiB`,
    ["", "events", "events/s", "at the start", "least", "most", "at the end"],
    lines,
  );
}
