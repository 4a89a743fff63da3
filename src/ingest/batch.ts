import type { ArrestEventFields } from "../arrest-event.ts";
import { type DeadLetter, REFUSED_BY_STORE, type RefusedMessage } from "../store/schema.ts";
import type { IngestBatch, PartitionEvents } from "../store/write.ts";
import { readEvent } from "./event-reader.ts";
import { decodeMessage, isRefused } from "./message.ts";
import type { Message, MessageBatch } from "./message-batch.ts";

/** What sorting asks of the assignment and the client. */
export interface BatchContext {
  /** The offset of a partition's first message that is not stored; `undefined` when it is not assigned. */
  readonly nextOffset: (partition: number) => number | undefined;
  /** The ends of partitions that have been reached, past control records. */
  readonly reachedEnds: ReadonlyMap<number, number>;
  readonly toDeadLetter: (message: Message, refused: RefusedMessage) => DeadLetter;
}

/** Messages as the store takes them. */
export interface Batch extends IngestBatch {
  /** The greatest time that one of the messages bears itself; null when none bears one. */
  readonly latestMessageAt: number | null;
}

/** Sorts messages into events and dead letters, and tells where their partitions go on. */
export function sortMessages(batches: readonly MessageBatch[], context: BatchContext): Batch {
  const { nextOffset, reachedEnds, toDeadLetter } = context;
  const found = new Map<number, Found>();
  const deadLetters: DeadLetter[] = [];
  // The client writes -1 where a message has none.
  let latest = -1;
  for (const batch of batches) {
    let current: Found | undefined;
    for (let index = 0; index < batch.length; index++) {
      const partition = batch.partition(index);
      // The messages of a partition come in runs.
      if (partition !== current?.partition) current = foundOf(partition, found, nextOffset);
      const offset = batch.offset(index);
      // Not assigned any more, or stored already: neither is lost by passing over it.
      if (current.next === undefined || offset < current.next) continue;
      current.next = offset + 1;
      current.isMoved = true;
      latest = Math.max(latest, batch.timestamp(index));
      const decoded = decode(batch, index);
      if (isRefused(decoded)) {
        deadLetters.push(toDeadLetter(batch.message(index), decoded));
      } else {
        current.events.push(decoded);
        current.batches.push(batch);
        current.indexes.push(index);
      }
    }
  }
  for (const [partition, end] of reachedEnds) {
    const of = foundOf(partition, found, nextOffset);
    if (of.next === undefined || end <= of.next) continue;
    of.next = end;
    of.isMoved = true;
  }
  const all = [...found.values()];
  return {
    partitions: all
      .filter(({ events }) => events.length > 0)
      .map((each) => eventsOf(each, toDeadLetter)),
    deadLetters,
    positions: all.flatMap(({ partition, next, isMoved }) =>
      isMoved && next !== undefined ? [{ partition, nextOffset: next }] : [],
    ),
    latestMessageAt: latest < 0 ? null : latest,
  };
}

/** What a batch has of a partition: its events, and which messages they are of. */
interface Found {
  readonly partition: number;
  /** The offset that is next; `undefined` when the partition is not assigned. */
  next: number | undefined;
  isMoved: boolean;
  readonly events: ArrestEventFields[];
  readonly batches: MessageBatch[];
  readonly indexes: number[];
}

function foundOf(
  partition: number,
  found: Map<number, Found>,
  nextOffset: BatchContext["nextOffset"],
): Found {
  const known = found.get(partition);
  if (known !== undefined) return known;
  const made: Found = {
    partition,
    next: nextOffset(partition),
    isMoved: false,
    events: [],
    batches: [],
    indexes: [],
  };
  found.set(partition, made);
  return made;
}

function decode(batch: MessageBatch, index: number): ArrestEventFields | RefusedMessage {
  const start = batch.valueStart(index);
  const end = start + batch.valueLength(index);
  return readEvent(batch.bytes, start, end) ?? decodeMessage(batch.value(index));
}

function eventsOf(
  { partition, events, batches, indexes }: Found,
  toDeadLetter: BatchContext["toDeadLetter"],
): PartitionEvents {
  const offset = (event: number): number =>
    batches[event]?.offset(indexes[event] as number) as number;
  return {
    partition,
    events,
    firstOffset: offset(0),
    lastOffset: offset(events.length - 1),
    deadLetterFor: (event) =>
      toDeadLetter(
        (batches[event] as MessageBatch).message(indexes[event] as number),
        REFUSED_BY_STORE,
      ),
  };
}
