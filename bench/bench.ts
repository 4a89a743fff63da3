/**
 * The suite: how fast a backlog is taken in, how soon an event can be seen, how reading and writing bear each
 * other, and what it all costs; beside references of the same run.
 *
 *     bun bench/bench.ts [--quick] [--questions …] [--output FILE] …
 *
 * Every side is a process of its own, and the sides take turns, so that neither a warm machine nor a busy one
 * favours any of them.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { installPythonConsumer } from "./http/install.ts";
import { printVerdicts } from "./http/verdicts.ts";
import { Kafka } from "./kafka.ts";
import { LibrdkafkaReader } from "./librdkafka.ts";
import { answerBoth } from "./questions/both.ts";
import { answerCost } from "./questions/cost.ts";
import { answerIngest } from "./questions/ingest.ts";
import { answerLatency } from "./questions/latency.ts";
import {
  type Options,
  OTHERS,
  type QUESTIONS,
  type Question,
  readOptions,
} from "./questions/options.ts";
import type { Suite } from "./questions/suite.ts";
import {
  copyPrints,
  loadAverage,
  print,
  printMachine,
  run,
  temporaryDirectory,
} from "./support.ts";

/** How the other measurements take a look only. */
const QUICK_ARGUMENTS = {
  http: ["--quick"],
  stats: ["--rows", "10000", "--rounds", "3"],
  overhead: ["--events", "20000", "--rounds", "1"],
} as const satisfies Record<(typeof OTHERS)[number], readonly string[]>;

/** A load average beyond which rates tell of what else goes on. */
const BUSY_LOAD = 0.5;

async function prepare(options: Options): Promise<Suite> {
  const directory = temporaryDirectory();
  const kafka = await Kafka.start(directory);
  print(`Messages: ${kafka.about}`);
  const librdkafka = await LibrdkafkaReader.compile(directory);
  if (typeof librdkafka === "string") print(`librdkafka alone is left out: ${librdkafka}`);
  const python = options.questions.includes("ingest") ? await installPythonConsumer() : undefined;
  if (python !== undefined) {
    print(
      "problem" in python
        ? `Python is left out: ${python.problem}`
        : `The consumer in Python: ${python.versions}`,
    );
  }
  return {
    options,
    directory,
    kafka,
    librdkafka: typeof librdkafka === "string" ? undefined : librdkafka,
    hasPython: python !== undefined && "versions" in python,
  };
}

/** Runs measurements that have a command of their own, and prints what they print. */
async function runOther(name: (typeof OTHERS)[number], quick: boolean): Promise<void> {
  const args = quick ? QUICK_ARGUMENTS[name] : [];
  const child = Bun.spawn([process.execPath, join(import.meta.dir, `${name}.ts`), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const end = (): void => child.kill();
  process.prependOnceListener("exit", end);
  print();
  for await (const line of createInterface({ input: Readable.fromWeb(child.stdout) })) print(line);
  process.off("exit", end);
  if ((await child.exited) !== 0) throw new Error(`bench:${name} ended with ${child.exitCode}`);
}

const ANSWERS = {
  ingest: answerIngest,
  latency: answerLatency,
  both: answerBoth,
  cost: answerCost,
} as const satisfies Record<(typeof QUESTIONS)[number], (suite: Suite) => Promise<void>>;

function isOther(question: Question): question is (typeof OTHERS)[number] {
  return OTHERS.some((other) => other === question);
}

await run(async () => {
  const options = readOptions();
  if (options.output !== undefined) copyPrints(options.output);
  printMachine(`Speed: ${options.questions.join(", ")}`);
  const [load = 0] = loadavg();
  if (load > BUSY_LOAD) {
    print(
      "Other work takes the processors: ratios of processor time are to be believed, not rates.",
    );
  }
  // Only those that are answered here need a broker.
  const isOurs = options.questions.some((question) => question in ANSWERS);
  const suite = isOurs ? await prepare(options) : undefined;
  for (const question of options.questions) {
    const startedAt = performance.now();
    if (isOther(question)) await runOther(question, options.quick);
    else if (suite !== undefined) await ANSWERS[question](suite);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    print(`\n(${question}: ${seconds} s; load average ${loadAverage()})`);
  }
  printVerdicts();
  await suite?.kafka.stop();
});
