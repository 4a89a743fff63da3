import type { EventWriter, Position } from "../store/write.ts";
import type { Log } from "../telemetry/log.ts";
import type { TopicConsumer } from "./consumer.ts";

/** How often the group is told how far the store is. */
const COMMIT_INTERVAL_MS = 1000;

/** How long a partition that is taken away is kept for its last commit. */
const LAST_COMMIT_TIMEOUT_MS = 3000;

/** How soon a last commit is tried again that a rebalance got in the way of. */
const LAST_COMMIT_PAUSE_MS = 250;

/** What the commits ask of the loop that makes them. */
export interface CommitsContext {
  readonly writer: Pick<EventWriter, "storeId" | "setPositions">;
  readonly log: Log;
  /** Milliseconds of a clock that nobody sets. */
  readonly elapsed: () => number;
  /** Told of each commit that has ended, and whether the group has taken it. */
  readonly onCommit: (isTaken: boolean) => void;
}

/** How far an assigned partition is stored, and whether the group knows. */
export interface CommitState {
  /** The offset of the first message that is not stored. */
  nextOffset: number;
  /** Whether the group has been told of `nextOffset`. */
  committed: boolean;
}

/** What the group is told of the assigned partitions. */
export class Commits {
  readonly #consumer: TopicConsumer;
  readonly #context: CommitsContext;
  readonly #partitions: ReadonlyMap<number, CommitState>;
  readonly #loggedFailures = new Set<string>();
  #committedAt = Number.NEGATIVE_INFINITY;

  /** @param partitions the assigned ones, as they are at each call */
  constructor(
    consumer: TopicConsumer,
    context: CommitsContext,
    partitions: ReadonlyMap<number, CommitState>,
  ) {
    this.#consumer = consumer;
    this.#context = context;
    this.#partitions = partitions;
  }

  /**
   * Tells the group how far the store is, from time to time and without waiting for its answer. That is
   * a courtesy to lag tools: a commit that failed is made up for by the next.
   */
  whenDue(): void {
    const { elapsed } = this.#context;
    for (const { partitions, failure } of this.#consumer.commitAnswers.splice(0)) {
      this.#takeAnswer(failure);
      if (failure === undefined) continue;
      for (const partition of partitions) this.#markCommitted(partition, false);
    }
    if (elapsed() - this.#committedAt < COMMIT_INTERVAL_MS) return;
    this.#committedAt = elapsed();
    const due = [...this.#partitions].filter(([, { committed }]) => !committed);
    const partitions = due.map(([partition]) => partition);
    const positions = positionsOf(this.#partitions, partitions);
    if (positions.length === 0) return;
    for (const partition of partitions) this.#markCommitted(partition, true);
    this.#commit(positions).catch((error: Error) => {
      this.#consumer.commitAnswers.push({ partitions, failure: error.message });
    });
  }

  /**
   * Tells the group before something ends, and makes sure that it has heard: whoever gets the partitions
   * begins there. Lets no dead broker hold that up for long.
   */
  async now(partitions: readonly number[]): Promise<void> {
    let isLate = false;
    const commit = async (): Promise<void> => {
      const positions = positionsOf(this.#partitions, partitions);
      if (positions.length === 0) return;
      for (;;) {
        await this.#commit(positions);
        const known = await this.#consumer.ask.committed(partitions);
        if (
          positions.every(
            ({ partition, nextOffset }) => known.get(partition)?.offset === nextOffset,
          )
        )
          return;
        // A rebalance in its last steps takes none, and is over soon.
        await Bun.sleep(LAST_COMMIT_PAUSE_MS);
        // The partitions may be others' by now: nothing may be said of them any more.
        if (isLate) throw new Error("the group did not take them");
      }
    };
    // The group's own refusals are counted where its answers come in.
    const committed = commit().catch((error: Error) => this.#logFailure(error.message));
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

  #takeAnswer(failure: string | undefined): void {
    this.#context.onCommit(failure === undefined);
    if (failure !== undefined) this.#logFailure(failure);
  }

  /** Once a reason: commits are tried again and again. */
  #logFailure(reason: string): void {
    if (this.#loggedFailures.has(reason)) return;
    this.#loggedFailures.add(reason);
    this.#context.log.warn({ reason }, "offsets not committed to Kafka; the store has them");
  }

  #markCommitted(partition: number, committed: boolean): void {
    const assigned = this.#partitions.get(partition);
    if (assigned !== undefined) assigned.committed = committed;
  }
}

/** The positions of those of the given partitions that are assigned. */
export function positionsOf(
  assigned: ReadonlyMap<number, CommitState>,
  partitions: readonly number[],
): Position[] {
  return partitions.flatMap((partition) => {
    const state = assigned.get(partition);
    return state === undefined ? [] : [{ partition, nextOffset: state.nextOffset }];
  });
}
