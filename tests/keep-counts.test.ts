import { expect, test } from "bun:test";
import { keepCounting } from "../src/keep-counts.ts";
import { until } from "./support/until.ts";

const RESTS = { timesStep: 0, whenIdle: 1, afterFailure: 2 };

test("events are counted step by step, again after a failure, and further ones when all are counted", async () => {
  const steps: (boolean | Error)[] = [false, new Error("disk I/O error"), false, true, false, true];
  const taken: unknown[] = [];
  const warnings: unknown[] = [];
  const end = keepCounting(
    {
      keepCounts: () => {
        const step = steps[taken.length] ?? true;
        taken.push(step);
        if (step instanceof Error) throw step;
        return step;
      },
    },
    { warn: (line: unknown) => void warnings.push(line) },
    RESTS,
  );
  try {
    await until("all steps", () => taken.length > steps.length || undefined);
  } finally {
    end();
  }
  expect(taken.slice(0, steps.length)).toEqual(steps);
  expect(warnings).toEqual([{ err: steps[1] }]);
});

test("what is ended takes no further step", async () => {
  let steps = 0;
  const end = keepCounting(
    {
      keepCounts: () => {
        steps++;
        return false;
      },
    },
    { warn: () => undefined },
    RESTS,
  );
  await until("a step", () => steps > 0 || undefined);
  end();
  const before = steps;
  // This timer comes after any that it has set.
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(steps).toBe(before);
});
