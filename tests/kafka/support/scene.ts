import { join } from "node:path";
import type { NewTopic } from "@confluentinc/kafka-javascript";
import {
  eventOfMessage,
  query,
  ServiceProcess,
  temporaryDirectory,
} from "../../promises/support.ts";
import { until } from "../../support/until.ts";
import { Topics, uniqueName } from "./admin.ts";
import { type Outgoing, send } from "./producer.ts";
import { sharedKafka } from "./shared.ts";

/** What a test decides of its scene. */
export interface SceneOptions {
  /** How many partitions the topic gets; 0 leaves it to the test to make it. */
  readonly partitions?: number;
  readonly config?: NewTopic["config"];
  /** Another broker than the one that the tests share. */
  readonly brokers?: string;
  /** Where the services find it, if elsewhere than the test does. */
  readonly serviceBrokers?: string;
  /** Environment variables of every service. */
  readonly settings?: Record<string, string>;
}

/** A line of a service's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The part of `/readyz` that tells of Kafka. */
export interface KafkaCheck {
  readonly status: string;
  readonly state: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly next_offset: number;
    readonly end_offset: number;
    readonly lag: number;
  }[];
  readonly stored_events: number;
  readonly dead_letters: number;
  readonly problem?: string;
}

/** How soon a killed member is missed. With the consumer protocol the broker decides that. */
const SHORT_SESSION = {
  KAFKA_CONF_SESSION_TIMEOUT_MS: "2000",
  KAFKA_CONF_HEARTBEAT_INTERVAL_MS: "200",
};

/** A topic and a group that no other test knows, and a directory for the stores of the services that read it. */
export class Scene implements Disposable {
  readonly brokers: string;
  readonly topics: Topics;
  readonly topic: string = uniqueName("arrest_event");
  readonly group: string = uniqueName("group");
  readonly partitions: number;
  readonly #directory = temporaryDirectory();
  readonly #settings: Record<string, string>;

  private constructor(brokers: string, partitions: number, settings: Record<string, string>) {
    this.brokers = brokers;
    this.topics = new Topics(brokers);
    this.partitions = partitions;
    this.#settings = settings;
  }

  static async open(options: SceneOptions = {}): Promise<Scene> {
    const { partitions = 4, config = {}, settings = {} } = options;
    const brokers = options.brokers ?? (await sharedKafka()).brokers;
    const { serviceBrokers = brokers } = options;
    const scene = new Scene(brokers, partitions, { KAFKA_BROKERS: serviceBrokers, ...settings });
    if (partitions > 0) await scene.topics.create(scene.topic, partitions, config);
    return scene;
  }

  /** The database file of an instance. */
  store(instance = "store"): string {
    return join(this.#directory.path, `${instance}.sqlite`);
  }

  /** Starts an instance of the service and waits until it answers HTTP. */
  start(settings: Record<string, string> = {}, instance = "store"): Promise<ServiceProcess> {
    const given = { ...this.#settings, ...settings };
    return ServiceProcess.start({
      KAFKA_TOPIC: this.topic,
      KAFKA_GROUP_ID: this.group,
      DATABASE_PATH: this.store(instance),
      // New topics and partitions are noticed after this long.
      KAFKA_CONF_TOPIC_METADATA_REFRESH_INTERVAL_MS: "500",
      ...(given["KAFKA_CONF_GROUP_PROTOCOL"] === "consumer" ? {} : SHORT_SESSION),
      ...given,
    });
  }

  /** Sends the events of the sequence numbers from `from` to before `to`, dealt out to the partitions by turns. */
  send(from: number, to: number): Promise<void> {
    return send(this.brokers, this.topic, eventMessages(from, to, this.partitions));
  }

  /** Waits until the stores hold so many events together. */
  async stored(count: number, ...instances: string[]): Promise<void> {
    const paths = (instances.length > 0 ? instances : ["store"]).map((each) => this.store(each));
    const sum = () => paths.reduce((total, path) => total + countEvents(path), 0);
    // As long as there is progress it may take its time.
    for (let before = -1, now = sum(); now < count; now = sum()) {
      if (now <= before) throw new Error(`${now} of ${count} events are stored, and no more come`);
      before = now;
      await until(`more than ${now} of ${count} events to be stored`, () => sum() > now).catch(
        () => undefined,
      );
    }
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

/** The messages of the sequence numbers from `from` to before `to`. */
export function* eventMessages(from: number, to: number, partitions: number): Generator<Outgoing> {
  for (let sequence = from; sequence < to; sequence++) {
    yield {
      partition: sequence % partitions,
      value: JSON.stringify(eventOfMessage(sequence)),
    };
  }
}

/** How many events a store holds; 0 while there is none. */
export function countEvents(path: string): number {
  try {
    return query<{ n: number }>(path, "select count(*) as n from arrest_event")[0]?.n ?? 0;
  } catch {
    return 0;
  }
}

/** What a service says of Kafka. */
export async function kafkaCheck(service: ServiceProcess): Promise<KafkaCheck> {
  const { checks } = await service.json<{ checks: { kafka: KafkaCheck } }>("/readyz");
  return checks.kafka;
}

/** Waits until a service reads so many partitions. */
export function reading(service: ServiceProcess, partitions: number): Promise<KafkaCheck> {
  return until(`${partitions} partitions to be read`, async () => {
    const check = await kafkaCheck(service);
    return check.partitions.length === partitions && check;
  });
}

/** Waits until a service has nothing left to read of so many partitions. */
export function upToDate(service: ServiceProcess, partitions: number): Promise<KafkaCheck> {
  return until(`${partitions} partitions to be read to their ends`, async () => {
    const check = await kafkaCheck(service);
    const { length } = check.partitions.filter(({ lag }) => lag === 0);
    return length === partitions && check.partitions.length === partitions && check;
  });
}

/** The lines of a service's log with this text. */
export function linesWith(service: ServiceProcess, text: string): LogLine[] {
  return service
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.includes(text))
    .map((line): LogLine => JSON.parse(line))
    .filter(({ msg }) => msg.includes(text));
}

/** Stops a service as an operator does, and checks that it ends in order. */
export async function stopPolitely(service: ServiceProcess): Promise<void> {
  service.signal("SIGTERM");
  const code = await service.ended();
  if (code !== 0) throw new Error(`the service ended with ${code}:\n${service.output()}`);
}
