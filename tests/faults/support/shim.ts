import {
  closeSync,
  existsSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findToolchain, libc } from "../../../native/toolchain.ts";

/** Whether the shim can stand between SQLite and the C library here. */
export const HAS_SHIM = libc() === "glibc";

/** What the name of a test that needs the shim ends with where it is left out. */
export const WITHOUT_SHIM = HAS_SHIM ? "" : " (left out: needs Linux with glibc)";

/** The faults, in the order of their slots in the control file. */
const FAULTS = [
  "no-space",
  "write-error",
  "sync-error",
  "read-error",
  "read-only",
  "kill",
] as const;

/**
 * A way for a disk to fail:
 * - `no-space`: ENOSPC for every write that makes a file larger
 * - `write-error`, `sync-error`, `read-error`: EIO for that call
 * - `read-only`: EROFS for everything that changes a file, as after the kernel has remounted a file system
 * - `kill`: SIGKILL behind something that changes a file. One from elsewhere may come between that and its record
 */
export type Fault = (typeof FAULTS)[number];

/** The kinds of files, as the bits that the shim knows them by. */
const FILES = { database: 1, log: 2, index: 4, journal: 8, directory: 16 } as const;

const EVERY_FILE = 31;

/** `struct fault` of shim.c: four words. */
const SLOT_BYTES = 16;

const SOURCE = join(import.meta.dir, "shim.c");

/** How a fault strikes. */
export interface Strike {
  /** How often the call fails; for ever if absent. */
  readonly times?: number;
  /** What passes before the first: bytes of growth for `no-space`, calls for the others. */
  readonly after?: number;
  /** On which file; on all if absent. */
  readonly on?: keyof typeof FILES;
}

let library: Promise<string> | undefined;

function compiled(): Promise<string> {
  library ??= compileShim(SOURCE);
  return library;
}

/** The path of a library for LD_PRELOAD, compiled once for each version of its source. */
export async function compileShim(sourcePath: string): Promise<string> {
  const toolchain = findToolchain();
  if (typeof toolchain === "string") throw new Error(toolchain);
  const source = await Bun.file(sourcePath).bytes();
  const path = join(tmpdir(), `arrest-events-shim-${Bun.hash(source).toString(16)}.so`);
  if (existsSync(path)) return path;
  const made = `${path}.${process.pid}`;
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"];
  const compiler = Bun.spawn(
    [toolchain.cc, ...flags, "-o", made, sourcePath, "-ldl", "-lpthread"],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  if ((await compiler.exited) !== 0) throw new Error(await new Response(compiler.stderr).text());
  // Whole or not at all: another run of the tests may be at it as well.
  renameSync(made, path);
  return path;
}

/**
 * The files of one directory as a process sees them through the shim: what it does to them is recorded,
 * and their disk can be made to fail while it runs.
 */
export class FaultyDisk implements Disposable {
  /** The directory, without symbolic links. */
  readonly directory: string;
  /** Where the recording is, see `Recording`. */
  readonly recording: string;
  readonly #library: string;
  readonly #controlPath: string;
  readonly #control: number;

  private constructor(library: string, directory: string, beside: string) {
    this.#library = library;
    this.directory = realpathSync(directory);
    this.recording = join(beside, "recording");
    this.#controlPath = join(beside, "control");
    writeFileSync(this.recording, "");
    writeFileSync(this.#controlPath, new Uint8Array(FAULTS.length * SLOT_BYTES));
    this.#control = openSync(this.#controlPath, "r+");
  }

  /**
   * Prepares it.
   *
   * @param directory whose files are watched; it must exist
   * @param beside another directory, for the recording
   */
  static async at(directory: string, beside: string): Promise<FaultyDisk> {
    return new FaultyDisk(await compiled(), directory, beside);
  }

  /** The environment of a process that is to see the directory through the shim. */
  environment(): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      FAULTS_ROOT: this.directory,
      FAULTS_CONTROL: this.#controlPath,
      FAULTS_RECORDING: this.recording,
    };
  }

  /** How much has been recorded, in bytes: all that was done to the files until now lies before it. */
  position(): number {
    return statSync(this.recording).size;
  }

  /** Makes the disk fail from now on. */
  strike(fault: Fault, { times = -1, after = 0, on }: Strike = {}): void {
    const slot = FAULTS.indexOf(fault) * SLOT_BYTES;
    // `times` arms it, so it comes last.
    writeSync(
      this.#control,
      words(after, on === undefined ? EVERY_FILE : FILES[on]),
      0,
      8,
      slot + 4,
    );
    writeSync(this.#control, words(times), 0, 4, slot);
  }

  /** Ends the fault. */
  lift(fault: Fault): void {
    writeSync(this.#control, words(0), 0, 4, FAULTS.indexOf(fault) * SLOT_BYTES);
  }

  /** How often the fault has struck so far. */
  hits(fault: Fault): number {
    const hits = new Uint32Array(1);
    readSync(this.#control, hits, 0, 4, FAULTS.indexOf(fault) * SLOT_BYTES + 12);
    return hits[0] as number;
  }

  [Symbol.dispose](): void {
    closeSync(this.#control);
  }
}

function words(...values: number[]): Int32Array {
  return Int32Array.from(values);
}
