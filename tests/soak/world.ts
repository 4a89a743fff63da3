import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Topics, uniqueName } from "../kafka/support/admin.ts";
import { KafkaCluster } from "../kafka/support/cluster.ts";
import { until } from "../support/until.ts";
import { Clients, HttpMeasurements } from "./clients.ts";
import { Faults } from "./faults.ts";
import { Findings } from "./findings.ts";
import { GroupWatch } from "./group-watch.ts";
import { Instance, type TroubleLine } from "./instance.ts";
import { residentMebibytes, type Sample, Tally } from "./measure.ts";
import { sequenceOf } from "./messages.ts";
import { Model } from "./model.ts";
import { Producers } from "./producers.ts";
import type { CheckRecord } from "./report.ts";
import { TopicLog } from "./topic-log.ts";

const PARTITIONS = 6;

/** What one instance may take to read all that there is once nothing is sent, in milliseconds. */
const CATCH_UP_MS = 180_000;

/** How long the group may take to be told all that is stored, in milliseconds. */
const COMMIT_MS = 30_000;

/** How long before and after a line of the log a fault explains it, in milliseconds. */
const EXPLAINED_BEFORE_MS = 15_000;
const EXPLAINED_AFTER_MS = 1000;

/** The lines at level error that are part of a fault, and which faults. */
const EXPLANATIONS: readonly (readonly [text: RegExp, faults: RegExp])[] = [
  [/store cannot be written/, /locked store/],
  [/not stopped in order/, /broker|connections|slow|black hole/],
];

/** Warnings that cannot be true: nobody makes the topic anew, removes messages or moves the group's offsets. */
const NEVER_TRUE = /made anew|were removed|moved by another program/;

/** A row of the memory's diary. */
export interface MemorySample extends Sample {
  readonly pid: number;
  readonly instance: string;
}

/** What the soak is to do. */
export interface WorldOptions {
  readonly seed: number;
  /** Messages a second. */
  readonly rate: number;
}

/** Kafka, the service's instances, and all that works with them, breaks them and watches them. */
export class World implements AsyncDisposable {
  readonly directory: string;
  readonly findings: Findings;
  readonly model = new Model();
  readonly http = new HttpMeasurements();
  readonly checks: CheckRecord[] = [];
  readonly memory: MemorySample[] = [];
  readonly ownMemory: Sample[] = [];
  readonly warnings = new Tally();
  readonly explained = new Tally();
  readonly unexplained = new Tally();
  largestLog = 0;
  readonly first: Instance;
  readonly second: Instance;
  readonly visitor: Instance;
  readonly faults: Faults;
  readonly producers: Producers;
  readonly #cluster: KafkaCluster;
  readonly #log: TopicLog;
  readonly #group = new GroupWatch();
  readonly #clients: ReadonlyMap<Instance, Clients>;
  #running: readonly Instance[] = [];
  #windowFrom = Date.now();

  private constructor(
    options: WorldOptions,
    directory: string,
    findings: Findings,
    cluster: KafkaCluster,
    topic: string,
    group: string,
    log: TopicLog,
  ) {
    const { seed, rate } = options;
    this.directory = directory;
    this.findings = findings;
    this.#cluster = cluster;
    this.#log = log;
    const settings = {
      KAFKA_BROKERS: cluster.brokers,
      KAFKA_TOPIC: topic,
      KAFKA_GROUP_ID: group,
      // A killed member is missed after this long.
      KAFKA_CONF_SESSION_TIMEOUT_MS: "6000",
    };
    const context = { directory, findings, settings };
    this.first = new Instance("first", 0, context);
    this.second = new Instance("second", 1, context);
    this.visitor = new Instance("visitor", 2, context);
    this.faults = new Faults({
      cluster,
      topics: new Topics(cluster.directBrokers),
      topic,
      instances: () => this.#running,
      visitor: this.visitor,
      findings,
      seed,
    });
    const target = { brokers: cluster.brokers, topic, partitions: () => this.partitions, rate };
    this.producers = new Producers(target, this.model, findings, (seed + 100) >>> 0);
    this.#clients = new Map(
      [this.first, this.second].map((instance, index) => [
        instance,
        new Clients(instance, {
          findings,
          measurements: this.http,
          isCalm: () => this.faults.isCalm(),
          seed: (seed + 200 + index) >>> 0,
        }),
      ]),
    );
  }

  static async open(options: WorldOptions): Promise<World> {
    const directory = mkdtempSync(join(tmpdir(), "arrest-events-soak-"));
    const findings = new Findings(directory, `seed ${options.seed}`);
    findings.say("starting Apache Kafka");
    const cluster = await KafkaCluster.start(1, { behindProxies: true });
    const topic = uniqueName("arrest_event");
    const group = uniqueName("soak");
    await new Topics(cluster.directBrokers).create(topic, PARTITIONS);
    const log = await TopicLog.connect(cluster.directBrokers, topic, group);
    return new World(options, directory, findings, cluster, topic, group, log);
  }

  /** How many partitions the topic has. */
  get partitions(): number {
    return PARTITIONS + this.faults.added;
  }

  get #instances(): readonly Instance[] {
    return [this.first, this.second, this.visitor];
  }

  /** Starts an instance, which from now on is there but for faults. */
  async startInstance(instance: Instance): Promise<void> {
    await instance.start();
    this.#running = [...this.#running, instance];
  }

  /** Sends messages and requests from now on. */
  resume(): void {
    this.producers.resume();
    for (const instance of this.#running) this.#clients.get(instance)?.resume();
  }

  /** Compares what the stores and the group hold with what has been sent so far. */
  async look(): Promise<void> {
    let committed: (number | undefined)[] = [];
    try {
      committed = await this.#log.committed(this.partitions);
    } catch {
      // The broker is away just now.
    }
    const heardAt = Date.now();
    const stores = this.#instances.filter(({ hasStore }) => hasStore).map(({ watch }) => watch);
    for (const watch of stores) this.#report(watch.look(this.model));
    const stored = (partition: number) =>
      Math.max(...stores.map(({ positions }) => positions.get(partition) ?? 0));
    this.#report(this.#group.hear(committed, heardAt, stored));
    for (const instance of this.#instances) this.#hearNews(instance);
    this.largestLog = Math.max(this.largestLog, ...stores.map(({ sizes }) => sizes.log));
  }

  /** Takes note of what an instance has logged. */
  #hearNews(instance: Instance): void {
    const { taken, trouble } = instance.news();
    for (const each of taken) {
      const problem = this.#group.check(each);
      if (problem !== undefined) this.findings.add(`${instance.name}: ${problem}`);
    }
    for (const line of trouble) this.#judge(line);
  }

  #judge({ instance, level, text, at }: TroubleLine): void {
    if (level === "warn" && !NEVER_TRUE.test(text)) {
      this.warnings.add(text);
      return;
    }
    const [, faults] = EXPLANATIONS.find(([pattern]) => pattern.test(text)) ?? [];
    const from = at - EXPLAINED_BEFORE_MS;
    const isExplained =
      faults !== undefined &&
      this.faults.during(from, at + EXPLAINED_AFTER_MS, (kind) => faults.test(kind));
    (isExplained ? this.explained : this.unexplained).add(text);
    if (!isExplained) this.findings.add(`${instance} logged at level ${level}: ${text}`);
  }

  #report(problems: readonly string[]): void {
    for (const problem of problems) this.findings.add(problem);
  }

  /** Takes the memory of every process. */
  sampleMemory(): void {
    const at = performance.now();
    for (const instance of this.#running) {
      const pid = instance.service?.pid;
      const value = pid === undefined ? undefined : residentMebibytes(pid);
      if (pid !== undefined && value !== undefined) {
        this.memory.push({ at, value, pid, instance: instance.name });
      }
    }
    this.ownMemory.push({ at, value: process.memoryUsage.rss() / 2 ** 20 });
  }

  /** Lets everything come to rest, compares all that was sent since the last time, and leaves it at rest. */
  async checkFully(stage: string): Promise<void> {
    const { findings, model } = this;
    await this.faults.pause();
    await Promise.all([
      this.producers.pause(),
      ...[...this.#clients.values()].map((clients) => clients.pause()),
    ]);
    // That it never comes is found below, with what is missing.
    await until("the log to be complete", async () => {
      await this.#readLog(await this.#log.ends(this.partitions));
      return model.isLogged();
    }).catch(() => undefined);
    const from = performance.now();
    await this.#readLog(await this.#catchUp());
    const caughtUpMs = performance.now() - from;
    await this.look();
    const result = model.check();
    this.#report(result.problems);
    for (const { partition, from, to, count, stores } of model.doubledRanges()) {
      const names = this.#instances.filter(({ watch }) => stores.includes(watch.index));
      const both = names.map(({ name }) => name).join(" and ");
      findings.say(`in two stores: ${partition}@${from} to ${to}, ${count} messages, ${both}`);
    }
    const abrupt = this.faults.abruptSince(this.#windowFrom);
    if (result.doubled > 0 && !abrupt) {
      findings.add(`${result.doubled} messages are in two stores, though nothing ended abruptly`);
    }
    for (const instance of this.#instances.filter(({ hasStore }) => hasStore)) {
      this.#report(instance.watch.check(model));
      const clients = this.#clients.get(instance);
      if (clients !== undefined) this.#report(clients.model.check(instance.watch));
    }
    await this.#readEverything();
    this.checks.push({ ...result, at: findings.clock(), stage, caughtUpMs });
    findings.say(
      `full check: ${result.inLog} in the log, ${result.rows} rows, ${result.letters} dead letters, ${result.doubled} in two stores, caught up in ${Math.round(caughtUpMs)} ms, ${findings.count} findings so far`,
    );
    if (findings.count > 0) this.#keep();
    model.close();
    this.#windowFrom = Date.now();
  }

  /** Reads on in the log. */
  #readLog(ends: readonly number[]): Promise<void> {
    return this.#log.read(ends, ({ value, key, partition, offset }) => {
      const sequence = sequenceOf(value, key);
      const problem =
        sequence === undefined
          ? `the log has a message of somebody else at ${partition}@${offset}`
          : this.model.log(sequence, partition, offset);
      if (problem !== undefined) this.findings.add(problem);
    });
  }

  /** Waits until the stores have all and the group has been told so. Resolves to the ends of the partitions. */
  async #catchUp(): Promise<readonly number[]> {
    // Asked for anew each time: the mark of an aborted transaction may come late.
    let ends: readonly number[] = [];
    const isRead = async () => {
      ends = await this.#log.ends(this.partitions);
      const checks = await Promise.all(this.#running.map((instance) => instance.kafka()));
      const next = new Map(
        checks
          .flatMap((check) => check?.partitions ?? [])
          .map(({ partition, next_offset }) => [partition, next_offset]),
      );
      return ends.every((end, partition) => (next.get(partition) ?? -1) >= end);
    };
    const isTold = async () => {
      ends = await this.#log.ends(this.partitions);
      const committed = await this.#log.committed(this.partitions);
      return ends.every((end, partition) => end === 0 || committed[partition] === end);
    };
    try {
      await until("everything to be read", isRead, CATCH_UP_MS);
      await until("the group to be told of everything", isTold, COMMIT_MS);
      return ends;
    } catch (error) {
      const said = await Promise.all(this.#running.map((instance) => instance.kafka()));
      this.findings.say(`the log ends at ${ends.join(" ")}, instances say ${JSON.stringify(said)}`);
      this.#keep();
      throw error;
    }
  }

  async #readEverything(): Promise<void> {
    for (const instance of this.#running) {
      const count = await this.#clients.get(instance)?.everything();
      const held = instance.watch.rows + instance.watch.httpRows().length;
      if (count !== held) {
        this.findings.add(`${instance.name}: everything is ${count} events, the store has ${held}`);
      }
    }
  }

  /** Writes down what will be gone with Kafka. */
  #keep(): void {
    const window = join(this.directory, `window-${this.checks.length}.csv`);
    writeFileSync(window, [...this.model.lines()].join(""));
    writeFileSync(join(this.directory, "kafka.log"), this.#cluster.log(1));
  }

  /** Stops the instances in order and looks at their files for the last time. */
  async stopInstances(): Promise<void> {
    for (const instance of this.#running) {
      await instance.stop();
      this.#hearNews(instance);
      this.#report(instance.watch.damage());
    }
    this.#running = [];
  }

  /** Ends the services without another word. Kafka ends with this process, whatever happens. */
  abandon(): void {
    for (const instance of this.#instances) instance.abandon();
  }

  /** Ends all processes. What the instances wrote stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.kill()));
    await this.producers[Symbol.asyncDispose]();
    await this.#log[Symbol.asyncDispose]();
    await this.#cluster[Symbol.asyncDispose]();
  }
}
