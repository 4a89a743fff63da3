import { type MessageHeader, Producer } from "@confluentinc/kafka-javascript";
import { inTime } from "../../support/until.ts";
import { call } from "./admin.ts";

/** A message to send. */
export interface Outgoing {
  readonly partition: number;
  readonly value: Buffer | string | null;
  readonly key?: Buffer | string | null;
  readonly headers?: MessageHeader[];
}

/** How long the broker may take for a step of a transaction, in milliseconds. */
const TRANSACTION_TIMEOUT_MS = 20_000;

/** An idempotent producer that waits for what it has sent. */
export class TestProducer implements AsyncDisposable {
  readonly #producer: Producer;
  #sent = 0;
  #reported = 0;
  #failure: Error | undefined;
  #closed = false;

  private constructor(producer: Producer) {
    this.#producer = producer;
    producer.on("delivery-report", (error) => {
      this.#reported++;
      if (error) this.#failure = error as unknown as Error;
    });
  }

  /** Connects with further settings of librdkafka's. */
  static async connect(
    brokers: string,
    settings: Record<string, string | number | boolean> = {},
  ): Promise<TestProducer> {
    const producer = new Producer({
      "bootstrap.servers": brokers,
      "enable.idempotence": true,
      "queue.buffering.max.messages": 2_000_000,
      dr_cb: true,
      ...settings,
    });
    const connected = new TestProducer(producer);
    await connected.#orClose(call((done) => producer.connect({}, done)));
    producer.setPollInterval(10);
    return connected;
  }

  /** Connects and begins to work in transactions. */
  static async transactional(
    brokers: string,
    id: string,
    settings: Record<string, string | number | boolean> = {},
  ): Promise<TestProducer> {
    const connected = await TestProducer.connect(brokers, { ...settings, "transactional.id": id });
    await connected.#orClose(
      connected.#step((done) => connected.#producer.initTransactions(TRANSACTION_TIMEOUT_MS, done)),
    );
    return connected;
  }

  /** A client that cannot be used is not left behind. */
  async #orClose(beginning: Promise<unknown>): Promise<void> {
    try {
      await beginning;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Hands messages to the client, in order; {@link flush} waits for them. */
  produce(topic: string, messages: Iterable<Outgoing>): void {
    for (const { partition, value, key, headers } of messages) {
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      this.#producer.produce(topic, partition, bytes, key, undefined, undefined, headers);
      this.#sent++;
    }
  }

  /** Waits until the broker has acknowledged all that was produced. */
  async flush(): Promise<void> {
    const delivered = async () => {
      while (this.#reported < this.#sent && this.#failure === undefined && !this.#closed) {
        await new Promise<void>((flushed) => this.#producer.flush(100, () => flushed()));
        await Bun.sleep(1);
      }
    };
    await inTime("sending", delivered());
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Sends messages in order and waits until the broker has acknowledged them. */
  async send(topic: string, messages: Iterable<Outgoing>): Promise<void> {
    this.produce(topic, messages);
    await this.flush();
  }

  /** Sends messages in one transaction, which is committed or aborted. */
  async transaction(
    topic: string,
    messages: Iterable<Outgoing>,
    end: "commit" | "abort",
  ): Promise<void> {
    await this.#step((done) => this.#producer.beginTransaction(done));
    await this.send(topic, messages);
    await this.#step((done) =>
      end === "commit"
        ? this.#producer.commitTransaction(TRANSACTION_TIMEOUT_MS, done)
        : this.#producer.abortTransaction(TRANSACTION_TIMEOUT_MS, done),
    );
  }

  #step(start: (done: (error: unknown) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await new Promise<void>((closed) => this.#producer.disconnect(1000, () => closed()));
  }
}

/** Sends messages in order with a producer of its own, and waits until the broker has them. */
export async function send(
  brokers: string,
  topic: string,
  messages: Iterable<Outgoing>,
  settings: Record<string, string | number | boolean> = {},
): Promise<void> {
  await using producer = await TestProducer.connect(brokers, settings);
  await producer.send(topic, messages);
}
