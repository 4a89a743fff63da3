import { expect, test } from "bun:test";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { eventOfMessage, ServiceProcess, temporaryDirectory } from "./support.ts";

const TOPIC = "arrest_event";

function messages(from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) => ({
    partition: (from + index) % 4,
    value: JSON.stringify(eventOfMessage(from + index)),
  }));
}

test("a stop and a start go on where the reading was, also with what was sent in between", async () => {
  using directory = temporaryDirectory();
  const broker = await startEmbeddedBroker(TOPIC);
  const settings = {
    KAFKA_BROKERS: broker.address,
    DATABASE_PATH: join(directory.path, "store.sqlite"),
  };
  await send(broker.address, TOPIC, messages(0, 1000));
  await using first = await ServiceProcess.start(settings);
  const before = await until("the first messages", async () => {
    const events = await first.events();
    return events.length === 1000 && events;
  });
  first.signal("SIGTERM");
  expect(await first.ended()).toBe(0);

  await send(broker.address, TOPIC, messages(1000, 1500));
  // A new group has no offsets in Kafka: what is not read again was remembered by the store.
  await using second = await ServiceProcess.start({ ...settings, KAFKA_GROUP_ID: "another-group" });
  const after = await until("the messages sent in between", async () => {
    const events = await second.events();
    return events.length >= 1500 && events;
  });
  expect(after.slice(0, 1000)).toEqual(before);
  expect(new Set(after.map(({ subject_id }) => subject_id)).size).toBe(1500);
  expect(after.length).toBe(1500);
  await second.kill();
  await broker.close();
}, 60_000);

test("SIGTERM in the midst of a backlog stores what was read, exits 0 and leaves an empty log file", async () => {
  using directory = temporaryDirectory();
  const databasePath = join(directory.path, "store.sqlite");
  const broker = await startEmbeddedBroker(TOPIC);
  const settings = {
    KAFKA_BROKERS: broker.address,
    DATABASE_PATH: databasePath,
    INGEST_BATCH_SIZE: "50",
    // The embedded broker gives a group's partitions to the next member only after this time-out.
    KAFKA_CONF_SESSION_TIMEOUT_MS: "3500",
  };
  await send(broker.address, TOPIC, messages(0, 30_000));
  await using first = await ServiceProcess.start(settings);
  await until("the first event", async () => (await first.fetch("/arrest_events/1")).ok);
  first.signal("SIGTERM");
  expect(await first.ended()).toBe(0);
  expect(Bun.file(`${databasePath}-wal`).size).toBe(0);

  await using second = await ServiceProcess.start(settings);
  const events = await until("all messages", async () => {
    const { checks } = await second.json<{
      checks: { kafka: { stored_events: number; partitions: { lag: number }[] } };
    }>("/readyz");
    const { partitions } = checks.kafka;
    return partitions.length === 4 && partitions.every(({ lag }) => lag === 0) && second.events();
  });
  expect(events.length).toBe(30_000);
  expect(new Set(events.map(({ subject_id }) => subject_id)).size).toBe(30_000);
  await second.kill();
  await broker.close();
}, 60_000);

test("a second signal ends the process at once", async () => {
  using directory = temporaryDirectory();
  await using service = await ServiceProcess.start({
    KAFKA_BROKERS: "none",
    DATABASE_PATH: join(directory.path, "store.sqlite"),
    SHUTDOWN_TIMEOUT_MS: "600000",
  });
  // A request whose body never ends keeps an orderly stop waiting. The server says that it has it.
  const { port } = new URL(String((await service.line("listening"))["url"]));
  const received = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: { data: (_, bytes) => received.resolve(bytes.toString()) },
  });
  socket.write(
    "POST /arrest_events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n",
  );
  expect(await received.promise).toStartWith("HTTP/1.1 100 ");
  service.signal("SIGTERM");
  await service.line("stopping");
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(143);
  socket.end();
}, 30_000);
