import { Database } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { isEventOf, type Row } from "../kafka/support/audit.ts";
import { isPoison, messageOf, sequenceOfKey } from "./messages.ts";
import type { Model } from "./model.ts";

/** Subjects from here on are of events that HTTP clients made; below it they are of messages. */
export const FIRST_HTTP_SUBJECT = 2 ** 40;

/** How many rows are read in one statement. */
const PAGE = 5000;

/** How many events are remembered to be asked for over HTTP. */
const REMEMBERED = 256;

/** More partitions and producers than there can be. */
const MAX_PARTITIONS = 64;
const MAX_LANES = 16;

type StoredRow = Row & { readonly id: number };

interface StoredLetter {
  readonly id: number;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly reason: string;
}

/** An event of a message, as HTTP should answer it. */
export interface KnownEvent {
  readonly id: number;
  readonly sequence: number;
}

/** What a store holds, watched from outside as it grows: each row is looked at once, soon after it came. */
export class StoreWatch {
  readonly path: string;
  /** Which store it is in the {@link Model}. */
  readonly index: number;
  /** Some of the latest events. */
  readonly known: KnownEvent[] = [];
  /** The first offset that is not stored, by partition. */
  readonly positions = new Map<number, number>();
  #lastRow = 0;
  #lastLetter = 0;
  /** Where the window of the model begins. */
  #windowRow = 0;
  #windowLetter = 0;
  /** The last sequence number of each lane of each partition. */
  readonly #last = new Float64Array(MAX_PARTITIONS * MAX_LANES).fill(-1);
  #rows = 0;
  #letters = 0;
  /** Of the subjects of all rows: what tells that none has gone or changed. */
  #sum = 0;

  constructor(path: string, index: number) {
    this.path = path;
    this.index = index;
  }

  /** How many messages it holds as rows. */
  get rows(): number {
    return this.#rows;
  }

  /** How many messages it holds as dead letters. */
  get letters(): number {
    return this.#letters;
  }

  /** The sizes of the database and of its log, in bytes. */
  get sizes(): { readonly store: number; readonly log: number } {
    const size = (path: string) => (existsSync(path) ? statSync(path).size : 0);
    return { store: size(this.path), log: size(`${this.path}-wal`) };
  }

  #open<T>(use: (database: Database) => T): T {
    const database = new Database(this.path, { readonly: true });
    try {
      database.run("pragma busy_timeout = 10000");
      return use(database);
    } finally {
      database.close();
    }
  }

  #pages<T extends { readonly id: number }>(sql: string, after: number, take: (row: T) => void) {
    this.#open((database) => {
      const page = database.query<T, [number]>(`${sql} where id > ? order by id limit ${PAGE}`);
      for (let last = after; ; ) {
        const rows = page.all(last);
        for (const row of rows) take(row);
        last = rows.at(-1)?.id ?? last;
        if (rows.length < PAGE) return;
      }
    });
  }

  /** Looks at all that is new. Returns what is wrong with it. */
  look(model: Model): string[] {
    if (!existsSync(this.path)) return [];
    const problems: string[] = [];
    this.#pages<StoredRow>("select * from arrest_event", this.#lastRow, (row) => {
      this.#lastRow = row.id;
      if (row.subject_id < FIRST_HTTP_SUBJECT) this.#lookAtRow(model, row, problems);
    });
    this.#pages<StoredLetter>(
      "select id, partition, offset, key, value, reason from dead_letter",
      this.#lastLetter,
      (letter) => {
        this.#lastLetter = letter.id;
        this.#lookAtLetter(model, letter, problems);
      },
    );
    for (const [partition, next] of this.#readPositions()) {
      const before = this.positions.get(partition) ?? 0;
      if (next < before) problems.push(`position of partition ${partition}: ${before} → ${next}`);
      this.positions.set(partition, next);
    }
    return problems.map((problem) => `${this.path}: ${problem}`);
  }

  #lookAtRow(model: Model, row: StoredRow, problems: string[]): void {
    const sequence = row.subject_id - 1;
    this.#rows++;
    this.#sum += row.subject_id;
    if (!this.#note(model, sequence, problems)) return;
    if (isPoison(sequence))
      problems.push(`message ${sequence} is a row and should be a dead letter`);
    else if (!isEventOf(row, sequence)) problems.push(`row ${row.id} is not message ${sequence}`);
    if (this.known.length < REMEMBERED) this.known.push({ id: row.id, sequence });
    else this.known[row.id % REMEMBERED] = { id: row.id, sequence };
  }

  #lookAtLetter(model: Model, letter: StoredLetter, problems: string[]): void {
    this.#letters++;
    const sequence = sequenceOfKey(letter.key);
    if (sequence === undefined) {
      problems.push(`dead letter ${letter.id} is of no message that was sent`);
      return;
    }
    if (!this.#note(model, sequence, problems)) return;
    const { reason, value } = messageOf(sequence);
    const isWhole = letter.value === null ? value === null : value?.equals(letter.value) === true;
    if (letter.reason !== reason || !isWhole || letter.partition !== model.partitionOf(sequence)) {
      problems.push(`dead letter ${letter.id} is not message ${sequence}`);
    }
  }

  /** Takes note of a message. Returns whether it may be here; what is wrong is told. */
  #note(model: Model, sequence: number, problems: string[]): boolean {
    if (!model.knows(sequence)) {
      const why = sequence >= model.next ? "was never sent" : "had been stored long before";
      problems.push(`message ${sequence} is stored and ${why}`);
      return false;
    }
    if (!model.store(sequence, this.index)) {
      problems.push(`message ${model.describe(sequence)} is stored twice`);
    }
    // Dead letters come behind the rows of their transaction, so that only like and like have an order.
    if (isPoison(sequence)) return true;
    const lane = model.partitionOf(sequence) * MAX_LANES + model.laneOf(sequence);
    if (sequence < (this.#last[lane] as number)) {
      problems.push(`message ${model.describe(sequence)} is stored behind ${this.#last[lane]}`);
    }
    this.#last[lane] = sequence;
    return true;
  }

  #readPositions(): [partition: number, next: number][] {
    return this.#open((database) =>
      database
        .query<{ partition: number; next_offset: number }, []>(
          "select partition, next_offset from consumer_offset where cluster = 'kafka'",
        )
        .all()
        .map(({ partition, next_offset }) => [partition, next_offset]),
    );
  }

  /** Checks all of the window once the model knows the offsets, and that what came before is still there. */
  check(model: Model): string[] {
    if (!existsSync(this.path)) return [];
    const problems: string[] = [];
    const last = new Map<number, number>();
    const rise = (kind: string, sequence: number) => {
      const partition = model.partitionOf(sequence);
      const offset = model.offsetOf(sequence);
      if (offset <= (last.get(partition) ?? -1)) {
        problems.push(`${kind} of message ${model.describe(sequence)} is behind a later one`);
      }
      if (offset >= (this.positions.get(partition) ?? 0)) {
        problems.push(`message ${model.describe(sequence)} is stored beyond the stored position`);
      }
      last.set(partition, offset);
    };
    this.#pages<StoredRow>("select id, subject_id from arrest_event", this.#windowRow, (row) => {
      if (row.subject_id < FIRST_HTTP_SUBJECT) rise("the row", row.subject_id - 1);
    });
    last.clear();
    this.#pages<StoredLetter>(
      "select id, key, offset from dead_letter",
      this.#windowLetter,
      (letter) => {
        const sequence = sequenceOfKey(letter.key) ?? -1;
        if (!model.knows(sequence)) return;
        rise("the dead letter", sequence);
        if (letter.offset !== model.offsetOf(sequence)) {
          problems.push(
            `dead letter ${letter.id} tells another offset than ${model.describe(sequence)}`,
          );
        }
      },
    );
    this.#windowRow = this.#lastRow;
    this.#windowLetter = this.#lastLetter;
    const totals = this.#open((database) =>
      database
        .query<{ rows: number; sum: number; letters: number }, [number]>(
          `select count(*) as rows, coalesce(sum(subject_id), 0) as sum,
             (select count(*) from dead_letter) as letters
           from arrest_event where subject_id < ?`,
        )
        .get(FIRST_HTTP_SUBJECT),
    );
    const expected = { rows: this.#rows, sum: this.#sum, letters: this.#letters };
    if (!Bun.deepEquals(totals, expected)) {
      problems.push(`holds ${JSON.stringify(totals)} rather than ${JSON.stringify(expected)}`);
    }
    return problems.map((problem) => `${this.path}: ${problem}`);
  }

  /** What SQLite itself finds wrong with the file. */
  damage(): string[] {
    const found = this.#open((database) =>
      database.query<{ quick_check: string }, []>("pragma quick_check").all(),
    );
    return found.map(({ quick_check }) => quick_check).filter((line) => line !== "ok");
  }

  /** The events that HTTP clients made. */
  httpRows(): StoredRow[] {
    return this.#open((database) =>
      database
        .query<StoredRow, [number]>("select * from arrest_event where subject_id >= ?")
        .all(FIRST_HTTP_SUBJECT),
    );
  }
}
