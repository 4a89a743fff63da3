import { expect, test } from "bun:test";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { eventOfMessage, query, ServiceProcess, temporaryDirectory } from "./support.ts";

/** How many of its messages are poison, how many the store may hold, and how large one batch is. */
const POISON = 500;
const BOUND = 100;
const BATCH = 20;

interface Readiness {
  readonly checks: { readonly kafka: { readonly status: string; readonly state: string } };
}

test(
  "a flood of poison stops the reading with a red readiness, and nothing of it is lost or stored twice",
  async () => {
    using directory = temporaryDirectory();
    const databasePath = join(directory.path, "store.sqlite");
    const broker = await startEmbeddedBroker("arrest_event");
    const good = Array.from({ length: POISON }, (_, sequence) => ({
      partition: 0,
      value: JSON.stringify(eventOfMessage(sequence)),
    }));
    const messages = good.flatMap((message, sequence) => [
      { partition: 0, value: `poison ${sequence}` },
      message,
    ]);
    await send(broker.address, "arrest_event", messages);
    await using service = await ServiceProcess.start({
      KAFKA_BROKERS: broker.address,
      DATABASE_PATH: databasePath,
      INGEST_BATCH_SIZE: String(BATCH),
      DEAD_LETTER_MAX_COUNT: String(BOUND),
    });

    let seen = 0;
    const letters = new Set<string>();
    let stops = 0;
    while (letters.size < POISON) {
      await until("the bound is reached, or all is read", () => {
        return countOf("dead_letter") >= BOUND || countOf("arrest_event") === POISON;
      });
      const count = countOf("dead_letter");
      expect(count).toBeLessThan(BOUND + BATCH);
      if (count >= BOUND) {
        stops++;
        const red = await until("the readiness is red", async () => {
          const response = await service.fetch("/readyz");
          return response.status === 503 && ((await response.json()) as Readiness);
        });
        expect(red.checks.kafka).toMatchObject({ status: "failing", state: "dead-letters-full" });
        // What needs no reading goes on.
        expect((await service.fetch("/arrest_events/1")).status).toBe(200);
        expect(countOf("dead_letter")).toBe(count);
      }
      for (const { value } of query<{ value: string }>(
        databasePath,
        "select cast(value as text) as value from dead_letter",
      )) {
        letters.add(value);
        seen++;
      }
      const { deleted } = await service.json<{ deleted: number }>(
        "/dead_letters?topic=arrest_event&limit=1000",
        { method: "DELETE" },
      );
      expect(deleted).toBe(count);
    }
    expect({ seen, different: letters.size }).toEqual({ seen: POISON, different: POISON });
    expect(stops).toBeGreaterThanOrEqual(3);
    const subjects = query<{ subject: number }>(
      databasePath,
      "select subject_id as subject from arrest_event order by id",
    );
    expect(subjects.map(({ subject }) => subject)).toEqual(
      Array.from({ length: POISON }, (_, sequence) => sequence + 1),
    );
    await until("the readiness is green", async () => (await service.fetch("/readyz")).ok);
    await broker.close();

    function countOf(table: string): number {
      return query<{ n: number }>(databasePath, `select count(*) as n from ${table}`)[0]?.n ?? 0;
    }
  },
  { timeout: 120_000, retry: 0 },
);
