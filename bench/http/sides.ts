/** What is measured side by side: the service, and others that give the same answers from the same table. */
import { cpus } from "node:os";
import { join } from "node:path";
import type { BareTask } from "../bare-server.ts";
import { type Child, type Conditions, startProcess } from "../processes.ts";
import { FLASK, type Installed, installFastify, installFlask, pythonOf } from "./install.ts";
import type { VariantTask } from "./variant-server.ts";

/** The sides, in the order in which they are shown. */
export const SIDE_NAMES = ["service", "unchecked", "bare", "fastify", "flask"] as const;

/** The name of a side. */
export type SideName = (typeof SIDE_NAMES)[number];

/** A server that answers for a side, over a database of its own. */
export interface Server extends Child {
  readonly port: number;
  readonly path: string;
}

/** How a server is started. */
export interface Start extends Conditions {
  readonly settings?: Readonly<Record<string, string>>;
}

/** A side of a comparison. */
export interface Side {
  /** As a column is headed. */
  readonly title: string;
  /** What it is. */
  readonly about: string;
  /** Makes sure that what it needs is there. */
  install?(): Promise<Installed>;
  /** Starts a server over the database at `path`, which it may write to. */
  start(path: string, start: Start): Promise<Server>;
}

/** Servers live as long as a table is measured. */
const HANGS_AFTER_MS = 3_600_000;

function conditions({ cpus, command }: Conditions, program?: readonly string[]): Conditions {
  const runner = program ?? command;
  return { cpus, hangsAfterMs: HANGS_AFTER_MS, ...(runner && { command: runner }) };
}

/** The processors that servers and load have each for themselves; none where they cannot be kept apart. */
export function partedProcessors(): { readonly server: string; readonly load: string } | undefined {
  const last = cpus().length - 1;
  if (last < 1 || Bun.which("taskset") === null) return undefined;
  return { server: last === 1 ? "0" : `0-${last - 1}`, load: String(last) };
}

/** What a server's line of the standard output says, where it is JSON. */
function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** The port that a server of another language tells in a line of JSON. */
async function withPort(child: Child, path: string): Promise<Server> {
  const port = await child.find((line) => parsed(line)["port"]);
  return { ...child, path, port: Number(port) };
}

/** Waits for a line of the service's log. */
export function logLine(child: Child, msg: string): Promise<Readonly<Record<string, unknown>>> {
  return child.find((line) => (parsed(line)["msg"] === msg ? parsed(line) : undefined));
}

/** Starts the service as it is. */
export async function startService(path: string, start: Start): Promise<Server> {
  const settings = { PORT: "0", DATABASE_PATH: path, LOG_FORMAT: "json", ...start.settings };
  const child = startProcess("src/main.ts", [], settings, conditions(start));
  const { url } = await logLine(child, "listening");
  return { ...child, path, port: Number(new URL(String(url)).port) };
}

/** Starts the service with something left out. */
export async function startVariant(task: VariantTask, start: Start): Promise<Server> {
  const script = "bench/http/variant-server.ts";
  const child = startProcess(script, [JSON.stringify(task)], start.settings, conditions(start));
  return { ...child, path: task.path, port: await child.receive<number>() };
}

/** Starts the bare server. */
export async function startBare(task: BareTask, start: Start): Promise<Server> {
  const script = "bench/bare-server.ts";
  const child = startProcess(script, [JSON.stringify(task)], start.settings, conditions(start));
  return { ...child, path: task.path, port: await child.receive<number>() };
}

/** As many as there are processors, which is what gunicorn is usually given at least. */
const WORKERS = Math.max(2, cpus().length);

/** All sides. */
export const SIDES: Readonly<Record<SideName, Side>> = {
  service: {
    title: "service",
    about: "the service as it is, without Kafka",
    start: (path, start) =>
      startService(path, { ...start, settings: { KAFKA_BROKERS: "none", ...start.settings } }),
  },
  unchecked: {
    title: "unchecked",
    about:
      "the same routes of hono over the same store and writer thread, without any check, request id or metric",
    start: (path, start) => startVariant({ path, variant: "unchecked" }, start),
  },
  bare: {
    title: "bare",
    about: "Bun.serve over bun:sqlite and nothing else, a transaction a POST, no history",
    start: (path, start) => startBare({ path, shareTransactions: false }, start),
  },
  fastify: {
    title: "Fastify",
    about:
      "Fastify with JSON schemas over better-sqlite3, pages by key, a transaction a change, no history",
    install: installFastify,
    start: (path, start) =>
      withPort(
        startProcess(
          "bench/fastify/server.js",
          [path],
          start.settings,
          conditions(start, ["node"]),
        ),
        path,
      ),
  },
  flask: {
    title: "Flask",
    about: `Flask and SQLAlchemy under gunicorn with ${WORKERS} sync workers (a connection a request), pages by offset, no history`,
    install: installFlask,
    start: (path, start) =>
      withPort(
        startProcess(
          "bench/flask/.venv/bin/gunicorn",
          ["--chdir", FLASK, "--config", join(FLASK, "gunicorn.conf.py"), "app:app"],
          {
            DATABASE_PATH: path,
            WORKERS: String(WORKERS),
            PYTHONDONTWRITEBYTECODE: "1",
            ...start.settings,
          },
          conditions(start, [pythonOf(FLASK)]),
        ),
        path,
      ),
  },
};
