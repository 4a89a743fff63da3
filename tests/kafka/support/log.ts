import { type EofEvent, KafkaConsumer } from "@confluentinc/kafka-javascript";
import { inTime } from "../../support/until.ts";
import { call, uniqueName } from "./admin.ts";

/** The offsets of the messages that a partition's log holds now. */
export async function offsetsOf(
  brokers: string,
  topic: string,
  partition: number,
): Promise<number[]> {
  const consumer = new KafkaConsumer(
    {
      "bootstrap.servers": brokers,
      "group.id": uniqueName("looking"),
      "enable.auto.commit": false,
      "enable.partition.eof": true,
    },
    { "auto.offset.reset": "earliest" },
  );
  let atEnd = false;
  consumer.on("partition.eof", (_: EofEvent) => {
    atEnd = true;
  });
  await call((done) => consumer.connect({}, done));
  try {
    consumer.assign([{ topic, partition, offset: 0 }]);
    consumer.setDefaultConsumeTimeout(50);
    const offsets: number[] = [];
    const readAll = async () => {
      while (!atEnd) {
        const messages = await call<{ offset: number }[]>((done) => consumer.consume(1000, done));
        for (const { offset } of messages) offsets.push(offset);
      }
    };
    await inTime(`reading ${topic}`, readAll());
    return offsets;
  } finally {
    await new Promise<void>((closed) => consumer.disconnect(() => closed()));
  }
}
