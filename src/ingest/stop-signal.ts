/** The beginning of an orderly stop, as those see it who wait for something else. */
export class StopSignal {
  readonly #requested = Promise.withResolvers<never>();
  readonly #sleepers = new Set<() => void>();
  #isSet = false;

  constructor() {
    this.#requested.promise.catch(() => undefined);
  }

  /** Whether the stop has begun. */
  get isSet(): boolean {
    return this.#isSet;
  }

  /** Begins the stop. */
  set(): void {
    this.#isSet = true;
    this.#requested.reject(new Error("ingest is stopping"));
    for (const wake of this.#sleepers) wake();
  }

  /** Resolves to what the promise does, but rejects at the beginning of a stop. */
  unlessSet<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#requested.promise]);
  }

  /** Waits, but not beyond the beginning of a stop. */
  async sleep(milliseconds: number): Promise<void> {
    if (this.#isSet) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#sleepers.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#sleepers.delete(resolve);
  }
}
