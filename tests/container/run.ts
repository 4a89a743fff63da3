/**
 * Builds the image of the Dockerfile and tests it. There need be no Docker, and no registry of images: buildah runs the
 * Dockerfile's steps over bases that are made of Debian's packages (`bases.ts`).
 *
 *     bun run test:container             # the last stage, over the executable in dist/
 *     bun run test:container --whole     # every stage: compiles for some ten minutes where it has not before
 *
 * Exit codes: 0 all is well; 69 it cannot be tried here, and why has been said; 1 something is wrong.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EX_UNAVAILABLE } from "../../src/exit-codes.ts";
import { makeBuild, makeBun, makeDebian, makeSystem } from "./bases.ts";
import { Buildah } from "./buildah.ts";
import { command, stop } from "./command.ts";

const root = join(import.meta.dir, "../..");
const dist = join(root, "dist");

/** What the image is called while it is tried. */
const IMAGE = "localhost/arrest-events";

/** The newest C library that the executable may have been linked with: that of Debian 12. */
const GLIBC = "2.36";

/** Debian's packages with what is needed, by the name of a program of each. */
const TOOLS = {
  buildah: "buildah",
  "dpkg-deb": "dpkg",
  "apt-get": "apt",
  unshare: "util-linux",
  chroot: "coreutils",
};

/** Why the image cannot be tried here; undefined when it can. */
function obstacle(isWhole: boolean): string | undefined {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it needs root, for mounts";
  const tools = isWhole ? { ...TOOLS, mmdebstrap: "mmdebstrap" } : TOOLS;
  const lacking = Object.entries(tools).filter(([tool]) => Bun.which(tool) === null);
  if (lacking.length > 0) {
    const names = lacking.map(([tool]) => tool).join(", ");
    return `${names} not found: apt-get install ${lacking.map(([, name]) => name).join(" ")}`;
  }
  const { exitCode } = Bun.spawnSync(["unshare", "--mount", "true"], { stderr: "ignore" });
  if (exitCode !== 0) return "this system gives no mount namespaces";
  if (isWhole) return undefined;
  if (!existsSync(join(dist, "arrest-events"))) return "there is no executable: bun run build";
  const [, glibc = ""] = /(\d+\.\d+)\s*$/.exec(firstLine(["ldd", "--version"])) ?? [];
  if (Bun.semver.order(`${glibc}.0`, `${GLIBC}.0`) <= 0) return undefined;
  return `the executable is built with glibc ${glibc}, and the image has ${GLIBC}: --whole builds one for it`;
}

function firstLine(command: string[]): string {
  return Bun.spawnSync(command).stdout.toString().split("\n")[0] ?? "";
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({ args: argv, options: { whole: { type: "boolean" } } });
  const isWhole = values.whole === true;
  const reason = obstacle(isWhole);
  if (reason !== undefined) {
    say(`The image is not tried here: ${reason}`);
    return EX_UNAVAILABLE;
  }
  const directory = mkdtempSync(join(tmpdir(), "arrest-events-container-"));
  const buildah = new Buildah(join(directory, "buildah"));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  try {
    const since = performance.now();
    say(`Building the image${isWhole ? "" : ", without compiling"} …`);
    await (isWhole ? buildWhole(buildah, directory) : buildLastStage(buildah, directory));
    say(`It is built (${((performance.now() - since) / 1000).toFixed(0)} s).`);
    const config = await buildah.config(IMAGE);
    const { path } = await buildah.mount(IMAGE);
    stop.signal.throwIfAborted();
    const tests = Bun.spawn([process.execPath, "test", "./tests/container/image.container.ts"], {
      cwd: root,
      env: { ...process.env, IMAGE_ROOT: path, IMAGE_CONFIG: JSON.stringify(config) },
      stdio: ["ignore", "inherit", "inherit"],
      signal: stop.signal,
    });
    return await tests.exited;
  } finally {
    await buildah.clear();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function buildWhole(buildah: Buildah, directory: string): Promise<void> {
  await buildah.imageOf(await makeDebian(directory), "localhost/debian");
  await buildah.imageOf(makeBun(directory), "localhost/bun");
  await buildah.imageOf(await makeSystem(directory), "localhost/system");
  const commit = await command(["git", "rev-parse", "HEAD"], { cwd: root });
  await buildah.build(join(root, "Dockerfile"), root, IMAGE, {
    BUN_IMAGE: "localhost/bun",
    BUILD_IMAGE: "localhost/debian",
    SYSTEM_IMAGE: "localhost/system",
    COMMIT: commit.trim(),
  });
}

/** The Dockerfile with an image of what has been built here in the place of all stages but the last. */
async function buildLastStage(buildah: Buildah, directory: string): Promise<void> {
  await buildah.imageOf(makeBuild(directory, dist), "localhost/build");
  await buildah.imageOf(await makeSystem(directory), "localhost/system");
  const text = readFileSync(join(root, "Dockerfile"), "utf8");
  const first = text.indexOf("\nFROM ");
  const last = text.lastIndexOf("\nFROM ");
  const file = join(directory, "Dockerfile");
  writeFileSync(
    file,
    `${text.slice(0, first)}\nFROM localhost/build AS build\n${text.slice(last)}`,
  );
  const version = await command([join(dist, "arrest-events"), "--version"]);
  await buildah.build(file, root, IMAGE, {
    SYSTEM_IMAGE: "localhost/system",
    COMMIT: /^commit (\S+)$/m.exec(version)?.[1] ?? "",
  });
}

process.exitCode = await main(process.argv.slice(2));
