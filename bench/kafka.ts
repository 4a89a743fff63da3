/** Where the messages of measurements come from: Apache Kafka where it can be started, else the embedded broker. */
import { readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Topics, uniqueName } from "../tests/kafka/support/admin.ts";
import { NoKafkaError } from "../tests/kafka/support/jars.ts";
import { brokerIsGiven, sharedKafka } from "../tests/kafka/support/shared.ts";
import type { BacklogTask } from "./backlog.ts";
import type { Order } from "./events.ts";
import { type Child, figure, PARTITIONS, print, startProcess, TOPIC } from "./support.ts";

/** How many partitions a topic of Apache Kafka has. */
const KAFKA_PARTITIONS = 12;

/** What the embedded broker can hold. */
const MOST_EMBEDDED_EVENTS = 100_000;

/** Bytes that a message takes on the disk at most. */
const MESSAGE_BYTES = 250;

const POM = join(import.meta.dir, "../tests/kafka/support/pom.xml");

/** How batches of messages can be compressed. */
export const CODECS = ["none", "lz4", "zstd"] as const;

/** How batches of messages are compressed. */
export type Codec = (typeof CODECS)[number];

/** The embedded broker keeps 5 MB of each partition as it was sent, so that more of it fits compressed. */
export const EMBEDDED_CODEC: Codec = "lz4";

/** A topic. */
export interface Place {
  readonly brokers: string;
  readonly topic: string;
  readonly partitions: number;
}

/** A topic that holds the first `events` events of an order. */
export interface Backlog extends Place {
  readonly codec: Codec;
  readonly events: number;
  readonly order: Order;
  /** The file of the events, see `openColumns`. */
  readonly columns: string;
}

/** Has one embedded broker hold the events. */
export async function embeddedBacklog(
  events: number,
  order: Order,
  directory: string,
): Promise<Backlog & Pick<Child, "stop">> {
  const columns = join(directory, `${crypto.randomUUID()}.columns`);
  const child = fill({ events, order, columns });
  const brokers = await child.receive<string>();
  const place = { brokers, topic: TOPIC, partitions: PARTITIONS };
  return { ...place, codec: EMBEDDED_CODEC, events, order, columns, stop: child.stop };
}

function fill(task: BacklogTask): Child {
  return startProcess("bench/backlog.ts", [JSON.stringify(task)], {}, { hangsAfterMs: 3_600_000 });
}

/** The broker of a run. */
export class Kafka {
  /** `host:port` of Apache Kafka; none where there is only the embedded broker. */
  readonly brokers: string | undefined;
  /** What it is, to be printed. */
  readonly about: string;
  readonly #directory: string;
  readonly #made: string[] = [];
  readonly #embedded: Pick<Child, "stop">[] = [];
  /** What was filled, and how many events were asked for then. */
  readonly #backlogs: (Backlog & { readonly asked: number })[] = [];

  private constructor(brokers: string | undefined, about: string, directory: string) {
    this.brokers = brokers;
    this.about = about;
    this.#directory = directory;
  }

  /** Starts Apache Kafka, where that is possible. */
  static async start(directory: string): Promise<Kafka> {
    try {
      const { brokers } = await sharedKafka();
      const version = /kafka_2\.13<\/artifactId>\s*<version>([^<]+)/.exec(
        readFileSync(POM, "utf8"),
      )?.[1];
      const about = brokerIsGiven ? "as given by KAFKA_TEST_BROKERS" : `${version}, one node`;
      return new Kafka(brokers, `Apache Kafka ${about}, on the same processors`, directory);
    } catch (error) {
      if (!(error instanceof NoKafkaError)) throw error;
      const about = `the embedded broker instead of Apache Kafka, with ${figure(MOST_EMBEDDED_EVENTS)} events at most: ${error.message}`;
      return new Kafka(undefined, about, directory);
    }
  }

  /** Topics with the first events of an order, one for each codec; filled when they are asked for first. */
  async backlogs(
    events: number,
    order: Order,
    wanted: readonly Codec[],
  ): Promise<readonly Backlog[]> {
    const codecs = this.brokers === undefined ? [EMBEDDED_CODEC] : wanted;
    const isKnown = (codec: Codec) =>
      this.#backlogs.find(
        (each) => each.order === order && each.codec === codec && each.asked >= events,
      );
    const known = codecs.flatMap((codec) => isKnown(codec) ?? []);
    if (known.length === codecs.length) return known;
    const startedAt = performance.now();
    const made =
      this.brokers === undefined
        ? await this.#fillEmbedded(Math.min(events, MOST_EMBEDDED_EVENTS), order)
        : await this.#fillTopics(this.brokers, events, order, codecs);
    this.#backlogs.push(...made.map((backlog) => ({ ...backlog, asked: events })));
    const seconds = (performance.now() - startedAt) / 1000;
    const what = made.map(({ codec }) => codec).join(" and ");
    print(
      `\nSent ${figure(made[0]?.events ?? 0)} events with ${order} times, compression ${what}, in ${figure(seconds)} s.`,
    );
    return made;
  }

  /** The uncompressed one of {@link backlogs}, or what there is in its place. */
  async backlog(events: number, order: Order): Promise<Backlog> {
    const [first] = await this.backlogs(events, order, ["none"]);
    if (first === undefined) throw new Error("no topic was filled");
    return first;
  }

  async #fillEmbedded(events: number, order: Order): Promise<Backlog[]> {
    const backlog = await embeddedBacklog(events, order, this.#directory);
    this.#embedded.push(backlog);
    return [backlog];
  }

  async #fillTopics(
    brokers: string,
    events: number,
    order: Order,
    codecs: readonly Codec[],
  ): Promise<Backlog[]> {
    const needed = events * codecs.length * MESSAGE_BYTES;
    if (!brokerIsGiven) checkRoom(needed);
    const columns = join(this.#directory, `${crypto.randomUUID()}.columns`);
    const backlogs: Backlog[] = [];
    for (const codec of codecs) {
      const place = await this.emptyTopic();
      if (place === undefined) throw new Error("there is no broker");
      backlogs.push({ ...place, codec, events, order, columns });
    }
    const kafka = { brokers, partitions: KAFKA_PARTITIONS, topics: backlogs };
    const child = fill({ events, order, columns, kafka });
    await child.receive();
    await child.exited;
    return backlogs;
  }

  /** A new topic of Apache Kafka; none where there is only the embedded broker. */
  async emptyTopic(): Promise<Place | undefined> {
    const { brokers } = this;
    if (brokers === undefined) return undefined;
    const topic = uniqueName("bench");
    await new Topics(brokers).create(topic, KAFKA_PARTITIONS);
    this.#made.push(topic);
    return { brokers, topic, partitions: KAFKA_PARTITIONS };
  }

  /** Removes what was made; a broker that was started for it ends with this process. */
  async stop(): Promise<void> {
    for (const each of this.#embedded) await each.stop();
    if (this.brokers === undefined || !brokerIsGiven) return;
    for (const topic of this.#made) await new Topics(this.brokers).delete(topic);
  }
}

/** Throws unless the temporary directory has room for so many bytes, and as many again. */
export function checkRoom(bytes: number): void {
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize > 2 * bytes) return;
  throw new Error(`${tmpdir()} has less room than ${figure(Math.round((2 * bytes) / 1e9))} GB`);
}
