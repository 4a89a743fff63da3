import { Database } from "bun:sqlite";
import { appendFileSync, writeFileSync } from "node:fs";
import { cpus, freemem, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { librdkafkaVersion } from "@confluentinc/kafka-javascript";

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

const ROOT = join(import.meta.dir, "..");

let copyPath: string | undefined;

/** Writes what is printed from now on into a file as well, which is made anew. */
export function copyPrints(path: string): void {
  writeFileSync(path, "");
  copyPath = path;
}

/** Prints a line. */
export function print(text = ""): void {
  process.stdout.write(`${text}\n`);
  if (copyPath !== undefined) appendFileSync(copyPath, `${text}\n`);
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
