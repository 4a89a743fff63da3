import type { Beginning, EventWriter, Position } from "../store/write.ts";
import { type Choice, isMadeAnew, whereToBegin } from "./beginning.ts";
import { type CommitState, Commits, type CommitsContext, positionsOf } from "./commits.ts";
import type { Rebalance, TopicConsumer, Trouble } from "./consumer.ts";
import type { IngestMetrics } from "./metrics.ts";
import type { PartitionStatus } from "./status.ts";
import type { CommittedOffset, Watermarks } from "./topic-questions.ts";

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
export interface AssignmentContext extends CommitsContext {
  readonly writer: Pick<EventWriter, "storeId" | "position" | "setPositions">;
  readonly metrics: Pick<IngestMetrics, "rebalanced" | "missed">;
  readonly isStopping: () => boolean;
  /** Resolves to what the promise does, but rejects at the beginning of a stop. */
  readonly unlessStopping: <T>(promise: Promise<T>) => Promise<T>;
  readonly isTroubled: () => boolean;
  readonly onTrouble: (trouble: Trouble) => void;
  /** A broker has answered. */
  readonly onReachable: () => void;
}

interface AssignedPartition extends CommitState {
  /** The offset that the next message will get, as the broker last told. */
  endOffset: number;
  /** The offset that the last audit met, and how many in a row have met it. */
  auditedOffset: number;
  audits: number;
  /** Whether audits have found that it does not move although there is more. */
  stalled: boolean;
}

/** Where a partition begins that is being assigned, and what that was chosen from. */
interface Begun {
  readonly beginning: Beginning;
  readonly choice: Choice;
  readonly watermarks: Watermarks;
  readonly storedOffset: number | undefined;
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
  /** What the group knows of the partitions. */
  readonly commits: Commits;
  /** Beginnings that could not be found are looked for again then, after a pause that grows. */
  #assignAt = 0;
  #assignPause = FIRST_PAUSE_MS;
  #problem: string | undefined;
  #auditedAt = 0;
  /** How many of the next audits are urgent. */
  #urgentAudits = 0;
  #audit: Audit | undefined;

  constructor(consumer: TopicConsumer, context: AssignmentContext) {
    this.#consumer = consumer;
    this.#context = context;
    this.commits = new Commits(consumer, context, this.#partitions);
  }

  /** Why partitions cannot be assigned, or read on, while that is tried again. */
  get problem(): string | undefined {
    return this.#problem ?? this.#stall();
  }

  #stall(): string | undefined {
    const stalled = [...this.#partitions].filter(([, each]) => each.stalled);
    if (stalled.length === 0) return undefined;
    const places = stalled.map(([partition, { nextOffset }]) => `${partition}@${nextOffset}`);
    const { readFailure } = this.#consumer;
    const reason = readFailure === undefined ? "" : `: ${readFailure}`;
    return `no progress in the partitions ${places.sort().join(" ")}${reason}`;
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
      assigned.stalled = false;
    }
    if (this.#stall() === undefined) this.#consumer.readFailure = undefined;
  }

  /** The partitions as their operator sees them, in order. */
  status(): PartitionStatus[] {
    return [...this.#partitions]
      .sort(([a], [b]) => a - b)
      .map(([partition, { nextOffset, endOffset }]) => {
        const fetched = this.#consumer.ask.knownEnd(partition) ?? 0;
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
      // Lost again before it could be carried out: the revocation answers it.
      else if (this.#consumer.rebalances.some(({ lost }) => lost)) this.#problem = undefined;
      // What is not answered here, a later turn or the closing client answers.
      else if (!(await this.#assign(rebalance.partitions))) return;
      this.#consumer.rebalances.shift();
    }
  }

  async #revoke({ partitions, lost }: Rebalance): Promise<void> {
    if (!lost) await this.commits.now(partitions);
    for (const partition of partitions) this.#partitions.delete(partition);
    this.#consumer.unassign(partitions);
    this.#context.metrics.rebalanced(lost ? "lost" : "revoked");
    this.#context.log.info({ partitions, lost }, "partitions revoked");
  }

  /**
   * Resolves to whether it was carried out. Where it was not, it is to be tried again in a later turn:
   * polling goes on meanwhile, and with it the membership and the reading of other partitions.
   */
  async #assign(partitions: readonly number[]): Promise<boolean> {
    const { writer, log, metrics, elapsed, isStopping, unlessStopping } = this.#context;
    if (elapsed() < this.#assignAt) return false;
    try {
      const begun = await unlessStopping(this.#beginningsOf(partitions));
      const beginnings = begun.map(({ beginning }) => beginning);
      // Stored before the first message is read: from here on only the store tells where to go on.
      if (beginnings.length > 0) writer.setPositions(beginnings);
      for (const { beginning, choice, watermarks, storedOffset } of begun) {
        const { partition, nextOffset } = beginning;
        this.#tell(partition, storedOffset, choice, watermarks);
        this.#partitions.set(partition, {
          nextOffset,
          endOffset: watermarks.high,
          committed: true,
          auditedOffset: -1,
          audits: 0,
          stalled: false,
        });
      }
      this.#consumer.assign(beginnings);
      this.#problem = undefined;
      this.#assignAt = 0;
      this.#assignPause = FIRST_PAUSE_MS;
      metrics.rebalanced("assigned");
      const from = beginnings.map(({ partition, nextOffset }) => `${partition}@${nextOffset}`);
      if (from.length > 0) log.info({ positions: from.join(" ") }, "partitions assigned");
      return true;
    } catch (error) {
      if (isStopping()) return false;
      const { message } = error as Error;
      if (message !== this.#problem) log.warn({ problem: message }, "trouble with Kafka");
      this.#problem = message;
      this.#assignAt = elapsed() + this.#assignPause;
      this.#assignPause = Math.min(this.#assignPause * 2, LAST_PAUSE_MS);
      return false;
    }
  }

  async #beginningsOf(partitions: readonly number[]): Promise<Begun[]> {
    if (partitions.length === 0) return [];
    const { ask } = this.#consumer;
    const [topicId, committed, watermarks] = await Promise.all([
      ask.topicId(partitions.some((each) => this.#hasTopicId(each))),
      ask.committed(partitions),
      ask.watermarksOf(partitions),
    ]);
    return [...watermarks].map(([partition, bounds]) =>
      this.#beginningOf(partition, bounds, topicId, committed.get(partition)),
    );
  }

  #hasTopicId(partition: number): boolean {
    return (this.#context.writer.position(partition)?.topicId ?? null) !== null;
  }

  #beginningOf(
    partition: number,
    watermarks: Watermarks,
    topicId: string | undefined,
    committed: CommittedOffset | undefined,
  ): Begun {
    const { writer } = this.#context;
    const stored = writer.position(partition);
    const { storeId } = writer;
    const choice = whereToBegin({ stored, committed, watermarks, topicId, storeId });
    const beginning = { partition, nextOffset: choice.nextOffset, topicId };
    return { beginning, choice, watermarks, storedOffset: stored?.nextOffset };
  }

  /** Logs and counts what the operator should hear of a choice that has been carried out. */
  #tell(
    partition: number,
    storedOffset: number | undefined,
    { nextOffset, warning, notice, missed }: Choice,
    { low, high }: Watermarks,
  ): void {
    const { log, metrics } = this.#context;
    const fields = { partition, storedOffset, startOffset: low, endOffset: high };
    if (missed !== undefined) metrics.missed(missed);
    // The size of a gap is what its messages' owner asks first.
    if (warning !== undefined) log.warn({ ...fields, readFrom: nextOffset, missed }, warning);
    if (notice !== undefined) log.info({ ...fields, readFrom: nextOffset }, notice);
  }

  /** After trouble: a partition that left its log is found, although others that are read tell of no trouble. */
  auditSoon(): void {
    this.#urgentAudits = AUDITS_UNTIL_OUT_OF_RANGE + 1;
  }

  /** Asks the broker, beside the reading, whether it is there and what the bounds of the logs are. */
  auditWhenDue(): void {
    const { elapsed, isTroubled } = this.#context;
    const isUnread = this.#consumer.readFailure !== undefined;
    const isUrgent = isTroubled() || isUnread || this.#urgentAudits > 0;
    const interval = isUrgent ? AUDIT_INTERVAL_IN_TROUBLE_MS : AUDIT_INTERVAL_MS;
    if (elapsed() - this.#auditedAt < interval) return;
    if (this.#urgentAudits > 0) this.#urgentAudits--;
    this.#auditedAt = Number.POSITIVE_INFINITY;
    void this.#askBroker().finally(() => {
      this.#auditedAt = elapsed();
    });
  }

  async #askBroker(): Promise<void> {
    const { onTrouble, onReachable } = this.#context;
    try {
      const partitions = this.partitions();
      if (partitions.length === 0) {
        const exists = (await this.#consumer.ask.countPartitions()) > 0;
        if (exists) onReachable();
        else onTrouble({ message: "the topic does not exist", unreachable: false });
      } else {
        const { ask } = this.#consumer;
        const [topicId, watermarks] = await Promise.all([
          ask.topicId(partitions.some((each) => this.#hasTopicId(each))),
          ask.watermarksOf(partitions),
        ]);
        onReachable();
        this.#audit = { topicId, watermarks };
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
        if (this.#readFrom(partition, choice.nextOffset, topicId)) {
          this.#tell(partition, nextOffset, choice, watermarks);
        }
      } else if (nextOffset < watermarks.high && assigned.audits >= AUDITS_UNTIL_STALLED) {
        const { readFailure } = this.#consumer;
        const fields = { partition, nextOffset, ...(readFailure && { problem: readFailure }) };
        // Once is loud enough for what may go on for days.
        if (!assigned.stalled) log.warn(fields, "no progress: fetching anew");
        assigned.stalled = true;
        this.#readFrom(partition, nextOffset, topicId);
      }
    }
  }

  /** Tells whether it could be done. */
  #readFrom(partition: number, nextOffset: number, topicId: string | undefined): boolean {
    const assigned = this.#partitions.get(partition);
    if (assigned === undefined) return false;
    try {
      const others = this.partitions().filter((each) => each !== partition);
      // Stored last: what fails before that is found again by the next audit.
      this.#consumer.readFrom({ partition, nextOffset }, positionsOf(this.#partitions, others));
      this.#context.writer.setPositions([{ partition, nextOffset, topicId }]);
      assigned.nextOffset = nextOffset;
      assigned.committed = false;
      assigned.audits = 0;
      return true;
    } catch (error) {
      this.#context.onTrouble({ message: (error as Error).message, unreachable: false });
      return false;
    }
  }
}
