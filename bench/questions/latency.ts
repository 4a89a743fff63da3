/** How soon after its sending an event can be seen over HTTP. */
import { DrainingService } from "../drain.ts";
import { startFeed } from "../feed.ts";
import { templateOf } from "../http/template.ts";
import { judge } from "../http/verdicts.ts";
import { embeddedBacklog, type Place } from "../kafka.ts";
import { startSight } from "../sight.ts";
import { figure, median, print, printTable, spread } from "../support.ts";
import type { Suite } from "./suite.ts";

/** How many probes a second there are at most: looking for them takes of the service's time as well. */
const MOST_PROBES = 1000;

/** How long messages are sent before the first probe. */
const WARM_UP_MS = 1000;

/** After so many seconds without a message a reader ends. */
const SILENCE_S = 2;

/** What was seen at a rate in a round; times in milliseconds. */
interface Reading {
  readonly latencies: readonly number[];
  readonly probes: number;
  readonly perSecond: number;
  /** Events that were sent and not stored when the last had been sent; a service that keeps up has few. */
  readonly behind: number;
  /** How much too long a latency is at most, in the middle. */
  readonly gap: number;
}

type Readings = Map<number, Reading[]>;

/** The value below which a share of samples lies. */
function percentile(samples: readonly number[], share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(Math.ceil(sorted.length * share), sorted.length) - 1] ?? Number.NaN;
}

function feedTask({ brokers, topic }: Pick<Place, "brokers" | "topic">, rate: number) {
  return { brokers, topic, rate, probes: MOST_PROBES, warmUpMs: WARM_UP_MS };
}

/** All rates one after the other on one service with its default settings. */
async function readService(suite: Suite, place: Place | undefined, readings: Readings) {
  const { options, directory } = suite;
  const template = { rows: 0, path: await templateOf(0) };
  const service = await DrainingService.start(directory, template, place);
  await service.reading();
  const target = place ?? { brokers: await service.embeddedBroker(), topic: "arrest_event" };
  let stored = 0;
  for (const rate of options.rates) {
    const sight = await startSight({ port: service.server.port, after: stored });
    const feed = await startFeed(feedTask(target, rate));
    await Bun.sleep(WARM_UP_MS + options.seconds * 1000);
    const { sent, probes, perSecond } = await feed.stop();
    const behind = stored + sent - service.now().stored;
    const { latencies, gap } = await sight.stop(probes);
    readings.get(rate)?.push({ latencies, probes, perSecond, behind, gap });
    const wanted = stored + sent;
    stored = await service.settled(wanted);
    // The embedded broker forgets what is not read in time.
    if (stored !== wanted && place !== undefined) {
      throw new Error(`${wanted} events were sent, and ${stored} are stored`);
    }
  }
  await service.stop();
  service.remove();
}

/** The same rates into the hands of a reader in C, a topic each. */
async function readReference(
  { options, kafka, librdkafka, directory }: Suite,
  isEmbedded: boolean,
  readings: Readings,
): Promise<void> {
  if (librdkafka === undefined) return;
  for (const rate of options.rates) {
    const held = isEmbedded ? await embeddedBacklog(0, "rising", directory) : undefined;
    const place = held ?? (await kafka.emptyTopic());
    if (place === undefined) return;
    const feed = await startFeed(feedTask(place, rate));
    const reader = await librdkafka.readProbes(place, SILENCE_S);
    await Bun.sleep(WARM_UP_MS + options.seconds * 1000);
    const { probes, perSecond } = await feed.stop();
    const latencies = await reader.latencies;
    readings.get(rate)?.push({ latencies, probes, perSecond, behind: 0, gap: 0 });
    await held?.stop();
  }
}

function newReadings({ options }: Suite): Readings {
  return new Map(options.rates.map((rate) => [rate, []]));
}

function latencyCells(readings: readonly Reading[]): string[] {
  const all = readings.flatMap(({ latencies }) => latencies);
  const p99 = readings.map(({ latencies }) => percentile(latencies, 0.99));
  return [
    figure(percentile(all, 0.5)),
    figure(median(p99)),
    spread(p99),
    figure(percentile(all, 0.999)),
    figure(percentile(all, 1)),
  ];
}

async function measureBroker(suite: Suite, isEmbedded: boolean): Promise<void> {
  const { options, kafka } = suite;
  const own = newReadings(suite);
  const reference = newReadings(suite);
  for (let round = 0; round < options.longRounds; round++) {
    const both = [
      () => readReference(suite, isEmbedded, reference),
      async () => readService(suite, isEmbedded ? undefined : await kafka.emptyTopic(), own),
    ];
    for (const each of round % 2 === 0 ? both : both.toReversed()) await each();
  }
  const sides = [
    ["seen over HTTP", own],
    ["in the hands of librdkafka in C", reference],
  ] as const;
  const lines = options.rates.flatMap((rate) =>
    sides.flatMap(([name, readings]) => {
      const of = readings.get(rate) ?? [];
      if (of.length === 0) return [];
      const p99 = (each: Readings) =>
        median((each.get(rate) ?? []).map(({ latencies }) => percentile(latencies, 0.99)));
      const probes = of.reduce((sum, each) => sum + each.probes, 0);
      const seen = of.reduce((sum, each) => sum + each.latencies.length, 0);
      return [
        [
          `${figure(rate)} a second, ${name}`,
          figure(Math.round(median(of.map(({ perSecond }) => perSecond)))),
          ...latencyCells(of),
          readings === own ? figure(p99(own) / p99(reference)) : "1.00",
          `${figure(seen)} of ${figure(probes)}`,
          readings === own ? figure(median(of.map(({ behind }) => behind))) : "",
          readings === own ? figure(median(of.map(({ gap }) => gap))) : "",
        ],
      ];
    }),
  );
  printTable(
    `From the producer's send, ms: ${isEmbedded ? "the embedded broker" : "Apache Kafka"}, default settings, ${options.seconds} s a rate, ${options.longRounds} rounds`,
    [
      "",
      "sent/s",
      "p50",
      "p99",
      "p99 spread",
      "p99.9",
      "max",
      "p99 ÷ librdkafka",
      "seen",
      "events behind at the end",
      "time between looks",
    ],
    lines,
  );
  const at1000 = (own.get(1000) ?? []).map(({ latencies }) => percentile(latencies, 0.99));
  const broker = isEmbedded ? "the embedded broker" : "Apache Kafka";
  judge(`p99 from send to visible at 1,000 a second, ${broker}`, at1000, { atMost: 50 }, " ms");
}

/** Answers how soon an event can be seen. */
export async function answerLatency(suite: Suite): Promise<void> {
  if (suite.kafka.brokers !== undefined) await measureBroker(suite, false);
  await measureBroker(suite, true);
  print(
    "\nA time is that of the answer which had the event: too long by the time between two looks at most. p50, p99.9 and max are of all rounds together.",
  );
}
