import { features } from "@confluentinc/kafka-javascript";
import { below, type Random, seededRandom } from "../../src/simulate/random.ts";
import { type Outgoing, TestProducer } from "../kafka/support/producer.ts";
import type { Findings } from "./findings.ts";
import { Tally } from "./measure.ts";
import { messageOf } from "./messages.ts";
import { FATE, type Fate, type Model } from "./model.ts";

/** librdkafka's build decides which of these it has. */
const CODECS = [
  "none",
  ...["lz4", "gzip", "snappy", "zstd"].filter((each) => features.includes(each)),
];

const PLAIN_LANES = 3;
const TRANSACTIONAL_LANES = 2;

/** The part of the messages that is sent in transactions, and the part of the transactions that is aborted. */
const TRANSACTIONAL_SHARE = 0.2;
const ABORTED_SHARE = 0.15;

/** How long a lane waits between two portions, on average, in milliseconds. */
const PAUSE_MS = 60;
const TRANSACTION_PAUSE_MS = 500;

/** How often a portion is a burst, and how many times as large it then is. */
const BURST_SHARE = 0.01;
const BURST_FACTOR = 30;

/** After trouble no more is made up for than what would have been sent in this time, in milliseconds. */
const MOST_MADE_UP_MS = 10_000;

/** Before another attempt to connect, in milliseconds. */
const RECONNECT_PAUSE_MS = 500;

/** Retries go on for longer than most faults last (a producer that gives up is replaced), and partitions that are added are seen soon. */
const SETTINGS = {
  "topic.metadata.refresh.interval.ms": 2000,
  "reconnect.backoff.max.ms": 1000,
  "linger.ms": 20,
};

/** An open transaction holds the readers up: one whose producer has failed ends after this long. */
const TRANSACTION_SETTINGS = { ...SETTINGS, "transaction.timeout.ms": 30_000 };

/** What the producers send to. */
export interface Target {
  readonly brokers: string;
  readonly topic: string;
  /** How many partitions there are now. */
  readonly partitions: () => number;
  /** Messages a second, over all producers. */
  readonly rate: number;
}

/** The producers: plain and transactional ones, each with a codec of its own. */
export class Producers implements AsyncDisposable {
  readonly #lanes: readonly Lane[];
  readonly #tally: Tally;

  constructor(target: Target, model: Model, findings: Findings, seed: number) {
    const tally = new Tally();
    this.#tally = tally;
    this.#lanes = Array.from({ length: PLAIN_LANES + TRANSACTIONAL_LANES }, (_, number) => {
      const isTransactional = number >= PLAIN_LANES;
      const share = isTransactional
        ? TRANSACTIONAL_SHARE / TRANSACTIONAL_LANES
        : (1 - TRANSACTIONAL_SHARE) / PLAIN_LANES;
      const random = seededRandom((seed + number) >>> 0);
      const rate = target.rate * share;
      return new Lane(
        number,
        { ...target, rate },
        { model, findings, random, tally, isTransactional },
      );
    });
  }

  /** What the producers did and met, by name. */
  get tally(): Tally {
    return this.#tally;
  }

  /** Sends from now on. */
  resume(): void {
    for (const lane of this.#lanes) lane.resume();
  }

  /** Resolves when all that was begun has been sent and answered, and no transaction is open. */
  async pause(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.pause()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane[Symbol.asyncDispose]()));
  }
}

interface LaneContext {
  readonly model: Model;
  readonly findings: Findings;
  readonly random: Random;
  readonly tally: Tally;
  readonly isTransactional: boolean;
}

class Lane implements AsyncDisposable {
  readonly #number: number;
  readonly #target: Target;
  readonly #with: LaneContext;
  #producer: TestProducer | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopping = true;

  constructor(number: number, target: Target, context: LaneContext) {
    this.#number = number;
    this.#target = target;
    this.#with = context;
  }

  resume(): void {
    this.#stopping = false;
    this.#running = this.#run();
  }

  async pause(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    // A producer that failed may have left a transaction open: its successor ends it.
    if (this.#with.isTransactional) await this.#connected();
  }

  async #run(): Promise<void> {
    const { random, isTransactional } = this.#with;
    const pause = isTransactional ? TRANSACTION_PAUSE_MS : PAUSE_MS;
    let due = 0;
    for (let at = performance.now(); !this.#stopping; ) {
      await Bun.sleep(pause * (0.5 + random()));
      const now = performance.now();
      due += (this.#target.rate * Math.min(now - at, MOST_MADE_UP_MS)) / 1000;
      at = now;
      const burst = random() < BURST_SHARE ? BURST_FACTOR : 1;
      const count = Math.floor(due) * burst;
      if (count === 0) continue;
      due -= Math.floor(due);
      await this.#sendSome(count);
    }
  }

  async #sendSome(count: number): Promise<void> {
    const { model, random, tally, isTransactional } = this.#with;
    const partitions = this.#target.partitions();
    const sequences = Array.from({ length: count }, () =>
      model.issue(below(random, partitions), this.#number),
    );
    const settle = (fate: Fate) => {
      for (const sequence of sequences) model.settle(sequence, fate);
    };
    const { topic } = this.#target;
    const end = random() < ABORTED_SHARE ? "abort" : "commit";
    try {
      const producer = await this.#connected();
      const messages = sequences.map((sequence) => this.#outgoing(sequence));
      if (!isTransactional) {
        await producer.send(topic, messages);
        settle(FATE.sent);
      } else {
        await producer.transaction(topic, messages, end);
        settle(end === "commit" ? FATE.sent : FATE.aborted);
        tally.add(`transaction with ${end}`);
      }
    } catch (error) {
      settle(FATE.uncertain);
      tally.add(`trouble: ${(error as Error).message}`);
      await this.#drop();
    }
  }

  #outgoing(sequence: number): Outgoing {
    const { value, key, headers } = messageOf(sequence);
    return { partition: this.#with.model.partitionOf(sequence), value, key, headers };
  }

  /** The producer; it is made when there is none, however long the broker takes. */
  async #connected(): Promise<TestProducer> {
    const codec = CODECS[this.#number % CODECS.length] as string;
    while (this.#producer === undefined) {
      try {
        const { brokers, topic } = this.#target;
        this.#producer = this.#with.isTransactional
          ? await TestProducer.transactional(brokers, `${topic}-${this.#number}`, {
              ...TRANSACTION_SETTINGS,
              "compression.codec": codec,
            })
          : await TestProducer.connect(brokers, { ...SETTINGS, "compression.codec": codec });
      } catch (error) {
        this.#with.tally.add(`not connected: ${(error as Error).message}`);
        await Bun.sleep(RECONNECT_PAUSE_MS);
      }
    }
    return this.#producer;
  }

  async #drop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#running;
    await this.#drop();
  }
}
