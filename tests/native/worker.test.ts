import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Worker } from "node:worker_threads";
import {
  Cluster,
  call,
  close,
  consumerOf,
  fixture,
  liveClients,
  type Settings,
  scenario,
  take,
  unique,
  until,
} from "./support.ts";

setDefaultTimeout(120_000);

const onLinux = process.platform === "linux";

let cluster: Cluster;
let topic: string;
beforeAll(async () => {
  cluster = await Cluster.start();
  topic = await cluster.topic(["a", "b", "c"], 2);
});
afterAll(async () => {
  await cluster.stop();
});

/** A Worker whose consumer has read its first message. */
async function reading(settings: Settings = {}, byBatch = false): Promise<Worker> {
  const worker = new Worker(fixture("clients-worker.ts"), {
    workerData: { address: cluster.address, topic, group: unique("group"), byBatch, settings },
  });
  const message = await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  expect(message).toBe("reading");
  return worker;
}

/** The clients that a Worker left behind are closed, and none of them stays in its group. */
async function expectNoClientLeft(before: number): Promise<void> {
  // Fewer when one that another test let go was still closing before.
  if (onLinux) await until("the Worker's clients to end", () => liveClients() <= before);
}

describe("a Worker", () => {
  test("reads and writes while the main thread does the same", async () => {
    const worker = await reading();
    const consumer = await consumerOf(cluster.address);
    consumer.assign([{ topic: "echo", partition: 0, offset: 0 }]);
    const [echo] = await take(consumer, 1);
    expect(echo?.value?.toString()).toBe("x");
    worker.postMessage("stop");
    await new Promise((resolve) => worker.once("exit", resolve));
    expect(await call<unknown>((done) => consumer.getMetadata({}, done))).toMatchObject({
      brokers: [{ id: 1 }],
    });
    await close(consumer);
  });

  test("can be started and stopped again and again", async () => {
    const before = onLinux ? liveClients() : 0;
    for (let index = 0; index < 5; index++) {
      const worker = await reading();
      const stopped = new Promise((resolve) => worker.once("message", resolve));
      const exited = new Promise((resolve) => worker.once("exit", resolve));
      worker.postMessage("stop");
      expect(await stopped).toBe("stopped");
      expect(await exited).toBe(0);
    }
    await expectNoClientLeft(before);
  });

  test("runs beside others", async () => {
    const workers = await Promise.all([reading(), reading(), reading()]);
    for (const worker of workers) worker.postMessage("stop");
    await Promise.all(workers.map((worker) => new Promise((done) => worker.once("exit", done))));
  });

  for (const strategy of ["range", "cooperative-sticky"]) {
    const settings = { "partition.assignment.strategy": strategy };

    test(`terminated with live clients leaves none in its group (${strategy})`, async () => {
      const before = onLinux ? liveClients() : 0;
      for (let index = 0; index < 5; index++) {
        const worker = await reading(settings);
        await worker.terminate();
      }
      await expectNoClientLeft(before);
    });

    test(`terminated while it waits for a batch leaves none in its group (${strategy})`, async () => {
      const before = onLinux ? liveClients() : 0;
      for (let index = 0; index < 5; index++) {
        const worker = await reading(settings, true);
        await worker.terminate();
      }
      await expectNoClientLeft(before);
    });

    test(`that fails while its clients disconnect leaves none (${strategy})`, async () => {
      const before = onLinux ? liveClients() : 0;
      for (let index = 0; index < 5; index++) {
        const worker = await reading(settings);
        const failed = new Promise<Error>((resolve) => worker.once("error", resolve));
        worker.postMessage("fail");
        expect((await failed).message).toContain("the worker fails");
      }
      await expectNoClientLeft(before);
    });
  }

  test("does not keep the process from ending with code 0", async () => {
    expect(await scenario("worker-exit")).toEqual({ code: 0, signal: null, output: "" });
  });
});
