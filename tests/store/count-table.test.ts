import { expect, test } from "bun:test";
import { CountTable } from "../../src/store/count-table.ts";
import { DAY_MS, Groups } from "../../src/store/event-groups.ts";
import { fields } from "../support/store.ts";

const DAYS = 2000;
const TYPES = 200;

/** A table by day and type, of one event each. */
function tableOf(days: number, types: number): CountTable {
  const table = new CountTable({
    periodMs: DAY_MS,
    keys: ["crimeTypeId"],
    groupings: new Set(["crimeTypeId", "day", "month"]),
    filters: new Set(["crimeTypeId"]),
    firstOf: ({ crimeTypeId }) => crimeTypeId,
    secondOf: () => 0,
  });
  for (let day = 0; day < days; day++) {
    for (let type = 1; type <= types; type++) table.add(event(day, type), 1);
  }
  return table;
}

function event(day: number, crimeTypeId: number) {
  return fields({ arrestedAt: day * DAY_MS, crimeTypeId });
}

/** Adds up to the end, and does something after each step but the last. */
function addUp(
  table: CountTable,
  groupings: readonly ("crimeTypeId" | "day")[],
  inBetween: (step: number) => void = () => undefined,
) {
  const groups = new Groups(Number.POSITIVE_INFINITY);
  const { sum, rest } = table.ask({ filter: {}, groupings });
  expect(rest).toEqual([]);
  let steps = 1;
  while (!sum.next(groups)) inBetween(steps++);
  return { steps, groups: groups.sorted() };
}

test("a large table is added up in steps, which others are served between", () => {
  const table = tableOf(DAYS, TYPES);
  for (const [grouping, groups] of [
    ["crimeTypeId", TYPES],
    ["day", DAYS],
  ] as const) {
    const found = addUp(table, [grouping]);
    // 400,000 numbers at least, of which a step adds 200,000.
    expect(found.steps).toBeGreaterThan(1);
    expect(found.groups).toHaveLength(groups);
    expect(found.groups.every(({ count }) => count === (DAYS * TYPES) / groups)).toBe(true);
  }
  expect(addUp(tableOf(100, 10), ["day"]).steps).toBe(1);
});

test("what is counted between the steps is not in the sum, but in the next", () => {
  const table = tableOf(DAYS, TYPES);
  const before = addUp(table, ["crimeTypeId"]).groups;
  const during = addUp(table, ["crimeTypeId"], () => {
    // From a day that has been added up to one that has not, and a day, a type and a further type of its own.
    table.add(event(0, 1), -1);
    table.add(event(DAYS - 1, 1), 1);
    table.add(event(DAYS, 2), 1);
    for (let type = TYPES + 1; type < TYPES + 100; type++) table.add(event(DAYS - 1, type), 1);
  });
  expect(during.steps).toBeGreaterThan(1);
  expect(during.groups).toEqual(before);
  const added = during.steps - 1;
  const after = addUp(table, ["crimeTypeId"]).groups;
  expect(after.slice(0, 3).map(({ count }) => count)).toEqual([DAYS, DAYS + added, DAYS]);
  expect(after).toHaveLength(TYPES + 99);
  expect(after.slice(TYPES).every(({ count }) => count === added)).toBe(true);
});
