import { EX_CANTCREAT } from "../exit-codes.ts";
import { openForWriting } from "../store/database.ts";
import { withSettings } from "./settings.ts";
import { failure, usageError } from "./usage.ts";

/**
 * The command `migrate`: brings the database of DATABASE_PATH up to date, as each start of the service does.
 *
 * @returns 0 when it is, 73 when the file cannot be used
 */
export function migrate(argv: readonly string[]): Promise<number> | number {
  if (argv.length > 0) return usageError("migrate takes no arguments");
  return withSettings(["DATABASE_PATH"], ({ DATABASE_PATH }) => {
    let applied: readonly string[] = [];
    try {
      openForWriting(DATABASE_PATH, (migrations) => {
        applied = migrations;
      }).$client.close();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return failure("migrate", reason, EX_CANTCREAT);
    }
    for (const migration of applied) process.stdout.write(`applied: ${migration}\n`);
    process.stdout.write("up to date\n");
    return 0;
  });
}
