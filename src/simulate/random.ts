/** A source of numbers from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number;

/** Seeds are whole numbers from 0 to this. */
export const MAX_SEED = 0xffff_ffff;

/**
 * A random source whose numbers follow from its seed alone, on every machine: xoshiro128** (Blackman and
 * Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021). Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let a = scatter(seed + 1);
  let b = scatter(seed + 2);
  let c = scatter(seed + 3);
  // The state must not be all zeros; an odd word is none.
  let d = scatter(seed + 4) | 1;
  return () => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return (scrambled >>> 0) / 0x1_0000_0000;
  };
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Spreads neighbouring seeds over all 32 bits. */
function scatter(seed: number): number {
  let word = Math.imul(seed, 0x9e37_79b1);
  word = Math.imul(word ^ (word >>> 15), 0x85eb_ca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2_ae35);
  return word ^ (word >>> 16);
}

/** A whole number from 0 to `end` (exclusive), each as likely as the others. */
export function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

/** A waiting time with the given mean: exponential, as between independent events. */
export function waitingTime(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

/** The items in a random order; the given array stays as it is. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((left, right) => left.rank - right.rank)
    .map(({ item }) => item);
}

/**
 * Prepares drawing items by weight: each is drawn with the probability of its share in the sum.
 *
 * @param items at least one
 * @param weight of an item, 0 or more, in any unit
 */
export function weightedDraw<T>(
  items: readonly T[],
  weight: (item: T, index: number) => number,
): (random: Random) => T {
  const ends = new Float64Array(items.length);
  let sum = 0;
  for (const [index, item] of items.entries()) {
    sum += weight(item, index);
    ends[index] = sum;
  }
  return (random) => {
    const point = random() * sum;
    let low = 0;
    let high = items.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (point < (ends[middle] ?? sum)) high = middle;
      else low = middle + 1;
    }
    return items[low] as T;
  };
}
