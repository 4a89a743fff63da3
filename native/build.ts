/**
 * Builds the Kafka client's addon for Bun and installs it where the package
 * looks for it, or makes one for the executable. `native/README.md` says why; run it with `bun native/build.ts`.
 *
 * Everything is kept in `native/.build/`: librdkafka under a hash of what it is
 * made from, the addon under a hash of what that is made from, so that a
 * change of our headers compiles sixteen files and a reinstall copies one.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { withLock } from "./lock.ts";
import { Progress, type Step, say } from "./progress.ts";
import { prune } from "./prune.ts";
import { BuildError, run } from "./run.ts";
import {
  configureWith,
  findStaticLibraries,
  fingerprint,
  type StaticLibraries,
} from "./static-libraries.ts";
import {
  describeFeatures,
  findToolchain,
  libc,
  type Toolchain,
  visibleLibraries,
} from "./toolchain.ts";

const native = import.meta.dir;
const cache = join(native, ".build");
const packageName = "@confluentinc/kafka-javascript";
const addonName = "confluent-kafka-javascript.node";
const isMac = process.platform === "darwin";

interface Sources {
  version: string;
  librdkafkaVersion: string;
  directory: string;
  nodeApi: string;
  /** Of everything the addon is compiled from. */
  hash: string;
}

interface Librdkafka {
  directory: string;
  /** The libraries that it was configured to be linked with. */
  libraries: string[];
  config: string;
}

/**
 * Makes sure that the addon is built from what is here now, and installed.
 * Takes milliseconds when it is.
 */
export async function ensureAddon(): Promise<void> {
  const sources = readSources();
  const toolchain = findToolchain();
  const key = `${sources.hash}-${typeof toolchain === "string" ? "" : toolchainHash(toolchain)}`;
  const upToDate = `The Kafka client is up to date (${key}).`;
  if (isInstalled(sources, key)) return say(upToDate);

  await withBuildLock(async () => {
    if (isInstalled(sources, key)) return say(upToDate);
    const entry = cachedEntry(key);
    if (entry !== undefined) {
      install(sources, entry);
      say(`The Kafka client is installed from ${join(cache, entry)}.`);
    } else if (typeof toolchain === "string") {
      throw new BuildError(toolchain);
    } else {
      await build(sources, toolchain, key);
      install(sources, key);
      say("The Kafka client is installed.");
    }
  });
}

/** An addon for an executable, which brings its libraries with it. */
export interface StandaloneAddon extends StaticLibraries {
  /** The file, which is not installed. */
  readonly path: string;
  readonly librdkafkaVersion: string;
}

/**
 * Builds the addon with OpenSSL, zlib, zstd and curl inside, where their static libraries are to be had.
 * Takes little when that has been done before.
 *
 * @param isEnough is asked before anything is compiled, when some are not to be had
 * @returns `undefined` when it is not
 * @throws BuildError when there is no compiler, or it fails
 */
export async function buildStandaloneAddon(
  isEnough: (lacking: readonly string[]) => boolean,
): Promise<StandaloneAddon | undefined> {
  const sources = readSources();
  const toolchain = findToolchain();
  if (typeof toolchain === "string") throw new BuildError(toolchain);
  return withBuildLock(async () => {
    const libraries = await findStaticLibraries(toolchain, cache);
    if (libraries.lacking.length > 0 && !isEnough(libraries.lacking)) return undefined;
    const key = `${sources.hash}-${toolchainHash(toolchain, libraries)}`;
    if (cachedEntry(key) === undefined) await build(sources, toolchain, key, libraries);
    const { librdkafkaVersion } = sources;
    return { ...libraries, path: join(cache, key, addonName), librdkafkaVersion };
  });
}

function withBuildLock<T>(work: () => Promise<T>): Promise<T> {
  mkdirSync(cache, { recursive: true });
  const waiting = (pid: number) => say(`Waiting for the build that process ${pid} is running …`);
  return withLock(join(cache, "lock"), waiting, work);
}

function readSources(): Sources {
  const manifest = resolve(`${packageName}/package.json`);
  const directory = dirname(manifest);
  const nodeApi = join(dirname(resolve("node-api-headers/package.json")), "include");
  const { version, librdkafka } = JSON.parse(readFileSync(manifest, "utf8"));
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(`${version} ${process.platform} ${process.arch} ${libc()}\n`);
  const files = [
    ...filesOf(join(directory, "src")),
    ...filesOf(join(native, "include")),
    ...filesOf(join(native, "src")),
    ...filesOf(nodeApi),
    ...readdirSync(native)
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(native, name)),
  ];
  for (const file of files.sort()) hasher.update(`${basename(file)}\n`).update(readFileSync(file));
  const hash = hasher.digest("hex").slice(0, 12);
  return { version, librdkafkaVersion: librdkafka, directory, nodeApi, hash };
}

function resolve(specifier: string): string {
  try {
    return Bun.resolveSync(specifier, native);
  } catch {
    throw new BuildError(`${specifier} is not installed. Run \`bun install\` first.`);
  }
}

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function toolchainHash(toolchain: Toolchain, libraries?: StaticLibraries): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const name of ["CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS"]) {
    hasher.update(`${process.env[name] ?? ""}\n`);
  }
  const linked = libraries === undefined ? visibleLibraries().join(" ") : fingerprint(libraries);
  hasher.update(`${toolchain.version}\n${linked}\n${libraries !== undefined}`);
  return hasher.digest("hex").slice(0, 12);
}

function installedPath(sources: Sources): string {
  return join(sources.directory, "build", "Release", addonName);
}

/** Without a toolchain, whatever was built from these sources will do. */
function answers(entry: string, key: string): boolean {
  return key.endsWith("-") ? entry.startsWith(key) : entry === key;
}

function isInstalled(sources: Sources, key: string): boolean {
  const installed = installedPath(sources);
  const stamp = `${installed}.stamp`;
  return existsSync(installed) && existsSync(stamp) && answers(readFileSync(stamp, "utf8"), key);
}

function cachedEntry(key: string): string | undefined {
  return readdirSync(cache).find(
    (entry) => answers(entry, key) && existsSync(join(cache, entry, addonName)),
  );
}

/** By rename: a process may have the old file mapped, and dies if it is written over. */
function install(sources: Sources, entry: string): void {
  const target = installedPath(sources);
  mkdirSync(dirname(target), { recursive: true });
  rmSync(`${target}.stamp`, { force: true });
  copyFileSync(join(cache, entry, addonName), `${target}.${process.pid}`);
  renameSync(`${target}.${process.pid}`, target);
  writeFileSync(`${target}.stamp`, entry);
  const now = new Date();
  utimesSync(join(cache, entry), now, now);
}

async function build(
  sources: Sources,
  toolchain: Toolchain,
  key: string,
  libraries?: StaticLibraries,
): Promise<void> {
  const version = `${packageName} ${sources.version}`;
  say(`Building the addon of ${version} for Bun, with ${toolchain.version}.`);
  const progress = new Progress(5);
  const work = join(cache, "work");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });

  const library = await buildLibrdkafka(sources, toolchain, libraries, work, progress);
  const objects = await compileAddon(sources, toolchain, library, work, progress);
  const entry = join(cache, key);
  const step = progress.start("Link");
  mkdirSync(entry, { recursive: true });
  await link(toolchain, library, objects, work);
  renameSync(join(work, addonName), join(entry, addonName));
  const size = statSync(join(entry, addonName)).size / 1e6;
  step.end(`${size.toFixed(1)} MB`);

  rmSync(work, { recursive: true, force: true });
  prune(cache);
  // What an executable lacks is told by who builds it.
  if (libraries === undefined) say(describeFeatures(library.config));
  say(`The Kafka client is built (${progress.total()}).`);
}

async function buildLibrdkafka(
  sources: Sources,
  toolchain: Toolchain,
  libraries: StaticLibraries | undefined,
  work: string,
  progress: Progress,
): Promise<Librdkafka> {
  const name = `librdkafka-${sources.librdkafkaVersion}-${toolchainHash(toolchain, libraries)}`;
  const kept = join(cache, name);
  const title = `librdkafka ${sources.librdkafkaVersion}`;
  if (existsSync(kept)) {
    progress.start(`Copy ${title}`).end("kept from before");
    progress.start(`Configure ${title}`).end("kept from before");
    progress.start(`Compile ${title}`).end("kept from before");
    return readLibrdkafka(kept);
  }

  const directory = join(work, "librdkafka");
  let step = progress.start(`Copy ${title}`);
  cpSync(join(sources.directory, "deps", "librdkafka"), directory, { recursive: true });
  step.end();

  step = progress.start(`Configure ${title}`);
  const linked = libraries === undefined ? undefined : configureWith(libraries);
  const options = ["--no-download", "--disable-debug-symbols", ...(linked?.options ?? [])];
  const env = { CC: toolchain.cc, CXX: toolchain.cxx, ...linked?.environment };
  await run("configure", work, [toolchain.bash, "./configure", ...options], directory, { env });
  step.end();

  step = progress.start(`Compile ${title}`);
  const parts = [
    { folder: "src", target: "librdkafka.a" },
    { folder: "src-cpp", target: "librdkafka++.a" },
  ];
  const count = parts.flatMap(({ folder }) => readdirSync(join(directory, folder)));
  const expected = count.filter((file) => /\.(c|cpp)$/.test(file)).length;
  let done = 0;
  for (const { folder, target } of parts) {
    // The static libraries only: the shared ones need python3, and nobody.
    const command = [toolchain.make, `-j${availableParallelism()}`, "-C", folder, target];
    await run("librdkafka", work, command, directory, {
      env,
      onLine: (line) => {
        if (/\s-c\s/.test(line)) step.part(Math.min(++done, expected), expected);
      },
    });
  }
  step.end();

  const made = join(work, name);
  mkdirSync(made);
  for (const file of [
    "config.h",
    "Makefile.config",
    "src/librdkafka.a",
    "src-cpp/librdkafka++.a",
  ]) {
    copyFileSync(join(directory, file), join(made, basename(file)));
  }
  renameSync(made, kept);
  return readLibrdkafka(kept);
}

function readLibrdkafka(directory: string): Librdkafka {
  const makefile = readFileSync(join(directory, "Makefile.config"), "utf8");
  const libraries = [...makefile.matchAll(/^LIBS\+?=(.*)$/gm)]
    .flatMap((match) => (match[1] ?? "").trim().split(/\s+/))
    .filter((flag) => flag !== "");
  const config = readFileSync(join(directory, "config.h"), "utf8");
  return { directory, libraries, config };
}

async function compileAddon(
  sources: Sources,
  toolchain: Toolchain,
  library: Librdkafka,
  work: string,
  progress: Progress,
): Promise<string[]> {
  const deps = join(sources.directory, "deps", "librdkafka");
  const flags = [
    "-std=c++20",
    "-O2",
    "-fPIC",
    "-pthread",
    "-fvisibility=hidden",
    "-ffunction-sections",
    "-fdata-sections",
    // The directory that it is built in does not show.
    `-ffile-prefix-map=${sources.directory}=.`,
    "-DNAPI_VERSION=8",
    `-I${join(native, "include")}`,
    `-I${sources.nodeApi}`,
    `-I${sources.directory}`,
    `-I${join(deps, "src")}`,
    `-I${join(deps, "src-cpp")}`,
    ...(/^#define WITH_SSL 1$/m.test(library.config) ? ["-DWITH_SSL=1"] : []),
  ];
  const theirs = filesOf(join(sources.directory, "src")).filter((file) => file.endsWith(".cc"));
  const ours = filesOf(join(native, "src")).filter((file) => file.endsWith(".cc"));
  // Largest first, so that no core is left alone with a long one.
  const waiting = [
    ...theirs.map((file) => ({ file, object: `${basename(file)}.o`, warnings: ["-w"] })),
    ...ours.map((file) => ({ file, object: `own-${basename(file)}.o`, warnings: ["-Wall"] })),
  ].sort((a, b) => statSync(b.file).size - statSync(a.file).size);
  const objects = waiting.map(({ object }) => join(work, object));

  const step: Step = progress.start(`Compile the addon (${waiting.length} files)`);
  let done = 0;
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { file, object, warnings } = next;
      const command = [toolchain.cxx, ...flags, ...warnings, "-c", file, "-o", join(work, object)];
      await run(basename(file), work, command, work);
      step.part(++done, objects.length);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  step.end();
  return objects;
}

async function link(
  toolchain: Toolchain,
  library: Librdkafka,
  objects: string[],
  work: string,
): Promise<void> {
  const archives = ["librdkafka++.a", "librdkafka.a"].map((name) => join(library.directory, name));
  const shape = isMac
    ? ["-bundle", "-undefined", "dynamic_lookup", "-Wl,-dead_strip", "-Wl,-x"]
    : [
        "-shared",
        "-static-libstdc++",
        "-static-libgcc",
        // librdkafka's threads may outlive a Worker that loaded the file.
        "-Wl,-z,nodelete",
        "-Wl,-z,now",
        "-Wl,--exclude-libs,ALL",
        "-Wl,--gc-sections",
        "-Wl,-s",
      ];
  const output = join(work, addonName);
  const command = [toolchain.cxx, ...shape, "-pthread", "-o", output];
  await run("link", work, [...command, ...objects, ...archives, ...library.libraries], work);

  // What is declared in our headers and defined nowhere would be bound to the
  // runtime's own functions of that name, which end the process on Bun.
  const nm = Bun.which("nm");
  if (nm === null) return;
  const listed = Bun.spawnSync([nm, isMac ? "-u" : "-Du", output], { stdout: "pipe" });
  const strays = listed.stdout.toString().match(/\S*(_ZN?K?(2v8|4node|3Nan|6bridge)|\buv_)\S*/g);
  if (strays !== null) {
    throw new BuildError(`The headers in native/include do not define ${strays.join(", ")}.`);
  }
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
  try {
    await ensureAddon();
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = 1;
  }
}
