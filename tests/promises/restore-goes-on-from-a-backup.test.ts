import { expect, test } from "bun:test";
import { copyFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { run } from "../commands/support.ts";
import { send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { eventOfMessage, query, ServiceProcess, temporaryDirectory } from "./support.ts";

const TOPIC = "arrest_event";

function messages(from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) => ({
    partition: (from + index) % 4,
    value: JSON.stringify(eventOfMessage(from + index)),
  }));
}

test("a backup in the place of the database goes on from its own positions: what came since is read again, each message once", async () => {
  using directory = temporaryDirectory();
  const broker = await startEmbeddedBroker(TOPIC);
  const DATABASE_PATH = join(directory.path, "store.sqlite");
  const backup = join(directory.path, "backup.sqlite");
  const settings = {
    KAFKA_BROKERS: broker.address,
    DATABASE_PATH,
    // The embedded broker gives a group's partitions to the next member only after this time-out.
    KAFKA_CONF_SESSION_TIMEOUT_MS: "3500",
  };
  const holds = (service: ServiceProcess, count: number) =>
    until(`${count} events`, async () => {
      const events = await service.events();
      return events.length >= count && events;
    });

  await send(broker.address, TOPIC, messages(0, 1000));
  await using service = await ServiceProcess.start(settings);
  await holds(service, 1000);
  expect((await service.post(eventOfMessage(1000))).status).toBe(201);
  expect((await run({ DATABASE_PATH }, "backup", backup)).exitCode).toBe(0);
  await send(broker.address, TOPIC, messages(1001, 1500));
  await holds(service, 1500);
  // The one thing that Kafka cannot bring back.
  expect((await service.post(eventOfMessage(1500))).status).toBe(201);
  // The group is told of all of it, and is ahead of the backup then.
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(0);

  for (const suffix of ["", "-wal", "-shm"]) {
    const file = `${DATABASE_PATH}${suffix}`;
    if (await Bun.file(file).exists()) renameSync(file, `${file}.old`);
  }
  expect((await run({}, "check", backup)).exitCode).toBe(0);
  copyFileSync(backup, DATABASE_PATH);

  await using restored = await ServiceProcess.start(settings);
  const events = await holds(restored, 1500);
  const subjects = events.map(({ subject_id }) => subject_id);
  const expected = Array.from({ length: 1500 }, (_, n) => eventOfMessage(n).subject_id);
  expect(subjects.toSorted((a, b) => a - b)).toEqual(expected);
  const metrics = await (await restored.fetch("/metrics")).text();
  expect(metrics).toContain("\narrest_events_ingest_missed_messages_total 0\n");

  restored.signal("SIGTERM");
  expect(await restored.ended()).toBe(0);
  expect((await run({}, "check", DATABASE_PATH)).exitCode).toBe(0);
  expect(
    query<{ next: number }>(DATABASE_PATH, "select sum(next_offset) as next from consumer_offset"),
  ).toEqual([{ next: 1499 }]);
  await broker.close();
}, 60_000);
