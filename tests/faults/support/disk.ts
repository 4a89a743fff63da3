import type { Random } from "../../../src/simulate/random.ts";
import type { Operation } from "./recording.ts";

/** The unit in which a disk writes: one is written whole or not at all. */
const SECTOR_BYTES = 512;

/** The unit in which Linux keeps what waits to be written. */
const PAGE_BYTES = 4096;

/** Bytes that grow and shrink as a file does. */
class Contents {
  #bytes: Uint8Array;
  #size = 0;

  constructor(bytes = new Uint8Array(0)) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  bytes(from = 0, to = this.#size): Uint8Array {
    return this.#bytes.subarray(from, Math.min(to, this.#size));
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.#size) this.resize(offset + bytes.length);
    this.#bytes.set(bytes, offset);
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.#bytes.length));
      larger.set(this.bytes());
      this.#bytes = larger;
    }
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }

  copy(): Contents {
    return new Contents(this.bytes().slice());
  }
}

type Pending = Extract<Operation, { kind: "write" | "truncate" }>;

/** One file: what programs see, what the disk has for certain, and what is on its way. */
class Inode {
  readonly seen = new Contents();
  readonly durable = new Contents();
  pending: Pending[] = [];

  apply(operation: Pending): void {
    this.pending.push(operation);
    applyTo(this.seen, operation);
  }

  sync(failed: boolean): void {
    if (!failed) {
      for (const operation of this.pending) {
        if (operation.kind === "truncate") {
          this.durable.resize(operation.size);
          continue;
        }
        const { offset, bytes } = operation;
        const from = offset - (offset % PAGE_BYTES);
        const to = Math.ceil((offset + bytes.length) / PAGE_BYTES) * PAGE_BYTES;
        this.durable.write(from, this.seen.bytes(from, to));
      }
      this.durable.resize(this.seen.size);
    }
    // Linux gives up what it could not write and marks it as written: no later sync tries it again.
    this.pending = [];
  }

  afterPowerCut(random: Random, survival: Survival): Uint8Array {
    const contents = this.durable.copy();
    if (survival === "all") {
      for (const operation of this.pending) applyTo(contents, operation);
    } else if (survival === "some") {
      if (random() < 0.5) this.#applyBeginning(contents, random);
      else this.#applySectors(contents, random);
    }
    return contents.bytes();
  }

  /** The operations up to some instant; the last write is torn. */
  #applyBeginning(contents: Contents, random: Random): void {
    const count = Math.floor(random() * (this.pending.length + 1));
    for (const operation of this.pending.slice(0, count)) applyTo(contents, operation);
    const torn = this.pending[count];
    if (torn?.kind !== "write") return;
    const end = torn.offset + random() * torn.bytes.length;
    const sectorEnd = end - (end % SECTOR_BYTES);
    if (sectorEnd > torn.offset) {
      contents.write(torn.offset, torn.bytes.subarray(0, sectorEnd - torn.offset));
    }
  }

  /** Each sector as it was at an instant of its own, and the size at another. */
  #applySectors(contents: Contents, random: Random): void {
    const versions = new Map<number, number>();
    for (const [sector] of this.#sectorWrites()) {
      versions.set(sector, (versions.get(sector) ?? 0) + 1);
    }
    const left = new Map<number, number>();
    for (const [sector, count] of versions) left.set(sector, Math.floor(random() * (count + 1)));
    const sizes = [contents.size];
    const seen = { size: contents.size };
    for (const operation of this.pending) {
      seen.size =
        operation.kind === "truncate"
          ? operation.size
          : Math.max(seen.size, operation.offset + operation.bytes.length);
      sizes.push(seen.size);
      if (operation.kind === "truncate") {
        if (random() < 0.5) contents.resize(operation.size);
        continue;
      }
      for (const [sector, offset, bytes] of sectorsOf(operation)) {
        const remaining = left.get(sector) as number;
        if (remaining === 0) continue;
        left.set(sector, remaining - 1);
        contents.write(offset, bytes);
      }
    }
    contents.resize(sizes[Math.floor(random() * sizes.length)] as number);
  }

  *#sectorWrites() {
    for (const operation of this.pending) {
      if (operation.kind === "write") yield* sectorsOf(operation);
    }
  }
}

function applyTo(contents: Contents, operation: Pending): void {
  if (operation.kind === "truncate") contents.resize(operation.size);
  else contents.write(operation.offset, operation.bytes);
}

/** A write by sectors: the sector's number, and where in the file its part of the bytes begins. */
function* sectorsOf({ offset, bytes }: Extract<Operation, { kind: "write" }>) {
  for (let at = 0; at < bytes.length; ) {
    const sector = Math.floor((offset + at) / SECTOR_BYTES);
    const end = Math.min(bytes.length, (sector + 1) * SECTOR_BYTES - offset);
    yield [sector, offset + at, bytes.subarray(at, end)] as const;
    at = end;
  }
}

/**
 * What a power cut leaves of that which had not been synced: nothing, all, or a part by chance (with
 * nothing and all among the chances, file by file).
 */
export type Survival = "nothing" | "all" | "some";

/**
 * A directory on a disk, as operations are done to it one after the other. The model is of a disk and a
 * file system that promise no more than POSIX does:
 *
 * - What was written to a file before its last successful fsync is there.
 * - Of what was written since, each sector of 512 bytes is as it was after any of the writes to it, or
 *   before the first, independently of the other sectors and of other files: a disk reorders and tears.
 *   A sector is written whole, and one that is not written is not harmed (SQLite's "powersafe overwrite").
 * - The length of a file is any that it has had since; what was never written within it reads as zeros.
 * - A name appears or disappears for certain with the fsync of the directory, not with that of the file.
 * - After an fsync that failed, what had been written is seen by programs but is not on the disk, and no
 *   later fsync puts it there, unless its page is written once more. That is what Linux does.
 */
export class Disk {
  /** Every inode that a name has had since the directory was last synced; the first is the durable one. */
  readonly #names = new Map<string, (Inode | undefined)[]>();

  /** Does one operation. */
  apply(operation: Operation): void {
    const { name } = operation;
    switch (operation.kind) {
      case "create":
        this.#versions(name).push(new Inode());
        break;
      case "unlink":
        this.#versions(name).push(undefined);
        break;
      case "sync":
        if (name === "") this.#syncDirectory(operation.failed);
        else this.#inode(name).sync(operation.failed);
        break;
      default:
        this.#inode(name).apply(operation);
    }
  }

  /** The files as programs see them while the power is on. */
  seen(): Map<string, Uint8Array> {
    return this.#files((versions) => versions.at(-1)?.seen.bytes());
  }

  /** The files as they are after the power is cut now. */
  afterPowerCut(random: Random, survival: Survival): Map<string, Uint8Array> {
    const ofThis = (): Survival => {
      if (survival !== "some") return survival;
      const chance = random();
      return chance < 0.15 ? "nothing" : chance < 0.3 ? "all" : "some";
    };
    return this.#files((versions) => {
      const ofName = ofThis();
      const index =
        ofName === "nothing"
          ? 0
          : ofName === "all"
            ? versions.length - 1
            : Math.floor(random() * versions.length);
      return versions[index]?.afterPowerCut(random, ofThis());
    });
  }

  #files(choose: (versions: (Inode | undefined)[]) => Uint8Array | undefined) {
    const files = new Map<string, Uint8Array>();
    for (const [name, versions] of this.#names) {
      const bytes = choose(versions);
      if (bytes !== undefined) files.set(name, bytes);
    }
    return files;
  }

  #versions(name: string): (Inode | undefined)[] {
    let versions = this.#names.get(name);
    if (versions === undefined) {
      versions = [undefined];
      this.#names.set(name, versions);
    }
    return versions;
  }

  #inode(name: string): Inode {
    const inode = this.#versions(name).at(-1);
    if (inode === undefined) throw new Error(`"${name}" is written, but was never made`);
    return inode;
  }

  #syncDirectory(failed: boolean): void {
    if (failed) return;
    for (const versions of this.#names.values()) versions.splice(0, versions.length - 1);
  }
}
