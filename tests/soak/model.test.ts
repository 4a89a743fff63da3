import { beforeEach, expect, test } from "bun:test";
import { isPoison } from "./messages.ts";
import { FATE, Model } from "./model.ts";

/** More than the model has room for at first. */
const COUNT = 70_000;

let model: Model;

/** Messages that were sent, are in the log at the offsets of their turns, and are in the first store. */
beforeEach(() => {
  model = new Model();
  for (let sequence = 0; sequence < COUNT; sequence++) {
    model.issue(sequence % 3, 0);
    model.settle(sequence, FATE.sent);
    model.log(sequence, sequence % 3, Math.floor(sequence / 3));
    model.store(sequence, 0);
  }
});

test("nothing is wrong where every message of the log is in one store", () => {
  const letters = Array.from({ length: COUNT }, (_, sequence) => sequence).filter(isPoison).length;
  expect(model.check()).toEqual({
    sent: COUNT,
    inLog: COUNT,
    rows: COUNT - letters,
    letters,
    aborted: 0,
    uncertain: 0,
    doubled: 0,
    problems: [],
  });
});

test("a message that no store holds is missing", () => {
  const late = model.issue(2, 0);
  model.settle(late, FATE.sent);
  model.log(late, 2, 40_000);
  expect(model.check().problems).toEqual([`1 × is missing in the store: ${late} (2@40000)`]);
});

test("a message that two stores hold is counted, and one that a store holds twice is told at once", () => {
  expect(model.store(5, 1)).toBe(true);
  expect(model.store(5, 1)).toBe(false);
  expect(model.check()).toMatchObject({ doubled: 1, problems: [] });
});

test("what two stores hold is told as ranges of each partition", () => {
  for (const sequence of [3, 0, 6, 1, 4, 9000]) model.store(sequence, 1);
  model.store(4, 2);
  const both = [0, 1];
  expect(model.doubledRanges()).toEqual([
    { partition: 0, from: 0, to: 2, count: 3, stores: both },
    { partition: 0, from: 3000, to: 3000, count: 1, stores: both },
    { partition: 1, from: 0, to: 0, count: 1, stores: both },
    { partition: 1, from: 1, to: 1, count: 1, stores: [0, 1, 2] },
  ]);
});

test("an aborted message may neither be read nor stored", () => {
  const aborted = model.issue(1, 0);
  model.settle(aborted, FATE.aborted);
  expect(model.check()).toMatchObject({ aborted: 1, problems: [] });
  model.store(aborted, 0);
  expect(model.check().problems).toEqual([
    `1 × is stored, though the log does not have it: ${aborted} (1@-1)`,
  ]);
  model.log(aborted, 1, 50_000);
  expect(model.check().problems).toEqual([`1 × was aborted and can be read: ${aborted} (1@50000)`]);
});

test("what became of a message whose producer failed is what the log has of it", () => {
  const unsent = model.issue(0, 0);
  model.settle(unsent, FATE.uncertain);
  expect(model.check()).toMatchObject({ uncertain: 1, problems: [] });
  model.log(unsent, 0, 60_000);
  expect(model.check().problems).toEqual([`1 × is missing in the store: ${unsent} (0@60000)`]);
});

test("the log may have each message once, in its partition", () => {
  expect(model.log(7, 1, 99)).toBe("the log has message 7 twice");
  const next = model.issue(1, 0);
  expect(model.log(next, 2, 99)).toBe(`message ${next} is in another partition`);
  expect(model.log(next + 1, 0, 99)).toContain("was not sent now");
});

test("a window that is closed is forgotten, and its messages are no more to be stored", () => {
  model.close();
  expect(model.knows(COUNT - 1)).toBe(false);
  expect(model.issue(0, 0)).toBe(COUNT);
  expect(model.offsetOf(COUNT)).toBe(-1);
  expect(model.isLogged()).toBe(true);
  model.settle(COUNT, FATE.sent);
  expect(model.isLogged()).toBe(false);
  expect(model.check().problems).toEqual([
    `1 × was acknowledged by the broker and is not in the log: ${COUNT} (0@-1)`,
  ]);
});
