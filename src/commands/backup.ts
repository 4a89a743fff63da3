import { EX_CANTCREAT, EX_DATAERR } from "../exit-codes.ts";
import { BackupError, backUp } from "../store/backup.ts";
import { withSettings } from "./settings.ts";
import { failure, usageError } from "./usage.ts";

/**
 * The command `backup FILE`: copies the database of DATABASE_PATH, while the service runs.
 *
 * @returns 0 when the copy is sound and on the disk, 65 when it is there as well, but what it holds contradicts itself
 * as in the original, 73 when there is none
 */
export function backup(argv: readonly string[]): Promise<number> | number {
  const [file] = argv;
  if (file === undefined || file.startsWith("-") || argv.length > 1) {
    return usageError("backup takes the file to back up to, and nothing else");
  }
  return withSettings(["DATABASE_PATH"], ({ DATABASE_PATH }) => {
    try {
      const { bytes, report } = backUp(DATABASE_PATH, file);
      const { problems, events, deadLetters } = report;
      const size = (bytes / 1e6).toFixed(1);
      process.stdout.write(
        `backed up: ${events} events, ${deadLetters} dead letters, ${size} MB, checked\n`,
      );
      if (problems.length === 0) return 0;
      return failure("backup", `it is made, and not sound: ${problems.join("; ")}`, EX_DATAERR);
    } catch (error) {
      if (!(error instanceof BackupError)) throw error;
      return failure("backup", error.message, EX_CANTCREAT);
    }
  });
}
