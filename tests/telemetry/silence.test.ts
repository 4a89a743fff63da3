import { expect, test } from "bun:test";
import { Silence } from "../../src/telemetry/silence.ts";

function ticks(silence: Silence, count: number): void {
  for (let tick = 0; tick < count; tick++) silence.tick();
}

test("a silence is too long when it has lasted longer than it may", () => {
  const silence = new Silence(250, 1000);
  ticks(silence, 4);
  expect({ seconds: silence.seconds, isTooLong: silence.isTooLong }).toEqual({
    seconds: 1,
    isTooLong: false,
  });
  silence.tick();
  expect(silence.isTooLong).toBe(true);
});

test("a sign of life ends a silence", () => {
  const silence = new Silence(1000, 3000);
  ticks(silence, 9);
  silence.heard();
  expect({ seconds: silence.seconds, isTooLong: silence.isTooLong }).toEqual({
    seconds: 0,
    isTooLong: false,
  });
});

test("time in which the whole thread stood still counts as one tick", () => {
  const silence = new Silence(10, 100);
  const timer = setInterval(() => silence.tick(), 10);
  const until = performance.now() + 300;
  while (performance.now() < until);
  return new Promise<void>((resolve) => {
    setTimeout(() => {
      clearInterval(timer);
      expect(silence.isTooLong).toBe(false);
      resolve();
    });
  });
});
