import { Database } from "bun:sqlite";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { type CheckReport, checkDatabase } from "./check.ts";

/** A backup that was not made. The message is for the operator; nothing is left of it. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

/** What a backup holds; its report may tell of rows that contradict each other. */
export interface Backup {
  readonly bytes: number;
  readonly report: CheckReport;
}

/**
 * Copies a database as it is at this moment, while a service may be writing to it, and checks the copy. The copy has
 * its name only when it is whole and on the disk. It is read in one transaction: the service's log grows meanwhile
 * by what is written.
 *
 * @param target a file that must not be there
 * @throws BackupError
 */
export function backUp(source: string, target: string): Backup {
  if (existsSync(target)) throw new BackupError("the file to back up to is there already");
  if (!existsSync(source)) throw new BackupError(`there is no database at ${source}`);
  const unfinished = `${target}.${process.pid}.incomplete`;
  try {
    // One of a process that was killed.
    rmSync(unfinished, { force: true });
    copy(source, unfinished);
    const report = checkDatabase(unfinished, "quick");
    // What contradicts itself has come so from the source, and may be all that there is.
    if (!report.isWhole) {
      throw new BackupError(`the copy is not sound: ${report.problems.join("; ")}`);
    }
    sync(unfinished);
    const { size } = statSync(unfinished);
    giveName(unfinished, target);
    sync(dirname(target));
    return { bytes: size, report };
  } catch (error) {
    if (error instanceof BackupError) throw error;
    throw new BackupError(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    for (const suffix of ["", "-journal", "-wal", "-shm"]) {
      rmSync(unfinished + suffix, { force: true });
    }
  }
}

function copy(source: string, target: string): void {
  const database = new Database(source, { readonly: true, strict: true });
  try {
    database.run("pragma busy_timeout = 10000");
    database.run("vacuum into ?", [target]);
  } finally {
    database.close();
  }
}

/** Never in the place of another file, however it came there meanwhile. */
function giveName(unfinished: string, target: string): void {
  try {
    linkSync(unfinished, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new BackupError("the file to back up to is there already");
    // A file system without hard links.
    if (existsSync(target)) throw new BackupError("the file to back up to is there already");
    renameSync(unfinished, target);
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
