import type { ArrestEventJson } from "../../src/arrest-event.ts";
import { below, type Random, seededRandom, waitingTime } from "../../src/simulate/random.ts";
import type { ServiceProcess } from "../promises/support.ts";
import type { Findings } from "./findings.ts";
import { ABSENT, HttpModel, isMessage, stateOf } from "./http-model.ts";
import type { Instance } from "./instance.ts";
import { Histogram, Tally } from "./measure.ts";

/** How many clients change events, and how long each rests between two requests, on average, in milliseconds. */
const CHANGERS = 5;
const CHANGER_REST_MS = 70;

/** The same for the client that reads events of messages, and for the one that looks at readiness and metrics. */
const READER_REST_MS = 30;
const OPERATOR_REST_MS = 2000;

/** A client with so many events deletes rather than creates. */
const MOST_EVENTS = 150;

/** Everything is read so often while the table is small, and while it is not; rows beyond which it is not read. */
const EVERYTHING_REST_MS = 45_000;
const LARGE_EVERYTHING_REST_MS = 180_000;
const LARGE_TABLE = 400_000;
const LARGEST_TABLE = 1_500_000;

/** An answer that takes longer is none, in milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;
const EVERYTHING_TIMEOUT_MS = 180_000;

/** A request that was sent so long before has reached the service, in milliseconds. */
const UNDER_WAY_MS = 250;

const PAUSED_MS = 50;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What the clients of all instances measured. */
export class HttpMeasurements {
  /** By method and kind of path. */
  readonly durations = new Map<string, Histogram>();
  /** Of the requests during which no fault was under way. */
  readonly calmDurations = new Map<string, Histogram>();
  readonly answers = new Tally();
  readonly events = new Tally();

  add(operation: string, milliseconds: number, calm: boolean): void {
    for (const durations of calm ? [this.durations, this.calmDurations] : [this.durations]) {
      const histogram = durations.get(operation) ?? new Histogram();
      durations.set(operation, histogram);
      histogram.add(milliseconds);
    }
  }
}

/** What clients work with. */
export interface ClientContext {
  readonly findings: Findings;
  readonly measurements: HttpMeasurements;
  /** Whether no fault is under way. */
  readonly isCalm: () => boolean;
  readonly seed: number;
}

/** The HTTP clients of one instance, across all its lives. */
export class Clients {
  readonly model = new HttpModel();
  readonly #instance: Instance;
  readonly #with: ClientContext;
  #running: Promise<unknown> = Promise.resolve();
  #stopping = true;
  readonly #random: Random;
  /** The events of each changer, which nobody else changes. */
  readonly #own: number[][] = Array.from({ length: CHANGERS }, () => []);

  constructor(instance: Instance, context: ClientContext) {
    this.#instance = instance;
    this.#with = context;
    this.#random = seededRandom(context.seed);
  }

  /** Sends requests from now on. */
  resume(): void {
    this.#stopping = false;
    this.#running = Promise.all([
      ...this.#own.map((own) => this.#loop(CHANGER_REST_MS, () => this.#change(own))),
      this.#loop(READER_REST_MS, () => this.#getMessage()),
      this.#loop(OPERATOR_REST_MS, () => this.#look()),
      this.#loopEverything(),
    ]);
  }

  /** Resolves when no request is under way any more. */
  async pause(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #loop(rest: number, step: () => Promise<unknown>): Promise<void> {
    while (!this.#stopping) {
      await Bun.sleep(Math.min(waitingTime(this.#random, rest), 10 * rest));
      if (this.#instance.service === undefined) await Bun.sleep(PAUSED_MS);
      else await step();
    }
  }

  /** Sends a request. Resolves to `undefined` when no answer was heard, which only a fault may cause. */
  async #request(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    expected: readonly number[],
    body?: unknown,
  ): Promise<Answer | undefined> {
    const { findings, measurements, isCalm } = this.#with;
    const { service } = this.#instance;
    if (service === undefined) return undefined;
    const operation = `${method} ${path.replace(/\d+/, "{id}")}`;
    const calm = isCalm();
    const from = performance.now();
    try {
      const response = await service.fetch(path, {
        method,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        ...(body === undefined
          ? {}
          : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      });
      const answer = { status: response.status, body: await response.text() };
      const to = performance.now();
      measurements.add(operation, to - from, calm && isCalm());
      measurements.answers.add(`${operation} ${answer.status}`);
      const excused =
        response.headers.has("retry-after") &&
        (this.#instance.service !== service || this.#instance.storeFailedBetween(from, to));
      if (!expected.includes(answer.status) && !(answer.status === 503 && excused)) {
        findings.add(
          `${this.#instance.name}: ${operation} answered ${answer.status} ${answer.body}`,
        );
      }
      // It leaves open whether the change was made, as no answer does.
      return answer.body.includes('"/problems/outcome-unknown"') ? undefined : answer;
    } catch (error) {
      this.#judgeSilence(operation, from, service, error as Error & { code?: string });
      return undefined;
    }
  }

  /** No answer was heard: only the end of the service explains that, and an orderly one not for long. */
  #judgeSilence(
    operation: string,
    from: number,
    service: ServiceProcess,
    error: Error & { code?: string },
  ): void {
    const { findings, measurements } = this.#with;
    const { name, ending } = this.#instance;
    const took = Math.round(performance.now() - from);
    if (this.#instance.service === service || ending === undefined) {
      findings.add(`${name}: ${operation} failed after ${took} ms: ${error.message}`);
      return;
    }
    measurements.answers.add(`${operation} none: ${ending.signal} (${error.code ?? error.name})`);
    if (ending.signal === "SIGTERM" && ending.at - from > UNDER_WAY_MS) {
      findings.add(`${name}: ${operation} was under way at SIGTERM and failed: ${error.message}`);
    }
  }

  /** Creates, updates, deletes or reads an event. Before the answer both outcomes are possible, after it one is. */
  #change(own: number[]): Promise<void> {
    const choice = this.#random();
    const id = own[below(this.#random, own.length)];
    if (id === undefined || (choice < 0.35 && own.length < MOST_EVENTS)) return this.#create(own);
    if (choice < 0.65) return this.#update(id);
    if (choice < 0.85) return this.#delete(id, own);
    return this.#read(id);
  }

  async #create(own: number[]): Promise<void> {
    const event = this.model.newEvent();
    const answer = await this.#request("POST", "/arrest_events", [201], event);
    if (answer === undefined) this.model.unheard(event.subject_id);
    if (answer?.status !== 201) return;
    const created = JSON.parse(answer.body) as ArrestEventJson;
    own.push(created.id);
    this.model.set(created.id, stateOf(created));
  }

  async #update(id: number): Promise<void> {
    const before = [...this.model.get(id)];
    // Where it is not certain what there is, it is read first.
    if (before.length > 1) return this.#read(id);
    const officer = 1 + below(this.#random, 1_000_000);
    const changed = {
      ...(JSON.parse(before[0] as string) as ArrestEventJson),
      officer_id: officer,
    };
    const after = JSON.stringify(changed);
    this.model.set(id, ...before, after);
    const answer = await this.#request("PUT", `/arrest_events/${id}`, [200], {
      officer_id: officer,
    });
    if (answer?.status === 200) {
      this.model.set(id, after);
      if (stateOf(JSON.parse(answer.body)) !== after) {
        this.#with.findings.add(`PUT of event ${id} answered ${answer.body}, not ${after}`);
      }
    } else if (answer?.status === 503) {
      this.model.set(id, ...before);
    }
  }

  async #delete(id: number, own: number[]): Promise<void> {
    const before = [...this.model.get(id)];
    if (before.length > 1) return this.#read(id);
    this.model.set(id, ...before, ABSENT);
    const answer = await this.#request("DELETE", `/arrest_events/${id}`, [204]);
    if (answer?.status === 503) this.model.set(id, ...before);
    if (answer?.status !== 204) return;
    own.splice(own.indexOf(id), 1);
    this.model.set(id, ABSENT);
  }

  async #read(id: number): Promise<void> {
    const possible = this.model.get(id);
    const answer = await this.#request("GET", `/arrest_events/${id}`, [200, 404]);
    if (answer === undefined || answer.status === 503) return;
    const state = answer.status === 404 ? ABSENT : stateOf(JSON.parse(answer.body));
    if (!possible.has(state)) {
      const should = [...possible].join(" or ");
      this.#with.findings.add(`GET of event ${id} answered ${state}, and should be ${should}`);
    }
    this.model.set(id, state);
    if (state !== ABSENT) return;
    for (const own of this.#own) {
      const index = own.indexOf(id);
      if (index >= 0) own.splice(index, 1);
    }
  }

  async #getMessage(): Promise<void> {
    const { known } = this.#instance.watch;
    const event = known[below(this.#random, known.length)];
    if (event === undefined) return;
    const answer = await this.#request("GET", `/arrest_events/${event.id}`, [200]);
    if (answer?.status === 200 && !isMessage(JSON.parse(answer.body), event.sequence)) {
      const { findings } = this.#with;
      findings.add(`GET of event ${event.id}, message ${event.sequence}, answered ${answer.body}`);
    }
  }

  async #look(): Promise<void> {
    await this.#request("GET", "/readyz", [200]);
    const metrics = await this.#request("GET", "/metrics", [200]);
    if (metrics?.status === 200 && !metrics.body.startsWith("#")) {
      this.#with.findings.add(`/metrics answered ${metrics.body.slice(0, 100)}`);
    }
  }

  async #loopEverything(): Promise<void> {
    const { watch } = this.#instance;
    for (let at = performance.now(); !this.#stopping; await Bun.sleep(PAUSED_MS)) {
      const rest = watch.rows > LARGE_TABLE ? LARGE_EVERYTHING_REST_MS : EVERYTHING_REST_MS;
      if (performance.now() - at < rest || watch.rows > LARGEST_TABLE) continue;
      at = performance.now();
      await this.everything();
    }
  }

  /** Reads all events, in one answer, and resolves to how many; `undefined` when a fault cut it off. */
  async everything(): Promise<number | undefined> {
    const { findings, measurements, isCalm } = this.#with;
    const { service, watch, name } = this.#instance;
    if (service === undefined) return undefined;
    const least = watch.rows;
    const calm = isCalm();
    const from = performance.now();
    try {
      const signal = AbortSignal.timeout(EVERYTHING_TIMEOUT_MS);
      const response = await service.fetch("/arrest_events", { signal });
      const { count, rising } = await countEvents(response);
      measurements.add("GET /arrest_events (all)", performance.now() - from, calm && isCalm());
      measurements.events.add("events in answers with everything", count);
      if (response.status !== 200 && this.#instance.service === service) {
        findings.add(`${name}: GET of everything answered ${response.status}`);
      } else if (response.status === 200 && (count < least || !rising)) {
        findings.add(`${name}: everything is ${count} of ${least} events, ids rising: ${rising}`);
      }
      return count;
    } catch (error) {
      if (this.#instance.service !== service) return undefined;
      findings.add(`${name}: GET of everything failed: ${(error as Error).message}`);
      return undefined;
    }
  }
}

const ID = /"id":(\d+)/g;

/** Counts the events of an answer as it comes in, in little memory. */
async function countEvents(response: Response): Promise<{ count: number; rising: boolean }> {
  const decoder = new TextDecoder();
  let count = 0;
  let last = 0;
  let rising = true;
  const take = (text: string) => {
    for (const [, id] of text.matchAll(ID)) {
      count++;
      rising &&= Number(id) > last;
      last = Number(id);
    }
  };
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const text = rest + decoder.decode(chunk, { stream: true });
    // What is behind the last comma may not be whole.
    const end = text.lastIndexOf(",") + 1;
    take(text.slice(0, end));
    rest = text.slice(end);
  }
  take(rest);
  return { count, rising };
}
