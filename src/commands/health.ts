import { askService } from "../ask-service.ts";
import { serviceUrl } from "../config.ts";
import { withSettings } from "./settings.ts";
import { failure, usageError } from "./usage.ts";

/** How long the service may take to answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 2500;

/**
 * The command `health`: asks the service that runs with the same HOST and PORT whether it is alive, or with `--ready`
 * whether it can do its work.
 *
 * @returns 0 when it is, 1 when it is not or does not answer
 */
export function health(argv: readonly string[]): Promise<number> | number {
  const isReady = argv[0] === "--ready";
  if (argv.length > (isReady ? 1 : 0)) return usageError("health takes --ready or nothing");
  return withSettings(["HOST", "PORT"], async ({ HOST, PORT }) => {
    if (PORT === 0) return failure("health", "PORT=0 does not tell where the service listens", 1);
    try {
      const url = new URL(isReady ? "/readyz" : "/livez", serviceUrl(HOST, PORT));
      const response = await askService(url, ANSWER_TIMEOUT_MS);
      process.stdout.write(`${(await response.text()).trimEnd()}\n`);
      return response.ok ? 0 : 1;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return failure("health", `no answer from ${HOST}, port ${PORT}: ${reason}`, 1);
    }
  });
}
