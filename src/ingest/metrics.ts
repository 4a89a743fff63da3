import { DEAD_LETTER_REASONS, type DeadLetterReason } from "../store/schema.ts";
import { DURATION_BUCKETS } from "../telemetry/buckets.ts";
import { oncePerTurn } from "../telemetry/once-per-turn.ts";
import { Counter, Gauge, Histogram, type Registry } from "../telemetry/prometheus.ts";
import { INGEST_STATES, type IngestStatus } from "./status.ts";

/** How an assignment changed. */
export const REBALANCE_KINDS = ["assigned", "revoked", "lost"] as const;

/** The kind of a rebalance. */
export type RebalanceKind = (typeof REBALANCE_KINDS)[number];

/** The numbers of ingest. What is a state rather than a count is read from the status, when it is asked for. */
export class IngestMetrics {
  readonly #events: Counter;
  readonly #refused: Counter<"reason">;
  readonly #batchMessages: Histogram;
  readonly #batchDuration: Histogram;
  readonly #commits: Counter;
  readonly #commitFailures: Counter;
  readonly #rebalances: Counter<"kind">;
  readonly #gaps: Counter;
  readonly #missed: Counter;
  readonly #storeFailures: Counter;
  readonly #stuckClients: Counter;

  /** @param status tells how far ingest is; asked once for a collection, since it asks the client in turn */
  constructor(registry: Registry, status: () => IngestStatus) {
    const registers = [registry];
    const known = oncePerTurn(status);
    const counter = (name: string, help: string) => new Counter({ name, help, registers });
    this.#events = counter(
      "arrest_events_ingested_events_total",
      "Events stored from Kafka messages.",
    );
    this.#refused = new Counter({
      name: "arrest_events_refused_messages_total",
      help: "Kafka messages that became dead letters, by the reason.",
      labelNames: ["reason"],
      registers,
    });
    for (const reason of DEAD_LETTER_REASONS) this.#refused.inc({ reason }, 0);
    this.#batchMessages = new Histogram({
      name: "arrest_events_ingest_batch_messages",
      help: "Messages that one transaction stored.",
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
      registers,
    });
    this.#batchDuration = new Histogram({
      name: "arrest_events_ingest_batch_duration_seconds",
      help: "Time from a batch of messages in hand to its commit in the store: decoding and the transaction.",
      buckets: [...DURATION_BUCKETS],
      registers,
    });
    this.#commits = counter(
      "arrest_events_ingest_commits_total",
      "Commits of offsets that the consumer group has taken.",
    );
    this.#commitFailures = counter(
      "arrest_events_ingest_commit_failures_total",
      "Commits of offsets that the consumer group has not taken; the store has them all the same.",
    );
    this.#rebalances = new Counter({
      name: "arrest_events_ingest_rebalances_total",
      help: "Changes of the assigned partitions: assigned, revoked in order, or lost to others.",
      labelNames: ["kind"],
      registers,
    });
    for (const kind of REBALANCE_KINDS) this.#rebalances.inc({ kind }, 0);
    this.#gaps = counter(
      "arrest_events_ingest_gaps_total",
      "Times that messages were removed from a partition before they were read.",
    );
    this.#missed = counter(
      "arrest_events_ingest_missed_messages_total",
      "Offsets that were removed from the topic before they were read.",
    );
    this.#storeFailures = counter(
      "arrest_events_ingest_store_failures_total",
      "Attempts to store a batch that the store has failed; each is made again.",
    );
    this.#stuckClients = counter(
      "arrest_events_ingest_stuck_clients_total",
      "Kafka clients that stopped answering and were given up for a new one.",
    );
    addStatus(registers, known);
    addForwarding(registers, known);
  }

  /** Takes note of a stored batch. The duration is in milliseconds. */
  stored(events: number, refusals: readonly DeadLetterReason[], durationMs: number): void {
    this.#events.inc(events);
    for (const reason of refusals) this.#refused.inc({ reason });
    const messages = events + refusals.length;
    // Control records alone move a position, and are no batch of messages.
    if (messages > 0) {
      this.#batchMessages.observe(messages);
      this.#batchDuration.observe(durationMs / 1000);
    }
  }

  /** Takes note of a batch that could not be stored. */
  storeFailed(): void {
    this.#storeFailures.inc();
  }

  /** Takes note of a commit that the group has answered, or that could not be sent. */
  committed(isTaken: boolean): void {
    (isTaken ? this.#commits : this.#commitFailures).inc();
  }

  /** Takes note of a rebalance that has been carried out. */
  rebalanced(kind: RebalanceKind): void {
    this.#rebalances.inc({ kind });
  }

  /** Takes note of offsets that are gone unread. */
  missed(count: number): void {
    this.#gaps.inc();
    this.#missed.inc(count);
  }

  /** Takes note of a client that was given up. */
  stuck(): void {
    this.#stuckClients.inc();
  }
}

/** Adds what is known of the dead letters' forwarding to a topic of their own. */
function addForwarding(registers: Registry[], status: () => IngestStatus): void {
  let counted = 0;
  new Counter({
    name: "arrest_events_dead_letters_forwarded_total",
    help: "Dead letters that were forwarded to a Kafka topic.",
    registers,
    collect() {
      const forwarded = status().forwarding?.forwarded ?? 0;
      this.inc(forwarded - counted);
      counted = forwarded;
    },
  });
  new Gauge({
    name: "arrest_events_dead_letters_forwarding_trouble",
    help: "1 while dead letters cannot be forwarded, which /readyz tells in words.",
    registers,
    collect() {
      this.set(status().forwarding?.problem === undefined ? 0 : 1);
    },
  });
}

/** Adds what is read from the status. */
function addStatus(registers: Registry[], status: () => IngestStatus): void {
  const perPartition = (
    name: string,
    help: string,
    value: (partition: IngestStatus["partitions"][number]) => number,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ["topic", "partition"],
      registers,
      collect() {
        // A partition that was taken away is gone.
        this.reset();
        const { topic, partitions } = status();
        for (const each of partitions) this.set({ topic, partition: each.partition }, value(each));
      },
    });
  perPartition(
    "arrest_events_ingest_position",
    "The first offset of an assigned partition that is not stored.",
    ({ nextOffset }) => nextOffset,
  );
  perPartition(
    "arrest_events_ingest_end_offset",
    "The offset that the next message of an assigned partition will get, as last heard.",
    ({ endOffset }) => endOffset,
  );
  perPartition(
    "arrest_events_ingest_lag",
    "Offsets of an assigned partition that are not stored yet.",
    ({ lag }) => lag,
  );

  const instant = (name: string, help: string, milliseconds: () => number | null) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = milliseconds();
        if (value === null) this.remove();
        else this.set(value / 1000);
      },
    });
  instant(
    "arrest_events_ingest_last_message_timestamp_seconds",
    "The greatest time that a message of the last stored batch bears itself.",
    () => status().lastMessageAt,
  );
  instant(
    "arrest_events_ingest_last_stored_timestamp_seconds",
    "When messages were last stored.",
    () => status().lastStoredAt,
  );
  instant(
    "arrest_events_ingest_last_committed_timestamp_seconds",
    "When the consumer group last took a commit of offsets.",
    () => status().lastCommittedAt,
  );

  new Gauge({
    name: "arrest_events_ingest_state",
    help: "1 for the state that ingest is in, 0 for the others.",
    labelNames: ["state"],
    registers,
    collect() {
      const current = status().state;
      for (const state of INGEST_STATES) this.set({ state }, state === current ? 1 : 0);
    },
  });
  new Gauge({
    name: "arrest_events_ingest_trouble",
    help: "1 while there is trouble with Kafka, which /readyz tells in words.",
    registers,
    collect() {
      this.set(status().problem === undefined ? 0 : 1);
    },
  });
}
