/**
 * Fills topics with the events of measurements, in this process of its own, and writes them down as columns.
 * Without a broker it is one itself, embedded, until it is ended.
 */
import { CODES, type LibrdKafkaError, Producer } from "@confluentinc/kafka-javascript";
import { startEmbeddedBroker } from "../src/ingest/embedded-broker.ts";
import { simulatedMessage } from "../src/simulate/messages.ts";
import { columnsOver, eventSource, newColumns, type Order, setEvent } from "./events.ts";
import { type Codec, EMBEDDED_CODEC } from "./kafka.ts";
import { answer, PARTITIONS, readTask, TOPIC } from "./support.ts";

/** A topic to fill, and how its messages are compressed. */
export interface Filling {
  readonly topic: string;
  readonly codec: Codec;
}

/** What to send, and where. */
export interface BacklogTask {
  readonly events: number;
  readonly order: Order;
  /** The file of the columns. */
  readonly columns: string;
  /** The broker, in which the topics are there already; none for the embedded one and its topic. */
  readonly kafka?: {
    readonly brokers: string;
    readonly partitions: number;
    readonly topics: readonly Filling[];
  };
}

/** How long the broker has for what is in hand, and for a question, in milliseconds. */
const FLUSH_TIMEOUT_MS = 120_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** How long a full queue is given, in milliseconds. */
const FULL_QUEUE_PAUSE_MS = 2;

/** Awaits a function of the client that takes a node-style callback last. */
function call<T>(
  start: (done: (error: LibrdKafkaError | null | undefined, value: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) =>
    start((error, value) => (error ? reject(error) : resolve(value))),
  );
}

/** Reports of what was delivered are left out, which take most of a producer's time; what the topics hold is counted. */
async function connect(brokers: string, codec: Codec): Promise<Producer> {
  const producer = new Producer({
    "bootstrap.servers": brokers,
    "enable.idempotence": true,
    "compression.codec": codec,
    "linger.ms": 50,
    "queue.buffering.max.messages": 500_000,
  });
  await call((done) => producer.connect({ timeout: REQUEST_TIMEOUT_MS }, done));
  return producer;
}

/** Hands a message to the client; false when its queue is full. */
function produce(producer: Producer, topic: string, key: string, value: Buffer | null): boolean {
  try {
    producer.produce(topic, null, value, key);
    return true;
  } catch (error) {
    if ((error as LibrdKafkaError).code === CODES.ERRORS.ERR__QUEUE_FULL) return false;
    throw error;
  }
}

async function held(producer: Producer, topic: string, partitions: number): Promise<number> {
  let sum = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const { lowOffset, highOffset } = await call<{ lowOffset: number; highOffset: number }>(
      (done) => producer.queryWatermarkOffsets(topic, partition, REQUEST_TIMEOUT_MS, done),
    );
    sum += highOffset - lowOffset;
  }
  return sum;
}

const { events, order, columns: path, kafka } = readTask<BacklogTask>();
const brokers = kafka?.brokers ?? (await startEmbeddedBroker(TOPIC)).address;
const topics: readonly Filling[] = kafka?.topics ?? [{ topic: TOPIC, codec: EMBEDDED_CODEC }];

const fillings = await Promise.all(
  topics.map(async ({ topic, codec }) => ({ topic, producer: await connect(brokers, codec) })),
);
const numbers = newColumns(events);
const columns = columnsOver(numbers);
const next = eventSource(order);
for (let index = 0; index < events; index++) {
  const fields = next();
  setEvent(columns, index, fields);
  const { key, value } = simulatedMessage(fields, () => 1, 0);
  for (const { topic, producer } of fillings) {
    while (!produce(producer, topic, key, value)) {
      producer.poll();
      await Bun.sleep(FULL_QUEUE_PAUSE_MS);
    }
  }
}
await Bun.write(path, numbers);
for (const { topic, producer } of fillings) {
  await call((done) => producer.flush(FLUSH_TIMEOUT_MS, (error) => done(error, undefined)));
  const count = await held(producer, topic, kafka?.partitions ?? PARTITIONS);
  if (count !== events) {
    process.stderr.write(`The broker kept ${count} of ${events} messages: send fewer.\n`);
    process.exit(1);
  }
  await call((done) => producer.disconnect(REQUEST_TIMEOUT_MS, done));
}

process.once("SIGTERM", () => process.exit(0));
answer(brokers);
if (kafka !== undefined) process.exit(0);
setInterval(() => undefined, 60_000);
