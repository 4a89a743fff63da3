import { afterEach, describe, expect, test } from "bun:test";
import { eventOfMessage } from "../promises/support.ts";
import { committedOffsets } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import { audit, exactly, range, storedPositions } from "./support/audit.ts";
import { KafkaCluster } from "./support/cluster.ts";
import { kafkaCheck, linesWith, Scene, upToDate } from "./support/scene.ts";
import { brokerIsGiven, sharedKafka } from "./support/shared.ts";
import { Stream } from "./support/stream.ts";

const PARTITIONS = 6;

/** The cluster of one node that the tests share, where it is ours to break. */
async function ownCluster(): Promise<KafkaCluster> {
  const { cluster } = await sharedKafka();
  if (cluster === undefined) throw new Error("the broker was given and is not to be broken");
  return cluster;
}

// A broker that was given is not ours to kill.
describe.skipIf(brokerIsGiven)("faults of the broker", () => {
  afterEach(async () => {
    await (await ownCluster()).startNode(1);
  });

  test("while the broker is dead HTTP answers, and when it is back the reading goes on without gap or duplicate", async () => {
    using scene = await Scene.open({ partitions: PARTITIONS });
    const cluster = await ownCluster();
    await using stream = await Stream.start(scene);
    await using service = await scene.start();
    await scene.stored(5000);
    await cluster.kill(1);
    await until("readiness to say that there is no broker", async () => {
      const { status, state } = await kafkaCheck(service);
      return status === "degraded" && state === "connecting";
    });
    expect((await service.fetch("/readyz")).status).toBe(200);
    expect((await service.fetch("/arrest_events/1")).status).toBe(200);
    const created = await service.post(eventOfMessage(0));
    expect(created.status).toBe(201);
    const { id } = (await created.json()) as { id: number };
    expect((await service.fetch(`/arrest_events/${id}`, { method: "DELETE" })).status).toBe(204);
    await cluster.startNode(1);
    const sent = await stream.end();
    await scene.stored(sent);
    await upToDate(service, PARTITIONS);
    expect(audit([scene.store()], range(0, sent), PARTITIONS)).toEqual(exactly(sent));
    await until("the trouble to be over", async () => {
      const { status, problem } = await kafkaCheck(service);
      return status === "ok" && problem === undefined;
    });
    await until("the group to know what is stored", async () => {
      const partitions = range(0, PARTITIONS);
      const known = await committedOffsets(scene.brokers, scene.group, scene.topic, partitions);
      const stored = storedPositions(scene.store(), scene.topic);
      return partitions.every((partition) => known[partition] === stored.get(partition));
    });
    expect(linesWith(service, "removed from the topic")).toEqual([]);
    expect(linesWith(service, "made anew")).toEqual([]);
  });

  test("a broker that comes up after the service is read from then on", async () => {
    using scene = await Scene.open({ partitions: PARTITIONS });
    const cluster = await ownCluster();
    await scene.send(0, 1000);
    await cluster.kill(1);
    await using service = await scene.start();
    await until("readiness to say that there is no broker", async () => {
      const { status, state, problem } = await kafkaCheck(service);
      return status === "degraded" && state === "connecting" && problem !== undefined;
    });
    expect((await service.fetch("/readyz")).status).toBe(200);
    expect(await service.events()).toEqual([]);
    await cluster.startNode(1);
    await upToDate(service, PARTITIONS);
    expect(audit([scene.store()], range(0, 1000), PARTITIONS)).toEqual(exactly(1000));
  });

  test("a service that is stopped while the broker is dead ends in time and goes on where it was", async () => {
    using scene = await Scene.open({ partitions: PARTITIONS });
    const cluster = await ownCluster();
    await scene.send(0, 1000);
    {
      await using first = await scene.start();
      await upToDate(first, PARTITIONS);
      await cluster.kill(1);
      first.signal("SIGTERM");
      expect(await first.ended()).toBe(0);
    }
    await cluster.startNode(1);
    await scene.send(1000, 2000);
    await using second = await scene.start();
    await upToDate(second, PARTITIONS);
    expect(audit([scene.store()], range(0, 2000), PARTITIONS)).toEqual(exactly(2000));
  });

  test("leaders and the group's coordinator that move with their killed brokers leave neither gap nor duplicate", async () => {
    await using cluster = await KafkaCluster.start(3);
    using scene = await Scene.open({ partitions: PARTITIONS, brokers: cluster.brokers });
    await using stream = await Stream.start(scene);
    await using service = await scene.start();
    const goesOnWithout = async (id: number | undefined) => {
      if (id === undefined) throw new Error("there is no such broker");
      await cluster.kill(id);
      // What is sent from here on can come from the others only.
      await scene.stored(stream.sent + 5000);
      return id;
    };
    await scene.stored(5000);
    const coordinator = await goesOnWithout(await scene.topics.coordinator(scene.group));
    await cluster.startNode(coordinator);
    // Two of three are what a partition needs to be written.
    await scene.topics.inSync(scene.topic, 3);
    await scene.topics.inSync("__consumer_offsets", 3);
    const [leader] = await scene.topics.leaders(scene.topic);
    await goesOnWithout(leader);
    const sent = await stream.end();
    await scene.stored(sent);
    await upToDate(service, PARTITIONS);
    expect(audit([scene.store()], range(0, sent), PARTITIONS)).toEqual(exactly(sent));
  });
});
