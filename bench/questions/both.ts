/** How requests are answered while events come in, and what the two cost each other. */
import { DrainingService } from "../drain.ts";
import { startFeed } from "../feed.ts";
import { Loader } from "../http/ask.ts";
import { whenCounted } from "../http/compare.ts";
import { gets, POSTS } from "../http/operations.ts";
import { readTable } from "../http/table.ts";
import { templateOf } from "../http/template.ts";
import { judge, ratioCell, ratios } from "../http/verdicts.ts";
import type { LoadResult } from "../load.ts";
import { figure, median, print, printTable, spread } from "../support.ts";
import type { Suite } from "./suite.ts";

/** What the tables hold before. */
const ROWS = { quick: 100_000, whole: 1_000_000 } as const;

/** Loads that leave the processor to others, in requests a second. */
const MODEST_GETS = 1000;
const MODEST_POSTS = 200;

const CONNECTIONS = 64;

/** Events a second where they come in steadily. */
const STEADY_RATE = 10_000;

/** How long a load is on before it is measured, in milliseconds. */
const WARM_UP_MS = 500;

/** How often it is looked whether the events go on, and the least that is a measurement; in milliseconds. */
const LOOK_INTERVAL_MS = 20;
const LEAST_MS = 500;

/** How the service is asked meanwhile. */
const LOADS = {
  none: undefined,
  open: { name: `${figure(MODEST_GETS)} GET by id a second`, rate: MODEST_GETS, isPost: false },
  closed: { name: `GET by id on ${CONNECTIONS} connections`, rate: 0, isPost: false },
  posts: { name: `${figure(MODEST_POSTS)} POST a second`, rate: MODEST_POSTS, isPost: true },
} as const;

type LoadName = keyof typeof LOADS;

/** What comes in meanwhile. */
const STATES = {
  idle: "no events",
  steady: `${figure(STEADY_RATE)} events a second`,
  backlog: "a backlog",
} as const;

type State = keyof typeof STATES;

/** What was measured for a while. */
interface Sample {
  readonly state: State;
  readonly load: LoadName;
  readonly eventsPerSecond: number;
  readonly answers: LoadResult | undefined;
}

class Measurement {
  readonly samples: Sample[] = [];
  /** The longest that the service tells of its event loop, by state. */
  readonly lags: string[] = [];
  readonly #suite: Suite;
  readonly #loader: Loader;
  readonly #gets: readonly string[];
  readonly #template: { readonly rows: number; readonly path: string };

  constructor(
    suite: Suite,
    loader: Loader,
    template: { readonly rows: number; readonly path: string },
  ) {
    this.#suite = suite;
    this.#loader = loader;
    this.#template = template;
    this.#gets = gets(readTable(template.path, template.rows));
  }

  /**
   * Measures for a while, or until so many events are stored. Returns whether that was long enough to count;
   * else nothing is kept.
   */
  async #measure(
    service: DrainingService,
    state: State,
    load: LoadName,
    end: number = Number.POSITIVE_INFINITY,
  ): Promise<boolean> {
    const asking = LOADS[load];
    const running =
      asking === undefined
        ? undefined
        : await this.#loader.start({
            port: service.server.port,
            connections: CONNECTIONS,
            requests: asking.isPost ? POSTS : this.#gets,
            status: asking.isPost ? 201 : 200,
            rate: asking.rate,
          });
    await Bun.sleep(WARM_UP_MS);
    const from = service.now();
    let to = from;
    while (to.at - from.at < this.#suite.options.seconds * 1000) {
      await Bun.sleep(LOOK_INTERVAL_MS);
      const now = service.now();
      if (now.stored >= end) break;
      to = now;
    }
    const answers = await running?.between({ from: from.at, to: to.at });
    await running?.stop();
    const seconds = (to.at - from.at) / 1000;
    if (seconds * 1000 < LEAST_MS) return false;
    // Those that were posted are no events of the backlog.
    const posted = asking?.isPost === true ? (answers?.requestsPerSecond ?? 0) : 0;
    const eventsPerSecond = (to.stored - from.stored) / seconds - posted;
    this.samples.push({ state, load, eventsPerSecond, answers });
    return true;
  }

  /** No events, then a steady stream of them. */
  async steady(): Promise<void> {
    const { directory, kafka } = this.#suite;
    const place = await kafka.emptyTopic();
    const service = await DrainingService.start(directory, this.#template, place);
    await service.reading();
    await whenCounted(service.server);
    for (const load of ["open", "closed", "posts"] as const) {
      await this.#measure(service, "idle", load);
    }
    const target = place ?? { brokers: await service.embeddedBroker(), topic: "arrest_event" };
    const { brokers, topic } = target;
    const feed = await startFeed({ brokers, topic, rate: STEADY_RATE, probes: 1, warmUpMs: 0 });
    for (const load of ["none", "open", "closed", "posts"] as const) {
      await this.#measure(service, "steady", load);
    }
    await feed.stop();
    await this.#readLag(service, `${STATES.idle}, then ${STATES.steady}`);
    await service.stop();
    service.remove();
  }

  /** A backlog, with one load after the other; each round begins with another. */
  async backlog(round: number): Promise<void> {
    const { directory, kafka, options } = this.#suite;
    const backlog = await kafka.backlog(options.events, "rising");
    const loads = Object.keys(LOADS) as LoadName[];
    const first = round % loads.length;
    const left = [...loads.slice(first), ...loads.slice(0, first)];
    while (left.length > 0) {
      const service = await DrainingService.start(directory, this.#template, backlog);
      await service.until(1);
      const before = left.length;
      for (let load = left[0]; load !== undefined; load = left[0]) {
        if (!(await this.#measure(service, "backlog", load, backlog.events))) break;
        left.shift();
      }
      await this.#readLag(service, STATES.backlog);
      await service.stop();
      service.remove();
      if (left.length < before) continue;
      throw new Error(`a backlog of ${figure(backlog.events)} events is over too soon`);
    }
  }

  async #readLag({ server }: DrainingService, during: string): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`);
    for (const told of eventLoopLags(await answer.text())) this.lags.push(`${during}: ${told}`);
  }
}

/** What the metrics tell of the event loop: the bound of the longest delay in a histogram, and what is a maximum. */
function eventLoopLags(metrics: string): string[] {
  const buckets = [...metrics.matchAll(/^(\w*event_?loop\w*)_bucket\{le="([^"]+)"\} (\d+)$/gm)].map(
    ([, name = "", bound = "", count]) => ({ name, bound, count: Number(count) }),
  );
  const histograms = [...new Set(buckets.map(({ name }) => name))].map((name) => {
    const own = buckets.filter((each) => each.name === name);
    const all = own.at(-1)?.count ?? 0;
    return `${name} ≤ ${own.find(({ count }) => count === all)?.bound} s in all of ${figure(all)}`;
  });
  const maxima = [...metrics.matchAll(/^(\w*event_?loop\w*_max\w*) ([\d.e+-]+)$/gm)];
  return [...histograms, ...maxima.map(([, name, value]) => `${name} ${value}`)];
}

function printMeasurement({ samples, lags }: Measurement, suite: Suite): void {
  const { rounds, seconds } = suite.options;
  const of = (state: State, load: LoadName): readonly Sample[] =>
    samples.filter((sample) => sample.state === state && sample.load === load);
  const answers = (state: State, load: LoadName, key: keyof LoadResult): number[] =>
    of(state, load).flatMap((sample) => sample.answers?.[key] ?? []);
  const states = Object.keys(STATES) as State[];
  const loads = Object.keys(LOADS) as LoadName[];
  const pairs = loads.flatMap((load) => states.map((state) => ({ load, state })));
  printTable(
    `Requests while events come in, ${seconds} s each, ${rounds} rounds`,
    ["", "requests/s", "÷ no events", "p50 ms", "p99 ms", "p99 spread", "÷ no events", "max ms"],
    pairs.flatMap(({ load, state }) => {
      const asking = LOADS[load];
      const rate = answers(state, load, "requestsPerSecond");
      if (asking === undefined || rate.length === 0) return [];
      const p99 = answers(state, load, "p99");
      return [
        [
          `${asking.name}, ${STATES[state]}`,
          figure(median(rate)),
          ratioCell(rate, answers("idle", load, "requestsPerSecond")),
          figure(median(answers(state, load, "p50"))),
          figure(median(p99)),
          spread(p99),
          ratioCell(p99, answers("idle", load, "p99")),
          figure(Math.max(...answers(state, load, "max"))),
        ],
      ];
    }),
  );
  const stored = (state: State, load: LoadName) =>
    of(state, load).map(({ eventsPerSecond }) => eventsPerSecond);
  printTable(
    "Events taken in while requests are answered",
    ["", "events/s, median", "spread", "÷ no requests"],
    (["steady", "backlog"] as const).flatMap((state) =>
      loads.flatMap((load) => {
        const rate = stored(state, load);
        if (rate.length === 0) return [];
        const name = `${STATES[state]}, ${LOADS[load]?.name ?? "no requests"}`;
        const ratio = ratioCell(rate, stored(state, "none"));
        return [[name, figure(median(rate)), spread(rate), ratio]];
      }),
    ),
  );
  print("\nThe longest that a request waited for the thread, as the service itself tells:");
  for (const lag of lags) print(`- ${lag}`);
  judge("GET by id p99, a backlog", answers("backlog", "open", "p99"), { atMost: 10 }, " ms");
  const rate = (state: State) => answers(state, "closed", "requestsPerSecond");
  judge("GET by id, rate with a backlog ÷ idle", ratios(rate("backlog"), rate("idle")), {
    atLeast: 0.6,
  });
  for (const state of ["steady", "backlog"] as const) {
    const longest = Math.max(...answers(state, "open", "max"));
    judge(`longest wait of a GET by id, ${STATES[state]}`, [longest], { atMost: 20 }, " ms");
  }
}

/** Answers how reading and writing bear each other. */
export async function answerBoth(suite: Suite): Promise<void> {
  const rows = suite.options.quick ? ROWS.quick : ROWS.whole;
  const loader = new Loader(undefined);
  const measurement = new Measurement(suite, loader, { rows, path: await templateOf(rows) });
  for (let round = 0; round < suite.options.rounds; round++) {
    await measurement.steady();
    await measurement.backlog(round);
  }
  await loader.stop();
  printMeasurement(measurement, suite);
}
