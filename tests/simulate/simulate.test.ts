import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { KafkaConsumer, type Message } from "@confluentinc/kafka-javascript";
import { type EmbeddedBroker, startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { decodeMessage, isRefused } from "../../src/ingest/message.ts";
import { OFFENSES } from "../../src/simulate/nibrs.ts";
import { parseSimulateOptions } from "../../src/simulate/options.ts";
import { due, simulate } from "../../src/simulate/simulate.ts";

const DEADLINE = 20_000;

let broker: EmbeddedBroker;
let topics = 0;

beforeAll(async () => {
  broker = await startEmbeddedBroker("arrest_event");
});

afterAll(async () => {
  await broker.close();
});

interface Simulated {
  readonly code: number;
  readonly told: string;
  readonly topic: string;
}

/** Runs a simulation to a topic of its own. */
async function run(
  argv: readonly string[],
  {
    address = broker.address,
    stop = new AbortController().signal,
    onTell = (): unknown => undefined,
    variables = {},
  } = {},
): Promise<Simulated> {
  topics += 1;
  const topic = `arrests_${topics}`;
  const options = parseSimulateOptions(["--brokers", address, ...argv], Date.now(), 1);
  if (options === "help") throw new Error("help was asked for");
  let told = "";
  const output = {
    write(text: string) {
      told += text;
      onTell();
      return true;
    },
  };
  const environment = { variables: { KAFKA_TOPIC: topic, ...variables }, output, stop };
  return { code: await simulate(options, environment), told, topic };
}

/** The numbers in what was told. */
function numbers(pattern: RegExp, told: string): number[] {
  const [, ...found] = pattern.exec(told) ?? [];
  return found.map((text) => Number(text.replaceAll(",", "")));
}

/** Calls through the first time only. */
function once(call: () => unknown): () => void {
  let called = false;
  return () => {
    if (!called) call();
    called = true;
  };
}

/** Everything in a topic, by partition and offset. */
async function readBack(topic: string, count: number): Promise<Message[]> {
  const consumer = new KafkaConsumer(
    { "bootstrap.servers": broker.address, "group.id": `read-${topic}` },
    { "auto.offset.reset": "earliest" },
  );
  const partitions = await new Promise<number[]>((resolve, reject) => {
    consumer.connect({ topic }, (error, metadata) =>
      error
        ? reject(error)
        : resolve(
            metadata.topics.find(({ name }) => name === topic)?.partitions.map(({ id }) => id) ??
              [],
          ),
    );
  });
  consumer.assign(partitions.map((partition) => ({ topic, partition, offset: 0 })));
  consumer.setDefaultConsumeTimeout(200);
  const read = () =>
    new Promise<Message[]>((resolve, reject) => {
      consumer.consume(10_000, (error, messages) => (error ? reject(error) : resolve(messages)));
    });
  const all: Message[] = [];
  const deadline = performance.now() + DEADLINE;
  while (all.length < count && performance.now() < deadline) all.push(...(await read()));
  // One message too many would come now.
  all.push(...(await read()));
  await new Promise<void>((resolve) => consumer.disconnect(() => resolve()));
  return all.sort((left, right) => left.partition - right.partition || left.offset - right.offset);
}

describe("simulate", () => {
  test("delivers the count, with as many malformed messages as it tells, and nothing else", async () => {
    const argv = ["--count", "20000", "--refused", "0.05", "--seed", "5"];
    const { code, told, topic } = await run(argv);
    expect(code).toBe(0);
    const [malformed = 0] = numbers(/ ([\d,]+) of them malformed/, told);
    expect(malformed).toBeWithin(900, 1100);

    const messages = await readBack(topic, 20_000);
    expect(messages).toHaveLength(20_000);
    const decoded = messages.map(({ value }) => decodeMessage(value));
    const events = decoded.flatMap((event) => (isRefused(event) ? [] : [event]));
    expect(events).toHaveLength(20_000 - malformed);
    for (const { id, weight } of OFFENSES) {
      const share = events.filter((event) => event.crimeTypeId === id).length / events.length;
      expect(share).toBeWithin(weight / 10_000 - 0.01, weight / 10_000 + 0.01);
    }
  });

  test("spreads the messages evenly over the partitions, and a subject's onto one", async () => {
    const { topic } = await run(["--count", "4000", "--seed", "5"]);
    const partitionOf = new Map<string, number>();
    const sizes = new Map<number, number>();
    for (const { key, partition } of await readBack(topic, 4000)) {
      expect(partitionOf.get(String(key)) ?? partition).toBe(partition);
      partitionOf.set(String(key), partition);
      sizes.set(partition, (sizes.get(partition) ?? 0) + 1);
    }
    expect(sizes.size).toBe(4);
    for (const size of sizes.values()) expect(size).toBeWithin(850, 1150);
  });

  test("sends the same messages again for the same seed and start", async () => {
    const argv = [
      "--count",
      "500",
      "--refused",
      "0.1",
      "--seed",
      "3",
      "--start",
      "2026-01-01T00:00Z",
    ];
    const values = async ({ topic }: Simulated) =>
      (await readBack(topic, 500)).map(({ value }) => value?.toString("latin1") ?? null);
    expect(await values(await run(argv))).toEqual(await values(await run(argv)));
  });

  test("sends at a rate for a time: exactly their product", async () => {
    const { code, told, topic } = await run(["--rate", "500", "--seconds", "0.5"]);
    expect(code).toBe(0);
    expect(told).toContain("250 sent, 250 delivered");
    expect(await readBack(topic, 250)).toHaveLength(250);
  });

  test("waits for room when the client's queue is full, and loses nothing", async () => {
    const variables = { KAFKA_CONF_QUEUE_BUFFERING_MAX_MESSAGES: "100" };
    const { code, topic } = await run(["--count", "3000"], { variables });
    expect(code).toBe(0);
    expect(await readBack(topic, 3000)).toHaveLength(3000);
  });

  test("ends cleanly when it is stopped: what was sent is delivered", async () => {
    const stop = new AbortController();
    const { code, told, topic } = await run(["--rate", "max"], {
      stop: stop.signal,
      onTell: once(() => setImmediate(() => stop.abort())),
    });
    expect(code).toBe(0);
    const [sent = 0, delivered] = numbers(/^([\d,]+) sent, ([\d,]+) delivered/m, told);
    expect(sent).toBeGreaterThan(0);
    expect(delivered).toBe(sent);
    expect(await readBack(topic, sent)).toHaveLength(sent);
  });

  test("fails and tells how many messages were not delivered when the broker goes away", async () => {
    const doomed = await startEmbeddedBroker("arrest_event");
    const stop = new AbortController();
    const { code, told } = await run(["--rate", "1000"], {
      address: doomed.address,
      stop: stop.signal,
      onTell: once(() => doomed.close().then(() => stop.abort())),
      variables: { SHUTDOWN_TIMEOUT_MS: "300" },
    });
    expect(code).toBe(1);
    const [sent = 0, delivered = 0] = numbers(/^([\d,]+) sent, ([\d,]+) delivered/m, told);
    expect(numbers(/^([\d,]+) not delivered: not acknowledged in time/m, told)).toEqual([
      sent - delivered,
    ]);
    expect(delivered).toBeLessThan(sent);
  });

  test("names the settings that cannot be used", async () => {
    const { code, told } = await run(["--count", "1"], { variables: { KAFKA_TOPIC: "a/b" } });
    expect(code).toBe(78);
    expect(told).toContain("KAFKA_TOPIC must be");
  });

  test("names the setting that the Kafka client refuses, and not its value", async () => {
    const variables = { KAFKA_CONF_SECURITY_PROTOCOL: "hunter2" };
    const { code, told } = await run(["--count", "1"], { variables });
    expect(code).toBe(78);
    expect(told).toContain("security.protocol");
    expect(told).not.toContain("hunter2");
  });
});

describe("the pace", () => {
  const endless = { count: Number.POSITIVE_INFINITY, seconds: Number.POSITIVE_INFINITY };

  test("is reckoned from the start, so late timers cost no messages", () => {
    expect(due({ ...endless, rate: 500 }, 0)).toBe(0);
    expect(due({ ...endless, rate: 500 }, 2)).toBe(1);
    expect(due({ ...endless, rate: 500 }, 60_000)).toBe(30_000);
  });

  test("ends with the count and with the time", () => {
    expect(due({ ...endless, rate: 500, count: 100 }, 60_000)).toBe(100);
    expect(due({ ...endless, rate: 500, seconds: 2 }, 60_000)).toBe(1000);
    expect(due({ ...endless, rate: Number.POSITIVE_INFINITY, count: 7 }, 1)).toBe(7);
  });
});

describe("the command", () => {
  /** Runs the command in a process of its own. */
  function command(...argv: string[]) {
    const module = Bun.resolveSync("../../src/simulate/simulate.ts", import.meta.dir);
    const code = `import { runSimulate } from ${JSON.stringify(module)};
      process.exitCode = await runSimulate(process.argv.slice(1), process.env);`;
    return Bun.spawn([process.execPath, "-e", code, "--", ...argv], {
      env: { PATH: process.env["PATH"] ?? "", KAFKA_TOPIC: "commanded" },
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  test.each(["SIGINT", "SIGTERM"] as const)("ends with 0 and a summary on %s", async (signal) => {
    const child = command("--brokers", broker.address);
    let told = "";
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      // A second signal would end it at once.
      if (!told.includes("Sending to") && (told + chunk).includes("Sending to")) child.kill(signal);
      told += chunk;
    }
    expect(await child.exited).toBe(0);
    expect(told).toContain("delivered in");
  });

  test("prints help on standard output", async () => {
    const child = command("--help");
    expect(await new Response(child.stdout).text()).toStartWith("Usage: arrest-events simulate");
    expect(await child.exited).toBe(0);
  });

  test("names every wrong option and ends with 64", async () => {
    const child = command("--rate", "fast", "--bogus");
    const told = await new Response(child.stderr).text();
    expect(told).toContain("--rate must be");
    expect(told).toContain("--bogus is not an option");
    expect(await child.exited).toBe(64);
  });
});
