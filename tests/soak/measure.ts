import { readFileSync } from "node:fs";

/** A value and when it was taken. */
export interface Sample {
  /** Milliseconds, of any clock that does not jump. */
  readonly at: number;
  readonly value: number;
}

/** The slope of the line that fits the samples best (least squares), per hour; 0 for fewer than two samples. */
export function slopePerHour(samples: readonly Sample[]): number {
  const count = samples.length;
  const meanAt = samples.reduce((sum, { at }) => sum + at, 0) / count;
  const meanValue = samples.reduce((sum, { value }) => sum + value, 0) / count;
  let covariance = 0;
  let variance = 0;
  for (const { at, value } of samples) {
    covariance += (at - meanAt) * (value - meanValue);
    variance += (at - meanAt) ** 2;
  }
  return variance === 0 || count < 2 ? 0 : (covariance / variance) * 3_600_000;
}

/** What a stretch of samples shows: its values at the start, a quarter, half and the end, its greatest, and how they grow. */
export interface Trend {
  readonly start: number;
  readonly quarter: number;
  readonly half: number;
  readonly end: number;
  readonly most: number;
  /** Per hour, over the second half. */
  readonly slope: number;
  readonly samples: number;
}

/** The trend of samples in the order of their times; `undefined` when there are fewer than eight. */
export function trendOf(samples: readonly Sample[]): Trend | undefined {
  const at = (share: number) => samples[Math.floor((samples.length - 1) * share)]?.value ?? 0;
  if (samples.length < 8) return undefined;
  return {
    start: at(0),
    quarter: at(0.25),
    half: at(0.5),
    end: at(1),
    most: Math.max(...samples.map(({ value }) => value)),
    slope: slopePerHour(samples.slice(samples.length >> 1)),
    samples: samples.length,
  };
}

/**
 * What the service's memory may come to, in MiB, and how it may grow in the second half of a stretch, in MiB an hour.
 * A fault may leave several Kafka clients behind for a minute, each with what it had fetched ahead.
 */
export const MOST_MEBIBYTES = 450;
export const MOST_GROWTH = 120;

/** In a shorter stretch, the memory's ups and downs are too much of its slope to judge that, in minutes. */
export const LEAST_MINUTES_FOR_GROWTH = 10;

/** What is wrong with the resident memory of a process over some minutes, in words. */
export function memoryProblems(minutes: number, { most, slope }: Trend): string[] {
  return [
    ...(most > MOST_MEBIBYTES ? [`${most.toFixed(0)} of ${MOST_MEBIBYTES} MiB`] : []),
    ...(minutes >= LEAST_MINUTES_FOR_GROWTH && slope > MOST_GROWTH
      ? [`grows by ${slope.toFixed(0)} MiB an hour, of ${MOST_GROWTH}`]
      : []),
  ];
}

/** The memory of a process that is resident, in MiB; `undefined` when it has ended, and without `/proc`. */
export function residentMebibytes(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  } catch {
    return undefined;
  }
}

/** Each bucket ends so many times later than the one before: the error of a percentile. */
const GROWTH = 1.05;
const SHORTEST_MS = 0.05;
const BUCKETS = 320;

/** Durations in buckets: of any number of them it tells the percentiles within 5 %, in the same memory. */
export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #longest = 0;

  /** Takes a duration in milliseconds. */
  add(milliseconds: number): void {
    const bucket = Math.ceil(
      Math.log(Math.max(milliseconds, SHORTEST_MS) / SHORTEST_MS) / Math.log(GROWTH),
    );
    const index = Math.min(bucket, BUCKETS - 1);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count++;
    this.#longest = Math.max(this.#longest, milliseconds);
  }

  get count(): number {
    return this.#count;
  }

  /** Milliseconds. */
  get longest(): number {
    return this.#longest;
  }

  /** The milliseconds that a share (0 to 1) of the durations did not exceed; 0 when there are none. */
  percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (const [index, count] of this.#buckets.entries()) {
      left -= count;
      if (left <= 0) return Math.min(SHORTEST_MS * GROWTH ** index, this.#longest);
    }
    return this.#longest;
  }
}

/** Counts by name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** The greatest counts first. */
  entries(): [name: string, count: number][] {
    return [...this.#counts].sort(([, one], [, other]) => other - one);
  }

  get total(): number {
    return this.entries().reduce((sum, [, count]) => sum + count, 0);
  }

  /** `3 × this, 2 × that`; a dash when there is nothing. */
  toString(): string {
    const parts = this.entries().map(([name, count]) => `${count} × ${name}`);
    return parts.length === 0 ? "–" : parts.join(", ");
  }
}
