import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expectNothingLost } from "../faults/support/failing-store.ts";
import {
  type Fault,
  FaultyDisk,
  HAS_SHIM,
  type Strike,
  WITHOUT_SHIM,
} from "../faults/support/shim.ts";
import { mountSmallDisk } from "../faults/support/small-disk.ts";
import { temporaryDirectory } from "./support.ts";

/** Room for the empty store and some of the messages. */
const SMALL_DISK_BYTES = 4 * 1024 * 1024;

/** Whether a small disk can be mounted here, tried once. */
const CAN_MOUNT = (() => {
  using directory = temporaryDirectory();
  using disk = mountSmallDisk(directory.path, SMALL_DISK_BYTES);
  return disk !== undefined;
})();

const WITHOUT_MOUNT = CAN_MOUNT ? "" : " (left out: needs the right to mount a small one)";

// Side by side, because they wait most of the time.
describe.concurrent("while the store fails nothing is lost or dead-lettered, reads go on, and it recovers by itself", () => {
  test("with the database locked by another program", async () => {
    using directory = temporaryDirectory();
    const databasePath = join(directory.path, "store.sqlite");
    let other: Database | undefined;
    await expectNothingLost({
      databasePath,
      reason: "database is locked",
      begin: () => {
        // As a backup tool may.
        other = new Database(databasePath);
        other.run("begin immediate");
      },
      end: () => {
        other?.run("rollback");
        other?.close();
      },
    });
  }, 120_000);

  test.skipIf(!CAN_MOUNT)(
    `with a full disk${WITHOUT_MOUNT}`,
    async () => {
      using directory = temporaryDirectory();
      using disk = mountSmallDisk(directory.path, SMALL_DISK_BYTES);
      if (disk === undefined) throw new Error("the small disk could be mounted a moment ago");
      await expectNothingLost({
        databasePath: join(directory.path, "store.sqlite"),
        reason: "database or disk is full",
        begin: () => disk.fill(),
        end: () => disk.free(),
      });
    },
    120_000,
  );

  const faults: [what: string, Fault, Strike, reason: string][] = [
    [
      "a disk that gets full in the midst of a write",
      "no-space",
      { after: 1000 },
      "database or disk is full",
    ],
    ["a file system that became read-only", "read-only", {}, "disk I/O error"],
    ["an I/O error on each write", "write-error", {}, "disk I/O error"],
    ["an I/O error on each fsync", "sync-error", {}, "disk I/O error"],
  ];
  test.skipIf(!HAS_SHIM).each(faults)(
    `with %s${WITHOUT_SHIM}`,
    async (_, fault, strike, reason) => {
      using directory = temporaryDirectory();
      const path = join(directory.path, "disk");
      mkdirSync(path);
      using disk = await FaultyDisk.at(path, directory.path);
      await expectNothingLost({
        databasePath: join(disk.directory, "store.sqlite"),
        environment: disk.environment(),
        reason,
        begin: () => disk.strike(fault, strike),
        end: () => disk.lift(fault),
      });
      expect(disk.hits(fault)).toBeGreaterThan(0);
    },
    120_000,
  );
});
