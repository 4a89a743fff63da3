/** Messages that bear the time of their sending, by which their way can be measured to any reader on this machine. */

/** The officer of all probes; read-topic.c looks for it as well. */
export const PROBE_OFFICER: number = Number.MAX_SAFE_INTEGER;

/** The time in microseconds since 1970. */
export function microseconds(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

/** A message that is sent now: its subject is the time. */
export function probe(): Buffer {
  const members = `"arrest_type_id":1,"crime_type_id":10,"arrested_at":"${new Date().toISOString()}"`;
  return Buffer.from(`{"officer_id":${PROBE_OFFICER},"subject_id":${microseconds()},${members}}`);
}
