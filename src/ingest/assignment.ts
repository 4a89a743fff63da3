import type { Beginning, EventWriter, Position } from "../store/write.ts";
import type { Log } from "../telemetry/log.ts";
import { type Choice, isMadeAnew, whereToBegin } from "./beginning.ts";
import type { CommittedOffset, Rebalance, TopicConsumer, Trouble, Watermarks } from "./consumer.ts";
import type { PartitionStatus } from "./status.ts";

/** How often the group is told how far the store is. */
const COMMIT_INTERVAL_MS = 1000;

/** How long a partition that is taken away is kept for its last commit. */
const LAST_COMMIT_TIMEOUT_MS = 3000;

/** How soon a last commit is tried again that a rebalance got in the way of. */
const LAST_COMMIT_PAUSE_MS = 250;

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
  readonly writer: Pick<EventWriter, "storeId" | "position" | "setPositions">;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly isStopping: () => boolean;
  /** Waits, but not beyond the beginning of a stop. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Resolves to what the promise does, but rejects at the beginning of a stop. */
  readonly unlessStopping: <T>(promise: Promise<T>) => Promise<T>;
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

/** What the broker says of the topic. */
interface Audit {
  readonly topicId: string | undefined;
  readonly watermarks: ReadonlyMap<number, Watermarks>;
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
  readonly #loggedFailedCommits = new Set<string>();
  #committedAt = 0;
  #auditedAt = 0;
  /** How many of the next audits are urgent. */
  #urgentAudits = 0;
  #audit: Audit | undefined;

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
    await this.#carryOutWhile(() => true);
  }

  /**
   * Carries out those that come first and ask nothing of the store, while it cannot take anything new:
   * the rest of the group waits for the answer, even to an assignment of nothing.
   */
  async carryOutStorelessRebalances(): Promise<void> {
    await this.#carryOutWhile(
      ({ kind, partitions }) => kind === "revoke" || partitions.length === 0,
    );
  }

  async #carryOutWhile(isWanted: (rebalance: Rebalance) => boolean): Promise<void> {
    for (;;) {
      const [rebalance] = this.#consumer.rebalances;
      if (rebalance === undefined || !isWanted(rebalance)) return;
      if (rebalance.kind === "revoke") await this.#revoke(rebalance);
      // What is not answered here, the closing client answers.
      else if (!(await this.#assign(rebalance.partitions))) return;
      this.#consumer.rebalances.shift();
    }
  }

  async #revoke({ partitions, lost }: Rebalance): Promise<void> {
    if (!lost) await this.commitNow(partitions);
    for (const partition of partitions) this.#partitions.delete(partition);
    this.#consumer.unassign(partitions);
    this.#context.log.info({ partitions, lost }, "partitions revoked");
  }

  /** Resolves to false when it was given up, for a stop or because the client is of no more use. */
  async #assign(partitions: readonly number[]): Promise<boolean> {
    const { writer, log, sleep, isStopping, unlessStopping, onTrouble } = this.#context;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      try {
        const begun = await unlessStopping(this.#beginningsOf(partitions));
        const positions = begun.map(([position]) => position);
        // Stored before the first message is read: from here on only the store tells where to go on.
        if (positions.length > 0) writer.setPositions(positions);
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
        const from = positions.map(({ partition, nextOffset }) => `${partition}@${nextOffset}`);
        if (from.length > 0) log.info({ positions: from.join(" ") }, "partitions assigned");
        return true;
      } catch (error) {
        if (isStopping() || this.#consumer.fatal) return false;
        onTrouble({ message: (error as Error).message, unreachable: false });
        await sleep(pause);
      }
    }
  }

  async #beginningsOf(
    partitions: readonly number[],
  ): Promise<(readonly [Beginning, Watermarks])[]> {
    if (partitions.length === 0) return [];
    const [topicId, committed] = await Promise.all([
      this.#consumer.topicId(partitions.some((each) => this.#hasTopicId(each))),
      this.#consumer.committed(partitions),
    ]);
    return Promise.all(
      partitions.map((each) => this.#beginningOf(each, topicId, committed.get(each))),
    );
  }

  #hasTopicId(partition: number): boolean {
    return (this.#context.writer.position(partition)?.topicId ?? null) !== null;
  }

  async #beginningOf(
    partition: number,
    topicId: string | undefined,
    committed: CommittedOffset | undefined,
  ): Promise<readonly [Beginning, Watermarks]> {
    const { writer } = this.#context;
    const watermarks = await this.#consumer.watermarks(partition);
    const stored = writer.position(partition);
    const { storeId } = writer;
    const choice = whereToBegin({ stored, committed, watermarks, topicId, storeId });
    this.#logChoice(partition, stored?.nextOffset, choice, watermarks);
    return [{ partition, nextOffset: choice.nextOffset, topicId }, watermarks];
  }

  #logChoice(
    partition: number,
    storedOffset: number | undefined,
    { nextOffset, warning, notice }: Choice,
    { low, high }: Watermarks,
  ): void {
    const { log } = this.#context;
    const fields = { partition, storedOffset, startOffset: low, endOffset: high };
    // The size of a gap is what its messages' owner asks first.
    const missed = storedOffset !== undefined &&
      storedOffset < low && { missed: low - storedOffset };
    if (warning !== undefined) log.warn({ ...fields, readFrom: nextOffset, ...missed }, warning);
    if (notice !== undefined) log.info({ ...fields, readFrom: nextOffset }, notice);
  }

  /**
   * Tells the group how far the store is, from time to time and without waiting for its answer. That is
   * a courtesy to lag tools: a commit that failed is made up for by the next.
   */
  commitWhenDue(): void {
    const { now } = this.#context;
    for (const { partitions, reason } of this.#consumer.failedCommits.splice(0)) {
      this.#logFailedCommit(reason);
      for (const partition of partitions) this.#markCommitted(partition, false);
    }
    if (now() - this.#committedAt < COMMIT_INTERVAL_MS) return;
    this.#committedAt = now();
    const due = [...this.#partitions].filter(([, { committed }]) => !committed);
    const positions = this.#positions(due.map(([partition]) => partition));
    if (positions.length === 0) return;
    for (const { partition } of positions) this.#markCommitted(partition, true);
    this.#commit(positions).catch((error: Error) => {
      const partitions = positions.map(({ partition }) => partition);
      this.#consumer.failedCommits.push({ partitions, reason: error.message });
    });
  }

  /**
   * Tells the group before something ends, and makes sure that it has heard: whoever gets the partitions
   * begins there. Lets no dead broker hold that up for long.
   */
  async commitNow(partitions: readonly number[]): Promise<void> {
    let isLate = false;
    const commit = async (): Promise<void> => {
      const positions = this.#positions(partitions);
      if (positions.length === 0) return;
      for (;;) {
        await this.#commit(positions);
        const known = await this.#consumer.committed(partitions);
        if (
          positions.every(
            ({ partition, nextOffset }) => known.get(partition)?.offset === nextOffset,
          )
        )
          return;
        if (isLate) throw new Error("the group did not take them");
        // A rebalance in its last steps takes none, and is over soon.
        await Bun.sleep(LAST_COMMIT_PAUSE_MS);
      }
    };
    const committed = commit().catch((error: Error) => this.#logFailedCommit(error.message));
    await Promise.race([committed, Bun.sleep(LAST_COMMIT_TIMEOUT_MS)]);
    isLate = true;
  }

  /**
   * What the group is told, another instance may build upon: it has to be on the disk before. One sync
   * a second, which covers all batches before it.
   */
  async #commit(positions: readonly Position[]): Promise<void> {
    const { writer } = this.#context;
    writer.setPositions(positions);
    await this.#consumer.commit(positions, writer.storeId);
  }

  /** Once a reason: commits are tried again and again. */
  #logFailedCommit(reason: string): void {
    if (this.#loggedFailedCommits.has(reason)) return;
    this.#loggedFailedCommits.add(reason);
    this.#context.log.warn({ reason }, "offsets not committed to Kafka; the store has them");
  }

  #positions(partitions: readonly number[]): Position[] {
    return partitions.flatMap((partition) => {
      const assigned = this.#partitions.get(partition);
      return assigned === undefined ? [] : [{ partition, nextOffset: assigned.nextOffset }];
    });
  }

  #markCommitted(partition: number, committed: boolean): void {
    const assigned = this.#partitions.get(partition);
    if (assigned !== undefined) assigned.committed = committed;
  }

  /** After trouble: a partition that left its log is found, although others that are read tell of no trouble. */
  auditSoon(): void {
    this.#urgentAudits = AUDITS_UNTIL_OUT_OF_RANGE + 1;
  }

  /** Asks the broker, beside the reading, whether it is there and what the bounds of the logs are. */
  auditWhenDue(): void {
    const { now, isTroubled } = this.#context;
    const isUrgent = isTroubled() || this.#urgentAudits > 0;
    const interval = isUrgent ? AUDIT_INTERVAL_IN_TROUBLE_MS : AUDIT_INTERVAL_MS;
    if (now() - this.#auditedAt < interval) return;
    if (this.#urgentAudits > 0) this.#urgentAudits--;
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
        const [topicId, ...watermarks] = await Promise.all([
          this.#consumer.topicId(partitions.some((each) => this.#hasTopicId(each))),
          ...partitions.map(async (each) => [each, await this.#consumer.watermarks(each)] as const),
        ]);
        onReachable();
        this.#audit = { topicId, watermarks: new Map(watermarks) };
      }
    } catch (error) {
      onTrouble({ message: (error as Error).message, unreachable: false });
    }
  }

  /**
   * Mends what the last audit shows: a topic that was made anew under our feet, an offset outside of its
   * log, where librdkafka stops fetching, and a partition that does not move although there is more. The
   * last two are not believed at once, because messages that had been fetched already may still move the
   * partition: several audits must meet the same offset.
   */
  actOnAudit(): void {
    const { writer, log } = this.#context;
    const audit = this.#audit;
    this.#audit = undefined;
    for (const [partition, watermarks] of audit?.watermarks ?? []) {
      const assigned = this.#partitions.get(partition);
      if (assigned === undefined) continue;
      const { nextOffset } = assigned;
      assigned.endOffset = watermarks.high;
      assigned.audits = nextOffset === assigned.auditedOffset ? assigned.audits + 1 : 1;
      assigned.auditedOffset = nextOffset;
      const stored = writer.position(partition);
      const { storeId } = writer;
      const topicId = audit?.topicId;
      const isAnew = isMadeAnew(stored, topicId);
      const outOfRange = nextOffset < watermarks.low || nextOffset > watermarks.high;
      if (isAnew || (outOfRange && assigned.audits >= AUDITS_UNTIL_OUT_OF_RANGE)) {
        const known = { stored, committed: undefined, watermarks, topicId, storeId };
        const choice = whereToBegin(known);
        this.#logChoice(partition, nextOffset, choice, watermarks);
        this.#readFrom(partition, choice.nextOffset, topicId);
      } else if (nextOffset < watermarks.high && assigned.audits >= AUDITS_UNTIL_STALLED) {
        log.warn({ partition, nextOffset }, "no progress: fetching anew");
        this.#readFrom(partition, nextOffset, topicId);
      }
    }
  }

  #readFrom(partition: number, nextOffset: number, topicId: string | undefined): void {
    const assigned = this.#partitions.get(partition);
    if (assigned === undefined) return;
    try {
      const others = this.partitions().filter((each) => each !== partition);
      // Stored last: what fails before that is found again by the next audit.
      this.#consumer.readFrom({ partition, nextOffset }, this.#positions(others));
      this.#context.writer.setPositions([{ partition, nextOffset, topicId }]);
      assigned.nextOffset = nextOffset;
      assigned.committed = false;
      assigned.audits = 0;
    } catch (error) {
      this.#context.onTrouble({ message: (error as Error).message, unreachable: false });
    }
  }
}
