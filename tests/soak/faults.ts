import { Database } from "bun:sqlite";
import { below, type Random, seededRandom, waitingTime } from "../../src/simulate/random.ts";
import type { Topics } from "../kafka/support/admin.ts";
import type { KafkaCluster } from "../kafka/support/cluster.ts";
import type { Findings } from "./findings.ts";
import type { Instance } from "./instance.ts";
import { Tally } from "./measure.ts";

/** The faults of the service's side, of which one is under way at a time. */
export const SERVICE_FAULTS = [
  "kill",
  "stop",
  "visitor",
  "killed visitor",
  "locked store",
] as const;

/** The faults of the broker's side, of which one is under way at a time, besides one of the service's side. */
export const BROKER_FAULTS = [
  "broker killed",
  "broker frozen",
  "connections cut",
  "connections refused",
  "slow answers",
  "black hole",
  "more partitions",
] as const;

/** A kind of fault. */
export type FaultKind = (typeof SERVICE_FAULTS)[number] | (typeof BROKER_FAULTS)[number];

/** Those after which the group need not have been told all that is stored, so that another store may hold it too. */
const ABRUPT: ReadonlySet<FaultKind> = new Set([
  "kill",
  "killed visitor",
  "locked store",
  "broker killed",
  "broker frozen",
  "connections cut",
  "connections refused",
  "slow answers",
  "black hole",
]);

/** The pause between two faults of a side, on average and at least, in milliseconds. */
const MEAN_PAUSE_MS = 7000;
const LEAST_PAUSE_MS = 1500;

/**
 * Of the kinds that can, every tenth fault (the third first) lasts so long that every limit of the service's
 * watchdog is passed. What it watches is well all the while and must not be given up: the broker keeps its
 * session with the controller, so that it is in the metadata as soon as it can be asked again.
 */
const LONG: ReadonlySet<FaultKind> = new Set(["locked store", "connections refused", "black hole"]);
const LONG_EVERY = 10;
const FIRST_LONG = 2;
const LEAST_LONG_MS = 75_000;
const MOST_LONG_MS = 90_000;

/** How long the effects of a fault may be felt, in milliseconds. */
const AFTERMATH_MS = 5000;

/** After this every producer has seen partitions that were added, in milliseconds. */
const METADATA_MS = 4000;

const MOST_PARTITIONS_ADDED = 3;
const MOST_CUTS = 5;
const MOST_BYTES_BEFORE_CUT = 20_000;

/** The only node of the cluster. */
const NODE = 1;

/** What can be broken. */
export interface FaultContext {
  readonly cluster: KafkaCluster;
  readonly topics: Topics;
  readonly topic: string;
  /** Those that are up all the time, but for faults. */
  readonly instances: () => readonly Instance[];
  /** The one that joins for a short while. */
  readonly visitor: Instance;
  readonly findings: Findings;
  readonly seed: number;
}

interface PastFault {
  readonly kind: FaultKind;
  /** Milliseconds since 1970. */
  readonly from: number;
  to: number;
}

/** Random faults, one after the other on each side, each of which is over before the next of that side. */
export class Faults {
  readonly tally = new Tally();
  /** How many partitions have been added. */
  added = 0;
  readonly #with: FaultContext;
  readonly #past: PastFault[] = [];
  /** How often each kind has come by chance. */
  readonly #times = new Map<FaultKind, number>();
  readonly #random: { readonly service: Random; readonly broker: Random };
  #running: Promise<unknown> = Promise.resolve();
  #stopping = true;
  #wake: () => void = () => undefined;

  constructor(context: FaultContext) {
    this.#with = context;
    this.#random = {
      service: seededRandom(context.seed),
      broker: seededRandom((context.seed + 1) >>> 0),
    };
  }

  /** Breaks things of these kinds from now on. */
  resume(kinds: ReadonlySet<FaultKind>): void {
    this.#stopping = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    this.#running = Promise.all([
      this.#track(
        this.#random.service,
        SERVICE_FAULTS.filter((each) => kinds.has(each)),
        promise,
      ),
      this.#track(
        this.#random.broker,
        BROKER_FAULTS.filter((each) => kinds.has(each)),
        promise,
      ),
    ]);
  }

  /** Resolves when everything is whole again. */
  async pause(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running;
  }

  /** Whether no fault is under way or has just been. */
  isCalm(): boolean {
    return !this.during(Date.now() - AFTERMATH_MS, Date.now());
  }

  /** Whether a fault of some kinds was under way between two times, in milliseconds since 1970. */
  during(from: number, to: number, isWanted: (kind: FaultKind) => boolean = () => true): boolean {
    return this.#past.some((fault) => fault.from <= to && fault.to >= from && isWanted(fault.kind));
  }

  /** Whether something has happened since a time that may leave a message in two stores. */
  abruptSince(from: number): boolean {
    return this.during(from, Number.POSITIVE_INFINITY, (kind) => ABRUPT.has(kind));
  }

  async #track(random: Random, kinds: FaultKind[], stopped: Promise<void>): Promise<void> {
    if (kinds.length === 0) return;
    while (!this.#stopping) {
      const pause =
        LEAST_PAUSE_MS + Math.min(waitingTime(random, MEAN_PAUSE_MS), 4 * MEAN_PAUSE_MS);
      await Promise.race([Bun.sleep(pause), stopped]);
      if (this.#stopping) return;
      const kind = kinds[below(random, kinds.length)] as FaultKind;
      if (kind === "more partitions" && this.added >= MOST_PARTITIONS_ADDED) continue;
      const times = this.#times.get(kind) ?? 0;
      this.#times.set(kind, times + 1);
      await this.#undergo(kind, random, LONG.has(kind) && times % LONG_EVERY === FIRST_LONG);
    }
  }

  /** Takes the broker away for long. For when everything is at rest. */
  longOutage(): Promise<void> {
    return this.#undergo("connections refused", this.#random.broker, true);
  }

  async #undergo(kind: FaultKind, random: Random, isLong: boolean): Promise<void> {
    const fault: PastFault = { kind, from: Date.now(), to: Number.POSITIVE_INFINITY };
    this.#past.push(fault);
    this.tally.add(isLong ? `${kind}, for long` : kind);
    try {
      await this.#inflict(kind, random, isLong);
    } catch (error) {
      this.#with.findings.add(`${kind}: ${(error as Error).message}`);
    }
    fault.to = Date.now();
  }

  /** Breaks something, waits, and makes it whole. */
  async #inflict(kind: FaultKind, random: Random, isLong: boolean): Promise<void> {
    const { cluster, findings } = this.#with;
    const between = (least: number, most: number) => Math.round(least + random() * (most - least));
    const lasting = (least: number, most: number) =>
      isLong ? between(LEAST_LONG_MS, MOST_LONG_MS) : between(least, most);
    const announce = (detail: string) => findings.say(`fault: ${kind}, ${detail}`);
    const proxy = cluster.proxy(NODE);
    switch (kind) {
      case "kill":
      case "stop": {
        const instance = this.#pickInstance(random);
        const down = between(0, 2500);
        announce(`${instance.name}, down for ${down} ms`);
        await (kind === "kill" ? instance.kill() : instance.stop());
        await Bun.sleep(down);
        return instance.start();
      }
      case "visitor":
      case "killed visitor": {
        const { visitor } = this.#with;
        const stay = between(4000, 15_000);
        announce(`for ${stay} ms`);
        await visitor.start();
        await Bun.sleep(stay);
        return kind === "visitor" ? visitor.stop() : visitor.kill();
      }
      case "locked store": {
        const instance = this.#pickInstance(random);
        const locked = lasting(300, 8000);
        announce(`${instance.name} for ${locked} ms`);
        return lockStore(instance, locked);
      }
      case "broker killed": {
        const down = between(200, 6000);
        announce(`down for ${down} ms`);
        await cluster.kill(NODE);
        await Bun.sleep(down);
        return cluster.startNode(NODE);
      }
      case "broker frozen": {
        const frozen = between(1000, 12_000);
        announce(`for ${frozen} ms`);
        cluster.freeze(NODE);
        await Bun.sleep(frozen);
        return cluster.thaw(NODE);
      }
      case "connections cut": {
        const cuts = between(1, MOST_CUTS);
        announce(`${cuts} times`);
        for (let cut = 0; cut < cuts; cut++) {
          if (random() < 0.5) proxy.cut();
          else void proxy.cutAfterBytes(between(1, MOST_BYTES_BEFORE_CUT));
          await Bun.sleep(between(50, 1500));
        }
        return;
      }
      case "connections refused": {
        const refused = lasting(500, 8000);
        announce(`for ${refused} ms`);
        proxy.refuse();
        proxy.cut();
        await Bun.sleep(refused);
        return proxy.accept();
      }
      case "slow answers": {
        const delay = between(50, 800);
        announce(`by ${delay} ms`);
        proxy.delayAnswers(delay);
        await Bun.sleep(between(4000, 12_000));
        return proxy.delayAnswers(0);
      }
      case "black hole": {
        const silent = lasting(1000, 12_000);
        announce(`for ${silent} ms`);
        proxy.pause();
        await Bun.sleep(silent);
        return proxy.resume();
      }
      case "more partitions":
        return this.#addPartition(announce);
    }
  }

  async #addPartition(announce: (detail: string) => void): Promise<void> {
    const { topics, topic } = this.#with;
    const before = (await topics.leaders(topic)).length;
    announce(`${before + 1} now`);
    await topics.grow(topic, before + 1);
    await Bun.sleep(METADATA_MS);
    this.added++;
  }

  #pickInstance(random: Random): Instance {
    const instances = this.#with.instances();
    return instances[below(random, instances.length)] as Instance;
  }
}

/** Keeps a database to itself for a while, as a backup tool may. */
async function lockStore(instance: Instance, milliseconds: number): Promise<void> {
  const database = new Database(instance.watch.path);
  try {
    database.run("pragma busy_timeout = 10000");
    instance.storeFails(true);
    database.run("begin immediate");
    await Bun.sleep(milliseconds);
    database.run("rollback");
  } finally {
    database.close();
    instance.storeFails(false);
  }
}
