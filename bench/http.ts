/**
 * How fast the service answers, beside the least that gives the same answers; how it answers while a
 * backlog goes into the table; what streaming the whole table takes.
 *
 *     bun bench/http.ts [--rows N] [--events N] [--rounds N] [--seconds N] [--connections N]
 *
 * `--rows` is what the table holds, `--events` the backlog. Server and load are processes of their own.
 */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { formatTimestamp } from "../src/arrest-event.ts";
import { openReader } from "../src/store/read.ts";
import type { LoadResult, LoadTask, LoadWindow } from "./load.ts";
import {
  type Child,
  cells,
  checkStored,
  figure,
  makeEvents,
  makeTable,
  median,
  print,
  printMachine,
  printTable,
  readOptions,
  residentMemory,
  run,
  SIMULATE_ARGUMENTS,
  spread,
  startBacklog,
  startProcess,
  temporaryDirectory,
} from "./support.ts";

const options = readOptions("bench/http.ts", {
  rows: 100_000,
  events: 100_000,
  rounds: 5,
  seconds: 3,
  connections: 64,
});

/** How long a server is asked before it is measured. */
const WARM_UP_MS = 1000;

/** A load that leaves the processor to others, in requests a second. */
const MODEST_RATE = 1000;

/** How often the table is looked at while a backlog goes into it. */
const LOOK_INTERVAL_MS = 5;

const directory = temporaryDirectory();
const template = join(directory, "template.sqlite");
let copies = 0;

function copyOfTemplate(): string {
  const path = join(directory, `${++copies}.sqlite`);
  copyFileSync(template, path);
  return path;
}

interface Server extends Child {
  readonly port: number;
  readonly path: string;
}

/** Starts the service as it is, in a process of its own. */
async function startService(settings: Readonly<Record<string, string>>): Promise<Server> {
  const path = copyOfTemplate();
  const child = startProcess("src/main.ts", [], {
    PORT: "0",
    DATABASE_PATH: path,
    LOG_FORMAT: "json",
    ...settings,
  });
  const { url } = await logLine(child, "listening");
  return { ...child, path, port: Number(new URL(String(url)).port) };
}

function logLine(child: Child, msg: string): Promise<Readonly<Record<string, unknown>>> {
  return child.find((line) => {
    const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return entry["msg"] === msg ? entry : undefined;
  });
}

async function startBareServer(): Promise<Server> {
  const path = copyOfTemplate();
  const child = startProcess("bench/bare-server.ts", [JSON.stringify(path)]);
  return { ...child, path, port: await child.receive<number>() };
}

// --- Load ---

type Kind = "GET by id" | "POST";

function requestsOf(kind: Kind): string[] {
  if (kind === "POST") {
    return makeEvents(1000, "rising").map((event) => {
      const body = JSON.stringify({
        officer_id: event.officerId,
        subject_id: event.subjectId,
        arrest_type_id: event.arrestTypeId,
        crime_type_id: event.crimeTypeId,
        arrested_at: formatTimestamp(event.arrestedAt),
      });
      return `POST /arrest_events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    });
  }
  // A stride that visits ids all over the table.
  return Array.from({ length: 10_000 }, (_, index) => {
    const id = ((index * 7919) % options.rows) + 1;
    return `GET /arrest_events/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n`;
  });
}

interface Load {
  /** What was measured between two moments of Date.now. */
  between(window: LoadWindow): Promise<LoadResult>;
  stop(): Promise<void>;
}

async function startLoad(server: Server, kind: Kind, rate: number): Promise<Load> {
  const { connections } = options;
  const task: LoadTask = {
    port: server.port,
    connections,
    requests: requestsOf(kind),
    status: kind === "POST" ? 201 : 200,
    rate,
  };
  const child = startProcess("bench/load.ts");
  child.send(task);
  await child.receive<string>();
  return {
    stop: child.stop,
    between: (window) => {
      child.send(window);
      return child.receive<LoadResult>();
    },
  };
}

function samplesOf(results: readonly LoadResult[], key: keyof LoadResult): number[] {
  return results.map((result) => result[key]);
}

// --- The questions ---

/** The service and the least there can be, in turns, with as many requests as they answer. */
async function compareAnswers(): Promise<void> {
  const sides = { service: "the service", bare: "bare Bun.serve and SQLite" } as const;
  const kinds = ["GET by id", "POST"] as const;
  const measured = new Map<string, LoadResult[]>();
  for (let round = 0; round < options.rounds; round++) {
    for (const kind of kinds) {
      for (const side of ["service", "bare"] as const) {
        const server = await (side === "service"
          ? startService({ KAFKA_BROKERS: "none" })
          : startBareServer());
        const load = await startLoad(server, kind, 0);
        await Bun.sleep(WARM_UP_MS);
        const from = Date.now();
        await Bun.sleep(options.seconds * 1000);
        const result = await load.between({ from, to: Date.now() });
        const key = `${kind}: ${sides[side]}`;
        measured.set(key, [...(measured.get(key) ?? []), result]);
        await load.stop();
        await server.stop();
      }
    }
  }
  printTable(
    `Answers: ${options.connections} connections, a table of ${figure(options.rows)}, ${options.rounds} rounds of ${options.seconds} s`,
    [
      "",
      "requests/s, median",
      "spread",
      "ratio to bare",
      "p50 ms",
      "p99 ms",
      "p99 spread",
      "load's CPU",
    ],
    [...measured].map(([name, results]) => {
      const bare = measured.get(`${name.slice(0, name.indexOf(":"))}: ${sides.bare}`) ?? [];
      return [
        name,
        ...cells(samplesOf(results, "requestsPerSecond"), samplesOf(bare, "requestsPerSecond")),
        ...latencies(results),
        figure(median(samplesOf(results, "processorShare"))),
      ];
    }),
  );
  print("\nThe load's CPU is its share of a core. Near 1 the load is the limit, not the server.");
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
    stored = reader.lastId() - options.rows;
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
  server: Server,
  rate: number | undefined,
  begin: () => Promise<number>,
): Promise<DrainResult> {
  const load = rate === undefined ? undefined : await startLoad(server, "GET by id", rate);
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
  checkStored(server.path, makeEvents(options.events, "rising"), options.rows);
  return result;
}

const DRAIN_LOADS = [
  ["no requests", undefined],
  [`${figure(MODEST_RATE)} GET/s`, MODEST_RATE],
  ["as many GETs as are answered", 0],
] as const;

/** How requests are answered while a backlog goes in, and what they cost it. */
async function compareDrains(
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
    `${title}: ${figure(options.events)} events into a table of ${figure(options.rows)}, ${options.rounds} rounds`,
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

/** The backlog is in a broker in a process of its own: what is met is the service. */
async function drainFromBroker(): Promise<void> {
  const backlog = await startBacklog(options.events, "rising");
  await compareDrains("A backlog that waits in a broker", async (rate) => {
    const server = await startService({
      KAFKA_BROKERS: backlog.address,
      KAFKA_GROUP_ID: crypto.randomUUID(),
    });
    return drain(server, rate, async () => {
      await logLine(server, "partitions assigned");
      return Date.now();
    });
  });
  await backlog.stop();
}

/** As at first use: the broker inside of the service, and `simulate` beside it, all on the same processor. */
async function drainSimulation(): Promise<void> {
  await compareDrains("The embedded broker, and simulate beside it", async (rate) => {
    const server = await startService({ KAFKA_BROKERS: "embedded" });
    await logLine(server, "partitions assigned");
    return drain(server, rate, async () => {
      await Bun.sleep(options.seconds * 1000);
      const idleUntil = Date.now();
      const simulation = startProcess("src/main.ts", [
        "simulate",
        ...SIMULATE_ARGUMENTS,
        ...["--count", String(options.events)],
        ...["--brokers", await embeddedBrokers(server)],
      ]);
      if ((await simulation.exited) !== 0) throw new Error("simulate did not deliver everything");
      return idleUntil;
    });
  });
}

async function embeddedBrokers(server: Server): Promise<string> {
  const { brokers } = await server.find((line) => {
    const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return "brokers" in entry ? entry : undefined;
  });
  return String(brokers);
}

/** The whole table, read as fast as it comes. */
async function streamTable(): Promise<void> {
  const rates: number[] = [];
  const memory: { before: number; after: number; peak: number }[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const server = await startService({ KAFKA_BROKERS: "none" });
    const before = residentMemory(server.pid);
    const startedAt = performance.now();
    const response = await fetch(`http://127.0.0.1:${server.port}/arrest_events`);
    let events = 0;
    for await (const chunk of response.body ?? []) {
      // 125 is the closing brace, of which each event has one.
      for (let at = chunk.indexOf(125); at >= 0; at = chunk.indexOf(125, at + 1)) events++;
    }
    rates.push((events / (performance.now() - startedAt)) * 1000);
    const after = residentMemory(server.pid);
    if (before !== null && after !== null) {
      memory.push({ before: before.now, after: after.now, peak: after.peak });
    }
    await server.stop();
    if (events !== options.rows) throw new Error(`${events} of ${options.rows} events streamed`);
  }
  const row = (name: string, samples: readonly number[]) => [
    name,
    figure(median(samples)),
    spread(samples),
  ];
  printTable(
    `The whole table of ${figure(options.rows)} streamed, ${options.rounds} rounds`,
    ["", "median", "spread"],
    [
      row("events/s", rates),
      row(
        "memory before, MiB",
        memory.map(({ before }) => before),
      ),
      row(
        "memory after, MiB",
        memory.map(({ after }) => after),
      ),
      row(
        "memory at its peak, MiB",
        memory.map(({ peak }) => peak),
      ),
    ],
  );
}

await run(async () => {
  printMachine("HTTP");
  makeTable(template, options.rows, "rising");
  await compareAnswers();
  await streamTable();
  await drainFromBroker();
  await drainSimulation();
});
