/** How long a step ought to take, in milliseconds: what others that are served in between wait for. */
const STEP_MS = 4;

/** How long the steps may take that are to be of one snapshot, in milliseconds. */
const SNAPSHOT_MS = 10;

/** The time in milliseconds since any moment. */
export type Clock = () => number;

/**
 * How much a step does: as much as takes some milliseconds, which the steps before have shown. The same
 * events take many times as long when each is on another page, and that is not in memory.
 */
export class Pace {
  readonly #least: number;
  readonly #most: number;
  readonly #now: Clock;
  #size: number;

  /** A step does from `least` to `most`, the first `first`. */
  constructor(
    {
      least,
      first,
      most,
    }: { readonly least: number; readonly first: number; readonly most: number },
    now: Clock = () => performance.now(),
  ) {
    this.#least = least;
    this.#most = most;
    this.#size = first;
    this.#now = now;
  }

  /** Takes a step that does as much as it is told. */
  step<T>(work: (size: number) => T): T {
    const startedAt = this.#now();
    const result = work(this.#size);
    const took = this.#now() - startedAt;
    // Up by little at a time, for the next may be of another kind; down at once.
    const factor = Math.min(2, STEP_MS / took);
    this.#size = Math.round(Math.min(this.#most, Math.max(this.#least, this.#size * factor)));
    return result;
  }
}

/** Takes steps until one says that it was the last, or they have taken as long as a snapshot may be held. */
export function stepsOfOneSnapshot(step: () => boolean, now: Clock): boolean {
  const until = now() + SNAPSHOT_MS;
  for (;;) {
    if (step()) return true;
    if (now() >= until) return false;
  }
}
