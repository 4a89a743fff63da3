/** Counts the streams that are under way, so that there are no more at once than there may be. */
export class Streams {
  readonly #max: () => number;
  #open = 0;

  /** @param max how many there may be */
  constructor(max: () => number) {
    this.#max = max;
  }

  /** How many are under way. */
  get open(): number {
    return this.#open;
  }

  /**
   * Takes a place for a stream.
   *
   * @param signal aborted when the client has left, which gives the place back
   * @returns gives the place back; `undefined` when there is none
   */
  take(signal: AbortSignal): (() => void) | undefined {
    if (this.#open >= this.#max()) return undefined;
    this.#open++;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      this.#open--;
      signal.removeEventListener("abort", end);
    };
    // Of a stream that nobody has begun to read, no other word of its end might come.
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    return end;
  }
}
