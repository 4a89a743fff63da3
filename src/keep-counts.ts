import type { EventReader } from "./store/read.ts";
import type { Log } from "./telemetry/log.ts";

/** How long the counting rests, in milliseconds. */
export interface CountingRests {
  /** So many times as long as the step took, while there are more events to count. */
  readonly timesStep: number;
  /** When all are counted. */
  readonly whenIdle: number;
  /** When the store could not be read. */
  readonly afterFailure: number;
}

// Of the thread that answers requests, and of a processor that ingest may want, a fifth is what it takes at most.
const RESTS: CountingRests = { timesStep: 4, whenIdle: 100, afterFailure: 5000 };

/** Keeps the counts of the store up to date, a step at a time beside the requests. Returns what ends that. */
export function keepCounting(
  reader: Pick<EventReader, "keepCounts">,
  log: Pick<Log, "warn">,
  rests: CountingRests = RESTS,
): () => void {
  function takeStep(): number {
    const startedAt = performance.now();
    try {
      if (reader.keepCounts()) return rests.whenIdle;
      return (performance.now() - startedAt) * rests.timesStep;
    } catch (error) {
      log.warn({ err: error }, "the events cannot be counted, which is tried again");
      return rests.afterFailure;
    }
  }
  const next = (): void => {
    timer = setTimeout(next, takeStep());
  };
  let timer = setTimeout(next, 0);
  return () => clearTimeout(timer);
}
