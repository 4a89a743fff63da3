import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import Kafka, {
  type KafkaConsumer,
  type Message,
  type Producer,
} from "@confluentinc/kafka-javascript";
import { MessageBatch } from "../../src/ingest/message-batch.ts";

/** Any setting of librdkafka; the package's types know only the documented ones. */
export type Settings = Record<string, unknown>;

/** A consumer, with what the package's types leave out. */
export type Consumer = KafkaConsumer & {
  incrementalAssign(partitions: { topic: string; partition: number; offset?: number }[]): void;
  incrementalUnassign(partitions: { topic: string; partition: number }[]): void;
  rebalanceProtocol(): string;
  assignmentLost(): boolean;
  commitCb(
    offsets: { topic: string; partition: number; offset: number }[],
    done: (error: Error | null) => void,
  ): void;
};

/** The controls of the mock cluster, which the addon adds to the package's. */
interface MockCluster {
  setRebalanceDelay(client: unknown, milliseconds: number): void;
  createTopic(client: unknown, topic: string, partitions: number): void;
  setBrokerUp(client: unknown, id: number, up: boolean): void;
  failNext(client: unknown, apiKey: number, codes: number[]): void;
}

const require = createRequire(import.meta.url);

/** The addon itself, without what the package uses of it. */
export const addon: {
  mockCluster: MockCluster;
  consumeBatch(
    client: unknown,
    maxMessages: number,
    maxBytes: number,
    waitMs: number,
    done: (buffer: ArrayBuffer, count: number, ends: number[], error: BatchResult["error"]) => void,
  ): void;
} = require("@confluentinc/kafka-javascript/librdkafka.js");

/** Awaits a function of the package that takes a node-style callback last. */
export function call<T = unknown>(
  start: (done: (error?: unknown, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) =>
    start((error, value) => (error ? reject(error) : resolve(value as T))),
  );
}

/** Polls until a condition holds; rejects with `what` when it does not in time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 30_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}`);
    await Bun.sleep(10);
  }
}

/** What one call of `consumeBatch` gives. */
export interface BatchResult {
  batch: MessageBatch;
  /** Of each partition whose end was reached: its number and that offset. */
  ends: number[];
  error: { code: number; message: string } | null;
}

/** Takes a batch of the messages of a consumer; by default all that are there, without waiting. */
export function takeBatch(
  consumer: KafkaConsumer,
  { max = 10_000, maxBytes = 2 ** 30, waitMs = 0 } = {},
): Promise<BatchResult> {
  return new Promise((resolve) =>
    addon.consumeBatch(
      consumer.getClient(),
      max,
      maxBytes,
      waitMs,
      (buffer, count, ends, error) => {
        resolve({ batch: new MessageBatch("topic", buffer, count), ends, error });
      },
    ),
  );
}

let names = 0;

/** A name that no other test uses. */
export function unique(prefix: string): string {
  return `${prefix}-${process.pid}-${++names}`;
}

/** A producer that is connected and reports deliveries without being polled. */
export async function producerOf(settings: Settings): Promise<Producer> {
  const producer = new Kafka.Producer(settings as never);
  await call((done) => producer.connect({}, done));
  producer.setPollInBackground(true);
  return producer;
}

/** A consumer that is connected, in a group of its own, reading from the beginning. */
export async function consumerOf(
  address: string,
  settings: Settings = {},
  topicSettings: Settings = { "auto.offset.reset": "earliest" },
): Promise<Consumer> {
  const consumer = new Kafka.KafkaConsumer(
    {
      "bootstrap.servers": address,
      "group.id": unique("group"),
      "enable.auto.commit": false,
      // The mock cluster holds a rebalance back for this long, less a second.
      "session.timeout.ms": 2_000,
      "heartbeat.interval.ms": 200,
      ...settings,
    } as never,
    topicSettings,
  ) as Consumer;
  await call((done) => consumer.connect({}, done));
  consumer.setDefaultConsumeTimeout(200);
  return consumer;
}

/** Disconnects a client; a producer flushes first. */
export async function close(client: KafkaConsumer | Producer): Promise<void> {
  await new Promise<void>((resolve) => client.disconnect(() => resolve()));
}

/** Consumes until there are so many messages. */
export async function take(consumer: KafkaConsumer, count: number): Promise<Message[]> {
  const taken: Message[] = [];
  await until(`${count} messages`, async () => {
    if (taken.length < count) {
      const wanted = count - taken.length;
      taken.push(...(await call<Message[]>((done) => consumer.consume(wanted, done))));
    }
    return taken.length >= count;
  });
  return taken;
}

/** A mock cluster of one broker, and the producer it lives in. */
export class Cluster {
  readonly producer: Producer;
  readonly address: string;

  private constructor(producer: Producer, address: string) {
    this.producer = producer;
    this.address = address;
  }

  static async start(settings: Settings = {}): Promise<Cluster> {
    const producer = await producerOf({ "test.mock.num.brokers": 1, "linger.ms": 1, ...settings });
    addon.mockCluster.setRebalanceDelay(producer.getClient(), 0);
    const { brokers } = await call<{ brokers: { host: string; port: number }[] }>((done) =>
      producer.getMetadata({}, done),
    );
    return new Cluster(producer, brokers.map(({ host, port }) => `${host}:${port}`).join(","));
  }

  /** A new topic, with these values in its first partition. */
  async topic(values: (string | Buffer | null)[] = [], partitions = 1): Promise<string> {
    const topic = unique("topic");
    addon.mockCluster.createTopic(this.producer.getClient(), topic, partitions);
    for (const value of values) {
      this.producer.produce(topic, 0, typeof value === "string" ? Buffer.from(value) : value);
    }
    await this.flush();
    return topic;
  }

  async flush(): Promise<void> {
    await call((done) => this.producer.flush(20_000, done));
  }

  async stop(): Promise<void> {
    await close(this.producer);
  }
}

/** The values of messages, as strings. */
export function texts(messages: Message[]): (string | null)[] {
  return messages.map(({ value }) => value?.toString() ?? null);
}

/** What a scenario of `fixtures/scenarios.ts` printed, and how its process ended. */
export interface Outcome {
  code: number | null;
  signal: string | number | null;
  output: string;
}

/** Runs a scenario in a process of its own, which is killed after a deadline. */
export async function scenario(name: string, env: Record<string, string> = {}): Promise<Outcome> {
  return await runProcess([process.execPath, fixture("scenarios.ts"), name], env);
}

/** Runs a command, which is killed after a deadline. */
export async function runProcess(
  command: string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const child = Bun.spawn(command, {
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  const [out, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code: child.exitCode, signal: child.signalCode, output: out + errors };
}

/** The path of a file beside the tests. */
export function fixture(name: string): string {
  return join(import.meta.dir, "fixtures", name);
}

/** How many clients of librdkafka live in this process, by their main threads; Linux only. */
export function liveClients(): number {
  const tasks = "/proc/self/task";
  return readdirSync(tasks).filter((task) => {
    const name = join(tasks, task, "comm");
    return existsSync(name) && readName(name) === "rdk:main";
  }).length;
}

function readName(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
