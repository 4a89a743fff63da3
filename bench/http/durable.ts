/**
 * Changes that are on the disk when they are answered, from many clients at once: transactions that many
 * share, and one each. On the disk as it is, and on one whose syncs take longer.
 */
import { join } from "node:path";
import { compileShim, HAS_SHIM } from "../../tests/faults/support/shim.ts";
import { figure, loadAverage, median, print, printTable, spread } from "../support.ts";
import { askMany } from "./ask.ts";
import { type Bench, endServer } from "./compare.ts";
import { POSTS } from "./operations.ts";
import { type Server, SIDES, type SideName, type Start, startBare, startVariant } from "./sides.ts";
import { copyTemplate, templateOf } from "./template.ts";
import { judge, ratioCell, ratios } from "./verdicts.ts";

/** How much longer a sync takes, in microseconds: not at all, and as on a usual SSD. */
const DELAYS_US = [0, 2000] as const;

const WARM_UP_MS = 700;
const MEASURE_MS = 1500;

interface Way {
  readonly name: string;
  readonly side: SideName;
  start(path: string, start: Start): Promise<Server>;
}

const WAYS: readonly Way[] = [
  { name: "service", side: "service", start: SIDES.service.start },
  {
    name: "service, a transaction a request",
    side: "service",
    start: (path, start) => startVariant({ path, variant: "alone" }, start),
  },
  {
    name: "bare, a transaction a request",
    side: "bare",
    start: (path, start) => startBare({ path, shareTransactions: false }, start),
  },
  {
    name: "bare, shared transactions",
    side: "bare",
    start: (path, start) => startBare({ path, shareTransactions: true }, start),
  },
  { name: "Fastify, a transaction a request", side: "fastify", start: SIDES.fastify.start },
  { name: "Flask, a transaction a request", side: "flask", start: SIDES.flask.start },
];

/** Those that the service is to be five times as fast as. */
const ONE_EACH = ["service, a transaction a request", "bare, a transaction a request"];

/** Compares them over a table of so many rows. */
export async function compareDurable(bench: Bench, rows: number): Promise<void> {
  const { options, cpus, loader, directory } = bench;
  const template = await templateOf(rows);
  const ways = WAYS.filter(({ side }) => bench.sides.includes(side));
  const delays = HAS_SHIM ? DELAYS_US : ([0] as const);
  const library = HAS_SHIM ? await compileShim(join(import.meta.dir, "slow-sync.c")) : "";
  const rates = new Map<string, number[]>();
  const of = (delay: number, name: string): number[] => rates.get(`${delay} ${name}`) ?? [];
  for (let round = 0; round < options.rounds; round++) {
    for (const delay of delays) {
      const settings = delay === 0 ? {} : { LD_PRELOAD: library, SLOW_SYNC_US: String(delay) };
      for (const { name, start } of ways) {
        const path = join(directory, `durable-${crypto.randomUUID()}.sqlite`);
        copyTemplate(template, path);
        const server = await start(path, { cpus, settings });
        const { requestsPerSecond } = await askMany(
          loader,
          server,
          { requests: POSTS, status: 201 },
          {
            connections: options.connections,
            warmUpMs: Math.min(WARM_UP_MS, options.measureMs * 2),
            measureMs: Math.min(MEASURE_MS, options.measureMs * 3),
          },
        );
        rates.set(`${delay} ${name}`, [...of(delay, name), requestsPerSecond]);
        await endServer(server);
      }
    }
  }
  const cell = (values: readonly number[]): string =>
    `${figure(median(values))} (${spread(values)})`;
  const titles = delays.map((delay) =>
    delay === 0 ? "the disk as it is" : `each sync ${figure(delay / 1000)} ms longer`,
  );
  printTable(
    `Durable POST, requests/s (spread): ${options.connections} clients, ${figure(rows)} rows, ${options.rounds} rounds`,
    ["", ...titles.flatMap((title) => [title, "service ÷ this"])],
    ways.map(({ name }) => [
      name,
      ...delays.flatMap((delay) => [
        cell(of(delay, name)),
        ratioCell(of(delay, "service"), of(delay, name)),
      ]),
    ]),
  );
  print(`\nLoad average: ${loadAverage()}`);
  if (!HAS_SHIM) print("Slower syncs are left out: they need Linux with glibc.");
  for (const [index, delay] of delays.entries()) {
    for (const other of ONE_EACH) {
      const question = `durable POST ÷ ${other}, ${titles[index]}`;
      judge(question, ratios(of(delay, "service"), of(delay, other)), { atLeast: 5 });
    }
  }
}
