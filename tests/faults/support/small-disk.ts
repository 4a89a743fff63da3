import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

function run(...command: string[]): boolean {
  return Bun.spawnSync(command, { stdio: ["ignore", "ignore", "ignore"] }).success;
}

/** Mounts a file system of so many bytes in memory (tmpfs). Returns `undefined` where that is not allowed. */
export function mountSmallDisk(path: string, bytes: number) {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  if (!run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "arrest-events-test", path)) {
    return undefined;
  }
  const filler = join(path, "filler");
  return {
    /** Takes all the room there is. */
    fill: () => {
      const { bavail, bsize } = statfsSync(path);
      writeFileSync(filler, new Uint8Array(bavail * bsize));
    },
    /** Gives it back. */
    free: () => rmSync(filler),
    [Symbol.dispose]: () => {
      if (!run("umount", "-l", path)) throw new Error(`${path} cannot be unmounted`);
    },
  };
}
