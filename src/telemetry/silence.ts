/**
 * Notices that something which ought to be heard of has fallen silent.
 *
 * It counts the ticks of its owner's timer rather than asking a clock: time in which the whole thread
 * stood still (a long transaction, a machine asleep) is one tick and blames nobody.
 */
export class Silence {
  readonly #tickMs: number;
  readonly #limitMs: number;
  #ticks = 0;

  /**
   * @param tickMs how often {@link tick} is called, in milliseconds
   * @param limitMs how long a silence may last, in milliseconds
   */
  constructor(tickMs: number, limitMs: number) {
    this.#tickMs = tickMs;
    this.#limitMs = limitMs;
  }

  /** A sign of life. */
  heard(): void {
    this.#ticks = 0;
  }

  /** The owner's timer has fired once more. */
  tick(): void {
    this.#ticks++;
  }

  /** How long nothing has been heard, in whole seconds. */
  get seconds(): number {
    return Math.round((this.#ticks * this.#tickMs) / 1000);
  }

  /** Whether that is longer than it may last. */
  get isTooLong(): boolean {
    return this.#ticks * this.#tickMs > this.#limitMs;
  }
}
