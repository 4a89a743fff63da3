import { expect, test } from "bun:test";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { eventOfMessage, ServiceProcess, temporaryDirectory } from "./support.ts";

const MESSAGES = 60_000;

test("a GET of everything while ingest runs gives whole events in id order, none twice, none missing", async () => {
  using directory = temporaryDirectory();
  const broker = await startEmbeddedBroker("arrest_event");
  await send(
    broker.address,
    "arrest_event",
    Array.from({ length: MESSAGES }, (_, sequence) => ({
      partition: sequence % 4,
      value: JSON.stringify(eventOfMessage(sequence)),
    })),
  );
  await using service = await ServiceProcess.start({
    KAFKA_BROKERS: broker.address,
    DATABASE_PATH: join(directory.path, "store.sqlite"),
    INGEST_BATCH_SIZE: "500",
  });
  const sizes: number[] = [];
  await until("everything to be stored", async () => {
    const events = await service.events();
    for (const [index, { id, subject_id, ...event }] of events.entries()) {
      // Only ingest writes, so ids without a gap mean that nothing was missed.
      if (id !== index + 1) throw new Error(`event ${index} has the id ${id}`);
      expect({ ...event, subject_id }).toEqual(eventOfMessage(subject_id - 1));
    }
    sizes.push(events.length);
    return events.length === MESSAGES;
  });
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  expect(sizes.some((size) => size > 0 && size < MESSAGES)).toBe(true);
  await service.kill();
  await broker.close();
}, 60_000);
