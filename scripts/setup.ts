/**
 * Makes a clean clone ready to run: the exact Bun, the packages of the lock file, the Kafka addon.
 * Takes a moment when there is nothing to do. Built-ins only: it runs before anything is installed.
 */
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };

const root = join(import.meta.dir, "..");

function fail(message: string): never {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}

function run(...command: string[]): void {
  const { exitCode } = Bun.spawnSync([process.execPath, ...command], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) fail(`bun ${command.join(" ")} failed; what went wrong is said above`);
}

const wanted = manifest.engines.bun;
if (Bun.version !== wanted) {
  fail(
    `this is Bun ${Bun.version}, and the project is built and tested with ${wanted}: npx bun@${wanted} run start`,
  );
}
run("install", "--frozen-lockfile", "--silent");
run("native/build.ts");
