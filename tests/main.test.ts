import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { describeSettings } from "../src/settings.ts";
import { run } from "./commands/support.ts";
import { temporaryDirectory } from "./promises/support.ts";

const SECRET = "hunter2-hunter2";

test("--version prints the version, the commit, and the versions of what it is built of", async () => {
  const { exitCode, stdout } = await run({}, "--version");
  expect(exitCode).toBe(0);
  expect(stdout.split("\n")).toEqual([
    `arrest-events ${manifest.version}`,
    expect.stringMatching(/^commit (\(sources\)|[0-9a-f]{40}(-dirty)?)$/),
    `Bun ${manifest.engines.bun}`,
    expect.stringMatching(/^SQLite 3\.\d+\.\d+$/),
    expect.stringMatching(/^librdkafka \d+\.\d+\.\d+ \(.*gzip.*\)$/),
    "",
  ]);
});

test("--help names the commands and every setting", async () => {
  const { exitCode, stdout } = await run({}, "--help");
  expect(exitCode).toBe(0);
  for (const word of [
    "serve",
    "simulate",
    "health",
    "backup",
    "check",
    "migrate",
    ...describeSettings().map(({ name }) => name),
  ]) {
    expect(stdout).toContain(word);
  }
});

test("an unknown command is told so with exit code 64 and without being repeated", async () => {
  const { exitCode, stdout, stderr } = await run({}, SECRET);
  expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: "" });
  expect(stderr).toContain("unknown command");
  expect(stderr).not.toContain(SECRET);
});

test.each([
  "serve now",
  "health --alive",
  "health --ready --ready",
  "backup",
  "backup one two",
  "backup --force",
  "check --all",
  "check one two",
  "check --quick --quick",
  "migrate down",
])("arguments that a command does not take are told so with exit code 64: %s", async (command) => {
  const { exitCode, stdout, stderr } = await run({}, ...command.split(" "));
  expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: "" });
  expect(stderr).toMatch(/^arrest-events: .* see arrest-events --help\n$/);
});

test("settings that cannot be used are all named at once with exit code 78 and nothing is started", async () => {
  using directory = temporaryDirectory();
  const databasePath = join(directory.path, "store.sqlite");
  const { exitCode, stdout, stderr } = await run({
    DATABASE_PATH: databasePath,
    PORT: SECRET,
    HOST: "0.0.0.0",
    INGEST_BATCH_SIZE: "0",
    NODE_ENV: "production",
  });
  expect({ exitCode, stdout }).toEqual({ exitCode: 78, stdout: "" });
  for (const name of ["PORT", "HOST", "INGEST_BATCH_SIZE", "KAFKA_BROKERS"]) {
    expect(stderr).toContain(name);
  }
  expect(stderr).not.toContain(SECRET);
  expect(existsSync(databasePath)).toBe(false);
});

test("a librdkafka setting that is refused is named with exit code 78 and nothing is started", async () => {
  using directory = temporaryDirectory();
  const databasePath = join(directory.path, "store.sqlite");
  const { exitCode, stdout, stderr } = await run({
    DATABASE_PATH: databasePath,
    KAFKA_CONF_SASL_PASSWORT: SECRET,
  });
  expect(exitCode).toBe(78);
  expect(stdout).toContain("sasl.passwort");
  expect(stdout + stderr).not.toContain(SECRET);
  expect(existsSync(databasePath)).toBe(false);
});

test("a port that is taken ends the service with a line that says so", async () => {
  using directory = temporaryDirectory();
  using taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { exitCode, stdout } = await run({
    DATABASE_PATH: join(directory.path, "store.sqlite"),
    KAFKA_BROKERS: "none",
    PORT: String(taken.port),
  });
  expect(exitCode).toBe(70);
  expect(stdout).toContain(`port ${taken.port}`);
  expect(stdout).not.toContain("    at ");
});
