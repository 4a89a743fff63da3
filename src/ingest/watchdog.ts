import type { Log } from "../telemetry/log.ts";
import { Silence } from "../telemetry/silence.ts";

/** How long what is watched may be silent, in milliseconds. */
export interface WatchdogLimits {
  readonly tickMs: number;
  /** A turn of the loop. The longest that is in order takes some 15 s: a rebalance of brokers that do not answer. */
  readonly turnMs: number;
  /** Any answer of a broker; it is asked at least every ten seconds. */
  readonly brokerMs: number;
  /** The group's answer to a member without partitions. */
  readonly groupMs: number;
}

/** What holds where nothing else is given. */
export const WATCHDOG_LIMITS: WatchdogLimits = {
  tickMs: 1000,
  turnMs: 30_000,
  brokerMs: 60_000,
  groupMs: 60_000,
};

/**
 * Stands beside the loop of one client and notices what the client itself does not tell: a request that
 * is never answered, a broker that nobody hears any more, a group that gives its member nothing.
 */
export class Watchdog {
  readonly #turn: Silence;
  readonly #broker: Silence;
  readonly #group: Silence;
  readonly #isWaitingForGroup: () => boolean;
  readonly #log: Log;
  readonly #stuck = Promise.withResolvers<never>();
  readonly #timer: Timer;

  #isTroubled = false;

  /** @param isWaitingForGroup whether the client has no partition and is no settled member of its group */
  constructor(limits: WatchdogLimits, log: Log, isWaitingForGroup: () => boolean) {
    this.#turn = new Silence(limits.tickMs, limits.turnMs);
    this.#broker = new Silence(limits.tickMs, limits.brokerMs);
    this.#group = new Silence(limits.tickMs, limits.groupMs);
    this.#log = log;
    this.#isWaitingForGroup = isWaitingForGroup;
    this.#stuck.promise.catch(() => undefined);
    this.#timer = setInterval(() => this.#tick(), limits.tickMs);
  }

  /** Rejects when the loop does not turn any more, with an error that says so. */
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
    for (const silence of [this.#turn, this.#broker, this.#group]) silence.tick();
    if (!this.#isWaitingForGroup()) this.#group.heard();
    this.#logProblem();
    if (!this.#turn.isTooLong) return;
    const message = `the Kafka client has made no progress for ${this.#turn.seconds} s`;
    this.#stuck.reject(new StuckClientError(message));
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

/** A client that does not answer its loop any more. */
export class StuckClientError extends Error {
  override readonly name = "StuckClientError";
}
