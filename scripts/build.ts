/**
 * Builds `dist/arrest-events`: one executable with the runtime, the service, the Kafka client and all they need.
 *
 *     bun run build                  # exit code 69 where a library that should be inside is not to be had
 *     bun run build --incomplete     # leaves it out
 *     bun run build --outdir DIR
 *
 * Beside it lie what is in it: `arrest-events.cdx.json`, a bill of materials (CycloneDX), and `THIRD_PARTY_NOTICES.txt`.
 */

import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cyclonedxEsbuildPlugin } from "@cyclonedx/cyclonedx-esbuild";
import type { BunPlugin } from "bun";
import { buildStandaloneAddon, type StandaloneAddon } from "../native/build.ts";
import { BuildError } from "../native/run.ts";
import manifest from "../package.json" with { type: "json" };
import { EX_UNAVAILABLE } from "../src/exit-codes.ts";
import { completeBill, writeNotices } from "./bill-of-materials.ts";

const root = join(import.meta.dir, "..");

/** What the executable is called. */
const EXECUTABLE = "arrest-events";

/**
 * Makes the executable with this addon, and beside it what tells of its parts.
 *
 * @returns its path
 * @throws AggregateError when the bundler fails
 */
async function buildExecutable(addon: StandaloneAddon, directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const outfile = join(directory, EXECUTABLE);
  // Not written over: a process that runs it would die.
  rmSync(outfile, { force: true });
  const bill = join(directory, `${EXECUTABLE}.cdx.json`);
  await Bun.build({
    // The thread is found by the name of its file, beside the one that starts it.
    entrypoints: [join(root, "src/main.ts"), join(root, "src/writer/thread.ts")],
    root: join(root, "src"),
    naming: { entry: "[name].[ext]", asset: "[name]-[hash].[ext]" },
    target: "bun",
    minify: true,
    // 5 MB more, and two thirds of the processor time until it listens.
    bytecode: true,
    format: "esm",
    define: { ARREST_EVENTS_COMMIT: JSON.stringify(commit()) },
    // Which modules went in, from which the packages are told.
    metafile: true,
    plugins: [
      // Its types are esbuild's, of which Bun has the part that it uses.
      cyclonedxEsbuildPlugin({
        specVersion: "1.6",
        outputFile: bill,
        outputReproducible: true,
        gatherLicenseTexts: true,
        validate: true,
      }) as unknown as BunPlugin,
      {
        name: "the Kafka client's addon",
        setup(build) {
          build.onLoad({ filter: /kafka-javascript[/\\]librdkafka\.js$/ }, () => ({
            contents: `module.exports = require(${JSON.stringify(join(root, "native/executable/load-addon.ts"))}).default;`,
            loader: "js",
          }));
          build.onResolve({ filter: /^arrest-events\/kafka-addon$/ }, () => ({
            path: addon.path,
          }));
          // As a file, of which the service reads the bytes: Bun's own loader would unpack it into TMPDIR.
          build.onLoad({ filter: /\.node$/ }, ({ path }) => ({
            contents: readFileSync(path),
            loader: "file",
          }));
        },
      },
    ],
    compile: {
      outfile,
      // The settings are the environment's: nothing is read from where it happens to be started.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadPackageJson: false,
      autoloadTsconfig: false,
    },
  });
  completeBill(bill, addon);
  writeNotices(bill, addon, join(directory, "THIRD_PARTY_NOTICES.txt"));
  return outfile;
}

/** The commit that is checked out; as git tells, or in a tree without git as COMMIT says. */
function commit(): string {
  const given = process.env["COMMIT"];
  if (given !== undefined && given !== "") return given;
  const git = Bun.which("git");
  if (git === null) return "unknown";
  const command = [git, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"];
  const { exitCode, stdout } = Bun.spawnSync(command, { cwd: root, stderr: "ignore" });
  return exitCode === 0 ? stdout.toString().trim() : "unknown";
}

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      incomplete: { type: "boolean", default: false },
      outdir: { type: "string", default: join(root, "dist") },
    },
  });
  // It becomes a part of the executable.
  const wanted = manifest.engines.bun;
  if (Bun.version !== wanted) {
    throw new BuildError(`this is Bun ${Bun.version}: npx bun@${wanted} run build`);
  }
  const addon = await buildStandaloneAddon((lacking) => {
    process.stdout.write(`${lacking.join("\n")}\n`);
    return values.incomplete;
  });
  if (addon === undefined) {
    process.stderr.write("build: to leave that out, build with --incomplete\n");
    process.exitCode = EX_UNAVAILABLE;
    return;
  }
  const executable = await buildExecutable(addon, resolve(values.outdir));
  const { size } = statSync(executable);
  process.stdout.write(`${executable}: ${(size / 1e6).toFixed(1)} MB\n`);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`build: ${error.message}\n`);
    process.exitCode = 1;
  }
}
