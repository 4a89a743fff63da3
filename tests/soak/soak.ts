/**
 * The long run: Apache Kafka, the service as processes, producers, HTTP clients and random faults, with
 * every message and every acknowledged change accounted for. See `USAGE`.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EX_USAGE } from "../../src/exit-codes.ts";
import { NoKafkaError } from "../kafka/support/jars.ts";
import { BROKER_FAULTS, type FaultKind, SERVICE_FAULTS } from "./faults.ts";
import type { Instance } from "./instance.ts";
import { memoryProblems, trendOf } from "./measure.ts";
import { readOptions, type SoakOptions, USAGE } from "./options.ts";
import { type MemoryRecord, writeReport } from "./report.ts";
import { type MemorySample, World } from "./world.ts";

/** Messages a second; fewer where that would be too many for the disk, and for the bound of the dead letters. */
const RATE = 1500;
const MOST_MESSAGES = 15_000_000;

const MINUTE_MS = 60_000;
const LOOK_EVERY_MS = 3000;
const MEMORY_EVERY_MS = 10_000;
const FULL_CHECK_EVERY_MS = 3 * MINUTE_MS;

/** A soak of so many minutes ends with a long outage while everything is at rest, and some load behind it. */
const LEAST_MINUTES_FOR_OUTAGE = 5;
const LOAD_AFTER_OUTAGE_MS = 30_000;

/** How long the soak may take beyond the time it was given, for its checks and for faults that last. */
const GRACE_MS = 12 * MINUTE_MS;

/** A part of the soak, with its share of the time. */
interface Stage {
  readonly name: string;
  readonly share: number;
  readonly faults: ReadonlySet<FaultKind>;
  /** Who joins at its beginning. */
  readonly joins?: (world: World) => Instance;
  /** The service's process lives throughout, so that its memory can be judged. */
  readonly isSteady: boolean;
}

const STAGES: readonly Stage[] = [
  {
    name: "one instance, any fault",
    share: 0.3,
    faults: new Set(["kill", "stop", "locked store", ...BROKER_FAULTS]),
    joins: ({ first }) => first,
    isSteady: false,
  },
  {
    name: "one long-lived process, with visitors",
    share: 0.4,
    faults: new Set(["visitor", "locked store", ...BROKER_FAULTS]),
    isSteady: true,
  },
  {
    name: "two instances, any fault",
    share: 0.3,
    faults: new Set([...SERVICE_FAULTS, ...BROKER_FAULTS]),
    joins: ({ second }) => second,
    isSteady: false,
  },
];

let interrupted = false;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return EX_USAGE;
  }
  const { minutes, seed } = options;
  const rate = Math.min(RATE, MOST_MESSAGES / (minutes * 60));
  await using world = await World.open({ seed, rate });
  const { findings } = world;
  process.once("exit", () => world.abandon());
  onInterrupt(() => findings.say("interrupted: a last check, then the report"));
  const tooLate = setTimeout(
    () => {
      findings.add("the soak did not end in time");
      process.exit(1);
    },
    minutes * MINUTE_MS + GRACE_MS,
  );
  findings.say(`seed ${seed}, ${minutes} minutes, ${Math.round(rate)} messages a second`);

  const from = performance.now();
  const memory: MemoryRecord[] = [];
  try {
    for (const stage of STAGES) {
      if (!interrupted)
        memory.push(...(await runStage(world, stage, stage.share * minutes * MINUTE_MS)));
    }
    for (const { name, minutes, trend } of memory) {
      const problems = trend === undefined ? [] : memoryProblems(minutes, trend);
      for (const problem of problems) findings.add(`the memory of ${name}: ${problem}`);
    }
    if (!interrupted && minutes >= LEAST_MINUTES_FOR_OUTAGE) await undergoOutageAtRest(world);
    await world.stopInstances();
  } catch (error) {
    findings.add(`the soak itself failed: ${(error as Error).stack}`);
  }
  report(world, options, (performance.now() - from) / MINUTE_MS, memory);
  clearTimeout(tooLate);
  if (findings.count === 0) rmSync(world.directory, { recursive: true });
  return findings.count === 0 ? 0 : 1;
}

/** Ends the load at the first signal, and the process at the second. */
function onInterrupt(tell: () => void): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (interrupted) process.exit(1);
      interrupted = true;
      tell();
    });
  }
}

/** Resolves to the memory of the process that lived throughout, where one did. */
async function runStage(world: World, stage: Stage, lengthMs: number): Promise<MemoryRecord[]> {
  const { findings } = world;
  findings.say(`stage: ${stage.name}`);
  if (stage.joins !== undefined) await world.startInstance(stage.joins(world));
  const from = performance.now();
  const until = from + lengthMs;
  const checks = Math.max(1, Math.round(lengthMs / FULL_CHECK_EVERY_MS));
  for (let check = 1; check <= checks && !interrupted; check++) {
    world.resume();
    world.faults.resume(stage.faults);
    await watch(world, from + (lengthMs * check) / checks);
    await world.checkFully(stage.name);
    if (performance.now() > until) break;
  }
  return stage.isSteady ? [steadyMemory(world.memory, from)] : [];
}

/** Takes the broker away for long while nothing is sent, and sees that the reading goes on afterwards. */
async function undergoOutageAtRest(world: World): Promise<void> {
  const name = "after a long outage at rest";
  world.findings.say(`stage: ${name}`);
  await world.faults.longOutage();
  world.resume();
  await watch(world, performance.now() + LOAD_AFTER_OUTAGE_MS);
  await world.checkFully(name);
}

/** Looks at everything again and again until a time comes. */
async function watch(world: World, until: number): Promise<void> {
  let sampledAt = Number.NEGATIVE_INFINITY;
  while (performance.now() < until && !interrupted) {
    if (performance.now() - sampledAt >= MEMORY_EVERY_MS) {
      sampledAt = performance.now();
      world.sampleMemory();
    }
    await world.look();
    await Bun.sleep(Math.min(LOOK_EVERY_MS, Math.max(0, until - performance.now())));
  }
}

/** The memory of the process that has lived since a time, and until now. */
function steadyMemory(samples: readonly MemorySample[], from: number): MemoryRecord {
  const pid = samples.at(-1)?.pid;
  const own = samples.filter((sample) => sample.pid === pid && sample.at >= from);
  const minutes = ((own.at(-1)?.at ?? 0) - (own[0]?.at ?? 0)) / MINUTE_MS;
  return { name: `${own[0]?.instance} (pid ${pid})`, minutes, trend: trendOf(own) };
}

function report(world: World, options: SoakOptions, minutes: number, memory: MemoryRecord[]): void {
  const text = writeReport({
    seed: options.seed,
    minutes,
    stages: STAGES.map(({ name, share }) => `${Math.round(share * 100)} % ${name}`).join("; "),
    findings: world.findings,
    checks: world.checks,
    stores: [world.first, world.second, world.visitor].map((each) => each.watch),
    largestLog: world.largestLog,
    faults: world.faults.tally,
    producers: world.producers.tally,
    http: world.http,
    warnings: world.warnings,
    explained: world.explained,
    unexplained: world.unexplained,
    memory,
    ownMemory: trendOf(world.ownMemory),
  });
  process.stdout.write(`\n${text}`);
  writeFileSync(join(world.directory, "report.md"), text);
  if (options.report !== undefined) writeFileSync(options.report, text);
}

try {
  process.exit(await main());
} catch (error) {
  if (!(error instanceof NoKafkaError)) throw error;
  process.stderr.write(`soak: ${error.message}\n`);
  process.exit(1);
}
