import { describe, expect, setDefaultTimeout, test } from "bun:test";
import Kafka from "@confluentinc/kafka-javascript";
import {
  Cluster,
  call,
  close,
  consumerOf,
  fixture,
  liveClients,
  runProcess,
  scenario,
  until,
} from "./support.ts";

setDefaultTimeout(180_000);

const onLinux = process.platform === "linux";
/** Where every allocation may collect, a million messages take too long. */
const messages = process.env["BUN_JSC_collectContinuously"] === "1" ? 40_000 : 1_000_000;

describe("a process", () => {
  test.each(["exit", "exit-later", "exit-while-disconnecting"])(
    "ends with code 0 and clients that are alive: %s",
    async (name) => {
      expect(await scenario(name)).toEqual({ code: 0, signal: null, output: "" });
    },
  );

  test("ends by itself when its clients are disconnected", async () => {
    const outcome = await scenario("end-by-itself");
    expect(outcome).toEqual({ code: 0, signal: null, output: "everything is disconnected\n" });
  });

  test("ends with an error that a callback throws and nobody catches", async () => {
    const outcome = await scenario("uncaught");
    expect(outcome.output).toContain("thrown by the callback");
    expect(outcome).toMatchObject({ code: 1, signal: null });
  });

  test("goes on when it catches what callbacks throw, and hears every report", async () => {
    const outcome = await scenario("caught");
    expect(outcome.output).toBe("reports without exception: 0\nwent on\n");
    expect(outcome.code).toBe(0);
  });

  test("is not kept alive by clients that nobody refers to", async () => {
    expect(await scenario("dropped")).toMatchObject({ code: 0, signal: null });
  });

  test("survives many clients that are disconnected in the midst of their work", async () => {
    const outcome = await scenario("storm");
    expect(outcome).toEqual({ code: 0, signal: null, output: "280 callbacks\n" });
  });

  test("of Node.js can use the same file", async () => {
    const node = Bun.which("node");
    if (node === null) return;
    const outcome = await runProcess([node, fixture("roundtrip.cjs")]);
    expect(outcome).toEqual({ code: 0, signal: null, output: "there and back\n" });
  });
});

describe("memory", () => {
  test.each([
    ["messages", "memory"],
    ["messages in batches", "memory-of-batches"],
  ])(`stays as it is over ${messages.toLocaleString("en")} %s`, async (_, name) => {
    const outcome = await scenario(name, { NATIVE_TEST_MESSAGES: String(messages) });
    expect(outcome.code).toBe(0);
    type Sample = { heap: number; resident: number; objects: number };
    const samples: Sample[] = JSON.parse(outcome.output);
    const first = samples.at(0) as Sample;
    const last = samples.at(-1) as Sample;
    // A leak of one small object a message would be tens of megabytes.
    expect(last.heap - first.heap).toBeLessThan(4e6);
    expect(last.objects - first.objects).toBeLessThan(20_000);
    expect(last.resident - first.resident).toBeLessThan(40e6);
  });

  test("of clients that were never connected is given back", async () => {
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    for (let index = 0; index < 500; index++) {
      const settings = { "bootstrap.servers": "127.0.0.1:1" } as never;
      registry.register(new Kafka.Producer(settings).getClient(), undefined);
      registry.register(new Kafka.KafkaConsumer(settings).getClient(), undefined);
    }
    await until("a collection", async () => {
      Bun.gc(true);
      await Bun.sleep(10);
      return collected > 900;
    });
  });

  test("and threads of clients that are disconnected are given back", async () => {
    const cluster = await Cluster.start();
    const before = onLinux ? liveClients() : 0;
    for (let index = 0; index < 20; index++) {
      const consumer = await consumerOf(cluster.address);
      await close(consumer);
    }
    if (onLinux) await until("their threads to end", () => liveClients() <= before);
    await cluster.stop();
  });
});

describe("a job", () => {
  test("holds its client while it runs", async () => {
    const cluster = await Cluster.start();
    const begin = async () => {
      const consumer = await consumerOf(cluster.address, { event_cb: false });
      const { promise, resolve } = Promise.withResolvers<unknown>();
      // The callback refers to nothing, so that only the job can hold the client.
      consumer.getClient().consume(500, 10, false, resolve);
      return promise;
    };
    const pending = Array.from({ length: 5 }, begin);
    const collect = setInterval(() => Bun.gc(true), 10);
    expect(await Promise.all(pending)).toEqual([null, null, null, null, null]);
    clearInterval(collect);
    await cluster.stop();
  });

  test("is answered when its client is disconnected meanwhile", async () => {
    const cluster = await Cluster.start();
    const consumer = await consumerOf(cluster.address);
    consumer.setDefaultConsumeTimeout(300);
    const consumed = call((done) => consumer.consume(10, done)).catch((error) => error);
    const after = close(consumer).then(() =>
      call((done) => consumer.consume(10, done)).catch((error) => error),
    );
    await consumed;
    expect(await after).toMatchObject({ code: -172 });
    await cluster.stop();
  });

  test("runs beside many that block", async () => {
    const cluster = await Cluster.start();
    const topic = await cluster.topic();
    const consumers = await Promise.all(
      Array.from({ length: 12 }, () => consumerOf(cluster.address)),
    );
    const order: string[] = [];
    const blocked = consumers.map(async (consumer) => {
      consumer.setDefaultConsumeTimeout(1_000);
      consumer.assign([{ topic, partition: 0, offset: 0 }]);
      await call((done) => consumer.consume(1, done));
      order.push("blocked");
    });
    await call((done) => cluster.producer.getMetadata({}, done));
    order.push("metadata");
    await Promise.all(blocked);
    expect(order[0]).toBe("metadata");
    await Promise.all(consumers.map(close));
    await cluster.stop();
  });
});
