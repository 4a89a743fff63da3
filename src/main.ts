import { usageError } from "./commands/usage.ts";
import { describeSettings } from "./settings.ts";
import { VERSION } from "./version.ts";

const HELP = `arrest-events ${VERSION}
Arrest events from Kafka, exactly once in SQLite, served over HTTP.

Usage: arrest-events [command]

Commands:
  serve                   read Kafka and serve HTTP (what no command means)
  simulate                send simulated arrest events to the topic; see simulate --help
  health [--ready]        ask the service that listens on HOST and PORT whether it is alive, or ready;
                          0 when it is, else 1
  backup FILE             copy the database to a new file, while the service runs, and check the copy;
                          65 when it is made of what does not agree with itself
  check [--quick] [FILE]  whether the database, or this file, is whole and agrees with itself;
                          65 when it does not
  migrate                 bring the schema of the database up to date, as each start does
  --version               print the versions of the service and of what it is built of
  --help                  print this

Exit codes: 0 done; 1 not healthy, or not all was delivered; 64 a wrong command line; 65 a damaged database;
66 no database; 69 no broker; 70 the program failed; 73 a file that cannot be used; 78 a wrong setting.

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
  // Each is loaded when it is asked for: a look at the health of the service shall cost little.
  switch (command) {
    case "serve":
      if (rest.length > 0) return usageError("serve takes no arguments");
      return (await import("./commands/serve.ts")).serve();
    case "simulate":
      return (await import("./simulate/simulate.ts")).runSimulate(rest, process.env);
    case "health":
      return (await import("./commands/health.ts")).health(rest);
    case "backup":
      return (await import("./commands/backup.ts")).backup(rest);
    case "check":
      return (await import("./commands/check.ts")).check(rest);
    case "migrate":
      return (await import("./commands/migrate.ts")).migrate(rest);
    case "--version":
    case "-v":
      return (await import("./commands/version.ts")).version();
    case "--help":
    case "-h":
    case "help":
      process.stdout.write(HELP);
      return 0;
    default:
      return usageError("unknown command");
  }
}

process.exit(await main(process.argv.slice(2)));
