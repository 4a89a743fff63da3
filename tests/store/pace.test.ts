import { expect, test } from "bun:test";
import { Pace, stepsOfOneSnapshot } from "../../src/store/pace.ts";

const SIZES = { least: 100, first: 1000, most: 5000 };

/** A pace whose steps take as long as they are told, and the sizes of those. */
function sizesOf(millisecondsOfAll: readonly number[]): number[] {
  let now = 0;
  const pace = new Pace(SIZES, () => now);
  return millisecondsOfAll.map((milliseconds) =>
    pace.step((size) => {
      now += milliseconds;
      return size;
    }),
  );
}

test("quick steps are followed by larger ones, up to the most", () => {
  expect(sizesOf([0, 1, 0, 0, 0])).toEqual([1000, 2000, 4000, 5000, 5000]);
});

test("a step that takes long is followed by one that is as much smaller, down to the least", () => {
  expect(sizesOf([16, 4, 400, 0])).toEqual([1000, 250, 250, 100]);
});

test("a step that fails leaves the size as it is", () => {
  const pace = new Pace(SIZES, () => 0);
  const failing = () => {
    throw new Error("disk I/O error");
  };
  expect(() => pace.step(failing)).toThrow("disk I/O error");
  expect(pace.step((size) => size)).toBe(1000);
});

test("the steps of a snapshot end with the last, or when they have taken as long as one may be held", () => {
  let now = 0;
  let steps = 0;
  const step = () => {
    now += 3;
    return ++steps === 6;
  };
  expect(stepsOfOneSnapshot(step, () => now)).toBe(false);
  expect(steps).toBe(4);
  expect(stepsOfOneSnapshot(step, () => now)).toBe(true);
  expect(steps).toBe(6);
});
