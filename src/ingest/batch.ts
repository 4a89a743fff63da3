import type { Message } from "@confluentinc/kafka-javascript";
import type { ArrestEventFields } from "../arrest-event.ts";
import { type DeadLetter, REFUSED_BY_STORE, type RefusedMessage } from "../store/schema.ts";
import type { IngestBatch, PartitionEvents } from "../store/write.ts";
import { decodeMessage, isRefused } from "./message.ts";

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
export function sortMessages(messages: readonly Message[], context: BatchContext): Batch {
  const { reachedEnds, toDeadLetter } = context;
  const nextOffsets = new Map<number, number>();
  const nextOffset = (partition: number): number | undefined =>
    nextOffsets.get(partition) ?? context.nextOffset(partition);

  const found = new Map<number, Found>();
  const deadLetters: DeadLetter[] = [];
  // The client writes -1 where a message has none.
  let latest = -1;
  for (const message of messages) {
    const next = nextOffset(message.partition);
    // Not assigned any more, or stored already: neither is lost by passing over it.
    if (next === undefined || message.offset < next) continue;
    nextOffsets.set(message.partition, message.offset + 1);
    if (message.timestamp !== undefined) latest = Math.max(latest, message.timestamp);
    const decoded = decodeMessage(message.value);
    if (isRefused(decoded)) {
      deadLetters.push(toDeadLetter(message, decoded));
      continue;
    }
    const ofPartition = found.get(message.partition);
    if (ofPartition === undefined) {
      found.set(message.partition, { events: [decoded], messages: [message] });
    } else {
      ofPartition.events.push(decoded);
      ofPartition.messages.push(message);
    }
  }
  for (const [partition, end] of reachedEnds) {
    const next = nextOffset(partition);
    if (next !== undefined && end > next) nextOffsets.set(partition, end);
  }
  return {
    partitions: [...found].map(([partition, each]) => eventsOf(partition, each, toDeadLetter)),
    deadLetters,
    positions: [...nextOffsets].map(([partition, next]) => ({ partition, nextOffset: next })),
    latestMessageAt: latest < 0 ? null : latest,
  };
}

/** The events of a partition and the messages that they are of. */
interface Found {
  readonly events: ArrestEventFields[];
  readonly messages: Message[];
}

function eventsOf(
  partition: number,
  { events, messages }: Found,
  toDeadLetter: BatchContext["toDeadLetter"],
): PartitionEvents {
  return {
    partition,
    events,
    firstOffset: messages[0]?.offset ?? 0,
    lastOffset: messages.at(-1)?.offset ?? 0,
    deadLetterFor: (index) => toDeadLetter(messages[index] as Message, REFUSED_BY_STORE),
  };
}
