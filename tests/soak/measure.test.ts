import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../src/simulate/random.ts";
import { Histogram, memoryProblems, slopePerHour, type Trend, trendOf } from "./measure.ts";

const MINUTE_MS = 60_000;

describe("the slope", () => {
  test("is that of samples on a line, whatever the time of the first", () => {
    const samples = [0, 1, 2, 5].map((minute) => ({
      at: 1e12 + minute * MINUTE_MS,
      value: 70 - minute,
    }));
    expect(slopePerHour(samples)).toBeCloseTo(-60, 6);
  });

  test("is 0 where there is nothing to fit", () => {
    expect(slopePerHour([])).toBe(0);
    expect(slopePerHour([{ at: 5, value: 7 }])).toBe(0);
  });
});

test("a trend tells how the second half grows, not the first", () => {
  const samples = Array.from({ length: 21 }, (_, minute) => ({
    at: minute * MINUTE_MS,
    value: minute < 10 ? 10 * minute : 100 + (minute - 10),
  }));
  expect(trendOf(samples)).toEqual({
    start: 0,
    quarter: 50,
    half: 100,
    end: 110,
    most: 110,
    slope: expect.closeTo(60, 6),
    samples: 21,
  });
  expect(trendOf(samples.slice(0, 7))).toBeUndefined();
});

describe("memory", () => {
  const grow = (minutes: number, from: number, perHour: number): Trend =>
    trendOf(
      Array.from({ length: 61 }, (_, index) => ({
        at: (index / 60) * minutes * MINUTE_MS,
        value: from + (index / 60) * (minutes / 60) * perHour,
      })),
    ) as Trend;

  test("that stays where it is, or is still being warmed up in a short run, is in order", () => {
    expect(memoryProblems(60, grow(60, 200, 60))).toEqual([]);
    expect(memoryProblems(9, grow(9, 100, 600))).toEqual([]);
  });

  test("that grows on and on, or is too much, is not", () => {
    expect(memoryProblems(12, grow(12, 100, 180))).toEqual(["grows by 180 MiB an hour, of 120"]);
    expect(memoryProblems(5, grow(5, 451, 0))).toEqual(["451 of 450 MiB"]);
  });
});

test("percentiles of a histogram are within 5 % of the true ones", () => {
  const random = seededRandom(7);
  const durations = Array.from({ length: 10_000 }, () => 0.1 * 10 ** (4 * random()));
  const histogram = new Histogram();
  for (const duration of durations) histogram.add(duration);
  const sorted = durations.toSorted((one, other) => one - other);
  for (const share of [0.01, 0.5, 0.99, 1]) {
    const exact = sorted[Math.ceil(sorted.length * share) - 1] as number;
    expect(histogram.percentile(share) / exact).toBeWithin(0.999, 1.0501);
  }
  expect(histogram.longest).toBe(sorted.at(-1) as number);
});
