import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../src/simulate/random.ts";
import { Disk, type Survival } from "./support/disk.ts";

const SECTOR = 512;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** A disk with one file, "f", whose name has been synced. */
function newDisk() {
  const disk = new Disk();
  const random = seededRandom(seed);
  const file = { name: "f", end: 0 };
  const sync = (name: string, failed = false) => disk.apply({ kind: "sync", name, failed, end: 0 });
  disk.apply({ kind: "create", ...file });
  sync("");
  const left = (survival: Survival) => disk.afterPowerCut(random, survival);
  return {
    disk,
    sync,
    left,
    /** Writes whole sectors of one letter each. */
    write: (letters: string, fromSector = 0) => {
      const bytes = Buffer.concat([...letters].map((letter) => Buffer.alloc(SECTOR, letter)));
      disk.apply({ kind: "write", ...file, offset: fromSector * SECTOR, bytes });
    },
    truncate: (sectors: number) =>
      disk.apply({ kind: "truncate", ...file, size: sectors * SECTOR }),
    /** The letters of the sectors after a power cut; "-" is a sector of zeros. */
    letters: (survival: Survival): string | undefined => {
      const bytes = left(survival).get("f");
      if (bytes === undefined) return undefined;
      const firsts = Array.from(
        { length: Math.ceil(bytes.length / SECTOR) },
        (_, sector) => bytes[sector * SECTOR] as number,
      );
      return firsts.map((byte) => (byte === 0 ? "-" : String.fromCharCode(byte))).join("");
    },
  };
}

/** All that comes of a power cut that is tried many times. */
function outcomes(try_: () => string | undefined): Set<string | undefined> {
  return new Set(Array.from({ length: 2000 }, try_));
}

describe(`the model of a disk whose power is cut (SEED=${seed})`, () => {
  test("keeps what was synced, whatever becomes of the rest", () => {
    const file = newDisk();
    file.write("abc");
    file.sync("f");
    file.write("xy", 3);
    for (const outcome of outcomes(() => file.letters("some"))) expect(outcome).toStartWith("abc");
    expect(file.letters("nothing")).toBe("abc");
    expect(file.letters("all")).toBe("abcxy");
  });

  test("leaves each sector as it was at some instant since, independently of its neighbours", () => {
    const file = newDisk();
    file.write("ab");
    file.sync("f");
    file.write("cd");
    file.write("ef");
    const found = outcomes(() => file.letters("some"));
    const all = [..."ace"].flatMap((first) => [..."bdf"].map((second) => first + second));
    expect([...found].sort()).toEqual(all.sort());
  });

  test("leaves any length that the file has had since, with zeros where nothing had been written", () => {
    const file = newDisk();
    file.write("ab");
    file.sync("f");
    file.write("cd", 2);
    file.truncate(1);
    const found = outcomes(() => file.letters("some"));
    for (const outcome of ["a", "ab", "abcd", "ab-d", "abc-", "ab--", "a---"]) {
      expect(found).toContain(outcome);
    }
    file.sync("f");
    expect(outcomes(() => file.letters("some"))).toEqual(new Set(["a"]));
  });

  test("keeps a name that appeared, or one that is gone, only from the sync of its directory on", () => {
    const file = newDisk();
    file.write("a");
    file.sync("f");
    file.disk.apply({ kind: "unlink", name: "f", end: 0 });
    file.disk.apply({ kind: "create", name: "f", end: 0 });
    file.write("b");
    file.sync("f");
    expect(outcomes(() => file.letters("some"))).toEqual(new Set(["a", "b", undefined]));
    file.sync("");
    expect(outcomes(() => file.letters("some"))).toEqual(new Set(["b"]));
  });

  test("has lost what a failed sync was to write, until it is written once more", () => {
    const file = newDisk();
    file.write("a");
    file.sync("f");
    file.write("b");
    file.sync("f", true);
    file.sync("f");
    expect(outcomes(() => file.letters("some"))).toEqual(new Set(["a"]));
    // Programs see it all the while.
    expect(file.disk.seen().get("f")?.[0]).toBe("b".charCodeAt(0));
    // Linux writes pages, with all that is seen of them.
    file.write("c", 1);
    file.sync("f");
    expect(file.letters("nothing")).toBe("bc");
  });
});
