/**
 * How fast the service answers, side by side with the same handlers without checks, with the least that
 * gives the same answers, and with the same routes on Fastify and on Flask; what streaming the whole table
 * takes; what durable changes cost.
 *
 *     bun bench/http.ts [--quick] [--rows N,N…] [--parts …] [--sides …] [--only NAME,…] …
 *
 * Servers and load are processes of their own. The sides take turns, so that neither a warm machine nor a
 * busy one favours any of them.
 */

import { Loader } from "./http/ask.ts";
import { type Bench, compareOperations } from "./http/compare.ts";
import { compareDurable } from "./http/durable.ts";
import { type Options, readOptions } from "./http/options.ts";
import { partedProcessors, SIDES, type SideName } from "./http/sides.ts";
import { compareStreams, streamWhole } from "./http/streams.ts";
import { printVerdicts } from "./http/verdicts.ts";
import { print, printMachine, run, temporaryDirectory } from "./support.ts";

/** Tells what is compared, and leaves out the sides that cannot be made. */
async function prepareSides({ sides }: Options): Promise<SideName[]> {
  const ready: SideName[] = [];
  for (const side of sides) {
    const { title, about, install } = SIDES[side];
    const installed = await install?.();
    if (installed !== undefined && "problem" in installed) {
      print(`- ${title} is left out: ${installed.problem}`);
      continue;
    }
    print(`- ${title}: ${about}${installed === undefined ? "" : ` (${installed.versions})`}`);
    ready.push(side);
  }
  return ready;
}

function printProcessors(processors: ReturnType<typeof partedProcessors>): void {
  print(
    processors === undefined
      ? "\nServers and load share all processors."
      : `\nEach server, with all its threads and workers, runs on processor ${processors.server}, the load on ${processors.load}: on two cores the figures are those of one core, for which the two threads of the service and gunicorn's workers compete as well.`,
  );
}

await run(async () => {
  const options = readOptions();
  printMachine("HTTP");
  print("\nAll changes are on the disk when they are answered: WAL, synchronous = FULL.\n");
  const sides = await prepareSides(options);
  const processors = options.pin ? partedProcessors() : undefined;
  printProcessors(processors);
  const bench: Bench = {
    options,
    sides,
    directory: temporaryDirectory(),
    loader: new Loader(processors?.load),
    cpus: processors?.server,
    loadCpus: processors?.load,
  };
  const { parts, rows } = options;
  if (parts.includes("operations")) for (const each of rows) await compareOperations(bench, each);
  if (parts.includes("streams")) {
    for (const each of rows) await compareStreams(bench, each);
    if (sides.includes("service")) await streamWhole(bench, Math.max(...rows));
  }
  if (parts.includes("durable")) await compareDurable(bench, rows[rows.length >> 1] ?? 0);
  printVerdicts();
  await bench.loader.stop();
});
