import { cpus, totalmem } from "node:os";
import { librdkafkaVersion } from "@confluentinc/kafka-javascript";
import type { HttpMeasurements } from "./clients.ts";
import type { Findings } from "./findings.ts";
import {
  type Histogram,
  LEAST_MINUTES_FOR_GROWTH,
  MOST_GROWTH,
  MOST_MEBIBYTES,
  type Tally,
  type Trend,
} from "./measure.ts";
import type { WindowResult } from "./model.ts";
import type { StoreWatch } from "./store-watch.ts";

/** One full check. */
export interface CheckRecord extends WindowResult {
  readonly at: string;
  readonly stage: string;
  /** How long the service took to read all that there was, in milliseconds. */
  readonly caughtUpMs: number;
}

/** Memory over the time in which one process lived, under load. */
export interface MemoryRecord {
  readonly name: string;
  readonly minutes: number;
  readonly trend: Trend | undefined;
}

/** All that a soak tells. */
export interface SoakRecord {
  readonly seed: number;
  /** How long messages were sent, in minutes. */
  readonly minutes: number;
  readonly stages: string;
  readonly findings: Findings;
  readonly checks: readonly CheckRecord[];
  readonly stores: readonly StoreWatch[];
  /** The largest log of a store that was seen, in bytes. */
  readonly largestLog: number;
  readonly faults: Tally;
  readonly producers: Tally;
  readonly http: HttpMeasurements;
  readonly warnings: Tally;
  /** Lines at level error that a fault explains, and others. */
  readonly explained: Tally;
  readonly unexplained: Tally;
  readonly memory: readonly MemoryRecord[];
  /** Of the soak itself. */
  readonly ownMemory: Trend | undefined;
}

/** The report in Markdown. */
export function writeReport(soak: SoakRecord): string {
  const sum = (pick: (check: CheckRecord) => number) =>
    soak.checks.reduce((total, check) => total + pick(check), 0);
  const { findings } = soak;
  const events = sum(({ rows }) => rows) + sum(({ letters }) => letters);
  const lines = [
    "# Soak",
    "",
    findings.count === 0
      ? "**Every check held.**"
      : `**${findings.count} findings**, the first of them below.`,
    "",
    `Seed ${soak.seed}; ${soak.minutes.toFixed(1)} minutes of load; ${soak.stages}.`,
    `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; Bun ${Bun.version}, librdkafka ${librdkafkaVersion}.`,
    "",
    ...findings.kept.map((finding) => `- ${finding.replaceAll("\n", " ")}`),
    ...(findings.count > 0 ? [""] : []),
    "## Messages",
    "",
    table(
      ["", ""],
      [
        ["sent", count(sum(({ sent }) => sent))],
        ["in the log, to be read", count(sum(({ inLog }) => inLog))],
        ["stored as rows", count(sum(({ rows }) => rows))],
        ["stored as dead letters", count(sum(({ letters }) => letters))],
        ["aborted, and unread", count(sum(({ aborted }) => aborted))],
        ["producer failed: the log told", count(sum(({ uncertain }) => uncertain))],
        ["in two stores, as the README says", count(sum(({ doubled }) => doubled))],
        ["stored a second, on average", count(Math.round(events / (soak.minutes * 60)))],
        ["producers", soak.producers.toString()],
      ],
    ),
    "## Full checks",
    "",
    table(
      [
        "at",
        "stage",
        "in the log",
        "rows",
        "dead letters",
        "in two stores",
        "caught up in",
        "problems",
      ],
      soak.checks.map((check) => [
        check.at,
        check.stage,
        ...[check.inLog, check.rows, check.letters, check.doubled].map(count),
        `${(check.caughtUpMs / 1000).toFixed(1)} s`,
        String(check.problems.length),
      ]),
    ),
    "## Faults",
    "",
    table(
      ["fault", "times"],
      soak.faults.entries().map(([kind, times]) => [kind, count(times)]),
    ),
    "## Memory",
    "",
    `Resident, in MiB, of processes under load from their first to their last sample, each living all that time. The service may come to ${MOST_MEBIBYTES} MiB and, in a stretch of ${LEAST_MINUTES_FOR_GROWTH} minutes or more, grow by ${MOST_GROWTH} MiB/h.`,
    "",
    table(
      [
        "process",
        "minutes",
        "start",
        "quarter",
        "half",
        "end",
        "most",
        "MiB/h over the second half",
      ],
      [
        ...soak.memory.map(({ name, minutes, trend }) => memoryRow(name, minutes, trend)),
        memoryRow("the soak itself", soak.minutes, soak.ownMemory),
      ],
    ),
    "## Stores",
    "",
    table(
      ["store", "rows of messages", "dead letters", "size"],
      soak.stores.map(({ path, rows, letters, sizes }) => [
        path.replace(/^.*\//, ""),
        count(rows),
        count(letters),
        mebibytes(sizes.store),
      ]),
    ),
    `The largest write-ahead log that was seen: ${mebibytes(soak.largestLog)}.`,
    "",
    "## HTTP",
    "",
    "Milliseconds, within 5 %. Calm: no fault was under way.",
    "",
    table(
      ["request", "answers", "p50", "p99", "longest", "calm p50", "calm p99", "calm longest"],
      [...soak.http.durations].map(([operation, all]) => {
        const calm = soak.http.calmDurations.get(operation);
        return [operation, count(all.count), ...percentiles(all), ...percentiles(calm)];
      }),
    ),
    table(
      ["answer", "times"],
      soak.http.answers.entries().map(([answer, times]) => [answer, count(times)]),
    ),
    `Events in answers with everything: ${count(soak.http.events.total)}.`,
    "",
    "## What the instances logged",
    "",
    table(
      ["line", "times", "level"],
      [
        ...logRows(soak.unexplained, "error, **unexpected**"),
        ...logRows(soak.explained, "error, which a fault explains"),
        ...logRows(soak.warnings, "warn"),
      ],
    ),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function logRows(lines: Tally, level: string): string[][] {
  return lines.entries().map(([line, times]) => [line, count(times), level]);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  const rule = `| ${header.map(() => "---").join(" | ")} |`;
  return `${[line(header), rule, ...rows.map(line)].join("\n")}\n`;
}

function memoryRow(name: string, minutes: number, trend: Trend | undefined): string[] {
  const cells = (["start", "quarter", "half", "end", "most"] as const).map(
    (name) => trend?.[name].toFixed(0) ?? "–",
  );
  return [name, minutes.toFixed(1), ...cells, trend?.slope.toFixed(1) ?? "–"];
}

function percentiles(histogram: Histogram | undefined): string[] {
  if (histogram === undefined || histogram.count === 0) return ["–", "–", "–"];
  return [histogram.percentile(0.5), histogram.percentile(0.99), histogram.longest].map((each) =>
    each.toFixed(each < 100 ? 1 : 0),
  );
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
