import { describe, expect, test } from "bun:test";
import { features } from "@confluentinc/kafka-javascript";
import { until } from "../support/until.ts";
import { audit, exactly, range, storedPositions } from "./support/audit.ts";
import { serviceFeatures } from "./support/features.ts";
import { codecsOf } from "./support/log.ts";
import { send } from "./support/producer.ts";
import { eventMessages, kafkaCheck, linesWith, Scene, upToDate } from "./support/scene.ts";
import { sharedKafka } from "./support/shared.ts";

const PARTITIONS = 3;
const CODECS = ["gzip", "snappy", "lz4", "zstd"];

/** librdkafka's build decides which of these it can write, here, and read, in the service. */
const known = CODECS.filter((codec) => serviceFeatures.includes(codec));
const unknown = CODECS.filter((codec) => !serviceFeatures.includes(codec));

/** Has the broker compress what it is sent: its way with a codec is not librdkafka's. */
const compressed = (codec: string) => ({
  partitions: PARTITIONS,
  config: { "compression.type": codec },
});

/** Makes sure that the log is compressed as a test has it; a given broker's cannot be looked into. */
async function expectCodec(scene: Scene, codec: string): Promise<void> {
  const { cluster } = await sharedKafka();
  if (cluster === undefined) return;
  for (const partition of range(0, PARTITIONS)) {
    const segment = cluster.segment(1, scene.topic, partition);
    expect([...codecsOf(segment)]).toEqual([codec]);
  }
}

describe.each(known)("%s", (codec) => {
  test.if(features.includes(codec))("batches that a producer has compressed are read", async () => {
    using scene = await Scene.open({ partitions: PARTITIONS });
    await send(scene.brokers, scene.topic, eventMessages(0, 6000, PARTITIONS), {
      "compression.codec": codec,
      "linger.ms": 50,
    });
    await expectCodec(scene, codec);
    await using service = await scene.start();
    await upToDate(service, PARTITIONS);
    expect(audit([scene.store()], range(0, 6000), PARTITIONS)).toEqual(exactly(6000));
  });

  test("batches that the broker has compressed are read", async () => {
    using scene = await Scene.open(compressed(codec));
    await scene.send(0, 6000);
    await expectCodec(scene, codec);
    await using service = await scene.start();
    await upToDate(service, PARTITIONS);
    expect(audit([scene.store()], range(0, 6000), PARTITIONS)).toEqual(exactly(6000));
  });
});

describe.each(unknown)("%s, which this build of the client cannot read", (codec) => {
  test("stops the reading, which readiness and the log say, and is not passed over", async () => {
    using scene = await Scene.open(compressed(codec));
    await scene.send(0, 600);
    await expectCodec(scene, codec);
    await using service = await scene.start();
    await until("readiness to say what is wrong", async () => {
      const { status, problem } = await kafkaCheck(service);
      return status === "degraded" && problem?.includes("codec");
    });
    // It stays so, although the broker answers all the while: that nothing comes shows in nothing but
    // time, here that of some eight further attempts of the client.
    for (const _ of range(0, 100)) {
      expect(await kafkaCheck(service)).toMatchObject({
        status: "degraded",
        problem: expect.stringMatching(/^no progress in the partitions .*codec .* cannot read$/),
        stored_events: 0,
        dead_letters: 0,
      });
      await Bun.sleep(40);
    }
    // Once for each partition rather than once for each attempt.
    expect(linesWith(service, "no progress")).toHaveLength(PARTITIONS);
    expect((await service.fetch("/arrest_events")).status).toBe(200);
    const positions = storedPositions(scene.store(), scene.topic);
    expect([...positions.values()]).toEqual(range(0, PARTITIONS).map(() => 0));
  });
});
