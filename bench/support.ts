import { Database } from "bun:sqlite";
import { cpus, freemem, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { librdkafkaVersion } from "@confluentinc/kafka-javascript";
import { type ArrestEventFields, formatTimestamp } from "../src/arrest-event.ts";
import { decodeMessage } from "../src/ingest/message.ts";
import { arrestSource } from "../src/simulate/arrests.ts";
import { seededRandom } from "../src/simulate/random.ts";
import { openWriter, type PartitionEvents, type Position } from "../src/store/write.ts";
import { type Child, startProcess } from "./processes.ts";

export {
  answer,
  type Child,
  measure,
  readMessage,
  readTask,
  residentMemory,
  startProcess,
  temporaryDirectory,
} from "./processes.ts";

/** The topic of every measurement. */
export const TOPIC = "arrest_event";

/** How many partitions the embedded broker has. */
export const PARTITIONS = 4;

/** How `arrested_at` goes: as the simulator has it, or anywhere in a hundred years. */
export type Order = "rising" | "random";

const CENTURY_S = 100 * 365 * 86_400;

const ROOT = join(import.meta.dir, "..");

/** Prints a line. */
export function print(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** Reads `--name N` options, all whole numbers; each has a default. Prints the usage and ends when they are wrong. */
export function readOptions<Name extends string>(
  script: string,
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const names = Object.keys(defaults) as Name[];
  try {
    const { values } = parseArgs({
      options: Object.fromEntries(names.map((name) => [name, { type: "string" }] as const)),
    });
    const options: Record<Name, number> = { ...defaults };
    for (const name of names) {
      const text = values[name];
      if (text === undefined) continue;
      if (typeof text !== "string" || !/^\d{1,9}$/.test(text)) throw new Error(`--${name} N`);
      options[name] = Number(text);
    }
    return options;
  } catch {
    const usage = names.map((name) => `[--${name} N]`).join(" ");
    const given = names.map((name) => `${name} ${defaults[name]}`).join(", ");
    process.stderr.write(`Usage: bun ${script} ${usage}\nDefaults: ${given}\n`);
    process.exit(64);
  }
}

// --- What is measured with ---

const START_AT = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const ARRESTS_PER_DAY = 1200;

/** The arguments of `simulate` that send what {@link makeEvents} makes. */
export const SIMULATE_ARGUMENTS: readonly string[] = [
  ...["--seed", "1"],
  ...["--start", formatTimestamp(START_AT)],
  ...["--per-day", String(ARRESTS_PER_DAY)],
];

/** The same events on every call: those of the simulator, with `arrestedAt` as `order` says. */
export function makeEvents(count: number, order: Order): ArrestEventFields[] {
  return simulated(count, order, 1, START_AT);
}

function simulated(count: number, order: Order, seed: number, startAt: number) {
  const random = seededRandom(seed);
  const nextArrest = arrestSource(random, { startAt, arrestsPerDay: ARRESTS_PER_DAY });
  return Array.from({ length: count }, (): ArrestEventFields => {
    const fields = nextArrest();
    // The simulator draws one number more for each message, and these are to be the same.
    const share = random();
    if (order === "rising") return fields;
    return { ...fields, arrestedAt: START_AT - Math.floor(share * CENTURY_S) * 1000 };
  });
}

/** The positions that a batch up to `stored` events would have, spread evenly over the partitions. */
export function evenPositions(stored: number): Position[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    nextOffset: Math.ceil((stored - partition) / PARTITIONS),
  }));
}

/** Throws unless the table holds exactly `events` above the id `after`, and there are only as many dead letters as before. */
export function checkStored(
  path: string,
  events: readonly ArrestEventFields[],
  after: number = 0,
  lettersBefore: number = 0,
): void {
  const database = new Database(path, { readonly: true });
  const stored = database
    .query<Record<string, number>, [number]>(
      `select count(*) as events, total(officer_id) as officers, total(subject_id) as subjects,
        total(arrested_at / 1000) as instants, (select count(*) from dead_letter) as letters
      from arrest_event where id > ?`,
    )
    .get(after);
  database.close();
  const total = (field: keyof ArrestEventFields, unit: number): number =>
    events.reduce((sum, event) => sum + event[field] / unit, 0);
  const wanted = {
    events: events.length,
    officers: total("officerId", 1),
    subjects: total("subjectId", 1),
    // In seconds, which the events have none finer than: the sum stays exact.
    instants: total("arrestedAt", 1000),
    letters: lettersBefore,
  };
  if (Bun.deepEquals(stored, wanted)) return;
  throw new Error(
    `lost or repeated: ${JSON.stringify(stored)} stored, ${JSON.stringify(wanted)} sent`,
  );
}

/** Makes a table of `rows` earlier events, of which measurements take copies. */
export function makeTable(path: string, rows: number, order: Order): void {
  const writer = openWriter(path, "kafka", TOPIC, decodeMessage);
  // A tenth more than the average, so that none comes after the start of the others.
  const days = (rows / ARRESTS_PER_DAY) * 1.1 + 1;
  const events = simulated(rows, order, 2, START_AT - Math.ceil(days) * DAY_MS);
  for (let from = 0; from < events.length; from += 10_000) {
    const batch = events.slice(from, from + 10_000);
    writer.ingest({ partitions: [sound(batch, from)], deadLetters: [], positions: [] });
  }
  writer.close();
}

/** A batch of which the store refuses no event, as if it were of one partition from an offset on. */
export function sound(events: readonly ArrestEventFields[], firstOffset: number): PartitionEvents {
  return {
    partition: 0,
    events,
    firstOffset,
    lastOffset: firstOffset + events.length - 1,
    deadLetterFor: () => {
      throw new Error("the store refused an event");
    },
  };
}

// --- A backlog ---

/** A broker in a process of its own that holds a backlog of `events` messages. */
export async function startBacklog(
  events: number,
  order: Order,
): Promise<Child & { readonly address: string }> {
  const child = startProcess("bench/backlog.ts", [JSON.stringify({ events, order })]);
  return { ...child, address: await child.receive<string>() };
}

// --- Reports ---

/** The middle of the samples. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** A number with thousands set apart; fractions below 100 keep one decimal, below 10 two. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = Number.isInteger(value) || value >= 100 ? 0 : value < 10 ? 2 : 1;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The least and the greatest sample. */
export function spread(samples: readonly number[]): string {
  return `${figure(Math.min(...samples))}–${figure(Math.max(...samples))}`;
}

/** Prints a table, the first column to the left and the others to the right. */
export function printTable(
  title: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  print(`\n## ${title}\n`);
  print([line(header), line(rule), ...rows.map(line)].join("\n"));
}

/** The cells of samples: median, spread, and the ratio of the median to that of `base`. */
export function cells(samples: readonly number[], base: readonly number[]): string[] {
  const ratio = median(samples) / median(base);
  return [figure(median(samples)), spread(samples), Number.isNaN(ratio) ? "–" : ratio.toFixed(2)];
}

/** Prints where and with what is measured. */
export function printMachine(title: string): void {
  const sqlite = new Database(":memory:");
  const version = sqlite.query<{ version: string }, []>("select sqlite_version() as version").get();
  sqlite.close();
  const cores = cpus();
  print(`# ${title}\n`);
  const gibibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 30)} GiB`;
  print(
    `${cores[0]?.model ?? "unknown processor"}, ${cores.length} cores, ${gibibytes(totalmem())} (${gibibytes(freemem())} free), load average ${loadAverage()}`,
  );
  print(
    `Bun ${Bun.version}, SQLite ${version?.version}, librdkafka ${librdkafkaVersion}, ${process.platform}`,
  );
  print(`Commit ${commit()}, ${new Date().toISOString()}`);
}

/** How busy the machine has been: over the last 1, 5 and 15 minutes. */
export function loadAverage(): string {
  return loadavg()
    .map((each) => each.toFixed(2))
    .join(", ");
}

function commit(): string {
  const git = (...args: string[]): string | undefined => {
    const run = Bun.spawnSync(["git", ...args], { cwd: ROOT, stderr: "ignore" });
    return run.exitCode === 0 ? run.stdout.toString().trim() : undefined;
  };
  try {
    const head = git("rev-parse", "--short", "HEAD");
    if (head === undefined) return "none";
    return git("status", "--porcelain") === "" ? head : `${head} and changes`;
  } catch {
    return "unknown";
  }
}

/** Runs a script's measurements, and ends what they started however they end. */
export async function run(main: () => Promise<void>): Promise<void> {
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.once(signal, () => process.exit(128 + number));
  }
  try {
    await main();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
