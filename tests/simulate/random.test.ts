import { describe, expect, test } from "bun:test";
import {
  below,
  MAX_SEED,
  seededRandom,
  shuffled,
  waitingTime,
  weightedDraw,
} from "../../src/simulate/random.ts";

describe("the random source", () => {
  test.each([0, 1, 2, MAX_SEED])("seed %d gives numbers spread evenly from 0 to 1", (seed) => {
    const random = seededRandom(seed);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let index = 0; index < 100_000; index += 1) {
      const value = random();
      expect(value >= 0 && value < 1).toBe(true);
      const tenth = Math.floor(value * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(count).toBeWithin(9_600, 10_400);
  });

  test("neighbouring seeds have nothing in common", () => {
    const firsts = Array.from({ length: 1000 }, (_, seed) => seededRandom(seed)());
    expect(new Set(firsts).size).toBe(1000);
    expect(firsts.reduce((sum, value) => sum + value, 0) / 1000).toBeWithin(0.45, 0.55);
  });

  test("a whole number is drawn below its end, and every one of them", () => {
    const random = seededRandom(1);
    const drawn = new Set(Array.from({ length: 1000 }, () => below(random, 6)));
    expect([...drawn].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("waiting times are positive and have the mean that is asked for", () => {
    const random = seededRandom(1);
    const times = Array.from({ length: 50_000 }, () => waitingTime(random, 250));
    expect(times.every((time) => time >= 0 && Number.isFinite(time))).toBe(true);
    expect(times.reduce((sum, time) => sum + time, 0) / times.length).toBeWithin(240, 260);
  });

  test("shuffling keeps every item and leaves the given array as it is", () => {
    const items = Array.from({ length: 100 }, (_, index) => index);
    const result = shuffled(seededRandom(1), items);
    expect(result).not.toEqual(items);
    expect(result.toSorted((left, right) => left - right)).toEqual(items);
  });

  test("items are drawn by their weight, and never one without weight", () => {
    const random = seededRandom(1);
    const draw = weightedDraw([0, 1, 0, 3], (weight) => weight);
    const counts = new Map<number, number>();
    for (let index = 0; index < 40_000; index += 1) {
      const item = draw(random);
      counts.set(item, (counts.get(item) ?? 0) + 1);
    }
    expect(counts.get(0)).toBeUndefined();
    expect(counts.get(1) ?? 0).toBeWithin(9_500, 10_500);
  });
});
