/** The numbers of the writer thread in Prometheus' text format. */
export interface WriterNumbers {
  /** Those that it last told; empty before it has told any. */
  readonly text: string;
  /** Whether it told them now; it does not while it waits for a lock, say. */
  readonly isCurrent: boolean;
}

/** Asks the writer thread for its numbers, and does not wait for long. */
export class MetricsAnswers {
  readonly #ask: () => void;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<() => void>();
  #text = "";

  /**
   * @param ask sends the question; each is answered by {@link answered}
   * @param timeoutMs how long to wait for the answer, in milliseconds
   */
  constructor(ask: () => void, timeoutMs: number) {
    this.#ask = ask;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves to the answer, or to the last one where none comes in time. */
  async numbers(): Promise<WriterNumbers> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const onAnswer = (): void => resolve(true);
    const timer = setTimeout(() => resolve(false), this.#timeoutMs);
    // One answer serves all who wait.
    if (this.#waiting.size === 0) this.#ask();
    this.#waiting.add(onAnswer);
    const isCurrent = await promise;
    clearTimeout(timer);
    this.#waiting.delete(onAnswer);
    return { text: this.#text, isCurrent };
  }

  /** An answer has come. */
  answered(text: string): void {
    this.#text = text;
    for (const onAnswer of this.#waiting) onAnswer();
  }
}
