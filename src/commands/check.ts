import { existsSync } from "node:fs";
import { EX_DATAERR, EX_NOINPUT } from "../exit-codes.ts";
import { type CheckReport, checkDatabase } from "../store/check.ts";
import { withSettings } from "./settings.ts";
import { failure, usageError } from "./usage.ts";

/**
 * The command `check [--quick] [FILE]`: whether a database is whole, that of DATABASE_PATH where no file is named.
 *
 * @returns 0 when nothing is wrong, 65 when something is, 66 when there is nothing that can be read
 */
export function check(argv: readonly string[]): Promise<number> | number {
  const isQuick = argv.includes("--quick");
  const files = argv.filter((argument) => argument !== "--quick");
  const [file] = files;
  if (files.length > 1 || argv.length > files.length + 1 || file?.startsWith("-")) {
    return usageError("check takes --quick, a file, both or nothing");
  }
  if (file !== undefined) return checkFile(file, isQuick);
  return withSettings(["DATABASE_PATH"], ({ DATABASE_PATH }) => checkFile(DATABASE_PATH, isQuick));
}

function checkFile(path: string, isQuick: boolean): number {
  if (!existsSync(path)) return failure("check", `there is no database at ${path}`, EX_NOINPUT);
  let report: CheckReport;
  try {
    report = checkDatabase(path, isQuick ? "quick" : "full");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // SQLite tells of some damage only when it comes upon it.
    const isDamage = /malformed|not a database|corrupt/i.test(reason);
    return failure("check", `${path}: ${reason}`, isDamage ? EX_DATAERR : EX_NOINPUT);
  }
  const { problems, notes, events, deadLetters } = report;
  for (const problem of problems) process.stdout.write(`problem: ${problem}\n`);
  for (const note of notes) process.stdout.write(`note: ${note}\n`);
  if (problems.length > 0) return failure("check", `${path} is not sound`, EX_DATAERR);
  process.stdout.write(`sound: ${events} events, ${deadLetters} dead letters\n`);
  return 0;
}
