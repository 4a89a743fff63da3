/** Holds a backlog for measurements: an embedded broker, filled, in this process of its own. */
import { pino } from "pino";
import { TopicConsumer } from "../src/ingest/consumer.ts";
import { startEmbeddedBroker } from "../src/ingest/embedded-broker.ts";
import { simulatedMessage } from "../src/simulate/messages.ts";
import { Sender } from "../src/simulate/sender.ts";
import { answer, makeEvents, type Order, PARTITIONS, readTask, TOPIC } from "./support.ts";

const { events, order } = readTask<{ events: number; order: Order }>();
const broker = await startEmbeddedBroker(TOPIC);
// The broker keeps 5 MB of each partition as it was sent, so that more of it fits compressed.
const librdkafka = { "compression.codec": "lz4", "linger.ms": "20" };
const sender = await Sender.connect({ brokers: broker.address, topic: TOPIC, librdkafka });
for (const fields of makeEvents(events, order)) {
  const { key, value } = simulatedMessage(fields, () => 1, 0);
  while (!sender.send(key, value)) {
    sender.poll();
    await Bun.sleep(1);
  }
}
await sender.flush(() => 1);
await sender.close();

const groupId = "backlog";
const settings = { brokers: broker.address, topic: TOPIC, groupId, librdkafka: {} };
const reader = new TopicConsumer(settings, pino({ level: "silent" }), () => undefined);
await reader.connect();
let kept = 0;
for (let partition = 0; partition < PARTITIONS; partition++) {
  const { low, high } = await reader.ask.watermarks(partition);
  kept += high - low;
}
await reader.close();
if (kept !== events) {
  process.stderr.write(`The embedded broker kept ${kept} of ${events} messages: send fewer.\n`);
  process.exit(1);
}

process.once("SIGTERM", () => process.exit(0));
answer(broker.address);
setInterval(() => undefined, 60_000);
