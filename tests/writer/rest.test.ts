import { expect, test } from "bun:test";
import { Rest } from "../../src/writer/rest.ts";

/** What each second answers, given how much was done in it. */
function ticks(work: readonly number[]): boolean[] {
  const rest = new Rest({ workASecond: 10, seconds: 3 });
  let done = 0;
  return work.map((amount) => {
    done += amount;
    return rest.tick(done);
  });
}

test("a rest begins once, after enough quiet seconds behind work", () => {
  expect(ticks([11, 0, 0, 0, 0, 0])).toEqual([false, false, false, true, false, false]);
});

test("no rest begins where there was no work", () => {
  expect(ticks([0, 0, 0, 10, 10, 10])).not.toContain(true);
});

test("a trickle does not keep a rest from beginning, nor begin another", () => {
  expect(ticks([50, 10, 10, 10, 10, 10, 10, 10])).toEqual([
    ...[false, false, false, true],
    ...[false, false, false, false],
  ]);
});

test("work before the rest has begun puts it off, and work after it leads to the next", () => {
  expect(ticks([11, 0, 0, 11, 0, 0, 0, 11, 0, 0, 0])).toEqual([
    ...[false, false, false, false, false, false, true],
    ...[false, false, false, true],
  ]);
});
