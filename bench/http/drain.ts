/** How the service answers while a backlog goes into its table, and what that costs the backlog. */
import { join } from "node:path";
import { openReader } from "../../src/store/read.ts";
import type { LoadResult, LoadWindow } from "../load.ts";
import { residentMemory } from "../processes.ts";
import {
  cells,
  checkStored,
  figure,
  loadAverage,
  makeEvents,
  median,
  print,
  printTable,
  SIMULATE_ARGUMENTS,
  spread,
  startBacklog,
  startProcess,
} from "../support.ts";
import type { Bench } from "./compare.ts";
import { gets } from "./operations.ts";
import { logLine, type Server, startService } from "./sides.ts";
import { readTable, type Table } from "./table.ts";
import { copyTemplate, LETTERS, templateOf } from "./template.ts";

/** What the table holds before. */
const ROWS = 100_000;

/** A load that leaves the processor to others, in requests a second. */
const MODEST_RATE = 1000;

/** How often the table is looked at while a backlog goes into it. */
const LOOK_INTERVAL_MS = 5;

/** How long a service is asked before it is measured. */
const WARM_UP_MS = 1000;

/** How long it is asked before the simulator begins. */
const IDLE_MS = 2000;

type Figure = Exclude<keyof LoadResult, "processorShare">;

function samplesOf(results: readonly LoadResult[], key: Figure): number[] {
  return results.map((result) => result[key]);
}

function latencies(results: readonly LoadResult[]): string[] {
  const p99 = samplesOf(results, "p99");
  return [figure(median(samplesOf(results, "p50"))), figure(median(p99)), spread(p99)];
}

/** Waits until `count` events have been added; tells when the first and the last were seen, and how fast they came. */
async function watchIngest(
  path: string,
  count: number,
): Promise<LoadWindow & { eventsPerSecond: number }> {
  const reader = openReader(path);
  let from = 0;
  let seenFirst = 0;
  let stored = 0;
  while (stored < count) {
    await Bun.sleep(LOOK_INTERVAL_MS);
    stored = reader.lastId() - ROWS;
    if (stored > 0 && from === 0) {
      from = Date.now();
      seenFirst = stored;
    }
  }
  const to = Date.now();
  reader.close();
  return { from, to, eventsPerSecond: ((count - seenFirst) / (to - from)) * 1000 };
}

interface DrainResult {
  readonly eventsPerSecond: number;
  readonly idle: LoadResult | undefined;
  readonly during: LoadResult | undefined;
  readonly memory: { readonly now: number; readonly peak: number } | null;
}

/**
 * A backlog goes into the table, with requests (`rate` a second, 0 for as many as are answered) or without any.
 *
 * @param begin lets the backlog come, and resolves to when there was none yet
 */
async function drain(
  { options, loader }: Bench,
  table: Table,
  server: Server,
  rate: number | undefined,
  begin: () => Promise<number>,
): Promise<DrainResult> {
  const load =
    rate === undefined
      ? undefined
      : await loader.start({
          port: server.port,
          connections: options.connections,
          requests: gets(table),
          status: 200,
          rate,
        });
  await Bun.sleep(WARM_UP_MS);
  const from = Date.now();
  const ingest = watchIngest(server.path, options.events);
  const ended = server.exited.then((code): never => {
    throw new Error(`the service ended with ${code}`);
  });
  const idleUntil = await begin();
  const during = await Promise.race([ingest, ended]);
  ended.catch(() => undefined);
  const memory = residentMemory(server.pid);
  const result = {
    eventsPerSecond: during.eventsPerSecond,
    idle: await load?.between({ from, to: idleUntil }),
    during: await load?.between(during),
    memory,
  };
  await load?.stop();
  await server.stop();
  checkStored(server.path, makeEvents(options.events, "rising"), ROWS, LETTERS);
  return result;
}

const DRAIN_LOADS = [
  ["no requests", undefined],
  [`${figure(MODEST_RATE)} GET/s`, MODEST_RATE],
  ["as many GETs as are answered", 0],
] as const;

/** How requests are answered while a backlog goes in, and what they cost it. */
async function compareLoads(
  { options }: Bench,
  title: string,
  one: (rate: number | undefined) => Promise<DrainResult>,
): Promise<void> {
  const measured = DRAIN_LOADS.map(([name, rate]) => ({
    name,
    rate,
    results: [] as DrainResult[],
  }));
  for (let round = 0; round < options.rounds; round++) {
    for (const { rate, results } of measured) results.push(await one(rate));
  }
  const rates = (results: readonly DrainResult[]) =>
    results.map(({ eventsPerSecond }) => eventsPerSecond);
  const base = rates(measured[0]?.results ?? []);
  printTable(
    `${title}: ${figure(options.events)} events into a table of ${figure(ROWS)}, ${options.rounds} rounds`,
    ["", "events/s, median", "spread", "ratio to none", "memory MiB", "peak"],
    measured.map(({ name, results }) => {
      const memory = results.flatMap((result) => result.memory ?? []);
      return [
        name,
        ...cells(rates(results), base),
        figure(median(memory.map(({ now }) => now))),
        figure(median(memory.map(({ peak }) => peak))),
      ];
    }),
  );
  const answers = measured.flatMap(({ name, results }) =>
    (["idle", "during"] as const).flatMap((when) => {
      const loads = results.flatMap((result) => result[when] ?? []);
      if (loads.length === 0) return [];
      const perSecond = samplesOf(loads, "requestsPerSecond");
      return [
        [
          `${name}, ${when === "idle" ? "before" : "meanwhile"}`,
          figure(median(perSecond)),
          spread(perSecond),
          ...latencies(loads),
          figure(Math.max(...samplesOf(loads, "max"))),
        ],
      ];
    }),
  );
  printTable(
    "GET by id before and meanwhile",
    ["", "requests/s, median", "spread", "p50 ms", "p99 ms", "p99 spread", "max ms"],
    answers,
  );
}

/** A copy of the template in a service of its own, which shares all processors with the rest. */
function startOver(bench: Bench, template: string, brokers: string): Promise<Server> {
  const path = join(bench.directory, `drain-${crypto.randomUUID()}.sqlite`);
  copyTemplate(template, path);
  const settings = { KAFKA_BROKERS: brokers, KAFKA_GROUP_ID: crypto.randomUUID() };
  return startService(path, { settings });
}

/** The backlog is in a broker in a process of its own: what is met is the service. */
async function drainFromBroker(bench: Bench, template: string, table: Table): Promise<void> {
  const backlog = await startBacklog(bench.options.events, "rising");
  await compareLoads(bench, "A backlog that waits in a broker", async (rate) => {
    const server = await startOver(bench, template, backlog.address);
    return drain(bench, table, server, rate, async () => {
      await logLine(server, "partitions assigned");
      return Date.now();
    });
  });
  await backlog.stop();
}

/** As at first use: the broker inside of the service, and `simulate` beside it, all on the same processors. */
async function drainSimulation(bench: Bench, template: string, table: Table): Promise<void> {
  await compareLoads(bench, "The embedded broker, and simulate beside it", async (rate) => {
    const server = await startOver(bench, template, "embedded");
    const { brokers } = await logLine(
      server,
      "reading a Kafka broker inside this process, in memory only",
    );
    await logLine(server, "partitions assigned");
    return drain(bench, table, server, rate, async () => {
      await Bun.sleep(IDLE_MS);
      const idleUntil = Date.now();
      const simulation = startProcess("src/main.ts", [
        "simulate",
        ...SIMULATE_ARGUMENTS,
        ...["--count", String(bench.options.events)],
        ...["--brokers", String(brokers)],
      ]);
      if ((await simulation.exited) !== 0) throw new Error("simulate did not deliver everything");
      return idleUntil;
    });
  });
}

/** Both ways for a backlog to come. */
export async function compareDrains(bench: Bench): Promise<void> {
  const template = await templateOf(ROWS);
  const table = readTable(template, ROWS);
  await drainFromBroker(bench, template, table);
  await drainSimulation(bench, template, table);
  print(`\nLoad average: ${loadAverage()}`);
}
