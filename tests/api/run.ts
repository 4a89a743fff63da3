/**
 * Schemathesis against the service: requests of every kind that the document allows and forbids, alone and one
 * after another, and every check of the answers. See `USAGE`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EX_USAGE } from "../../src/exit-codes.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { openWriter } from "../../src/store/write.ts";
import { eventOfMessage, ServiceProcess, temporaryDirectory } from "../promises/support.ts";
import { parseMetrics } from "../support/metrics.ts";
import { batch, fields, letter } from "../support/store.ts";

const USAGE = "Usage: bun run test:api [--seconds N] [--seed N]";

/** How long the requests may go on, in seconds: within what a run of all tests can spare. */
const SECONDS = 75;
const SEED = 1;

/** What is there at first. */
const EVENTS = 200;
const DEAD_LETTERS = 5000;

const PYTHON = "3.11";

const REQUIREMENTS = join(import.meta.dir, "requirements.txt");
const VENV = join(import.meta.dir, ".venv");

/** Why nothing can be tested here. */
class NotHereError extends Error {}

interface Options {
  readonly seconds: number;
  readonly seed: number;
}

function readOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { seconds: { type: "string" }, seed: { type: "string" } },
    });
    const seconds = Number(values.seconds ?? SECONDS);
    const seed = Number(values.seed ?? SEED);
    const isUsable = [seconds, seed].every((value) => Number.isSafeInteger(value) && value >= 0);
    return isUsable && seconds > 0 ? { seconds, seed } : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a command to its end; its output is shown. */
async function run(command: readonly string[], cwd: string): Promise<number> {
  const child = Bun.spawn([...command], {
    cwd,
    env: {
      ...process.env,
      // Where the hooks are found; nothing is left beside them.
      PYTHONPATH: import.meta.dir,
      PYTHONDONTWRITEBYTECODE: "1",
      STORED_EVENTS: `${EVENTS}`,
      STORED_DEAD_LETTERS: `${DEAD_LETTERS}`,
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const end = (signal: NodeJS.Signals) => child.kill(signal);
  process.once("SIGINT", end).once("SIGTERM", end);
  try {
    return await child.exited;
  } finally {
    process.off("SIGINT", end).off("SIGTERM", end);
  }
}

/**
 * Installs Schemathesis in a virtual environment of its own, unless that has been done.
 *
 * @returns its command
 * @throws NotHereError without Python, or without the packages
 */
async function install(): Promise<string> {
  const command = join(VENV, "bin/schemathesis");
  const installed = join(VENV, "requirements.txt");
  const wanted = await Bun.file(REQUIREMENTS).text();
  if (existsSync(installed) && (await Bun.file(installed).text()) === wanted) return command;
  const python = Bun.which("python3");
  const hasAll = `import ensurepip, sys, venv; sys.exit(sys.version_info < (${PYTHON.replace(".", ", ")}))`;
  if (python === null || Bun.spawnSync([python, "-c", hasAll]).exitCode !== 0) {
    throw new NotHereError(`needs Python ${PYTHON} or newer, with venv and pip, as python3`);
  }
  const pip = [join(VENV, "bin/python"), "-m", "pip", "--disable-pip-version-check", "--quiet"];
  for (const step of [
    [python, "-m", "venv", "--clear", VENV],
    [...pip, "install", "--no-deps", "--requirement", REQUIREMENTS],
    [...pip, "check"],
  ]) {
    if ((await run(step, import.meta.dir)) !== 0) {
      throw new NotHereError("cannot install Schemathesis; what went wrong is said above");
    }
  }
  await Bun.write(installed, wanted);
  return command;
}

/** Stores what only Kafka can bring: events with an origin, and dead letters that can be replayed by now. */
function fill(path: string): void {
  const writer = openWriter(path, "kafka", "arrest_event", decodeMessage);
  const events = Array.from({ length: EVENTS }, (_, index) =>
    fields({ officerId: 1 + (index % 9), arrestedAt: Date.UTC(2026, 0, 1, index * 7) }),
  );
  const deadLetters = Array.from({ length: DEAD_LETTERS }, (_, offset) =>
    letter({
      topic: `topic-${offset % 50}`,
      offset,
      value: Buffer.from(JSON.stringify(eventOfMessage(offset))),
    }),
  );
  writer.ingest(batch({ events, deadLetters }));
  writer.close();
}

/** The operations of the document that have not once succeeded, as method and path. */
async function withoutSuccess(service: ServiceProcess): Promise<string[]> {
  const { samples } = parseMetrics(await (await service.fetch("/metrics")).text());
  const succeeded = new Set(
    samples
      .filter(({ name }) => name === "arrest_events_http_request_duration_seconds_count")
      .filter(({ labels, value }) => value > 0 && labels["status"]?.startsWith("2"))
      .map(({ labels }) => `${labels["method"]} ${labels["route"]}`),
  );
  const { paths } = await service.json<{ paths: Record<string, object> }>("/openapi.json");
  return Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
      ),
    )
    .filter((operation) => !succeeded.has(operation));
}

/** Resolves to the exit code: 0 when the service kept to its document. */
async function test({ seconds, seed }: Options): Promise<number> {
  const schemathesis = await install();
  using directory = temporaryDirectory();
  const path = join(directory.path, "events.sqlite");
  fill(path);
  await using service = await ServiceProcess.start({ DATABASE_PATH: path, KAFKA_BROKERS: "none" });
  const url = String((await service.line("listening"))["url"]).replace(/\/$/, "");
  process.stderr.write(`test:api: seed ${seed}, ${seconds} s\n`);
  const code = await run(
    [
      schemathesis,
      ...["--config-file", join(import.meta.dir, "schemathesis.toml")],
      ...["run", `${url}/openapi.json`, "--url", url],
      ...["--seed", `${seed}`, "--max-time", `${seconds}`],
    ],
    directory.path,
  );
  const findings = (await withoutSuccess(service)).map((each) => `${each} has never succeeded`);
  service.signal("SIGTERM");
  const ended = await service.ended();
  if (ended !== 0) findings.push(`the service ended with ${ended}`);
  for (const line of service.lines) {
    if (line["level"] === "error" || line["level"] === "fatal") findings.push(JSON.stringify(line));
  }
  for (const finding of findings) process.stderr.write(`test:api: ${finding}\n`);
  return code === 0 && findings.length === 0 ? 0 : 1;
}

const options = readOptions(process.argv.slice(2));
if (options === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(EX_USAGE);
}
try {
  process.exit(await test(options));
} catch (error) {
  if (!(error instanceof NotHereError)) throw error;
  process.stderr.write(`test:api: ${error.message}\n`);
  process.exit(1);
}
