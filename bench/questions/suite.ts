/** What all questions share. */

import { ratioCell } from "../http/verdicts.ts";
import type { Kafka } from "../kafka.ts";
import type { LibrdkafkaReader } from "../librdkafka.ts";
import { cells, figure, median } from "../support.ts";
import type { Options } from "./options.ts";

/** What questions are answered with. */
export interface Suite {
  readonly options: Options;
  readonly directory: string;
  readonly kafka: Kafka;
  /** None where it cannot be compiled. */
  readonly librdkafka: LibrdkafkaReader | undefined;
  /** The consumer in Python can be run. */
  readonly hasPython: boolean;
}

/** One of the sides that are compared. */
export interface Side<Sample> {
  readonly name: string;
  measure(): Promise<Sample>;
}

/** The samples of each side by its name, round by round. */
export type Samples<Sample> = ReadonlyMap<string, readonly Sample[]>;

/** Measures each side `rounds` times, in turns; each round begins with another. Tells the standard error how far it is. */
export async function inTurns<Sample>(
  rounds: number,
  sides: readonly Side<Sample>[],
): Promise<Samples<Sample>> {
  const samples = new Map<string, Sample[]>(sides.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const first = round % sides.length;
    for (const side of [...sides.slice(first), ...sides.slice(0, first)]) {
      process.stderr.write(`round ${round + 1} of ${rounds}: ${side.name}\n`);
      try {
        samples.get(side.name)?.push(await side.measure());
      } catch (error) {
        throw new Error(`${side.name}: ${(error as Error).message}`, { cause: error });
      }
    }
  }
  return samples;
}

/** One number of each of a side's samples. */
export function column<Sample, Key extends keyof Sample>(
  samples: Samples<Sample>,
  name: string,
  key: Key,
): Sample[Key][] {
  return (samples.get(name) ?? []).map((sample) => sample[key]);
}

/** How fast something went, and what it took. */
export interface RateSample {
  readonly eventsPerSecond: number;
  /** Of the processor, in microseconds an event. */
  readonly processorTime: number;
}

/** The heads of the columns of {@link rateCells}. */
export const RATE_HEADS = [
  "events/s, median",
  "spread",
  "ratio",
  "CPU µs/event",
  "CPU ratio",
] as const;

/** A side's rate, its spread, the ratio to the reference; the processor time, and the reference's as a part of it. */
export function rateCells(samples: Samples<RateSample>, name: string, reference: string): string[] {
  const rates = column(samples, name, "eventsPerSecond");
  const used = column(samples, name, "processorTime");
  return [
    ...cells(rates, column(samples, reference, "eventsPerSecond")),
    figure(median(used)),
    ratioCell(column(samples, reference, "processorTime"), used),
  ];
}
