import { isPoison } from "./messages.ts";

/** What a producer knows of a message. */
export const FATE = {
  /** Handed to the client; the broker has not answered. */
  pending: 0,
  /** The broker has it, and its transaction, if any, is committed. */
  sent: 1,
  /** Its transaction was aborted: nobody may see it. */
  aborted: 2,
  /** The producer failed meanwhile: the log tells what became of it. */
  uncertain: 3,
} as const;

/** One of {@link FATE}. */
export type Fate = (typeof FATE)[keyof typeof FATE];

/** How many stores can be told apart. */
const MAX_STORES = 8;

const FIRST_CAPACITY = 65_536;
const NOT_IN_LOG = -1;

/** How many of each kind a finding names. */
const NAMED = 5;

/** What a window of messages came to. */
export interface WindowResult {
  readonly sent: number;
  readonly inLog: number;
  readonly rows: number;
  readonly letters: number;
  readonly aborted: number;
  readonly uncertain: number;
  /** Messages that more than one store holds. */
  readonly doubled: number;
  /** What is wrong, in words; empty when nothing is. */
  readonly problems: readonly string[];
}

/** Messages of a partition that the same stores hold. */
export interface DoubledRange {
  readonly partition: number;
  /** The first and the last offset. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** The indexes of the stores. */
  readonly stores: readonly number[];
}

/** Aborted messages and the marks of transactions leave gaps between offsets; a range goes on across such. */
const MOST_GAP = 1000;

/**
 * The messages since the last full check, by sequence number, in a few bytes each. What lies before has
 * been found right and is forgotten: it may not appear in a store again.
 */
export class Model {
  #base = 0;
  #next = 0;
  #partition = new Uint8Array(FIRST_CAPACITY);
  #lane = new Uint8Array(FIRST_CAPACITY);
  #fate = new Uint8Array(FIRST_CAPACITY);
  /** One bit a store that holds it. */
  #stored = new Uint8Array(FIRST_CAPACITY);
  #offset = new Float64Array(FIRST_CAPACITY);

  /** The first sequence number of the window. */
  get base(): number {
    return this.#base;
  }

  /** The sequence number that the next message will get. */
  get next(): number {
    return this.#next;
  }

  /** Gives a message of a partition its sequence number. A lane is a producer: what it sends stays in order. */
  issue(partition: number, lane: number): number {
    const index = this.#next - this.#base;
    if (index === this.#fate.length) this.#grow();
    this.#partition[index] = partition;
    this.#lane[index] = lane;
    this.#fate[index] = FATE.pending;
    this.#stored[index] = 0;
    this.#offset[index] = NOT_IN_LOG;
    return this.#next++;
  }

  #grow(): void {
    const doubled = <T extends Uint8Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const size = this.#fate.length * 2;
    this.#partition = doubled(this.#partition, new Uint8Array(size));
    this.#lane = doubled(this.#lane, new Uint8Array(size));
    this.#fate = doubled(this.#fate, new Uint8Array(size));
    this.#stored = doubled(this.#stored, new Uint8Array(size));
    this.#offset = doubled(this.#offset, new Float64Array(size));
  }

  /** Whether a sequence number is one of the window. */
  knows(sequence: number): boolean {
    return sequence >= this.#base && sequence < this.#next;
  }

  partitionOf(sequence: number): number {
    return this.#partition[sequence - this.#base] as number;
  }

  laneOf(sequence: number): number {
    return this.#lane[sequence - this.#base] as number;
  }

  /** The offset that the log has a message at; -1 while that has not been read. */
  offsetOf(sequence: number): number {
    return this.#offset[sequence - this.#base] as number;
  }

  settle(sequence: number, fate: Fate): void {
    this.#fate[sequence - this.#base] = fate;
  }

  /** Takes note that a store holds a message. Returns false when it has been noted before. */
  store(sequence: number, store: number): boolean {
    const index = sequence - this.#base;
    const before = this.#stored[index] as number;
    this.#stored[index] = before | (1 << store);
    return (before & (1 << store)) === 0;
  }

  /** Takes note of where the log has a message. Returns what is wrong with that, if anything is. */
  log(sequence: number, partition: number, offset: number): string | undefined {
    if (!this.knows(sequence)) return `the log has message ${sequence}, which was not sent now`;
    const index = sequence - this.#base;
    if (this.#partition[index] !== partition) return `message ${sequence} is in another partition`;
    if (this.#offset[index] !== NOT_IN_LOG) return `the log has message ${sequence} twice`;
    this.#offset[index] = offset;
    return undefined;
  }

  /** Whether the log has all that the broker acknowledged: it lets transactions be read a moment later. */
  isLogged(): boolean {
    for (let index = 0; index < this.#next - this.#base; index++) {
      if (this.#fate[index] === FATE.sent && this.#offset[index] === NOT_IN_LOG) return false;
    }
    return true;
  }

  /** Compares the window's messages in the log with what the stores hold. The log has been read to its end. */
  check(): WindowResult {
    const problems = new Map<string, number[]>();
    const problem = (what: string, sequence: number) => {
      const found = problems.get(what);
      if (found === undefined) problems.set(what, [sequence]);
      else found.push(sequence);
    };
    const counts = { inLog: 0, rows: 0, letters: 0, aborted: 0, uncertain: 0, doubled: 0 };
    for (let index = 0; index < this.#next - this.#base; index++) {
      const sequence = this.#base + index;
      const fate = this.#fate[index];
      const stored = bits(this.#stored[index] as number);
      if (fate === FATE.aborted) counts.aborted++;
      if (fate === FATE.uncertain) counts.uncertain++;
      if (fate === FATE.pending) problem("is still being sent", sequence);
      if (this.#offset[index] === NOT_IN_LOG) {
        if (fate === FATE.sent)
          problem("was acknowledged by the broker and is not in the log", sequence);
        if (stored > 0) problem("is stored, though the log does not have it", sequence);
        continue;
      }
      counts.inLog++;
      if (fate === FATE.aborted) problem("was aborted and can be read", sequence);
      if (stored === 0) problem("is missing in the store", sequence);
      if (stored > 1) counts.doubled++;
      if (isPoison(sequence)) counts.letters += stored;
      else counts.rows += stored;
    }
    return {
      sent: this.#next - this.#base,
      ...counts,
      problems: [...problems].map(([what, sequences]) => {
        const named = sequences.slice(0, NAMED).map((each) => this.describe(each));
        return `${sequences.length} × ${what}: ${named.join(", ")}`;
      }),
    };
  }

  /** Which messages more than one store holds, in the order of the log. */
  doubledRanges(): DoubledRange[] {
    const doubled: { partition: number; offset: number; stored: number }[] = [];
    for (let index = 0; index < this.#next - this.#base; index++) {
      const stored = this.#stored[index] as number;
      if (bits(stored) < 2) continue;
      const [partition, offset] = [this.#partition[index] as number, this.#offset[index] as number];
      doubled.push({ partition, offset, stored });
    }
    doubled.sort((one, other) => one.partition - other.partition || one.offset - other.offset);
    const ranges: (DoubledRange & { stored: number })[] = [];
    for (const { partition, offset, stored } of doubled) {
      const last = ranges.at(-1);
      const goesOn =
        last?.partition === partition && last.stored === stored && offset - last.to <= MOST_GAP;
      if (goesOn) ranges[ranges.length - 1] = { ...last, to: offset, count: last.count + 1 };
      else
        ranges.push({
          partition,
          from: offset,
          to: offset,
          count: 1,
          stores: indexes(stored),
          stored,
        });
    }
    return ranges.map(({ stored: _, ...range }) => range);
  }

  /** A message for a reader: `12345 (3@678)`. */
  describe(sequence: number): string {
    if (!this.knows(sequence)) return String(sequence);
    return `${sequence} (${this.partitionOf(sequence)}@${this.offsetOf(sequence)})`;
  }

  /** All of the window, as lines of CSV. */
  *lines(): Generator<string> {
    yield "sequence,partition,lane,fate,offset,stores\n";
    for (let index = 0; index < this.#next - this.#base; index++) {
      yield `${this.#base + index},${this.#partition[index]},${this.#lane[index]},${this.#fate[index]},${this.#offset[index]},${this.#stored[index]}\n`;
    }
  }

  /** Forgets the window and begins the next. */
  close(): void {
    this.#base = this.#next;
  }
}

function bits(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function indexes(word: number): number[] {
  return Array.from({ length: MAX_STORES }, (_, index) => index).filter(
    (index) => (word & (1 << index)) !== 0,
  );
}
