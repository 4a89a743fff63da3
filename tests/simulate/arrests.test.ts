import { describe, expect, test } from "bun:test";
import {
  type ArrestEventFields,
  formatTimestamp,
  isId,
  MAX_TIMESTAMP,
  MIN_TIMESTAMP,
  parseTimestamp,
} from "../../src/arrest-event.ts";
import {
  arrestSource,
  MAX_REPORTING_DELAY,
  OFFICERS,
  POPULATION,
} from "../../src/simulate/arrests.ts";
import { ARREST_TYPES, OFFENSES } from "../../src/simulate/nibrs.ts";
import { seededRandom } from "../../src/simulate/random.ts";

const DAY = 86_400_000;
const START = Date.parse("2026-01-01T00:00:00Z");

function take(count: number, seed: number, region = { startAt: START, arrestsPerDay: 1200 }) {
  const next = arrestSource(seededRandom(seed), region);
  return Array.from({ length: count }, next);
}

function countBy(
  events: readonly ArrestEventFields[],
  of: (event: ArrestEventFields) => number,
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const event of events) counts.set(of(event), (counts.get(of(event)) ?? 0) + 1);
  return counts;
}

/** Pearson's statistic over its degrees of freedom: about 1 when the counts follow the weights. */
function misfit(counts: Map<number, number>, rows: readonly { id: number; weight: number }[]) {
  const total = counts.values().reduce((sum, count) => sum + count, 0);
  const weights = rows.reduce((sum, row) => sum + row.weight, 0);
  const statistic = rows.reduce((sum, row) => {
    const expected = (total * row.weight) / weights;
    return sum + ((counts.get(row.id) ?? 0) - expected) ** 2 / expected;
  }, 0);
  return statistic / (rows.length - 1);
}

describe("simulated arrests", () => {
  const events = take(100_000, 1);

  test("the same seed gives the same arrests, another seed others", () => {
    expect(take(500, 7)).toEqual(take(500, 7));
    expect(take(500, 7)).not.toEqual(take(500, 8));
  });

  test("what a seed gives changes only on purpose", () => {
    const digest = Bun.SHA256.hash(JSON.stringify(take(10_000, 42)), "hex");
    expect(digest).toMatchInlineSnapshot(
      `"bc2d2fe9ac51dffd23caa7d2dcb8c7daad17ba963f03de4e40a40de775d14aff"`,
    );
  });

  test("every arrest is an event by the rules of the contract", () => {
    for (const event of events) {
      expect(
        isId(event.officerId) &&
          isId(event.subjectId) &&
          isId(event.arrestTypeId) &&
          isId(event.crimeTypeId) &&
          parseTimestamp(formatTimestamp(event.arrestedAt)) === event.arrestedAt,
      ).toBe(true);
    }
  });

  test.each([MIN_TIMESTAMP, MAX_TIMESTAMP - DAY, MAX_TIMESTAMP])(
    "at the edge of time, %d, arrests stay within what can be stored",
    (startAt) => {
      for (const event of take(3000, 1, { startAt, arrestsPerDay: 1000 })) {
        expect(parseTimestamp(formatTimestamp(event.arrestedAt))).toBe(event.arrestedAt);
      }
    },
  );

  test("arrests begin at the start and rise, but for reports that come late", () => {
    let latest = START;
    let late = 0;
    for (const { arrestedAt } of events) {
      expect(arrestedAt).toBeGreaterThanOrEqual(START);
      expect(arrestedAt).toBeGreaterThan(latest - MAX_REPORTING_DELAY - 1000);
      expect(arrestedAt % 1000).toBe(0);
      if (arrestedAt < latest) late += 1;
      latest = Math.max(latest, arrestedAt);
    }
    expect(late).toBeGreaterThan(0);
    expect((latest - START) / DAY).toBeWithin(100_000 / 1200 - 3, 100_000 / 1200 + 3);
  });

  test("the evening has more arrests than the early morning, Friday more than Monday", () => {
    const hours = countBy(events, (event) => new Date(event.arrestedAt).getUTCHours());
    expect(hours.get(22) ?? 0).toBeGreaterThan(2 * (hours.get(5) ?? 0));
    // Whole weeks, so that each weekday counts as often.
    const weeks = events.filter((event) => event.arrestedAt < START + 77 * DAY);
    const weekdays = countBy(weeks, (event) => new Date(event.arrestedAt).getUTCDay());
    expect(weekdays.get(5) ?? 0).toBeGreaterThan(1.1 * (weekdays.get(1) ?? 0));
  });

  test("offenses are as frequent as their weights say", () => {
    const counts = countBy(events, (event) => event.crimeTypeId);
    expect(misfit(counts, OFFENSES)).toBeLessThan(1.6);
    expect(new Set(counts.keys()).isSubsetOf(new Set(OFFENSES.map(({ id }) => id)))).toBe(true);
  });

  test("how an arrest is made depends on the offense", () => {
    for (const code of ["13B", "23C", "35A", "90D", "90Z"]) {
      const offense = OFFENSES.find((row) => row.code === code);
      const counts = countBy(
        events.filter((event) => event.crimeTypeId === offense?.id),
        (event) => event.arrestTypeId,
      );
      const rows = ARREST_TYPES.map(({ id }, index) => ({
        id,
        weight: offense?.arrestTypeShares[index] ?? 0,
      }));
      expect(misfit(counts, rows)).toBeLessThan(5);
    }
  });

  test("officers are very unequally busy, and each works in one shift", () => {
    const counts = countBy(events, (event) => event.officerId);
    const busiest = counts
      .values()
      .toArray()
      .sort((left, right) => right - left);
    expect(counts.keys().every((id) => id >= 1 && id <= OFFICERS)).toBe(true);
    expect(counts.size).toBeGreaterThan(0.99 * OFFICERS);
    const topTenth = busiest.slice(0, OFFICERS / 10).reduce((sum, count) => sum + count, 0);
    expect(topTenth / events.length).toBeWithin(0.2, 0.5);
    const shifts = new Map<number, Set<number>>();
    for (const { officerId, arrestedAt } of events) {
      const shift = Math.floor(((new Date(arrestedAt).getUTCHours() + 18) % 24) / 8);
      shifts.set(officerId, (shifts.get(officerId) ?? new Set()).add(shift));
    }
    expect(shifts.values().every((seen) => seen.size === 1)).toBe(true);
  });

  test("most subjects are arrested once, some many times", () => {
    const counts = countBy(events, (event) => event.subjectId);
    const often = counts.values().toArray();
    expect(counts.keys().every((id) => id >= 1 && id <= POPULATION)).toBe(true);
    expect(often.filter((count) => count === 1).length / counts.size).toBeWithin(0.5, 0.9);
    expect(often.filter((count) => count >= 5).length / counts.size).toBeWithin(0.005, 0.1);
    expect(Math.max(...often)).toBeGreaterThan(10);
  });
});

describe("the tables", () => {
  test("ids and codes are unique, weights are positive and add up to about 10,000", () => {
    for (const rows of [OFFENSES, ARREST_TYPES]) {
      expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
      expect(new Set(rows.map(({ code }) => code)).size).toBe(rows.length);
    }
    expect(OFFENSES.every(({ weight }) => weight > 0)).toBe(true);
    expect(OFFENSES.reduce((sum, { weight }) => sum + weight, 0)).toBeWithin(9_900, 10_101);
  });

  test("the shares of the arrest types add up to one", () => {
    for (const { arrestTypeShares } of OFFENSES) {
      expect(arrestTypeShares.reduce<number>((sum, share) => sum + share, 0)).toBeCloseTo(1);
    }
  });
});
