import { describe, expect, test } from "bun:test";
import {
  progressLine,
  rateMeter,
  type Snapshot,
  showProgress,
} from "../../src/simulate/progress.ts";

const HALFWAY: Snapshot = {
  elapsed: 5000,
  sent: 5100,
  delivered: 5000,
  malformed: 0,
  failed: 0,
  count: 10_000,
  seconds: Number.POSITIVE_INFINITY,
  trouble: undefined,
};

describe("a line of progress", () => {
  test("tells the part done, what was sent and delivered, the rate and the time left", () => {
    expect(progressLine(HALFWAY, 1000, 0)).toBe(
      "50 %  5,100 sent  5,000 delivered  1,000/s  0:05 left",
    );
  });

  test("has a bar on a terminal with room for it, within its width", () => {
    expect(progressLine(HALFWAY, 1000, 120)).toStartWith("██████████░░░░░░░░░░ 50 %");
    expect(progressLine(HALFWAY, 1000, 65)).toStartWith("█████░░░░░░ 50 %");
    expect(progressLine(HALFWAY, 1000, 65)).toHaveLength(65);
    expect(progressLine(HALFWAY, 1000, 55)).toStartWith("50 %");
  });

  test("has neither bar nor time left without an end", () => {
    expect(progressLine({ ...HALFWAY, count: Number.POSITIVE_INFINITY }, 1000, 120)).toBe(
      "5,100 sent  5,000 delivered  1,000/s",
    );
  });

  test("goes by the clock when the end is a time", () => {
    const timed = { ...HALFWAY, count: Number.POSITIVE_INFINITY, seconds: 3605 };
    expect(progressLine(timed, 1000, 0)).toStartWith("0 %");
    expect(progressLine(timed, 1000, 0)).toEndWith("1:00:00 left");
  });

  test("tells malformed and failed messages, and trouble with the broker", () => {
    const line = progressLine({ ...HALFWAY, malformed: 7, failed: 2, trouble: "no broker" }, 0, 0);
    expect(line).toEndWith("0/s  7 malformed  2 failed  no broker");
  });
});

describe("the rate", () => {
  test("is that of the last seconds, not of the whole run", () => {
    const rate = rateMeter();
    expect(rate({ elapsed: 1000, delivered: 10_000 })).toBe(10_000);
    for (let second = 2; second <= 20; second += 1) {
      rate({ elapsed: second * 1000, delivered: 10_000 + second * 100 });
    }
    expect(rate({ elapsed: 21_000, delivered: 12_100 })).toBe(100);
  });

  test("is nothing at the start, and counts what came in one long gap", () => {
    const rate = rateMeter();
    expect(rate({ elapsed: 0, delivered: 0 })).toBe(0);
    expect(rate({ elapsed: 60_000, delivered: 6000 })).toBe(100);
  });
});

describe("on a terminal", () => {
  test("the line is drawn over, never wraps, and is gone in the end", async () => {
    const written: string[] = [];
    const terminal = {
      isTTY: true,
      columns: 30,
      write(text: string) {
        written.push(text);
        return true;
      },
    };
    const stop = showProgress(terminal, () => HALFWAY);
    const deadline = performance.now() + 5000;
    while (written.join("").split("50 %").length < 3 && performance.now() < deadline) {
      await Bun.sleep(5);
    }
    stop();
    const screen = written.join("");
    expect(screen).toStartWith("\u001b[1G50 %  5,100 sent");
    expect(Math.max(...written.map((text) => text.length))).toBeLessThan(30);
    expect(screen).not.toContain("\n");
    expect(screen).toEndWith("\u001b[1G\u001b[2K");
  });
});
