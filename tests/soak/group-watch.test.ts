import { expect, test } from "bun:test";
import { GroupWatch } from "./group-watch.ts";

const plenty = () => 1000;

test("a partition that is read from before what the group had been told by then is found", () => {
  const group = new GroupWatch();
  expect(group.hear([100, undefined], 1000, plenty)).toEqual([]);
  expect(group.hear([200, undefined], 2000, plenty)).toEqual([]);
  expect(group.check({ partition: 0, offset: 100, at: 1500 })).toBeUndefined();
  expect(group.check({ partition: 0, offset: 200, at: 2500 })).toBeUndefined();
  expect(group.check({ partition: 0, offset: 199, at: 2500 })).toContain("had been told 200");
  expect(group.check({ partition: 1, offset: 0, at: 2500 })).toBeUndefined();
});

test("a group that is told of more than the stores hold, or of less than before, is found", () => {
  const group = new GroupWatch();
  expect(group.hear([500], 1000, () => 499)).toEqual([
    "the group was told 0@500, and the stores hold up to 499",
  ]);
  expect(group.hear([400], 2000, plenty)).toEqual([
    "the group's offset of partition 0 went back: 500 → 400",
  ]);
});
