import { eventOfMessage } from "../../promises/support.ts";
import type { Sent } from "../../support/kafka.ts";

/** How many partitions the embedded broker gives a topic. */
export const PARTITIONS = 4;

/** Every 50th message cannot be an event; its text says which it is. */
function isPoison(sequence: number): boolean {
  return sequence % 50 === 49;
}

/** The message of a number, which goes to the partitions in turn: its offset is the number's quotient. */
export function messageOf(sequence: number): Sent {
  return {
    partition: sequence % PARTITIONS,
    value: isPoison(sequence) ? `poison ${sequence}` : JSON.stringify(eventOfMessage(sequence)),
  };
}

/** What a store must hold of one partition when it has stored all offsets below `nextOffset`, in order. */
export function storedOf(partition: number, nextOffset: number) {
  const sequences = Array.from({ length: nextOffset }, (_, offset) =>
    sequenceAt(partition, offset),
  );
  return {
    events: sequences.filter((sequence) => !isPoison(sequence)).map(eventOfMessage),
    deadLetters: sequences.filter(isPoison).map((sequence) => `poison ${sequence}`),
  };
}

/** The number of the message that is at an offset of a partition. */
export function sequenceAt(partition: number, offset: number): number {
  return offset * PARTITIONS + partition;
}

/** The number of the message whose value a dead letter is. */
export function sequenceOfPoison(value: string): number {
  return Number(value.replace("poison ", ""));
}
