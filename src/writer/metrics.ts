import type { DeadLetterTotals } from "../store/dead-letters.ts";
import { DURATION_BUCKETS } from "../telemetry/buckets.ts";
import { oncePerTurn } from "../telemetry/once-per-turn.ts";
import { Counter, Gauge, Histogram, type Registry } from "../telemetry/prometheus.ts";

/** What the writer thread knows when it is asked for its numbers. */
export interface WriterState {
  readonly isWritable: boolean;
  readonly deadLetters: DeadLetterTotals;
}

/** The numbers of the store's only writer, but for what ingest counts itself. */
export class WriterMetrics {
  readonly #changes: Counter;
  readonly #groupChanges: Histogram;
  readonly #groupDuration: Histogram;
  readonly #groupFailures: Counter;
  readonly #checkpointDuration: Histogram;
  readonly #checkpointFailures: Counter;

  /** @param state tells what is a state rather than a count */
  constructor(registry: Registry, state: () => WriterState) {
    const registers = [registry];
    const known = oncePerTurn(state);
    this.#changes = new Counter({
      name: "arrest_events_store_changes_total",
      help: "Changes from HTTP that have been carried out in a transaction, those that were refused in it included.",
      registers,
    });
    this.#groupChanges = new Histogram({
      name: "arrest_events_store_group_changes",
      help: "Changes from HTTP that one transaction took.",
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
      registers,
    });
    this.#groupDuration = new Histogram({
      name: "arrest_events_store_group_duration_seconds",
      help: "Time of a transaction of changes from HTTP, until it is on the disk.",
      buckets: [...DURATION_BUCKETS],
      registers,
    });
    this.#groupFailures = new Counter({
      name: "arrest_events_store_group_failures_total",
      help: "Transactions of changes from HTTP that the store has failed; nothing of them was made.",
      registers,
    });
    this.#checkpointDuration = new Histogram({
      name: "arrest_events_store_checkpoint_duration_seconds",
      help: "Time of a checkpoint: moving the write-ahead log into the database file.",
      buckets: [...DURATION_BUCKETS],
      registers,
    });
    this.#checkpointFailures = new Counter({
      name: "arrest_events_store_checkpoint_failures_total",
      help: "Checkpoints that failed; the log grows until one succeeds.",
      registers,
    });
    new Gauge({
      name: "arrest_events_store_writable",
      help: "1 while the store can be written.",
      registers,
      collect() {
        this.set(known().isWritable ? 1 : 0);
      },
    });
    new Gauge({
      name: "arrest_events_dead_letters",
      help: "Dead letters in the store.",
      registers,
      collect() {
        this.set(known().deadLetters.count);
      },
    });
    new Gauge({
      name: "arrest_events_dead_letters_bytes",
      help: "Size of what the dead letters in the store keep of their messages.",
      registers,
      collect() {
        this.set(known().deadLetters.bytes);
      },
    });
  }

  /** Takes note of a transaction of changes. The duration is in milliseconds. */
  applied(changes: number, durationMs: number): void {
    this.#changes.inc(changes);
    this.#groupChanges.observe(changes);
    this.#groupDuration.observe(durationMs / 1000);
  }

  /** Takes note of a transaction of changes that failed as a whole. */
  notApplied(): void {
    this.#groupFailures.inc();
  }

  /** Takes note of a checkpoint. The duration is in milliseconds. */
  checkpointed(durationMs: number): void {
    this.#checkpointDuration.observe(durationMs / 1000);
  }

  /** Takes note of a checkpoint that failed. */
  checkpointFailed(): void {
    this.#checkpointFailures.inc();
  }
}
