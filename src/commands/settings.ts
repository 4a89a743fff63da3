import { ConfigError, readSettings, type SettingName } from "../config.ts";
import { EX_CONFIG } from "../exit-codes.ts";

/**
 * Runs a command with the few settings that it needs, so that it works where the others are not given.
 *
 * @returns its exit code, or 78 with the problems on standard error when one of them cannot be used
 */
export async function withSettings<Name extends SettingName>(
  names: readonly Name[],
  command: (settings: ReturnType<typeof readSettings<Name>>) => number | Promise<number>,
): Promise<number> {
  try {
    return await command(readSettings(process.env, names));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EX_CONFIG;
  }
}
