import type { EventWriter, Position } from "../store/write.ts";
import type { Log } from "../telemetry/log.ts";
import type { Rebalance, TopicConsumer, Trouble, Watermarks } from "./consumer.ts";
import type { PartitionStatus } from "./status.ts";

/** How often the group is told how far the store is. */
const COMMIT_INTERVAL_MS = 1000;

/** How long a partition that is taken away is kept for its last commit. */
const LAST_COMMIT_TIMEOUT_MS = 5000;

/** How often the positions are compared with the broker's logs, and how often while there is trouble. */
const AUDIT_INTERVAL_MS = 10_000;
const AUDIT_INTERVAL_IN_TROUBLE_MS = 1000;

/** Audits without progress after which an offset outside of the log is believed, or the fetching is renewed. */
const AUDITS_UNTIL_OUT_OF_RANGE = 2;
const AUDITS_UNTIL_STALLED = 3;

/** Pauses between attempts to find where partitions begin grow from the first to the last by doubling. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;

/** What the assignment asks of the loop that owns it. */
export interface AssignmentContext {
  readonly writer: Pick<EventWriter, "position" | "setPositions">;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly isStopping: () => boolean;
  /** Waits, but not beyond the beginning of a stop. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly isTroubled: () => boolean;
  readonly onTrouble: (trouble: Trouble) => void;
  /** A broker has answered. */
  readonly onReachable: () => void;
}

interface AssignedPartition {
  /** The offset of the first message that is not stored. */
  nextOffset: number;
  /** The offset that the next message will get, as the broker last told. */
  endOffset: number;
  /** Whether the group has been told of `nextOffset`. */
  committed: boolean;
  /** The offset that the last audit met, and how many in a row have met it. */
  auditedOffset: number;
  audits: number;
}

/**
 * The partitions that one consumer has been assigned: where each begins, how far it is stored, what the
 * group knows of that, and whether the broker's log still agrees. Its methods are called between two
 * batches, never while messages are in hand.
 */
export class Assignment {
  readonly #consumer: TopicConsumer;
  readonly #context: AssignmentContext;
  readonly #partitions = new Map<number, AssignedPartition>();
  #committing: Promise<void> | undefined;
  #committedAt = 0;
  #auditedAt = 0;
  #audit: ReadonlyMap<number, Watermarks> | undefined;

  constructor(consumer: TopicConsumer, context: AssignmentContext) {
    this.#consumer = consumer;
    this.#context = context;
  }

  /** The partitions' numbers. */
  partitions(): number[] {
    return [...this.#partitions.keys()];
  }

  /** The offset of a partition's first message that is not stored; `undefined` when it is not assigned. */
  nextOffset(partition: number): number | undefined {
    return this.#partitions.get(partition)?.nextOffset;
  }

  /** Takes note of what has been stored. */
  advance(positions: readonly Position[]): void {
    for (const { partition, nextOffset } of positions) {
      const assigned = this.#partitions.get(partition);
      if (assigned === undefined) continue;
      assigned.nextOffset = nextOffset;
      assigned.committed = false;
    }
  }

  /** The partitions as their operator sees them, in order. */
  status(): PartitionStatus[] {
    return [...this.#partitions]
      .sort(([a], [b]) => a - b)
      .map(([partition, { nextOffset, endOffset }]) => {
        const fetched = this.#consumer.knownEnd(partition) ?? 0;
        const end = Math.max(nextOffset, endOffset, fetched);
        return { partition, nextOffset, endOffset: end, lag: end - nextOffset };
      });
  }

  /** Carries out the rebalances that wait. All that was read must have been stored. */
  async carryOutRebalances(): Promise<void> {
    for (;;) {
      const rebalance = this.#consumer.rebalances.shift();
      if (rebalance === undefined) return;
      if (rebalance.kind === "assign") await this.#assign(rebalance.partitions);
      else await this.#revoke(rebalance);
    }
  }

  /** Carries out the revocations that come first, while the store cannot take anything new. */
  async carryOutRevocations(): Promise<void> {
    for (;;) {
      const [first] = this.#consumer.rebalances;
      if (first?.kind !== "revoke") return;
      this.#consumer.rebalances.shift();
      await this.#revoke(first);
    }
  }

  async #revoke({ partitions, lost }: Rebalance): Promise<void> {
    if (!lost) await this.commitNow(partitions);
    for (const partition of partitions) this.#partitions.delete(partition);
    this.#consumer.unassign(partitions);
    this.#context.log.info({ partitions, lost }, "partitions revoked");
  }

  async #assign(partitions: readonly number[]): Promise<void> {
    const { writer, log, sleep, isStopping, onTrouble } = this.#context;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      try {
        const begun = await Promise.all(partitions.map((each) => this.#beginningOf(each)));
        const positions = begun.map(([position]) => position);
        // Stored before the first message is read: from here on only the store tells where to go on.
        writer.setPositions(positions);
        for (const [{ partition, nextOffset }, { high }] of begun) {
          this.#partitions.set(partition, {
            nextOffset,
            endOffset: high,
            committed: true,
            auditedOffset: -1,
            audits: 0,
          });
        }
        this.#consumer.assign(positions);
        log.info({ positions }, "partitions assigned");
        return;
      } catch (error) {
        if (isStopping()) return;
        onTrouble({ message: (error as Error).message, unreachable: false });
        await sleep(pause);
      }
    }
  }

  /** Where to read a partition from: the stored offset, else the group's, else the earliest message. */
  async #beginningOf(partition: number): Promise<readonly [Position, Watermarks]> {
    const watermarks = await this.#consumer.watermarks(partition);
    const wanted =
      this.#context.writer.position(partition) ??
      (await this.#consumer.committed(partition)) ??
      watermarks.low;
    return [{ partition, nextOffset: this.#withinLog(partition, wanted, watermarks) }, watermarks];
  }

  /** An offset that the log can be read from. Where that is not the wanted one, the log says why. */
  #withinLog(partition: number, wanted: number, { low, high }: Watermarks): number {
    if (wanted > high) {
      this.#context.log.warn(
        { partition, storedOffset: wanted, endOffset: high, readFrom: low },
        "the topic was deleted and made anew: reading it from its start",
      );
      return low;
    }
    if (wanted < low) {
      this.#context.log.warn(
        { partition, storedOffset: wanted, readFrom: low, missed: low - wanted },
        "messages were removed from the topic before they were read",
      );
      return low;
    }
    return wanted;
  }

  /** Tells the group how far the store is, beside the reading, from time to time. */
  commitWhenDue(): void {
    const { now } = this.#context;
    if (this.#committing !== undefined || now() - this.#committedAt < COMMIT_INTERVAL_MS) return;
    this.#committedAt = now();
    this.#committing = this.#commit(this.partitions()).finally(() => {
      this.#committing = undefined;
    });
  }

  /** Tells the group before something ends, but lets no dead broker hold that up for long. */
  async commitNow(partitions: readonly number[]): Promise<void> {
    const commit = async (): Promise<void> => {
      await this.#committing;
      await this.#commit(partitions);
    };
    await Promise.race([commit(), Bun.sleep(LAST_COMMIT_TIMEOUT_MS)]);
  }

  /** The group's offsets are a courtesy to lag tools: a commit that fails is made up for by the next. */
  async #commit(partitions: readonly number[]): Promise<void> {
    const positions: Position[] = [];
    for (const partition of partitions) {
      const assigned = this.#partitions.get(partition);
      if (assigned === undefined || assigned.committed) continue;
      assigned.committed = true;
      positions.push({ partition, nextOffset: assigned.nextOffset });
    }
    if (positions.length === 0) return;
    try {
      await this.#consumer.commit(positions);
    } catch (error) {
      this.#context.log.warn(
        { reason: (error as Error).message },
        "offsets not committed to Kafka; the store has them",
      );
      for (const { partition } of positions) {
        const assigned = this.#partitions.get(partition);
        if (assigned !== undefined) assigned.committed = false;
      }
    }
  }

  /** Asks the broker, beside the reading, whether it is there and what the bounds of the logs are. */
  auditWhenDue(): void {
    const { now, isTroubled } = this.#context;
    const interval = isTroubled() ? AUDIT_INTERVAL_IN_TROUBLE_MS : AUDIT_INTERVAL_MS;
    if (now() - this.#auditedAt < interval) return;
    this.#auditedAt = Number.POSITIVE_INFINITY;
    void this.#askBroker().finally(() => {
      this.#auditedAt = now();
    });
  }

  async #askBroker(): Promise<void> {
    const { onTrouble, onReachable } = this.#context;
    try {
      const partitions = this.partitions();
      if (partitions.length === 0) {
        const exists = (await this.#consumer.countPartitions()) > 0;
        if (exists) onReachable();
        else onTrouble({ message: "the topic does not exist", unreachable: false });
      } else {
        const watermarks = await Promise.all(
          partitions.map(async (each) => [each, await this.#consumer.watermarks(each)] as const),
        );
        onReachable();
        this.#audit = new Map(watermarks);
      }
    } catch (error) {
      onTrouble({ message: (error as Error).message, unreachable: false });
    }
  }

  /**
   * Mends what the last audit shows: an offset outside of its log, where librdkafka stops fetching, and
   * a partition that does not move although there is more. Neither is believed at once, because messages
   * that had been fetched already may still move it: several audits must meet the same offset.
   */
  async actOnAudit(): Promise<void> {
    const audit = this.#audit;
    this.#audit = undefined;
    for (const [partition, watermarks] of audit ?? []) {
      const assigned = this.#partitions.get(partition);
      if (assigned === undefined) continue;
      const { nextOffset } = assigned;
      assigned.endOffset = watermarks.high;
      assigned.audits = nextOffset === assigned.auditedOffset ? assigned.audits + 1 : 1;
      assigned.auditedOffset = nextOffset;
      const outOfRange = nextOffset < watermarks.low || nextOffset > watermarks.high;
      const behind = nextOffset < watermarks.high;
      if (outOfRange && assigned.audits >= AUDITS_UNTIL_OUT_OF_RANGE) {
        await this.#readFrom(partition, this.#withinLog(partition, nextOffset, watermarks));
      } else if (behind && assigned.audits >= AUDITS_UNTIL_STALLED) {
        this.#context.log.warn({ partition, nextOffset }, "no progress: fetching anew");
        await this.#readFrom(partition, nextOffset);
      }
    }
  }

  async #readFrom(partition: number, nextOffset: number): Promise<void> {
    const { writer, onTrouble } = this.#context;
    const assigned = this.#partitions.get(partition);
    if (assigned === undefined) return;
    try {
      writer.setPositions([{ partition, nextOffset }]);
      await this.#consumer.seek({ partition, nextOffset });
      assigned.nextOffset = nextOffset;
      assigned.committed = false;
      assigned.audits = 0;
    } catch (error) {
      onTrouble({ message: (error as Error).message, unreachable: false });
    }
  }
}
