/** What is told apart as work and as rest. */
export interface RestLimits {
  /** More events and dead letters than this in a second are work, which leaves memory behind. */
  readonly workASecond: number;
  /** So many seconds in a row with no more than that are a rest. */
  readonly seconds: number;
}

const LIMITS: RestLimits = { workASecond: 1000, seconds: 5 };

/**
 * Notices once that much work is over, when what it has used may be given back. Giving back costs some 30 ms
 * and the pages kept at hand, so a trickle, which uses little, does not lead to it again and again.
 */
export class Rest {
  readonly #limits: RestLimits;
  #done = 0;
  #hasWorked = false;
  #quietSeconds = 0;

  constructor(limits = LIMITS) {
    this.#limits = limits;
  }

  /**
   * To be called each second.
   *
   * @param done how many events and dead letters there have been since the start
   * @returns whether a rest has begun
   */
  tick(done: number): boolean {
    const isWork = done - this.#done > this.#limits.workASecond;
    this.#done = done;
    if (isWork) {
      this.#hasWorked = true;
      this.#quietSeconds = 0;
      return false;
    }
    this.#quietSeconds++;
    if (!this.#hasWorked || this.#quietSeconds < this.#limits.seconds) return false;
    this.#hasWorked = false;
    return true;
  }
}
