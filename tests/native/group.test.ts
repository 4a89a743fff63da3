import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { TopicPartition, TopicPartitionOffset } from "@confluentinc/kafka-javascript";
import {
  addon,
  Cluster,
  type Consumer,
  call,
  close,
  consumerOf,
  take,
  texts,
  unique,
  until,
} from "./support.ts";

setDefaultTimeout(90_000);

const assign = -175;
const revoke = -174;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(async () => {
  await cluster.stop();
});

/** Serves a consumer's callbacks until a condition holds. */
async function serve(consumers: Consumer[], what: string, condition: () => boolean): Promise<void> {
  await until(what, async () => {
    await Promise.all(consumers.map((each) => call((done) => each.consume(1, done))));
    return condition();
  });
}

describe("a consumer in a group", () => {
  test("is told what it is assigned and what is revoked", async () => {
    const topic = await cluster.topic([], 4);
    const calls: { code: number; partitions: number[] }[] = [];
    const consumer = await consumerOf(cluster.address, { rebalance_cb: true });
    consumer.on("rebalance", (event, partitions) => {
      calls.push({ code: event.code, partitions: partitions.map(({ partition }) => partition) });
    });
    consumer.subscribe([topic]);
    expect(consumer.subscription()).toEqual([topic]);
    await serve([consumer], "an assignment", () => consumer.assignments().length === 4);
    await close(consumer);
    expect(calls).toEqual([
      { code: assign, partitions: [0, 1, 2, 3] },
      { code: revoke, partitions: [0, 1, 2, 3] },
    ]);
  });

  test("assigns by itself in a rebalance callback of its own", async () => {
    const topic = await cluster.topic(["a", "b"], 2);
    const seen: number[] = [];
    const consumer = await consumerOf(cluster.address, {
      rebalance_cb(this: Consumer, event: { code: number }, partitions: TopicPartition[]) {
        seen.push(event.code);
        if (event.code === assign) {
          this.assign(partitions.map((each) => ({ ...each, offset: 1 })));
        } else {
          this.unassign();
        }
      },
    });
    consumer.subscribe([topic]);
    expect(texts(await take(consumer, 1))).toEqual(["b"]);
    await close(consumer);
    expect(seen).toEqual([assign, revoke]);
  });

  test("shares the partitions with the next one, and gets them back", async () => {
    const topic = await cluster.topic([], 4);
    const settings = { "group.id": unique("shared"), rebalance_cb: true };
    const first = await consumerOf(cluster.address, settings);
    first.subscribe([topic]);
    await serve([first], "all partitions", () => first.assignments().length === 4);
    const second = await consumerOf(cluster.address, settings);
    second.subscribe([topic]);
    await serve(
      [first, second],
      "half of them",
      () => first.assignments().length === 2 && second.assignments().length === 2,
    );
    await close(second);
    await serve([first], "all partitions again", () => first.assignments().length === 4);
    await close(first);
  });

  test("gives up only what it must under the cooperative protocol", async () => {
    const topic = await cluster.topic([], 4);
    const settings = {
      "group.id": unique("cooperative"),
      "partition.assignment.strategy": "cooperative-sticky",
      rebalance_cb: true,
    };
    const first = await consumerOf(cluster.address, settings);
    const revoked: number[] = [];
    first.on("rebalance", (event, partitions) => {
      if (event.code === revoke) revoked.push(partitions.length);
    });
    first.subscribe([topic]);
    await serve([first], "all partitions", () => first.assignments().length === 4);
    expect(first.rebalanceProtocol()).toBe("COOPERATIVE");
    const second = await consumerOf(cluster.address, settings);
    second.subscribe([topic]);
    await serve(
      [first, second],
      "half of them",
      () => first.assignments().length === 2 && second.assignments().length === 2,
    );
    expect(revoked).toEqual([2]);
    await close(second);
    await close(first);
  });

  test("commits what it has stored, and is told so", async () => {
    const topic = await cluster.topic(["a", "b", "c"]);
    const commits: { error: unknown; offsets: TopicPartitionOffset[] }[] = [];
    const group = unique("stored");
    const consumer = await consumerOf(cluster.address, {
      "group.id": group,
      "enable.auto.offset.store": false,
      offset_commit_cb: (error: unknown, offsets: TopicPartitionOffset[]) =>
        commits.push({ error, offsets }),
    });
    consumer.subscribe([topic]);
    await take(consumer, 3);
    consumer.offsetsStore([{ topic, partition: 0, offset: 2 }]);
    consumer.commit();
    await serve([consumer], "the commit", () => commits.length > 0);
    expect(commits[0]?.error).toBeUndefined();
    expect(commits[0]?.offsets).toEqual([{ topic, partition: 0, offset: 2 }]);
    await close(consumer);

    const next = await consumerOf(cluster.address, { "group.id": group });
    next.subscribe([topic]);
    expect(texts(await take(next, 1))).toEqual(["c"]);
    await close(next);
  });

  test("goes on after its broker was away", async () => {
    const own = await Cluster.start();
    const topic = await own.topic(["before"]);
    const consumer = await consumerOf(own.address, { "reconnect.backoff.max.ms": 100 });
    const errors: number[] = [];
    consumer.on("event.error", ({ code }) => errors.push(code));
    consumer.assign([{ topic, partition: 0, offset: 0 }]);
    expect(texts(await take(consumer, 1))).toEqual(["before"]);
    addon.mockCluster.setBrokerUp(own.producer.getClient(), 1, false);
    await serve([consumer], "an error", () => errors.length > 0);
    addon.mockCluster.setBrokerUp(own.producer.getClient(), 1, true);
    own.producer.produce(topic, 0, Buffer.from("after"));
    expect(texts(await take(consumer, 1))).toEqual(["after"]);
    await close(consumer);
    await own.stop();
  });
});
