/** What the service costs: processor, memory and disk for a million events, and the time until it is ready. */
import { existsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { BareTask } from "../bare-server.ts";
import { DrainingService, type DrainResult, drainBacklog } from "../drain.ts";
import { startFeed } from "../feed.ts";
import { startBare } from "../http/sides.ts";
import { copyTemplate, removeDatabase, templateOf } from "../http/template.ts";
import { judge, ratioCell } from "../http/verdicts.ts";
import { residentMemory } from "../processes.ts";
import { type Child, figure, median, print, printTable, spread, startProcess } from "../support.ts";
import { measureRaw, type RawResult } from "./ingest.ts";
import { column, inTurns, type Samples, type Side, type Suite } from "./suite.ts";

const EXECUTABLE = join(import.meta.dir, "../../dist/arrest-events");

/** What a store has before that is not new. */
const USED_ROWS = { quick: 100_000, whole: 1_000_000 } as const;

/** How often a start is tried for readiness, in milliseconds, and how long. */
const LOOK_INTERVAL_MS = 2;
const READY_WITHIN_MS = 30_000;

/** How long a service has been ready when its idle memory is read. */
const IDLE_MS = 3000;

/** Events a second of a service that is fed for long. */
const FEED_RATE = 12_000;

const RAW = "raw prepared statements, no Kafka";
const SERVICE = "the service";

/** Processor, disk and memory of a backlog. */
async function costOfMillion(suite: Suite): Promise<void> {
  const { options, kafka, directory } = suite;
  const backlog = await kafka.backlog(options.sample, "rising");
  const events = Math.min(options.sample, backlog.events);
  const sides: Side<DrainResult | RawResult>[] = [
    { name: RAW, measure: () => measureRaw(suite, backlog, events) },
    { name: SERVICE, measure: () => drainBacklog({ directory, backlog, events, rows: 0 }) },
  ];
  const samples = await inTurns(options.rounds, sides);
  const million = (name: string, key: "processorTime" | "diskBytes") => column(samples, name, key);
  printTable(
    `A million events, as measured with ${figure(events)} into an empty table, ${options.rounds} rounds`,
    [
      "",
      "processor, s",
      "spread",
      "ratio",
      "disk, MB",
      "ratio",
      "resident at the end, MiB",
      "at the most",
    ],
    sides.map(({ name }) => {
      const processor = million(name, "processorTime");
      const disk = million(name, "diskBytes");
      const memory = column(samples, name, "memory").flatMap((each) => each ?? []);
      return [
        name,
        figure(median(processor)),
        spread(processor),
        ratioCell(processor, million(RAW, "processorTime")),
        figure(median(disk)),
        ratioCell(disk, million(RAW, "diskBytes")),
        figure(median(memory.map((each) => ("now" in each ? each.now : each.after)))),
        figure(median(memory.map(({ peak }) => peak))),
      ];
    }),
  );
  const peaks = column(samples, SERVICE, "memory").flatMap((memory) => memory?.peak ?? []);
  judge(
    "resident at the most while a backlog drains",
    [Math.max(...peaks)],
    { atMost: 250 },
    " MiB",
  );
}

/** How a start went. */
interface StartSample {
  /** Until the first 200, in milliseconds. */
  readonly ready: number;
  /** Resident memory when it has been idle for a while, in MiB. */
  readonly idle: number;
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    server.close(() => resolve(port));
  });
  return promise;
}

async function untilReady(url: string, startedAt: number): Promise<number> {
  for (;;) {
    const status = await fetch(url, { keepalive: false }).then(
      (answer) => answer.status,
      () => 0,
    );
    const took = performance.now() - startedAt;
    if (status === 200) return took;
    if (took > READY_WITHIN_MS) throw new Error(`${url} is not ready, but answers ${status}`);
    await Bun.sleep(LOOK_INTERVAL_MS);
  }
}

async function measureStart(
  start: (port: number) => Child,
  path: string,
  idleMs: number,
): Promise<StartSample> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = start(port);
  const ready = await untilReady(`http://127.0.0.1:${port}${path}`, startedAt);
  await Bun.sleep(idleMs);
  const idle = residentMemory(child.pid)?.now ?? Number.NaN;
  await child.stop();
  return { ready, idle };
}

/** A way to start the service. */
interface Way {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Its events before; a new store where there are none. */
  readonly rows?: number;
  /** Whether the executable is started, and whether it must be read from the disk first. */
  readonly compiled?: "warm" | "cold";
}

/** Has the system forget what it keeps of the executable in memory; returns whether it can. */
function forgetExecutable(): boolean {
  const dd = Bun.which("dd");
  if (dd === null) return false;
  const { exitCode } = Bun.spawnSync([dd, `if=${EXECUTABLE}`, "iflag=nocache", "count=0"]);
  return exitCode === 0;
}

function compiledWays(): Way[] {
  if (!existsSync(EXECUTABLE)) return [];
  const settings = { KAFKA_BROKERS: "embedded" };
  const name = "the embedded broker, compiled executable";
  const cold = { name: `${name}, not in the page cache`, settings, compiled: "cold" } as const;
  return [{ name, settings, compiled: "warm" }, ...(forgetExecutable() ? [cold] : [])];
}

const BARE = "Bun.serve over bun:sqlite and nothing else";

async function costOfStart(suite: Suite): Promise<void> {
  const { options, kafka, directory } = suite;
  const rows = options.quick ? USED_ROWS.quick : USED_ROWS.whole;
  const used = await templateOf(rows);
  const topic = await kafka.emptyTopic();
  const embedded = { KAFKA_BROKERS: "embedded" };
  const ways: Way[] = [
    { name: "the embedded broker, a new store", settings: embedded },
    { name: `the embedded broker, ${figure(rows)} rows`, settings: embedded, rows },
    ...compiledWays(),
    ...(topic === undefined
      ? []
      : [
          {
            name: "Apache Kafka",
            settings: { KAFKA_BROKERS: topic.brokers, KAFKA_TOPIC: topic.topic },
          },
        ]),
    { name: "no Kafka", settings: { KAFKA_BROKERS: "none" } },
  ];
  const idleMs = options.quick ? IDLE_MS / 3 : IDLE_MS;
  const sides: Side<StartSample>[] = [
    { name: BARE, measure: () => measureBareStart(directory, used, idleMs) },
    ...ways.map((way) => ({
      name: way.name,
      measure: () => measureServiceStart(way, directory, used, idleMs),
    })),
  ];
  const samples = await inTurns(options.rounds, sides);
  printStarts(samples, idleMs, suite);
  if (!existsSync(EXECUTABLE)) {
    print("\nThe compiled executable is left out: `bun run build` makes it.");
  }
}

async function measureServiceStart(
  { settings, rows = 0, compiled }: Way,
  directory: string,
  template: string,
  idleMs: number,
): Promise<StartSample> {
  const path = join(directory, `${crypto.randomUUID()}.sqlite`);
  if (rows > 0) copyTemplate(template, path);
  if (compiled === "cold") forgetExecutable();
  const start = (port: number): Child => {
    const all = {
      ...settings,
      DATABASE_PATH: path,
      KAFKA_GROUP_ID: crypto.randomUUID(),
      LOG_FORMAT: "json",
      PORT: String(port),
    };
    return compiled === undefined
      ? startProcess("src/main.ts", [], all)
      : startProcess(EXECUTABLE, [], all, { command: [] });
  };
  const sample = await measureStart(start, "/readyz", idleMs);
  removeDatabase(path);
  return sample;
}

async function measureBareStart(
  directory: string,
  template: string,
  idleMs: number,
): Promise<StartSample> {
  const path = join(directory, `${crypto.randomUUID()}.sqlite`);
  copyTemplate(template, path);
  const task: BareTask = { path, shareTransactions: false };
  const startedAt = performance.now();
  const server = await startBare(task, {});
  const ready = await untilReady(`http://127.0.0.1:${server.port}/arrest_events/1`, startedAt);
  await Bun.sleep(idleMs);
  const idle = residentMemory(server.pid)?.now ?? Number.NaN;
  await server.stop();
  removeDatabase(path);
  return { ready, idle };
}

function printStarts(samples: Samples<StartSample>, idleMs: number, { options }: Suite): void {
  const of = (name: string, key: keyof StartSample) => column(samples, name, key);
  printTable(
    `From the start of the process to its first 200 from /readyz, and resident memory ${figure(idleMs / 1000)} s later, ${options.rounds} rounds`,
    ["", "ready, ms", "spread", "ratio", "resident idle, MiB", "spread", "ratio"],
    [...samples.keys()].map((name) => [
      name,
      figure(median(of(name, "ready"))),
      spread(of(name, "ready")),
      ratioCell(of(name, "ready"), of(BARE, "ready")),
      figure(median(of(name, "idle"))),
      spread(of(name, "idle")),
      ratioCell(of(name, "idle"), of(BARE, "idle")),
    ]),
  );
  for (const name of [...samples.keys()].filter((each) => each.startsWith("the embedded broker"))) {
    judge(`ready, ${name}`, of(name, "ready"), { atMost: 300 }, " ms");
    judge(`resident idle, ${name}`, of(name, "idle"), { atMost: 120 }, " MiB");
  }
}

/** Memory over a time in which events come in steadily. */
async function costOfFeed({ options, directory }: Suite): Promise<void> {
  const template = { rows: 0, path: await templateOf(0) };
  const service = await DrainingService.start(directory, template, undefined);
  await service.reading();
  const brokers = await service.embeddedBroker();
  const task = { brokers, topic: "arrest_event", rate: FEED_RATE, probes: 1, warmUpMs: 0 };
  const { pid } = service.server;
  const at: number[] = [residentMemory(pid)?.now ?? Number.NaN];
  const before = service.now();
  const feed = await startFeed(task);
  for (let second = 0; second < options.feedSeconds; second++) {
    await Bun.sleep(1000);
    at.push(residentMemory(pid)?.now ?? Number.NaN);
  }
  const { sent, perSecond } = await feed.stop();
  await service.settled(sent);
  const after = service.now();
  const peak = residentMemory(pid)?.peak ?? Number.NaN;
  await service.stop();
  const disk = statSync(service.server.path).size - statSync(template.path).size;
  service.remove();
  const sixth = (index: number) => Math.round((options.feedSeconds * index) / 6);
  const half = at[sixth(3)] ?? Number.NaN;
  const end = at.at(-1) ?? Number.NaN;
  printTable(
    `${figure(Math.round(perSecond))} events a second for ${options.feedSeconds} s, the embedded broker in the process: resident memory in MiB`,
    ["", ...Array.from({ length: 7 }, (_, index) => `${sixth(index)} s`), "at the most"],
    [
      [
        SERVICE,
        ...Array.from({ length: 7 }, (_, index) => figure(at[sixth(index)] ?? Number.NaN)),
        figure(peak),
      ],
    ],
  );
  const stored = after.stored - before.stored;
  print(
    `\n${figure(stored)} of ${figure(sent)} stored; ${figure(((after.used - before.used) * 1e6) / stored)} s of the processor and ${figure(disk / stored)} MB of disk a million.`,
  );
  judge("resident at the most, fed steadily", [peak], { atMost: 250 }, " MiB");
  judge("resident after it ÷ half-way, fed steadily", [end / half], { atMost: 1.1 });
}

/** Answers what it costs. */
export async function answerCost(suite: Suite): Promise<void> {
  await costOfMillion(suite);
  await costOfStart(suite);
  await costOfFeed(suite);
}
