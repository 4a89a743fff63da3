/** Every operation on every side, in turns. */
import { join } from "node:path";
import { figure, loadAverage, median, print, printTable, spread } from "../support.ts";
import { type Asking, askMany, askOne, type Loader, type Sample } from "./ask.ts";
import { OPERATIONS, type Operation, pageName } from "./operations.ts";
import type { Options } from "./options.ts";
import { type Server, SIDES, type SideName } from "./sides.ts";
import { type Depth, LISTS, readTable, type Table } from "./table.ts";
import { copyTemplate, removeDatabase, templateOf } from "./template.ts";
import { judge, ratioCell, ratios } from "./verdicts.ts";

/** The samples of an operation on a side, by round. */
export class Samples {
  readonly #all = new Map<string, Sample[]>();

  add(operation: string, side: SideName, sample: Sample): void {
    const key = `${side} ${operation}`;
    this.#all.set(key, [...(this.#all.get(key) ?? []), sample]);
  }

  of(operation: string, side: SideName, key: keyof Sample): number[] {
    return (this.#all.get(`${side} ${operation}`) ?? []).map((sample) => sample[key]);
  }

  /** The greatest share of a core that the load took. */
  get greatestLoad(): number {
    return Math.max(
      0,
      ...[...this.#all.values()].flat().map((sample) => sample.processorShare || 0),
    );
  }
}

/** What sides are measured with. */
export interface Bench {
  readonly options: Options;
  /** The sides of the options of which everything is there. */
  readonly sides: readonly SideName[];
  readonly directory: string;
  readonly loader: Loader;
  /** The processors of servers. */
  readonly cpus: string | undefined;
  /** Those of what asks them. */
  readonly loadCpus: string | undefined;
}

/** What took longer than this is not measured again. */
const LONG_MS = 3000;

/** The first time a server is asked something it is given time to compile its own code. */
const FIRST_WARM_UP_MS = 600;
const WARM_UP_MS = 150;

/** Those that the questions are about are measured for longer. */
const CENTRAL = ["GET by id", "POST"];

/** In which the service has counted ten million events several times over. */
const COUNTED_WITHIN_MS = 180_000;

/** Waits until the service counts as fast as it will: it takes its counts from memory some time after its start. */
export async function whenCounted({ port }: Server): Promise<void> {
  const startedAt = performance.now();
  for (let took = Number.POSITIVE_INFINITY; took > 100; ) {
    if (performance.now() - startedAt > COUNTED_WITHIN_MS) return;
    const askedAt = performance.now();
    await (await fetch(`http://127.0.0.1:${port}/arrest_events/count`)).text();
    took = performance.now() - askedAt;
    await Bun.sleep(took);
  }
}

/** Starts a server of each side over a copy of a table, and ends them all. */
export async function withServers(
  { sides, directory, cpus }: Bench,
  template: string,
  work: (servers: ReadonlyMap<SideName, Server>) => Promise<void>,
): Promise<void> {
  const servers = new Map<SideName, Server>();
  for (const side of sides) {
    const path = join(directory, `${side}-${servers.size}-${crypto.randomUUID()}.sqlite`);
    copyTemplate(template, path);
    const server = await SIDES[side].start(path, { cpus });
    servers.set(side, server);
    if (side === "service" || side === "unchecked") await whenCounted(server);
  }
  await work(servers);
  for (const server of servers.values()) await endServer(server);
}

/** Stops a server and removes its database, of which there are many in a run. */
export async function endServer(server: Server): Promise<void> {
  await server.stop();
  removeDatabase(server.path);
}

/** Measures the operations over a table of so many rows, and prints what was found. */
export async function compareOperations(bench: Bench, rows: number): Promise<void> {
  const { options } = bench;
  const template = await templateOf(rows);
  const table = readTable(template, rows);
  const operations = OPERATIONS.filter(
    ({ name }) =>
      options.only.length === 0 ||
      options.only.some((only) => name === only || name.startsWith(`${only} (`)),
  );
  if (operations.length === 0) {
    throw new Error(`--only names none of: ${OPERATIONS.map(({ name }) => name).join("; ")}`);
  }
  const samples = new Samples();
  await withServers(bench, template, async (servers) => {
    // Reads first, so that they meet the table as it was made.
    const isWrite = ({ name }: Operation): boolean => /^(POST|PUT|PATCH|DELETE|batch)/.test(name);
    for (const part of [operations.filter((each) => !isWrite(each)), operations.filter(isWrite)]) {
      for (let round = 0; round < options.rounds; round++) {
        for (const operation of part) {
          for (const [side, server] of inTurns(servers, round)) {
            await measure(bench, table, samples, operation, side, server, round);
          }
        }
      }
    }
  });
  printOperations(bench, operations, samples, rows);
  judgeOperations(samples, rows);
}

/** Each round begins with another side. */
function inTurns<T>(all: ReadonlyMap<SideName, T>, round: number): [SideName, T][] {
  const entries = [...all];
  const first = round % entries.length;
  return [...entries.slice(first), ...entries.slice(0, first)];
}

async function measure(
  { options, loader }: Bench,
  table: Table,
  samples: Samples,
  operation: Operation,
  side: SideName,
  server: Server,
  round: number,
): Promise<void> {
  const before = samples.of(operation.name, side, "p50");
  if (operation.isLong && Math.max(0, ...before) > LONG_MS) return;
  const ask = operation.ask(side, table, server.path);
  if (ask === undefined) return;
  const factor = CENTRAL.includes(operation.name) ? 2 : 1;
  const asking: Asking = {
    connections: options.connections,
    warmUpMs: (round === 0 ? FIRST_WARM_UP_MS : WARM_UP_MS) * factor,
    measureMs: options.measureMs * factor,
  };
  try {
    const sample = await (operation.isLong
      ? askOne(server, ask, asking)
      : askMany(loader, server, ask, asking));
    samples.add(operation.name, side, sample);
  } catch (error) {
    throw new Error(`${operation.name}, ${side}: ${(error as Error).message}`);
  }
}

function printOperations(
  { sides, options }: Bench,
  operations: readonly Operation[],
  samples: Samples,
  rows: number,
): void {
  const others = sides.filter((side) => side !== "service");
  const names = operations.map(({ name }) => name);
  const rate = (name: string, side: SideName) => samples.of(name, side, "requestsPerSecond");
  const where = `${figure(rows)} rows, ${options.connections} connections (long reads one), ${options.rounds} rounds`;
  if (sides.includes("service")) {
    printTable(
      `The service: ${where}`,
      [
        "",
        "requests/s",
        "spread",
        "p50 ms",
        "p99 ms",
        ...others.map((side) => `÷ ${SIDES[side].title}`),
      ],
      names.map((name) => {
        const own = rate(name, "service");
        return [
          name,
          figure(median(own)),
          own.length === 0 ? "" : spread(own),
          figure(median(samples.of(name, "service", "p50"))),
          figure(median(samples.of(name, "service", "p99"))),
          ...others.map((side) => ratioCell(own, rate(name, side))),
        ];
      }),
    );
  }
  const cell = (values: readonly number[]): string =>
    values.length === 0 ? "" : `${figure(median(values))} (${spread(values)})`;
  if (others.length > 0) {
    printTable(
      `The others, requests/s (spread): ${figure(rows)} rows`,
      ["", ...others.map((side) => SIDES[side].title)],
      names.map((name) => [name, ...others.map((side) => cell(rate(name, side)))]),
    );
  }
  printTable(
    `Requests by second of the server's processor time: ${figure(rows)} rows`,
    ["", ...sides.map((side) => SIDES[side].title)],
    names.map((name) => [
      name,
      ...sides.map((side) => {
        const values = samples.of(name, side, "perProcessorSecond");
        return values.length === 0 ? "" : figure(median(values));
      }),
    ]),
  );
  print(
    `\nThe load took at most ${figure(samples.greatestLoad)} of its core: near 1 it is the load that is measured. Load average: ${loadAverage()}`,
  );
}

/** On a quiet machine both are the same; on a busy one the second is to be believed. */
const WAYS = [
  ["", "requestsPerSecond"],
  [" by processor time", "perProcessorSecond"],
] as const;

function judgeOperations(samples: Samples, rows: number): void {
  const of = `${figure(rows)} rows`;
  for (const [how, key] of WAYS) {
    const get = (side: SideName) => samples.of("GET by id", side, key);
    for (const [side, atLeast] of [
      ["bare", 0.75],
      ["fastify", 1.5],
      ["flask", 10],
    ] as const) {
      const question = `GET by id ÷ ${SIDES[side].title}${how}, ${of}`;
      judge(question, ratios(get("service"), get(side)), { atLeast });
    }
    for (const list of LISTS) {
      const page = (depth: Depth) => samples.of(pageName(list, depth), "service", key);
      for (const depth of ["middle", "last"] as const) {
        const slowdown = ratios(page("first"), page(depth));
        judge(`time of ${pageName(list, depth)} ÷ first page's${how}, ${of}`, slowdown, {
          atMost: 1.3,
        });
      }
    }
  }
}
