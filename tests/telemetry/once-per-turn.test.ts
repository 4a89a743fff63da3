import { expect, test } from "bun:test";
import { oncePerTurn } from "../../src/telemetry/once-per-turn.ts";

const nextTurn = () => new Promise(setImmediate);

test("all that ask in one turn of the event loop share an answer, and the next turn gets another", async () => {
  let asked = 0;
  const ask = oncePerTurn(() => ++asked);
  expect([ask(), ask()]).toEqual([1, 1]);
  await nextTurn();
  expect([ask(), ask()]).toEqual([2, 2]);
});

test("a failure is nobody's answer but that of whom it met", () => {
  let asked = 0;
  const ask = oncePerTurn(() => {
    if (++asked === 1) throw new Error("the disk is away");
    return asked;
  });
  expect(ask).toThrow("the disk is away");
  expect(ask()).toBe(2);
});
