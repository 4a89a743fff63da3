/** A message with all that it has, apart from the batch that it came in. */
export interface Message {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; null where the message has none. */
  readonly timestamp: number | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In their order; a name can come more than once. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

/** A record of the addon's in bytes, in doubles and in integers: `native/include/bridge/message-batch.h`. */
const RECORD_BYTES = 40;
const DOUBLES = RECORD_BYTES / Float64Array.BYTES_PER_ELEMENT;
const INTEGERS = RECORD_BYTES / Int32Array.BYTES_PER_ELEMENT;

/** Where the parts of a record are: the first two among its doubles, the others among its integers. */
const OFFSET = 0;
const TIMESTAMP = 1;
const PARTITION = 4;
const START = 5;
const VALUE_LENGTH = 6;
const KEY_LENGTH = 7;
const HEADERS_LENGTH = 8;

/** Messages of one topic as the addon hands them over: their numbers side by side, and their bytes. */
export class MessageBatch {
  readonly topic: string;
  /** How many messages there are. */
  readonly length: number;
  /** The bytes of all messages. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #doubles: Float64Array;
  readonly #integers: Int32Array;

  /** @param buffer what the addon's `consumeBatch` gives, with `length` messages */
  constructor(topic: string, buffer: ArrayBuffer, length: number) {
    this.topic = topic;
    this.length = length;
    this.bytes = new Uint8Array(buffer, length * RECORD_BYTES);
    this.#doubles = new Float64Array(buffer, 0, length * DOUBLES);
    this.#integers = new Int32Array(buffer, 0, length * INTEGERS);
  }

  /** Frees the memory, of which the garbage collector would let many batches gather. Nothing can be read then. */
  release(): void {
    this.bytes.buffer.transfer(0);
  }

  partition(index: number): number {
    return this.#integers[index * INTEGERS + PARTITION] as number;
  }

  offset(index: number): number {
    return this.#doubles[index * DOUBLES + OFFSET] as number;
  }

  /** Milliseconds since 1970; -1 where the message has none. */
  timestamp(index: number): number {
    return this.#doubles[index * DOUBLES + TIMESTAMP] as number;
  }

  /** Where a message's value begins in {@link bytes}. */
  valueStart(index: number): number {
    return this.#integers[index * INTEGERS + START] as number;
  }

  /** How long a message's value is; -1 where it is null. */
  valueLength(index: number): number {
    return this.#integers[index * INTEGERS + VALUE_LENGTH] as number;
  }

  /** A message's value, not copied. */
  value(index: number): Uint8Array | null {
    return this.#bytesAt(this.valueStart(index), this.valueLength(index));
  }

  /** A message with all that it has, copied: it holds nothing of the batch. */
  message(index: number): Message {
    const timestamp = this.timestamp(index);
    const keyStart = this.valueStart(index) + Math.max(this.valueLength(index), 0);
    const keyLength = this.#integers[index * INTEGERS + KEY_LENGTH] as number;
    return {
      topic: this.topic,
      partition: this.partition(index),
      offset: this.offset(index),
      timestamp: timestamp < 0 ? null : timestamp,
      key: copyOf(this.#bytesAt(keyStart, keyLength)),
      value: copyOf(this.value(index)),
      headers: this.#headers(
        keyStart + Math.max(keyLength, 0),
        this.#integers[index * INTEGERS + HEADERS_LENGTH] as number,
      ),
    };
  }

  #headers(start: number, length: number): [string, Buffer | null][] {
    const numbers = new DataView(this.bytes.buffer, this.bytes.byteOffset);
    const headers: [string, Buffer | null][] = [];
    let at = start;
    const next = (): Buffer | null => {
      // Every platform that there is an addon for writes the low byte first.
      const ownLength = numbers.getInt32(at, true);
      const bytes = copyOf(this.#bytesAt(at + 4, ownLength));
      at += 4 + Math.max(ownLength, 0);
      return bytes;
    };
    while (at < start + length) headers.push([next()?.toString() ?? "", next()]);
    return headers;
  }

  #bytesAt(start: number, length: number): Uint8Array | null {
    return length < 0 ? null : this.bytes.subarray(start, start + length);
  }
}

function copyOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}
