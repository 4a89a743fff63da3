/** What was wanted, and what was read. */
import { median, print, printTable } from "../support.ts";

/** An answer to a question that a run was to answer. */
interface Verdict {
  readonly question: string;
  readonly wanted: string;
  readonly read: string;
  readonly isMet: boolean;
}

const verdicts: Verdict[] = [];

function shown(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Takes note of samples of a number that was to be at least, or at most, so much. Without samples there is no answer. */
export function judge(
  question: string,
  samples: readonly number[],
  wanted: { readonly atLeast: number } | { readonly atMost: number },
  unit = "",
): void {
  if (samples.length === 0) return;
  const middle = median(samples);
  const isMet = "atLeast" in wanted ? middle >= wanted.atLeast : middle <= wanted.atMost;
  const limit = "atLeast" in wanted ? `≥ ${shown(wanted.atLeast)}` : `≤ ${shown(wanted.atMost)}`;
  const range = `${shown(Math.min(...samples))}–${shown(Math.max(...samples))}`;
  verdicts.push({
    question,
    wanted: `${limit}${unit}`,
    read: `${shown(middle)}${unit} (${range})`,
    isMet,
  });
}

/** The ratios of two rows of samples that were taken in turns, round by round. */
export function ratios(samples: readonly number[], base: readonly number[]): number[] {
  return samples.flatMap((sample, round) => {
    const ratio = sample / (base[round] ?? Number.NaN);
    return Number.isFinite(ratio) ? [ratio] : [];
  });
}

/** The middle of ratios as a cell of a table. */
export function ratioCell(samples: readonly number[], base: readonly number[]): string {
  const all = ratios(samples, base);
  return all.length === 0 ? "" : median(all).toFixed(2);
}

/** Prints all answers. */
export function printVerdicts(): void {
  if (verdicts.length === 0) return;
  printTable(
    "Wanted → read (the median of the rounds, and their spread)",
    ["", "wanted", "read", ""],
    verdicts.map(({ question, wanted, read, isMet }) => [
      question,
      wanted,
      `→ ${read}`,
      isMet ? "met" : "NOT MET",
    ]),
  );
  const missed = verdicts.filter(({ isMet }) => !isMet).length;
  print(`\n${verdicts.length - missed} of ${verdicts.length} met.`);
}
