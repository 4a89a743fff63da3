/**
 * Installs what the sides need that are no part of this project, on first use, into places that git does
 * not look at: `bench/fastify/node_modules`, `bench/flask/.venv` and `bench/python/.venv`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { print } from "../support.ts";

/** What a side needs is there, in these versions, or why not. */
export type Installed = { readonly versions: string } | { readonly problem: string };

const FASTIFY = join(import.meta.dir, "../fastify");
/** The folder of the Flask side. */
export const FLASK = join(import.meta.dir, "../flask");
/** The folder of the consumer in Python. */
export const PYTHON_CONSUMER = join(import.meta.dir, "../python");

/** Compiling SQLite takes minutes. */
const INSTALL_TIMEOUT_MS = 900_000;

interface Ran {
  readonly ok: boolean;
  readonly output: string;
}

async function run(
  command: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: INSTALL_TIMEOUT_MS,
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { ok: code === 0, output: code === 0 ? out.trim() : lastLine(err || out) };
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** Fastify and better-sqlite3, which is compiled: its ready-made binaries come from outside of the registry. */
export async function installFastify(): Promise<Installed> {
  const node = Bun.which("node");
  const npm = Bun.which("npm");
  if (node === null || npm === null) return { problem: "node and npm are not there" };
  const versions = () => run([node, "versions.js"], FASTIFY);
  const before = await versions();
  if (before.ok) return { versions: before.output };
  print("Installing Fastify and compiling better-sqlite3, which takes minutes …");
  // The headers that came with node, where they did, so that none are downloaded.
  const prefix = dirname(dirname((await run([node, "-p", "process.execPath"], FASTIFY)).output));
  const hasHeaders = existsSync(join(prefix, "include/node/node.h"));
  const installed = await run([npm, "ci", "--no-audit", "--no-fund"], FASTIFY, {
    npm_config_build_from_source: "true",
    ...(hasHeaders && { npm_config_nodedir: prefix }),
  });
  if (!installed.ok) return { problem: `npm ci failed: ${installed.output}` };
  const after = await versions();
  return after.ok ? { versions: after.output } : { problem: after.output };
}

/** A program in Python, with the packages that it needs. */
interface PythonSide {
  /** Its folder, with a `requirements.txt`. */
  readonly folder: string;
  /** The packages whose versions are told. */
  readonly packages: readonly string[];
}

/** The Python of a side's virtual environment. */
export function pythonOf(folder: string): string {
  return join(folder, ".venv/bin/python");
}

async function installPython({ folder, packages }: PythonSide): Promise<Installed> {
  const base = Bun.which("python3");
  if (base === null) return { problem: "python3 is not there" };
  const python = pythonOf(folder);
  const requirements = join(folder, "requirements.txt");
  const marker = join(folder, ".venv/installed.txt");
  const wanted = readFileSync(requirements, "utf8");
  if (!existsSync(marker) || readFileSync(marker, "utf8") !== wanted) {
    print(`Installing ${packages.join(", ")} …`);
    const made = await run([base, "-m", "venv", "--clear", join(folder, ".venv")], folder);
    if (!made.ok) return { problem: `no virtual environment: ${made.output}` };
    const pip = [python, "-m", "pip", "install", "--quiet", "--requirement", requirements];
    const installed = await run(pip, folder);
    if (!installed.ok) return { problem: `pip failed: ${installed.output}` };
    writeFileSync(marker, wanted);
  }
  const versions = await run([python, "-c", versionsOf(packages)], folder);
  return versions.ok ? { versions: versions.output } : { problem: versions.output };
}

function versionsOf(packages: readonly string[]): string {
  return `
import platform, sqlite3
from importlib.metadata import version
names = ${JSON.stringify(packages)}
print(", ".join([f"Python {platform.python_version()}", *(f"{n} {version(n)}" for n in names), f"SQLite {sqlite3.sqlite_version}"]))
`;
}

/** Flask, SQLAlchemy and gunicorn in a virtual environment. */
export function installFlask(): Promise<Installed> {
  return installPython({ folder: FLASK, packages: ["Flask", "SQLAlchemy", "gunicorn"] });
}

/** Confluent's client for Python and SQLAlchemy in a virtual environment. */
export function installPythonConsumer(): Promise<Installed> {
  return installPython({
    folder: PYTHON_CONSUMER,
    packages: ["confluent-kafka", "SQLAlchemy"],
  });
}
