import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type KafkaCheck, kafkaCheck } from "../kafka/support/scene.ts";
import { ServiceProcess } from "../promises/support.ts";
import type { Findings } from "./findings.ts";
import { StoreWatch } from "./store-watch.ts";

/** The service's own limit for an orderly stop, and what the machine may add to it, in milliseconds. */
const SHUTDOWN_TIMEOUT_MS = 10_000;
const SHUTDOWN_GRACE_MS = 5000;

/** How long a store may count as failing once it is well again: the service tries it with growing pauses. */
const STORE_RECOVERY_MS = 12_000;

/** A partition that an instance was given, and where it began to read it. */
export interface Taken {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A line of the log at level warn or above. */
export interface TroubleLine {
  readonly instance: string;
  readonly level: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const TROUBLE: ReadonlySet<string> = new Set(["warn", "error", "fatal"]);

/** The end of a life, as it was brought about. */
export interface Ending {
  readonly signal: "SIGKILL" | "SIGTERM";
  /** Milliseconds of `performance.now`. */
  readonly at: number;
}

/** What is new in the log of an instance. */
export interface News {
  readonly taken: readonly Taken[];
  readonly trouble: readonly TroubleLine[];
}

/** What all instances have in common. */
export interface InstanceContext {
  readonly directory: string;
  readonly findings: Findings;
  readonly settings: Record<string, string>;
}

/** One instance of the service through all its lives, with a database of its own. */
export class Instance {
  readonly name: string;
  readonly watch: StoreWatch;
  readonly #with: InstanceContext;
  #service: ServiceProcess | undefined;
  #lives = 0;
  /** Up, and nobody is about to end it. */
  #steady = false;
  #linesRead = 0;
  /** What past lives have logged that nobody has heard. */
  #unheard: News = { taken: [], trouble: [] };
  /** How its latest life was ended, and when. */
  #ending: Ending | undefined;
  #storeFault = { from: Number.NEGATIVE_INFINITY, to: Number.NEGATIVE_INFINITY };

  constructor(name: string, index: number, context: InstanceContext) {
    this.name = name;
    this.#with = context;
    this.watch = new StoreWatch(join(context.directory, `${name}.sqlite`), index);
  }

  /** Ends it at once, with what it was doing. For the end of everything. */
  abandon(): void {
    this.#steady = false;
    this.#service?.signal("SIGKILL");
  }

  /** The process of its present life; `undefined` while it is down, or about to be. */
  get service(): ServiceProcess | undefined {
    return this.#steady ? this.#service : undefined;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Whether its store can be looked at: it has been made. */
  get hasStore(): boolean {
    return this.#lives > 0;
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<void> {
    const service = await ServiceProcess.start({
      ...this.#with.settings,
      DATABASE_PATH: this.watch.path,
      SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS),
    });
    this.#service = service;
    this.#linesRead = 0;
    this.#lives++;
    this.#steady = true;
    void service.ended().then((code) => {
      if (!this.#steady || this.#service !== service) return;
      this.#steady = false;
      this.#with.findings.add(`${this.name} ended by itself with ${code}: ${tail(service)}`);
      this.#bury(service);
    });
  }

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    const service = this.#service;
    if (service === undefined) return;
    this.#steady = false;
    this.#ending = { signal: "SIGKILL", at: performance.now() };
    await service.kill();
    this.#bury(service);
  }

  /** Ends it as an operator does; that it ends in order, and in time, is a check of its own. */
  async stop(): Promise<void> {
    const service = this.#service;
    if (service === undefined) return;
    this.#steady = false;
    const from = performance.now();
    this.#ending = { signal: "SIGTERM", at: from };
    service.signal("SIGTERM");
    const limit = SHUTDOWN_TIMEOUT_MS + SHUTDOWN_GRACE_MS;
    const code = await Promise.race([service.ended(), Bun.sleep(limit).then(() => "no exit code")]);
    const took = Math.round(performance.now() - from);
    if (code !== 0) {
      this.#with.findings.add(
        `${this.name}: SIGTERM led to ${code} in ${took} ms: ${tail(service)}`,
      );
      await service.kill();
    }
    this.#bury(service);
  }

  #bury(service: ServiceProcess): void {
    const file = join(this.#with.directory, `${this.name}-${this.#lives}.log`);
    writeFileSync(file, service.output());
    this.#unheard = this.news();
    this.#service = undefined;
  }

  /** What is new in its log: the partitions that it was given, and trouble. */
  news(): News {
    const unheard = this.#unheard;
    this.#unheard = { taken: [], trouble: [] };
    const lines = this.#service?.lines ?? [];
    const taken: Taken[] = [];
    const trouble: TroubleLine[] = [];
    for (; this.#linesRead < lines.length; this.#linesRead++) {
      const line = lines[this.#linesRead] as Record<string, unknown>;
      const at = Date.parse(String(line["time"]));
      if (line["msg"] === "partitions assigned") {
        for (const each of String(line["positions"]).split(" ")) {
          const [partition = 0, offset = 0] = each.split("@").map(Number);
          taken.push({ partition, offset, at });
        }
      }
      const level = String(line["level"]);
      if (TROUBLE.has(level)) {
        trouble.push({ instance: this.name, level, text: describe(line), at });
      }
    }
    return { taken: [...unheard.taken, ...taken], trouble: [...unheard.trouble, ...trouble] };
  }

  /** Told when its store begins to fail and when that is over. */
  storeFails(whether: boolean): void {
    const now = performance.now();
    this.#storeFault = whether
      ? { from: now, to: Number.POSITIVE_INFINITY }
      : { ...this.#storeFault, to: now };
  }

  /** Whether the store failed, or was taken to fail, at some time between two times of `performance.now`. */
  storeFailedBetween(from: number, to: number): boolean {
    const { from: began, to: ended } = this.#storeFault;
    return to >= began && from <= ended + STORE_RECOVERY_MS;
  }

  /** What it says of Kafka; `undefined` while it does not answer. */
  async kafka(): Promise<KafkaCheck | undefined> {
    const { service } = this;
    if (service === undefined) return undefined;
    try {
      return await kafkaCheck(service);
    } catch {
      return undefined;
    }
  }
}

function tail(service: ServiceProcess): string {
  return service.output().slice(-1500);
}

/** What a line tells, without what differs each time: its fields, and the numbers in its text. */
function describe({ msg, err, problem, reason }: Record<string, unknown>): string {
  const error = (err as { message?: string } | undefined)?.message;
  const parts = [msg, error ?? problem ?? reason].filter((each) => each !== undefined);
  return parts.join(": ").replaceAll(/\d+/g, "…");
}
