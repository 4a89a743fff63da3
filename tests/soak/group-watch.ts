import type { Taken } from "./instance.ts";

interface Committed {
  /** When that was heard: milliseconds since 1970. */
  readonly at: number;
  readonly offset: number;
}

/** How many changes of a partition's offset are remembered. */
const REMEMBERED = 600;

/** What the group has been told, in the course of time. Offsets that it was told of are nowhere read again. */
export class GroupWatch {
  readonly #committed = new Map<number, Committed[]>();

  /** Takes note of what the group holds. Returns what is wrong with it, given what the stores hold now. */
  hear(
    offsets: readonly (number | undefined)[],
    at: number,
    stored: (partition: number) => number,
  ): string[] {
    const problems: string[] = [];
    for (const [partition, offset] of offsets.entries()) {
      if (offset === undefined) continue;
      const history = this.#committed.get(partition) ?? [];
      this.#committed.set(partition, history);
      const before = history.at(-1)?.offset ?? 0;
      if (offset < before) {
        problems.push(
          `the group's offset of partition ${partition} went back: ${before} → ${offset}`,
        );
      }
      if (offset > stored(partition)) {
        const held = stored(partition);
        problems.push(
          `the group was told ${partition}@${offset}, and the stores hold up to ${held}`,
        );
      }
      if (offset !== before) history.push({ at, offset });
      if (history.length > REMEMBERED) history.shift();
    }
    return problems;
  }

  /** Checks where an instance began to read: never before what the group had been told by then. */
  check({ partition, offset, at }: Taken): string | undefined {
    const history = this.#committed.get(partition) ?? [];
    const told = history.findLast((each) => each.at <= at)?.offset ?? 0;
    return offset < told
      ? `partition ${partition} was read from ${offset}, and the group had been told ${told}`
      : undefined;
  }
}
