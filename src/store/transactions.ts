import { CHECKPOINT_PAGES, type StoreDatabase } from "./database.ts";

/** The part of a Drizzle transaction that its work needs: savepoints. */
export interface Transaction {
  transaction<T>(work: () => T): T;
}

/** Told of each checkpoint: how long it took, in milliseconds, and the error with which it failed. */
export type OnCheckpoint = (durationMs: number, error?: Error) => void;

/** Why the log cannot be emptied. */
const LOG_IS_READ = "the log cannot be emptied: another program reads it";

/** SQLite tells the length of the log since 3.51. An older one, as macOS may have it, makes checkpoints by itself. */
const TELLS_LENGTH_SINCE = [3, 51] as const;

/** What a commit waits for: `normal`, nothing; `full`, the sync of the log. */
type Synchronous = "normal" | "full";

/** What a checkpoint answers: whether it met a lock, the pages of the log, and those that have been moved. */
type CheckpointRow = [busy: number, pages: number, moved: number];

/**
 * The transactions of the writing connection, and what each means for the disk.
 *
 * After an fsync that failed, Linux has given up what it could not write, and the next fsync succeeds
 * without it. Behind such a hole nothing of the log is found again after a power cut, however well it is
 * synced. So the log is given up with it: all of it, which programs still see, is moved into the database
 * file, and only then something new is stored. For that every failed sync must be known, but SQLite keeps
 * the failures of automatic checkpoints to itself: checkpoints are made here.
 */
export class Transactions {
  readonly #database: StoreDatabase;
  readonly #onCheckpoint: OnCheckpoint;
  readonly #makesCheckpoints: boolean;
  #synchronous: Synchronous = "normal";
  /** Parts of the log may be missing on the disk. */
  #isLogDoubtful = false;
  /** The length of the log at which the next checkpoint is due, in pages. */
  #checkpointAt = CHECKPOINT_PAGES;

  /** @param database as `openForWriting` has set it up */
  constructor(database: StoreDatabase, onCheckpoint: OnCheckpoint) {
    this.#database = database;
    this.#onCheckpoint = onCheckpoint;
    this.#makesCheckpoints = tellsLength(database);
    if (this.#makesCheckpoints) database.$client.run("pragma wal_autocheckpoint = 0");
    try {
      // The process before may have ended after a sync that failed. That another program reads the log is
      // no reason to write nothing, though: some do so all the time (known-limits.md).
      this.#checkpoint("truncate");
    } catch {
      // Tried again before the first transaction, which tells of it.
      this.#isLogDoubtful = true;
    }
  }

  /** Runs `work` in a transaction that a power cut takes back whole, or not at all. */
  run<T>(work: (transaction: Transaction) => T): T {
    return this.#run("normal", work);
  }

  /** Runs `work` in a transaction that is on the disk when this returns, with all that was stored before. */
  runDurably<T>(work: (transaction: Transaction) => T): T {
    return this.#run("full", (transaction) => {
      const result = work(transaction);
      // A transaction that changes nothing, if only because all values stay the same, is not synced.
      this.#writeHeader();
      return result;
    });
  }

  /** Moves the whole log into the database file, as far as readers let it, and empties it. */
  emptyLog(): void {
    this.#checkpoint("truncate");
  }

  #run<T>(synchronous: Synchronous, work: (transaction: Transaction) => T): T {
    this.#mendLog();
    this.#setSynchronous(synchronous);
    let result: T;
    try {
      result = this.#watched(() => this.#database.transaction(work, { behavior: "immediate" }));
    } catch (error) {
      if (this.#isLogDoubtful) this.#overwriteRefused();
      throw error;
    }
    // It is committed: nothing may fail from here on.
    this.#checkpointWhenDue();
    return result;
  }

  /** Writes the header page, whose content stays the same. */
  #writeHeader(): void {
    const client = this.#database.$client;
    const [[version] = [0]] = client.query<unknown, []>("pragma user_version").values();
    client.run(`pragma user_version = ${version}`);
  }

  #setSynchronous(level: Synchronous): void {
    if (level === this.#synchronous) return;
    this.#database.$client.run(`pragma synchronous = ${level}`);
    this.#synchronous = level;
  }

  #watched<T>(use: () => T): T {
    try {
      return use();
    } catch (error) {
      this.#isLogDoubtful ||= isFailedSync(error);
      throw error;
    }
  }

  /**
   * What was refused because its sync failed lies whole behind the end of the log, and would be part of
   * it for whoever opens the log after a kill. This puts something else into its place.
   */
  #overwriteRefused(): void {
    try {
      this.#setSynchronous("normal");
      this.#writeHeader();
    } catch {
      // Then the disk takes nothing at all; the refusal itself is told.
    }
  }

  #mendLog(): void {
    if (!this.#isLogDoubtful) return;
    if (!this.#checkpoint("truncate")) {
      throw new Error(LOG_IS_READ);
    }
    this.#isLogDoubtful = false;
  }

  /** A failure leaves what is stored as it is: in the log, which is taken up again with the next transaction. */
  #checkpointWhenDue(): void {
    if (!this.#makesCheckpoints) return;
    try {
      const [, pages] = this.#askCheckpoint("noop");
      if (pages < CHECKPOINT_PAGES) this.#checkpointAt = CHECKPOINT_PAGES;
      if (pages < this.#checkpointAt) return;
      this.#checkpoint("passive");
      // What a reader holds up is not tried again with each transaction: it costs the more, the longer the log is.
      this.#checkpointAt = pages + CHECKPOINT_PAGES;
    } catch {
      // Counted by whoever is told of checkpoints; where it casts doubt on the log, the next transaction fails.
    }
  }

  /** Returns whether all of the log was moved, and for `truncate` whether it is empty now. */
  #checkpoint(mode: "passive" | "truncate"): boolean {
    const startedAt = performance.now();
    try {
      const [busy, pages, moved] = this.#watched(() => this.#askCheckpoint(mode));
      const isWhole = busy === 0 && pages === moved;
      const reason = isWhole || mode === "passive" ? undefined : new Error(LOG_IS_READ);
      this.#onCheckpoint(performance.now() - startedAt, reason);
      return isWhole;
    } catch (error) {
      this.#onCheckpoint(performance.now() - startedAt, error as Error);
      throw error;
    }
  }

  #askCheckpoint(mode: "noop" | "passive" | "truncate"): CheckpointRow {
    const [row] = this.#database.$client
      .query<unknown, []>(`pragma wal_checkpoint(${mode})`)
      .values();
    return row as CheckpointRow;
  }
}

function tellsLength(database: StoreDatabase): boolean {
  const [[version] = [""]] = database.$client
    .query<unknown, []>("select sqlite_version()")
    .values();
  const [major = 0, minor = 0] = String(version).split(".").map(Number);
  const [sinceMajor, sinceMinor] = TELLS_LENGTH_SINCE;
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

function isFailedSync(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "SQLITE_IOERR_FSYNC";
}
