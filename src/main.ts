import manifest from "../package.json" with { type: "json" };
import { type Config, ConfigError, parseConfig } from "./config.ts";
import { EX_CONFIG, EX_SOFTWARE, EX_USAGE } from "./exit-codes.ts";
import { type Service, startService } from "./service.ts";
import { describeSettings } from "./settings.ts";
import { openLog } from "./telemetry/log.ts";
import { WriterStartError } from "./writer/client.ts";

const HELP = `arrest-events ${manifest.version}
Arrest events from Kafka, exactly once in SQLite, served over HTTP.

Usage: arrest-events [command]

Commands:
  serve      read Kafka and serve HTTP (what no command means)
  simulate   send simulated arrest events to the topic; see simulate --help
  --version  print the version
  --help     print this

Settings, from the environment:
${describeSettings()
  .map(({ name, fallback, about }) => {
    const byDefault = fallback === "" ? "" : ` [${fallback}]`;
    return `  ${name}${byDefault}\n      ${about.replaceAll("`", "")}`;
  })
  .join("\n")}
`;

/** Runs a command and resolves to the exit code of the process. */
async function main(argv: readonly string[]): Promise<number> {
  const [command = "serve", ...rest] = argv;
  switch (command) {
    case "serve":
      return rest.length === 0 ? serve() : usageError("serve takes no arguments");
    case "simulate": {
      // Only here, because it brings the Kafka client into this thread.
      const { runSimulate } = await import("./simulate/simulate.ts");
      return runSimulate(rest, process.env);
    }
    case "--version":
    case "-v":
      process.stdout.write(`arrest-events ${manifest.version}\n`);
      return 0;
    case "--help":
    case "-h":
    case "help":
      process.stdout.write(HELP);
      return 0;
    default:
      return usageError("unknown command");
  }
}

function usageError(problem: string): number {
  process.stderr.write(`arrest-events: ${problem}; see arrest-events --help\n`);
  return EX_USAGE;
}

async function serve(): Promise<number> {
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
    service = await startService(config, log, manifest.version);
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

process.exit(await main(process.argv.slice(2)));
