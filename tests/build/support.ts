import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { inReadOnlyRoot, type ReadOnlyRoot } from "../support/read-only-root.ts";
import { newDirectory } from "../support/store.ts";

const { ARREST_EVENTS_EXECUTABLE } = process.env;

/** The executable that these tests are about; `bun run test:build` makes it and says where it is. */
export const EXECUTABLE: string = ARREST_EVENTS_EXECUTABLE ?? missing();

function missing(): never {
  throw new Error("ARREST_EVENTS_EXECUTABLE must name the executable: bun run test:build");
}

/** The user that the service is run as where root may choose: nobody of the machine. */
const USER = "65532:65532";

/** The libraries of the system that a file needs, as the loader finds them. */
export function librariesOf(path: string): string[] {
  const { stdout } = Bun.spawnSync(["ldd", path]);
  return [...stdout.toString().matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, file]) => `${file}`);
}

/** A root that holds the executable, the C library, /dev and /proc, and nothing else; not even /tmp. */
export class MinimalRoot implements Disposable {
  readonly #directory = newDirectory();
  readonly path: string = this.#directory.file("root");
  /** What is /data in it, the one directory that can be written. */
  readonly data: string = this.#directory.file("data");

  constructor() {
    for (const name of ["data", "dev", "proc"])
      mkdirSync(join(this.path, name), { recursive: true });
    for (const file of librariesOf(EXECUTABLE)) this.add(file, file);
    this.add(EXECUTABLE, "/arrest-events");
    mkdirSync(this.data);
    // Whoever the service runs as may write there, and nowhere else.
    chmodSync(this.data, 0o777);
    chmodSync(this.#directory.path, 0o755);
  }

  /** Puts a copy of a file there. */
  add(file: string, path: string): void {
    const target = join(this.path, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }

  /** The command that runs the executable in it. */
  command(...args: string[]): string[] {
    return inReadOnlyRoot(this.#root, "/arrest-events", ...args);
  }

  get #root(): ReadOnlyRoot {
    const { path, data } = this;
    return { path, data, volume: "/data", user: USER };
  }

  /** Whether this system lets us make such a root. Whether the executable runs there is for the tests to say. */
  static isPossible(): boolean {
    if (process.platform !== "linux" || Bun.which("unshare") === null) return false;
    using root = new MinimalRoot();
    return Bun.spawnSync(inReadOnlyRoot(root.#root)).exitCode === 0;
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}
