import { expect, test } from "bun:test";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { seededRandom } from "../../src/simulate/random.ts";
import { type Sent, send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import {
  eventOfMessage,
  query,
  ServiceProcess,
  type StoredDeadLetter,
  temporaryDirectory,
} from "./support.ts";

const TOPIC = "arrest_event";
const PARTITIONS = 4;
/** How many kills must come in the midst of ingest. */
const KILLS = Number(process.env["KILLS"] ?? 20);
/** How many messages are sent before each kill, so that it has something to interrupt. */
const SHARE = 3000;
/** A kill comes this long after the partitions have been assigned, at most: most come in mid-batch. */
const LONGEST_LIFE_MS = 120;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** Every 50th message cannot be an event; its text says which it is. */
function isPoison(sequence: number): boolean {
  return sequence % 50 === 49;
}

function message(sequence: number): Sent {
  return {
    partition: sequence % PARTITIONS,
    value: isPoison(sequence) ? `poison ${sequence}` : JSON.stringify(eventOfMessage(sequence)),
  };
}

test(
  `every message is stored exactly once, in order, across ${KILLS} kills at random instants (SEED=${seed})`,
  async () => {
    using directory = temporaryDirectory();
    const random = seededRandom(seed);
    const broker = await startEmbeddedBroker(TOPIC);
    const databasePath = join(directory.path, "store.sqlite");
    const settings = {
      KAFKA_BROKERS: broker.address,
      DATABASE_PATH: databasePath,
      INGEST_BATCH_SIZE: "100",
      // The group notices a killed member after this long.
      KAFKA_CONF_SESSION_TIMEOUT_MS: "3500",
      KAFKA_CONF_HEARTBEAT_INTERVAL_MS: "200",
    };
    let sent = 0;
    const sendShare = async () => {
      const share = Array.from({ length: SHARE }, (_, index) => message(sent + index));
      await send(broker.address, TOPIC, share);
      sent += SHARE;
    };

    let stored = 0;
    let killsInMidIngest = 0;
    for (let kill = 0; killsInMidIngest < KILLS; kill++) {
      expect(kill).toBeLessThan(3 * KILLS);
      await sendShare();
      // To a new group Kafka has no offsets to give: only the store knows where to go on.
      const group = random() < 0.5 ? "arrest-events" : `arrest-events-${kill}`;
      await using service = await ServiceProcess.start({ ...settings, KAFKA_GROUP_ID: group });
      // One in five dies before it reads anything.
      if (random() < 0.8) await service.line("partitions assigned");
      await Bun.sleep(random() * LONGEST_LIFE_MS);
      await service.kill();
      const [{ n } = { n: 0 }] = query<{ n: number }>(
        databasePath,
        "select (select count(*) from arrest_event) + (select count(*) from dead_letter) as n",
      );
      if (n > stored && n < sent) killsInMidIngest++;
      stored = n;
    }

    await sendShare();
    const sequences = Array.from({ length: sent }, (_, sequence) => sequence);
    await using service = await ServiceProcess.start(settings);
    const good = sequences.filter((sequence) => !isPoison(sequence));
    const poison = sequences.filter(isPoison);
    await until("everything to be stored", async () => {
      const { checks } = await service.json<{
        checks: { kafka: { partitions: { next_offset: number }[] } };
      }>("/readyz");
      const next = checks.kafka.partitions.reduce((sum, { next_offset }) => sum + next_offset, 0);
      return next === sent;
    });

    const events = await service.events();
    expect(events.length).toBe(good.length);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      // Ids rise in the order of storing, so this compares the order of each partition too.
      const stored = events
        .filter(({ subject_id }) => (subject_id - 1) % PARTITIONS === partition)
        .map(({ id: _, ...event }) => event);
      const sent = good.filter((sequence) => sequence % PARTITIONS === partition);
      expect(stored).toEqual(sent.map(eventOfMessage));
    }

    const letters = query<StoredDeadLetter>(
      databasePath,
      "select partition, offset, cast(value as text) as value, reason from dead_letter order by partition, offset",
    );
    const expected = poison
      .map((sequence) => ({
        partition: sequence % PARTITIONS,
        offset: Math.floor(sequence / PARTITIONS),
        value: `poison ${sequence}`,
        reason: "not_json",
      }))
      .sort((a, b) => a.partition - b.partition || a.offset - b.offset);
    expect(letters as unknown[]).toEqual(expected);

    await service.kill();
    await broker.close();
  },
  { timeout: 600_000, retry: 0 },
);
