import {
  CODES,
  type LibrdKafkaError,
  type MessageHeader,
  Producer,
} from "@confluentinc/kafka-javascript";
import type { StoredDeadLetter } from "../store/schema.ts";
import type { EventWriter } from "../store/write.ts";
import type { Log } from "../telemetry/log.ts";
import type { ForwardingStatus } from "./status.ts";
import { StopSignal } from "./stop-signal.ts";

/** What forwarding works with. */
export interface DeadLetterTopicDependencies {
  /** `host:port,…` */
  readonly brokers: string;
  /** The topic that the dead letters go to. */
  readonly topic: string;
  /** The operator's librdkafka settings. They may be secrets. */
  readonly librdkafka: Readonly<Record<string, string>>;
  readonly writer: Pick<EventWriter, "storeId" | "lettersToForward" | "setForwarded">;
  readonly log: Log;
}

/** How many letters are sent before the store is told: what a crash may send twice. */
const PORTION = 32;

/** How often the store is asked for new letters, in milliseconds. */
const INTERVAL_MS = 500;

/** How long a broker has to answer at first, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;

/** After how long without an answer that is told, in milliseconds: the client itself waits for five minutes. */
const SLOW_MS = 10_000;

/** How often a wait for delivery reports looks at what has come, in milliseconds. */
const FLUSH_STEP_MS = 100;

/** Pauses after a failure grow from the first to the last by doubling. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 10_000;

/** What a topic may refuse about one message, whatever is tried again. */
const REFUSALS: readonly number[] = [
  CODES.ERRORS.ERR_MSG_SIZE_TOO_LARGE,
  CODES.ERRORS.ERR_INVALID_RECORD,
];

/**
 * Forwards dead letters to a Kafka topic, each at least once, after they have been stored: the store
 * knows how far they have been sent. A letter that is gone from the store by then, replayed or
 * deleted, is not sent.
 */
export class DeadLetterTopic {
  readonly #with: DeadLetterTopicDependencies;
  #connection: Connection;
  #finished: Promise<void> = Promise.resolve();
  readonly #stop = new StopSignal();
  #forwarded = 0;
  /** All letters up to this one are in the topic, as far as this process knows; the store may lag behind. */
  #sentUpTo = 0;
  #problem: string | undefined;

  /** @throws Error when librdkafka refuses a setting; its message may quote the value */
  constructor(dependencies: DeadLetterTopicDependencies) {
    this.#with = dependencies;
    this.#connection = new Connection(dependencies);
  }

  /** Begins to forward; connects, and connects again, on its own time. */
  start(): void {
    this.#finished = this.#run();
  }

  /** Gives up what has not been sent yet, which is sent after the next start. */
  async stop(): Promise<void> {
    this.#stop.set();
    await this.#finished;
  }

  /** How far the forwarding is. */
  status(): ForwardingStatus {
    return {
      topic: this.#with.topic,
      forwarded: this.#forwarded,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    };
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#stop.isSet) {
      const connection = this.#connection;
      try {
        await this.#stop.unlessSet(connection.open());
        for (;;) {
          const more = await this.#forward(connection);
          pause = FIRST_PAUSE_MS;
          if (this.#stop.isSet) break;
          if (!more) await this.#stop.sleep(INTERVAL_MS);
        }
      } catch (error) {
        this.#onTrouble(error as Error);
      } finally {
        await connection.close();
      }
      await this.#stop.sleep(pause);
      pause = Math.min(pause * 2, LAST_PAUSE_MS);
      if (!this.#stop.isSet) this.#connection = new Connection(this.#with);
    }
  }

  /**
   * Sends the next letters. Resolves to whether there may be more at once.
   *
   * @throws Error when one could not be sent, or the store could not be written
   */
  async #forward(connection: Connection): Promise<boolean> {
    const { writer, topic, log } = this.#with;
    const letters = writer.lettersToForward(topic, PORTION);
    // Sent, but the store could not take note: that alone is made up for.
    const lastSent = letters.findLast(({ id }) => id <= this.#sentUpTo);
    if (lastSent !== undefined) {
      writer.setForwarded(topic, lastSent.id);
      return true;
    }
    if (letters.length === 0) {
      this.#onSuccess();
      return false;
    }
    const failures = await connection.send(letters, {
      isStopping: () => this.#stop.isSet,
      onSlow: () => this.#onTrouble(new Error("the brokers do not take them")),
    });
    let last: number | undefined;
    let failure: Error | undefined;
    for (const letter of letters) {
      const { id } = letter;
      let failed = failures.get(id);
      // Brokers refuse whole batches: alone, a letter shows whether it is the one that is meant.
      if (failed !== undefined && REFUSALS.includes(failed.code)) {
        failed = (await connection.send([letter], { isStopping: () => this.#stop.isSet })).get(id);
      }
      if (failed !== undefined && !REFUSALS.includes(failed.code)) {
        failure = failed;
        break;
      }
      if (failed === undefined) this.#forwarded++;
      else
        log.error(
          { id, reason: failed.message },
          "a dead letter that its topic refuses is kept in the store only",
        );
      last = id;
    }
    if (last !== undefined) {
      this.#sentUpTo = last;
      writer.setForwarded(topic, last);
    }
    if (failure !== undefined) throw failure;
    this.#onSuccess();
    return letters.length === PORTION;
  }

  #onTrouble({ message }: Error): void {
    if (this.#stop.isSet || this.#problem === message) return;
    this.#problem = message;
    this.#with.log.warn(
      { problem: message },
      "dead letters cannot be forwarded now; the store has them",
    );
  }

  #onSuccess(): void {
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#with.log.info("dead letters are forwarded again");
  }
}

type Failure = Error & { readonly code: number };

/** A producer that tells of each letter what became of it. */
class Connection {
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #storeId: string;
  readonly #pending = new Set<number>();
  #failures = new Map<number, Failure>();

  #closed = false;

  constructor({ brokers, topic, librdkafka, writer, log }: DeadLetterTopicDependencies) {
    this.#topic = topic;
    this.#storeId = writer.storeId;
    this.#producer = new Producer({
      "client.id": "arrest-events",
      // A letter is a little more than its message was; what is too large for the topic, the broker refuses.
      "message.max.bytes": 100_000_000,
      ...librdkafka,
      "bootstrap.servers": brokers,
      "enable.idempotence": true,
      dr_cb: true,
    });
    this.#producer.on("delivery-report", (error, { opaque }) => {
      this.#pending.delete(opaque);
      if (error) this.#failures.set(opaque, asFailure(error));
    });
    // What matters of these comes with the delivery reports as well.
    this.#producer.on("event.error", () => undefined);
    this.#producer.on("event.log", (entry: { severity?: number; fac?: string; message?: string }) =>
      log.debug({ facility: entry.fac, severity: entry.severity }, entry.message ?? "librdkafka"),
    );
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#producer.connect({ timeout: CONNECT_TIMEOUT_MS }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
    // Closed meanwhile, and nobody waits for it any more.
    if (this.#closed) await this.close();
  }

  /** Sends letters in order, and resolves to the failures of those that were not taken, by their ids. */
  async send(
    letters: readonly StoredDeadLetter[],
    { isStopping, onSlow }: { isStopping: () => boolean; onSlow?: () => void },
  ): Promise<ReadonlyMap<number, Failure>> {
    const failures = new Map<number, Failure>();
    this.#failures = failures;
    for (const letter of letters) {
      const headers = headersOf(letter, this.#storeId);
      try {
        // Without a partition and a time: the topic has its own.
        this.#producer.produce(
          this.#topic,
          null,
          letter.value,
          letter.key,
          undefined,
          letter.id,
          headers,
        );
        this.#pending.add(letter.id);
      } catch (error) {
        failures.set(letter.id, asFailure(error as LibrdKafkaError));
      }
    }
    const slowAt = performance.now() + SLOW_MS;
    while (this.#pending.size > 0) {
      if (performance.now() > slowAt) onSlow?.();
      if (isStopping()) throw new Error("stopping");
      await new Promise<void>((flushed) => this.#producer.flush(FLUSH_STEP_MS, () => flushed()));
      // A flush that is done at once leaves the reports to the event loop's next turns.
      await Bun.sleep(1);
    }
    return failures;
  }

  /** What is still pending is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#producer.isConnected()) return;
    await new Promise<void>((closed) => this.#producer.disconnect(1, () => closed()));
  }
}

function asFailure(error: LibrdKafkaError): Failure {
  return Object.assign(new Error(error.message), { code: error.code });
}

/**
 * The message's own headers (an absent value becomes an empty one, the client knows no other), and behind
 * them what Kafka Connect tells with its dead letters (KIP-298) under the names that it uses. The letter's
 * id and its store's tell a letter that comes twice.
 */
function headersOf(letter: StoredDeadLetter, storeId: string): MessageHeader[] {
  const reasons = letter.refusals.map(({ pointer, detail }) => `${pointer} ${detail}`.trim());
  const added = {
    "__connect.errors.topic": letter.topic,
    "__connect.errors.partition": String(letter.partition),
    "__connect.errors.offset": String(letter.offset),
    "__connect.errors.connector.name": "arrest-events",
    "__connect.errors.stage": "VALUE_CONVERTER",
    "__connect.errors.exception.class.name": letter.reason,
    "__connect.errors.exception.message": reasons.join("; "),
    "arrest-events.dead-letter.id": `${storeId}/${letter.id}`,
    ...(letter.timestamp !== null && { "arrest-events.timestamp": String(letter.timestamp) }),
  };
  return [
    ...letter.headers.map(([name, value]) => ({ [name]: Buffer.from(value ?? "", "base64") })),
    ...Object.entries(added).map(([name, value]) => ({ [name]: Buffer.from(value) })),
  ];
}
