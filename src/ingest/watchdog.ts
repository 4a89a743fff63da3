import type { Log } from "../telemetry/log.ts";
import { Silence } from "../telemetry/silence.ts";

/** How long what is watched may be silent, in milliseconds. */
export interface WatchdogLimits {
  readonly tickMs: number;
  /** A turn of the loop. The longest that is in order takes some 15 s: a rebalance of brokers that do not answer. */
  readonly turnMs: number;
  /** Any answer of a broker; it is asked at least every ten seconds. */
  readonly brokerMs: number;
  /** How often then a broker is looked for otherwise. */
  readonly lookMs: number;
  /** The group's answer to a member without partitions. */
  readonly groupMs: number;
}

/** What holds where nothing else is given. */
export const WATCHDOG_LIMITS: WatchdogLimits = {
  tickMs: 1000,
  turnMs: 30_000,
  brokerMs: 30_000,
  lookMs: 10_000,
  groupMs: 60_000,
};

/** What the watchdog asks about the client that it watches. */
export interface Watched {
  /** Whether the client has no partition and is no settled member of its group. */
  isWaitingForGroup(): boolean;
  /** How many responses of brokers it has had. */
  responses(): number;
  /** Whether a broker answers a client that is made for the question. Never rejects. */
  isBrokerThere(): Promise<boolean>;
}

/**
 * How many looks in a row must find a broker that the client does not hear: one that has just come back,
 * the client finds by itself within `reconnect.backoff.max.ms`, 10 s.
 */
const LOOKS_UNTIL_DEAF = 3;

/**
 * Stands beside the loop of one client and notices what the client itself does not tell: a request that
 * is never answered, a broker that nobody hears any more, a group that gives its member nothing.
 */
export class Watchdog {
  readonly #turn: Silence;
  readonly #broker: Silence;
  readonly #group: Silence;
  readonly #look: Silence;
  readonly #watched: Watched;
  readonly #log: Log;
  readonly #stuck = Promise.withResolvers<never>();
  readonly #timer: Timer;

  #isTroubled = false;
  #isLooking = false;
  #looksWithBroker = 0;
  #responses = 0;

  constructor(limits: WatchdogLimits, log: Log, watched: Watched) {
    this.#turn = new Silence(limits.tickMs, limits.turnMs);
    this.#broker = new Silence(limits.tickMs, limits.brokerMs);
    this.#group = new Silence(limits.tickMs, limits.groupMs);
    this.#log = log;
    this.#look = new Silence(limits.tickMs, limits.lookMs);
    this.#watched = watched;
    this.#stuck.promise.catch(() => undefined);
    this.#timer = setInterval(() => this.#tick(), limits.tickMs);
  }

  /** Rejects when the client is of no more use, with an error that says why. */
  get stuck(): Promise<never> {
    return this.#stuck.promise;
  }

  /** The loop has turned once more, or is at a part of its turn that may be repeated for long. */
  turned(): void {
    this.#turn.heard();
  }

  /** A broker has answered. */
  answered(): void {
    this.#broker.heard();
  }

  /** What has been silent for too long while the loop still turns. */
  problem(): string | undefined {
    if (this.#broker.isTooLong) return `no broker has answered for ${this.#broker.seconds} s`;
    if (!this.#group.isTooLong) return undefined;
    return `the consumer group has given no answer for ${this.#group.seconds} s`;
  }

  /** Watches no more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    for (const silence of [this.#turn, this.#broker, this.#group, this.#look]) silence.tick();
    if (!this.#watched.isWaitingForGroup()) this.#group.heard();
    const responses = this.#watched.responses();
    if (responses > this.#responses) this.#broker.heard();
    this.#responses = responses;
    this.#logProblem();
    if (this.#turn.isTooLong) {
      this.#giveUp(`the Kafka client has made no progress for ${this.#turn.seconds} s`);
    } else if (!this.#broker.isTooLong) {
      this.#looksWithBroker = 0;
    } else if (this.#look.isTooLong && !this.#isLooking) {
      void this.#lookForBroker();
    }
  }

  /** librdkafka can lose all its brokers for good, while they answer others (known-limits.md). */
  async #lookForBroker(): Promise<void> {
    this.#isLooking = true;
    const isThere = await this.#watched.isBrokerThere();
    this.#isLooking = false;
    this.#look.heard();
    this.#looksWithBroker = isThere && this.#broker.isTooLong ? this.#looksWithBroker + 1 : 0;
    if (this.#looksWithBroker < LOOKS_UNTIL_DEAF) return;
    this.#giveUp(`the Kafka client has not heard its brokers for ${this.#broker.seconds} s`);
  }

  #giveUp(reason: string): void {
    this.#stuck.reject(new StuckClientError(reason));
    this.stop();
  }

  /** Once when it begins, and once when it is over. */
  #logProblem(): void {
    const problem = this.problem();
    if ((problem !== undefined) === this.#isTroubled) return;
    this.#isTroubled = problem !== undefined;
    if (this.#isTroubled) this.#log.warn({ problem }, "trouble with Kafka");
    else this.#log.info("the trouble with Kafka is over");
  }
}

/** A client that does not answer its loop any more, or hears its brokers no more. */
export class StuckClientError extends Error {
  override readonly name = "StuckClientError";
}
