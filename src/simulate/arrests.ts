import { type ArrestEventFields, MAX_TIMESTAMP } from "../arrest-event.ts";
import { ARREST_TYPES, OFFENSES } from "./nibrs.ts";
import { below, type Random, shuffled, waitingTime, weightedDraw } from "./random.ts";

/** What the simulated region is like. */
export interface Region {
  /** When its first arrest may happen: milliseconds since 1970. */
  readonly startAt: number;
  /** How many arrests an average day has. */
  readonly arrestsPerDay: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How many officers the region has; their ids are 1 to this. */
export const OFFICERS = 2000;

/** The ids of its people are 1 to this. */
export const POPULATION = 2_000_000;

/** How late an arrest is reported at most, in milliseconds: how far `arrestedAt` may fall back. */
export const MAX_REPORTING_DELAY = 20 * 60_000;
const MEAN_REPORTING_DELAY = 4 * 60_000;

/** The part of arrests whose subject has been arrested before. */
const REPEAT_SHARE = 0.4;
/** Who is arrested again is found among this many arrests … */
const REMEMBERED_ARRESTS = 50_000;
/** … but not among the last of them: hardly anyone is arrested twice in a few hours. */
const LATEST_ARRESTS = 200;

/** Arrests by hour of the day (UTC) and by weekday from Sunday, relative to the mean. By judgement. */
const HOURS = [
  1.2, 1.15, 1.0, 0.7, 0.45, 0.4, 0.45, 0.6, 0.75, 0.9, 1.0, 1.05, 1.0, 1.05, 1.15, 1.2, 1.25, 1.25,
  1.25, 1.2, 1.2, 1.25, 1.3, 1.25,
];
const WEEKDAYS = [0.95, 0.92, 0.98, 1.0, 1.0, 1.1, 1.05];

/** Shifts change at 06:00, 14:00 and 22:00. */
const SHIFTS = 3;
const SHIFT_CHANGE = 6;

/**
 * Prepares arrests in the order in which they are reported; each call gives the next. Everything follows
 * from the random source and the region. `arrestedAt` is in whole seconds and rises, but for reports that
 * come up to {@link MAX_REPORTING_DELAY} late.
 */
export function arrestSource(random: Random, region: Region): () => ArrestEventFields {
  const nextReport = reportTimes(random, region);
  const drawOfficer = officers(random);
  const drawSubject = subjects(random);
  const drawOffense = weightedDraw(
    OFFENSES.map((offense) => ({
      id: offense.id,
      weight: offense.weight,
      drawArrestType: weightedDraw(
        ARREST_TYPES,
        (_, index) => offense.arrestTypeShares[index] ?? 0,
      ),
    })),
    (offense) => offense.weight,
  );
  return () => {
    const reportedAt = nextReport();
    const delay = Math.min(waitingTime(random, MEAN_REPORTING_DELAY), MAX_REPORTING_DELAY);
    const arrestedAt = Math.max(reportedAt - delay, region.startAt);
    const offense = drawOffense(random);
    return {
      officerId: drawOfficer(arrestedAt),
      subjectId: drawSubject(),
      arrestTypeId: offense.drawArrestType(random).id,
      crimeTypeId: offense.id,
      arrestedAt: Math.floor(arrestedAt / 1000) * 1000,
    };
  };
}

/** A Poisson process whose rate follows the hour and the weekday, drawn exactly by thinning its peak rate. */
function reportTimes(random: Random, region: Region): () => number {
  const mean = average(HOURS) * average(WEEKDAYS);
  const peak = Math.max(...HOURS) * Math.max(...WEEKDAYS);
  const peakWait = ((DAY / region.arrestsPerDay) * mean) / peak;
  let clock = region.startAt;
  return () => {
    for (;;) {
      clock = Math.min(clock + waitingTime(random, peakWait), MAX_TIMESTAMP);
      const date = new Date(clock);
      const rate = (HOURS[date.getUTCHours()] ?? 1) * (WEEKDAYS[date.getUTCDay()] ?? 1);
      if (random() * peak < rate) return clock;
    }
  };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Draws the officer for a time. Each belongs to one shift; within it the k-th busiest makes arrests in
 * proportion to 1/(k + 50) (Zipf–Mandelbrot): the busiest makes about fourteen times as many as the last.
 */
function officers(random: Random): (time: number) => number {
  const ids = shuffled(
    random,
    Array.from({ length: OFFICERS }, (_, index) => index + 1),
  );
  const shifts = Array.from({ length: SHIFTS }, (_, shift) =>
    weightedDraw(
      ids.filter((_, index) => index % SHIFTS === shift),
      (_, index) => 1 / (index + 1 + 50),
    ),
  );
  return (time) => {
    const hour = new Date(time).getUTCHours();
    const shift = Math.floor((((hour - SHIFT_CHANGE + 24) % 24) * SHIFTS) / 24);
    return shifts[shift]?.(random) ?? 1;
  };
}

/**
 * Draws who is arrested: mostly anyone, otherwise the subject of an earlier arrest. Who has been arrested
 * more often is thereby likelier to be arrested again.
 */
function subjects(random: Random): () => number {
  const remembered = new Uint32Array(REMEMBERED_ARRESTS);
  let count = 0;
  return () => {
    const known = Math.min(count, REMEMBERED_ARRESTS) - LATEST_ARRESTS;
    const earlier = count - LATEST_ARRESTS - 1 - below(random, Math.max(known, 1));
    const again = random() < REPEAT_SHARE && known > 0;
    const subject = again
      ? (remembered[earlier % REMEMBERED_ARRESTS] ?? 1)
      : 1 + below(random, POPULATION);
    remembered[count % REMEMBERED_ARRESTS] = subject;
    count += 1;
    return subject;
  };
}
