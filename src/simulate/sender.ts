import { CODES, type LibrdKafkaError, Producer } from "@confluentinc/kafka-javascript";
import { ConfigError } from "../config.ts";

/** No broker answered. The message is for the user. */
export class SenderError extends Error {
  override readonly name = "SenderError";
}

/** Where to send, and as whom. */
export interface SenderSettings {
  /** `host:port,…` */
  readonly brokers: string;
  readonly topic: string;
  /** librdkafka settings that the operator added. They may be secrets. */
  readonly librdkafka: Readonly<Record<string, string>>;
}

/** How long a broker has to answer at first, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;
/** How often a wait for delivery reports looks at what has come, in milliseconds. */
const FLUSH_STEP = 100;

/**
 * Sends to one topic with librdkafka's idempotent producer and its default partitioner (by key), and
 * counts what the broker has acknowledged.
 */
export class Sender {
  /** Handed to the client. */
  sent = 0;
  /** Acknowledged by the broker. */
  delivered = 0;
  /** Given up, by the client's reason. */
  readonly failures = new Map<string, number>();
  /** What is wrong with the connection, while something is. */
  trouble: string | undefined;
  readonly #producer: Producer;
  readonly #topic: string;

  private constructor(producer: Producer, topic: string) {
    this.#producer = producer;
    this.#topic = topic;
    producer.on("delivery-report", (error) => {
      if (error) {
        this.failures.set(error.message, (this.failures.get(error.message) ?? 0) + 1);
      } else {
        this.delivered += 1;
        this.trouble = undefined;
      }
    });
    producer.on("event.error", (error) => {
      this.trouble = error.message;
    });
  }

  /**
   * Connects to the brokers.
   *
   * @throws SenderError when none answers
   * @throws ConfigError when librdkafka refuses a setting
   */
  static async connect(settings: SenderSettings): Promise<Sender> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const producer = newProducer(settings);
    try {
      const sender = new Sender(producer, settings.topic);
      producer.connect({ timeout: CONNECT_TIMEOUT }, (error) =>
        error ? reject(error) : resolve(),
      );
      await promise;
      return sender;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SenderError(`Cannot send to ${settings.brokers}: ${reason}`, { cause: error });
    }
  }

  /** How many messages are neither delivered nor given up. */
  get pending(): number {
    return this.sent - this.delivered - this.failed;
  }

  /** How many messages were given up. */
  get failed(): number {
    return this.failures.values().reduce((sum, count) => sum + count, 0);
  }

  /**
   * Hands one message to the client, which sends it soon after. No timestamp goes along, so that Kafka's is
   * the time of sending: brokers delete by it, and refuse what lies too far ahead.
   *
   * @returns false when the client's queue is full: {@link poll}, wait a little, and try again
   * @throws the client's error when it takes no messages any more
   */
  send(key: string, value: Buffer | null): boolean {
    try {
      this.#producer.produce(this.#topic, null, value, key);
    } catch (error) {
      if ((error as LibrdKafkaError).code === CODES.ERRORS.ERR__QUEUE_FULL) return false;
      throw error;
    }
    this.sent += 1;
    return true;
  }

  /** Fetches delivery reports and errors; they are counted on a later turn of the event loop. */
  poll(): void {
    this.#producer.poll();
  }

  /**
   * Waits until every message is delivered or given up.
   *
   * @param patience how much longer to wait, in milliseconds, asked again and again; 0 or less ends it
   */
  async flush(patience: () => number): Promise<void> {
    while (this.pending > 0 && patience() > 0) {
      await new Promise<void>((flushed) => this.#producer.flush(FLUSH_STEP, () => flushed()));
      // A flush that is done at once leaves the reports to the event loop's next turns.
      await Bun.sleep(1);
    }
  }

  /** Closes the connection; what is still pending is dropped. */
  async close(): Promise<void> {
    await new Promise<void>((closed) => this.#producer.disconnect(1, () => closed()));
  }
}

function newProducer(settings: SenderSettings): Producer {
  try {
    return new Producer({
      "client.id": "arrest-events-simulate",
      ...settings.librdkafka,
      "bootstrap.servers": settings.brokers,
      "enable.idempotence": true,
      dr_cb: true,
    });
  } catch {
    // librdkafka quotes values, which may be secrets.
    const names = Object.keys(settings.librdkafka).join(", ");
    throw new ConfigError([`librdkafka refuses one of the KAFKA_CONF_… settings: ${names}`]);
  }
}
