import type { Config } from "../config.ts";
import { MAX_TAKE_BYTES, type TopicConsumer } from "./consumer.ts";
import type { MessageBatch } from "./message-batch.ts";
import type { StopSignal } from "./stop-signal.ts";

/** How long one wait for a message lasts, in milliseconds: a stop or a rebalance waits for the loop no longer. */
export const POLL_WAIT_MS = 200;

/** The most messages of a batch while changes over HTTP are being made: they wait for some 50 ms at most then. */
const SHARING_BATCH_SIZE = 5000;

/** What a batch is taken by. */
export interface BatchTakerOptions extends Readonly<Config["ingest"]> {
  /** Whether changes over HTTP are being made, which wait while a batch is stored. */
  readonly isSharing: () => boolean;
  readonly stop: StopSignal;
}

/** Takes messages from a client, as many at a time as one transaction is to store. */
export class BatchTaker {
  readonly #consumer: TopicConsumer;
  readonly #with: BatchTakerOptions;

  constructor(consumer: TopicConsumer, options: BatchTakerOptions) {
    this.#consumer = consumer;
    this.#with = options;
  }

  /**
   * Takes what has been fetched; only where that is nothing, waits for a message. What does not fill a batch
   * waits for others to join it.
   */
  async take(): Promise<MessageBatch[]> {
    const { batchSize, lingerMs, isSharing, stop } = this.#with;
    const most = isSharing() ? Math.min(batchSize, SHARING_BATCH_SIZE) : batchSize;
    const batch = await this.#consumer.take(most, POLL_WAIT_MS);
    const isFull = batch.length === most || batch.bytes.length >= MAX_TAKE_BYTES;
    if (batch.length === 0 || isFull || lingerMs === 0) return [batch];
    await stop.sleep(lingerMs);
    return [batch, await this.#consumer.take(most - batch.length)];
  }
}
