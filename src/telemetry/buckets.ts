/**
 * The upper bounds, in seconds, of what takes from half a millisecond, such as an answer from memory or a
 * commit on a fast disk, to ten seconds, when something is about to be given up.
 */
export const DURATION_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
