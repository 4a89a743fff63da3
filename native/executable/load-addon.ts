/**
 * Loads the Kafka client's addon that is a part of the executable; there it takes the place of the package's
 * `librdkafka.js`. Bun's own way is a file in TMPDIR that stays. In Linux this one is in memory: neither a directory
 * that can be written and executed from nor anything to clean up is needed.
 */
import { dlopen, FFIType } from "bun:ffi";
import { closeSync, mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
// The bundler is told which file that is; see `scripts/build.ts`.
import embedded from "arrest-events/kafka-addon" with { type: "file" };

const MFD_CLOEXEC = 1;
const MFD_EXEC = 16;

/** A file in memory with these bytes, as its descriptor; none where the system does not have or allow them. */
function inMemory(bytes: Uint8Array): number | undefined {
  if (process.platform !== "linux") return undefined;
  for (const library of ["libc.so.6", `libc.musl-${MUSL_ARCHITECTURE[process.arch] ?? ""}.so.1`]) {
    let libc: ReturnType<typeof open>;
    try {
      libc = open(library);
    } catch {
      continue;
    }
    const name = Buffer.from("arrest-events-kafka\0");
    // Kernels before 6.3 do not know the second flag; some later ones insist on it.
    let file = libc.symbols.memfd_create(name, MFD_CLOEXEC | MFD_EXEC);
    if (file < 0) file = libc.symbols.memfd_create(name, MFD_CLOEXEC);
    libc.close();
    if (file < 0) return undefined;
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    return file;
  }
  return undefined;
}

const MUSL_ARCHITECTURE: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

function open(library: string) {
  return dlopen(library, {
    memfd_create: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  });
}

function load(path: string): unknown {
  const loaded = { exports: {} };
  // All symbols are looked up now: what is missing shows at the start.
  process.dlopen(loaded, path, constants.dlopen.RTLD_NOW);
  return loaded.exports;
}

function loadFromMemory(bytes: Uint8Array): unknown {
  const file = inMemory(bytes);
  if (file === undefined) return undefined;
  try {
    return load(`/proc/self/fd/${file}`);
  } catch {
    // No /proc, or a policy against executing memory.
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** What is mapped stays when the file has gone. */
function loadFromFile(bytes: Uint8Array): unknown {
  const directory = mkdtempSync(join(tmpdir(), "arrest-events-"));
  try {
    const file = join(directory, "kafka.node");
    writeFileSync(file, bytes, { mode: 0o500 });
    return load(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const bytes = readFileSync(embedded);
export default loadFromMemory(bytes) ?? loadFromFile(bytes);
