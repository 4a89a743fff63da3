import { EX_USAGE } from "../exit-codes.ts";

/** Says on standard error what is wrong with a command line, and gives the exit code for that. */
export function usageError(problem: string): number {
  process.stderr.write(`arrest-events: ${problem}; see arrest-events --help\n`);
  return EX_USAGE;
}

/** Says on standard error why a command failed, and gives its exit code back. */
export function failure(command: string, problem: string, exitCode: number): number {
  process.stderr.write(`arrest-events ${command}: ${problem}\n`);
  return exitCode;
}
