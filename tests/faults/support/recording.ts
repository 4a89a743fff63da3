import { readFileSync } from "node:fs";

/** One thing that was done to a file, at the end of which the recording is `end` bytes long. */
export type Operation =
  | { readonly kind: "create" | "unlink"; readonly name: string; readonly end: number }
  | {
      readonly kind: "write";
      readonly name: string;
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly end: number;
    }
  | {
      readonly kind: "truncate";
      readonly name: string;
      readonly size: number;
      readonly end: number;
    }
  | {
      readonly kind: "sync";
      readonly name: string;
      readonly failed: boolean;
      readonly end: number;
    };

/** `struct record` of shim.c: operation and file in 32 bits, offset and length in 64. */
const HEAD_BYTES = 24;
const [NAME, CREATE, WRITE, TRUNCATE, SYNC, UNLINK] = [1, 2, 3, 4, 5, 6];

/**
 * Reads what the shim has recorded, in the order in which it happened. Names are relative to the
 * directory; the directory itself is "".
 *
 * @throws Error when a file was changed in a way that the shim does not follow
 */
export function readRecording(path: string): Operation[] {
  const bytes = readFileSync(path);
  // Several processes, one after the other, number the files anew.
  const names = new Map<number, string>();
  const operations: Operation[] = [];
  for (let at = 0; at < bytes.length; ) {
    const operation = bytes.readUInt32LE(at);
    const file = bytes.readUInt32LE(at + 4);
    const offset = Number(bytes.readBigUInt64LE(at + 8));
    const length = Number(bytes.readBigUInt64LE(at + 16));
    const body = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    const end = at + HEAD_BYTES + length;
    at = end;
    if (operation === NAME) {
      names.set(file, body.toString());
      continue;
    }
    const name = names.get(file);
    if (name === undefined) throw new Error(`a file without a name: ${file}`);
    if (operation === CREATE) operations.push({ kind: "create", name, end });
    else if (operation === WRITE)
      operations.push({ kind: "write", name, offset, bytes: body, end });
    else if (operation === TRUNCATE) operations.push({ kind: "truncate", name, size: offset, end });
    else if (operation === SYNC) operations.push({ kind: "sync", name, failed: offset !== 0, end });
    else if (operation === UNLINK) operations.push({ kind: "unlink", name, end });
    else throw new Error(`the shim does not follow what was done to "${name}"`);
  }
  return operations;
}
