import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { eventOfMessage, query, ServiceProcess, temporaryDirectory } from "./support.ts";

const MESSAGES = 500;

test("while the store cannot be written nothing is lost or dead-lettered, reads go on, and it recovers by itself", async () => {
  using directory = temporaryDirectory();
  const databasePath = join(directory.path, "store.sqlite");
  const broker = await startEmbeddedBroker("arrest_event");
  await using service = await ServiceProcess.start({
    KAFKA_BROKERS: broker.address,
    DATABASE_PATH: databasePath,
  });
  const created = await service.post(eventOfMessage(MESSAGES));
  expect(created.status).toBe(201);
  await service.line("partitions assigned");

  // Another program that keeps the database to itself, as a backup tool may.
  const other = new Database(databasePath);
  other.run("begin immediate");
  const messages = Array.from({ length: MESSAGES }, (_, sequence) => ({
    partition: sequence % 4,
    value: JSON.stringify(eventOfMessage(sequence)),
  }));
  await send(broker.address, "arrest_event", messages);
  await until("readiness to be red", async () => (await service.fetch("/readyz")).status === 503);
  const refused = await service.post(eventOfMessage(MESSAGES + 1));
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).not.toBeNull();
  expect((await service.events()).length).toBe(1);

  other.run("rollback");
  other.close();
  const events = await until("everything to be stored", async () => {
    const stored = await service.events();
    return stored.length > MESSAGES && stored;
  });
  expect(events.length).toBe(MESSAGES + 1);
  expect(new Set(events.map(({ subject_id }) => subject_id)).size).toBe(MESSAGES + 1);
  expect(query<{ n: number }>(databasePath, "select count(*) as n from dead_letter")).toEqual([
    { n: 0 },
  ]);
  await until("readiness to be green", async () => (await service.fetch("/readyz")).ok);
  await service.kill();
  await broker.close();
}, 120_000);
