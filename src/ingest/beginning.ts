import type { StoredPosition } from "../store/write.ts";
import type { CommittedOffset, Watermarks } from "./topic-questions.ts";

/** All that is known of a partition when it is assigned. */
export interface KnownOffsets {
  /** What this store holds, if it has ever read the partition. */
  readonly stored: StoredPosition | undefined;
  /** What the group holds. */
  readonly committed: CommittedOffset | undefined;
  readonly watermarks: Watermarks;
  /** The topic's id, where the broker tells it. */
  readonly topicId: string | undefined;
  /** Who this store is, in the metadata of what it commits to the group. */
  readonly storeId: string;
}

/** Where to begin, and what the operator should hear of it. */
export interface Choice {
  readonly nextOffset: number;
  readonly warning?: string;
  readonly notice?: string;
  /** How many offsets were removed before they were read. */
  readonly missed?: number;
}

/**
 * Where to read a partition from: the stored offset, else the group's, else the earliest message.
 *
 * The stored offset counts even when the group's is ahead of it: rows that a power cut took back, or a
 * backup does not have, must be read again. Only when the group's was committed by *another* store have
 * the messages in between been stored there, by an instance that had the partition meanwhile.
 */
export function whereToBegin(known: KnownOffsets): Choice {
  const { stored, committed, watermarks, topicId, storeId } = known;
  if (stored === undefined) return withinLog(committed?.offset ?? watermarks.low, watermarks);
  const { nextOffset } = stored;
  if (isMadeAnew(stored, topicId)) {
    // Kafka drops a group's offsets with the topic: one that is there belongs to the new topic.
    const others = committed?.storeId !== undefined && committed.storeId !== storeId;
    const begin = withinLog(others ? committed.offset : watermarks.low, watermarks);
    return { nextOffset: begin.nextOffset, warning: MADE_ANEW };
  }
  if (committed === undefined || committed.offset <= nextOffset || committed.storeId === storeId) {
    return withinLog(nextOffset, watermarks);
  }
  if (committed.storeId !== undefined) {
    const notice = "another instance has stored messages of this partition: reading on behind them";
    return { notice, ...withinLog(committed.offset, watermarks) };
  }
  const warning = "the group's offset was moved by another program: the stored one counts";
  return { warning, ...withinLog(nextOffset, watermarks) };
}

const MADE_ANEW = "the topic was deleted and made anew: its offsets begin anew";

/** Tells whether the topic is another than the one that the position counts in, as far as both ids are known. */
export function isMadeAnew(
  stored: StoredPosition | undefined,
  topicId: string | undefined,
): boolean {
  const storedId = stored?.topicId ?? undefined;
  return storedId !== undefined && topicId !== undefined && storedId !== topicId;
}

/** An offset that the log can be read from; where that is not the wanted one, with the reason. */
function withinLog(wanted: number, { low, high }: Watermarks): Choice {
  if (wanted > high) return { nextOffset: low, warning: MADE_ANEW };
  if (wanted < low) {
    const warning = "messages were removed from the topic before they were read";
    return { nextOffset: low, warning, missed: low - wanted };
  }
  return { nextOffset: wanted };
}
