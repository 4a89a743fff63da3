import { type Config, ConfigError, parseConfig } from "../config.ts";
import { EX_CONFIG, EX_SOFTWARE } from "../exit-codes.ts";
import { type Service, startService } from "../service.ts";
import { openLog } from "../telemetry/log.ts";
import { VERSION } from "../version.ts";
import { WriterStartError } from "../writer/client.ts";

/**
 * The command `serve`: reads Kafka and serves HTTP until a signal, or until it cannot go on.
 *
 * @returns 0 after an orderly stop
 */
export async function serve(): Promise<number> {
  let config: Config;
  try {
    config = parseConfig(process.env, process.stdout.isTTY);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EX_CONFIG;
  }
  const log = openLog(config.log);
  const stopSignal = waitForSignals();
  let service: Service;
  try {
    service = await startService(config, log, VERSION);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.fatal({ reason }, "the service cannot start");
    return error instanceof WriterStartError ? error.exitCode : EX_SOFTWARE;
  }
  try {
    const ended = await Promise.race([stopSignal, service.died]);
    if (ended instanceof Error) {
      log.fatal({ err: ended }, "the service cannot go on");
      return EX_SOFTWARE;
    }
    log.info({ signal: ended }, "stopping");
    const timeout = Bun.sleep(config.shutdownTimeoutMs).then(() => "timeout" as const);
    if ((await Promise.race([service.stop(), timeout])) === "timeout") {
      log.error({ after_ms: config.shutdownTimeoutMs }, "not stopped in time: ending anyway");
      return EX_SOFTWARE;
    }
    log.info("stopped");
    return 0;
  } catch (error) {
    log.fatal({ err: error }, "the service did not stop in order");
    return EX_SOFTWARE;
  }
}

/** Resolves with the first signal to stop; a second one ends the process at once. */
function waitForSignals(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let signals = 0;
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(signal, () => {
      signals++;
      if (signals > 1) process.exit(128 + number);
      resolve(signal);
    });
  }
  return promise;
}
