import { expect, test } from "bun:test";
import { seededRandom } from "../../src/simulate/random.ts";
import { eventOfMessage, query, type StoredDeadLetter } from "../promises/support.ts";
import { audit, exactly, storedPositions } from "./support/audit.ts";
import { type Outgoing, TestProducer } from "./support/producer.ts";
import { Scene, upToDate } from "./support/scene.ts";

const PARTITIONS = 12;
const MESSAGES = Number(process.env["MESSAGES"] ?? 1_000_000);
const KILLS = Number(process.env["KILLS"] ?? 30);
/** A kill comes this long after the partitions have been assigned, at most: most come in mid-batch. */
const LONGEST_LIFE_MS = 500;
/** How many messages the producer is handed between two looks at whether it is time to go on. */
const PORTION = 5000;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** Every 1000th message cannot be an event; its text says which it is. */
function isPoison(sequence: number): boolean {
  return sequence % 1000 === 999;
}

function* messages(from: number, to: number): Generator<Outgoing> {
  for (let sequence = from; sequence < to; sequence++) {
    yield {
      partition: sequence % PARTITIONS,
      value: isPoison(sequence) ? `poison ${sequence}` : JSON.stringify(eventOfMessage(sequence)),
    };
  }
}

function* good(): Generator<number> {
  for (let sequence = 0; sequence < MESSAGES; sequence++) if (!isPoison(sequence)) yield sequence;
}

/** Sends in portions, giving way between them, so that kills come in while messages do. */
async function sendSlice(producer: TestProducer, topic: string, from: number, to: number) {
  for (let start = from; start < to; start += PORTION) {
    await producer.send(topic, messages(start, Math.min(start + PORTION, to)));
  }
}

test(
  `${MESSAGES} messages over ${PARTITIONS} partitions are stored exactly once, in order, across ${KILLS} kills at random instants (SEED=${seed})`,
  async () => {
    using scene = await Scene.open({
      partitions: PARTITIONS,
      settings: { INGEST_BATCH_SIZE: "500" },
    });
    const random = seededRandom(seed);
    const path = scene.store();
    await using producer = await TestProducer.connect(scene.brokers);

    let killsInMidIngest = 0;
    let storedBefore = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const slice = MESSAGES / (KILLS + 1);
      const sending = sendSlice(
        producer,
        scene.topic,
        Math.floor(kill * slice),
        Math.floor((kill + 1) * slice),
      );
      // To a new group Kafka has no offsets to give: only the store knows where to go on.
      const group = random() < 0.5 ? scene.group : `${scene.group}-${kill}`;
      await using service = await scene.start({ KAFKA_GROUP_ID: group });
      // One in five dies before it reads anything.
      if (random() < 0.8) await service.line("partitions assigned");
      await Bun.sleep(random() * LONGEST_LIFE_MS);
      await service.kill();
      await sending;
      const positions = [...storedPositions(path, scene.topic).values()];
      const stored = positions.reduce((sum, next) => sum + next, 0);
      // This life had stored something, and had not come to the end.
      if (stored > storedBefore && stored < Math.floor((kill + 1) * slice)) killsInMidIngest++;
      storedBefore = stored;
    }
    process.stderr.write(`${killsInMidIngest} of ${KILLS} kills in mid-ingest\n`);
    expect(killsInMidIngest).toBeGreaterThanOrEqual(KILLS / 5);

    await sendSlice(producer, scene.topic, Math.floor((KILLS * MESSAGES) / (KILLS + 1)), MESSAGES);
    await using service = await scene.start();
    const poison = Math.floor(MESSAGES / 1000);
    await scene.stored(MESSAGES - poison);
    await upToDate(service, PARTITIONS);
    expect(audit([path], good(), PARTITIONS)).toEqual(exactly(MESSAGES - poison));

    const letters = query<StoredDeadLetter>(
      path,
      "select partition, offset, cast(value as text) as value, reason from dead_letter order by offset, partition",
    );
    const refused = Array.from({ length: poison }, (_, index) => index * 1000 + 999);
    expect(letters as unknown[]).toEqual(
      refused.map((sequence) => ({
        partition: sequence % PARTITIONS,
        offset: Math.floor(sequence / PARTITIONS),
        value: `poison ${sequence}`,
        reason: "not_json",
      })),
    );
  },
  { timeout: 900_000, retry: 0 },
);
