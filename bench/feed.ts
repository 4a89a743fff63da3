/** Sends messages at a steady rate, in this process of its own, with librdkafka's usual settings for producers. */
import { CODES, type LibrdKafkaError, Producer } from "@confluentinc/kafka-javascript";
import { simulatedMessage } from "../src/simulate/messages.ts";
import { makeEvents } from "./events.ts";
import { probe } from "./probes.ts";
import { answer, type Child, readTask, startProcess } from "./support.ts";

/** What to send, and where. */
export interface FeedTask {
  readonly brokers: string;
  readonly topic: string;
  /** Messages a second. */
  readonly rate: number;
  /** How many of them a second are probes at most. */
  readonly probes: number;
  /** In the first of these milliseconds none are. */
  readonly warmUpMs: number;
}

/** What has been sent. */
export interface FeedResult {
  readonly sent: number;
  readonly probes: number;
  readonly perSecond: number;
}

/** A process that sends. */
export interface Feed {
  /** Ends it, when the broker has all that was sent. */
  stop(): Promise<FeedResult>;
}

/** Starts to send; resolves when the first message is under way. */
export async function startFeed(task: FeedTask): Promise<Feed> {
  const child: Child = startProcess(
    "bench/feed.ts",
    [JSON.stringify(task)],
    {},
    { hangsAfterMs: 7_200_000 },
  );
  await child.receive();
  return {
    stop: async () => {
      child.send("stop");
      const result = await child.receive<FeedResult>();
      await child.exited;
      return result;
    },
  };
}

const CONNECT_TIMEOUT_MS = 10_000;
const FLUSH_TIMEOUT_MS = 30_000;

/** How often the client tells of errors, in milliseconds. */
const POLL_INTERVAL_MS = 100;

/** So many messages are made beforehand, and sent again and again. */
const POOL = 20_000;

/** The most messages at a time: what a late timer has missed is caught up with by and by. */
const BURST = 2000;

async function feed({ brokers, topic, rate, probes, warmUpMs }: FeedTask): Promise<void> {
  const producer = new Producer({ "bootstrap.servers": brokers, "enable.idempotence": true });
  await new Promise<void>((resolve, reject) =>
    producer.connect({ topic, timeout: CONNECT_TIMEOUT_MS }, (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  producer.on("event.error", (error) => process.stderr.write(`feed: ${error.message}\n`));
  producer.setPollInterval(POLL_INTERVAL_MS);
  const pool = makeEvents(POOL, "rising").map((fields) => simulatedMessage(fields, () => 1, 0));
  const step = Math.max(1, Math.round(rate / probes));
  const startedAt = performance.now();
  let sent = 0;
  let probed = 0;

  function sendOne(elapsed: number): void {
    const isProbe = elapsed >= warmUpMs && sent % step === 0;
    const message = pool[sent % POOL];
    const value = isProbe ? probe() : (message?.value ?? null);
    producer.produce(topic, null, value, isProbe ? String(sent) : message?.key);
    sent++;
    if (isProbe) probed++;
  }

  const timer = setInterval(() => {
    const elapsed = performance.now() - startedAt;
    const due = Math.min(Math.ceil((elapsed * rate) / 1000), sent + BURST);
    try {
      while (sent < due) sendOne(elapsed);
    } catch (error) {
      // What the client cannot take now is sent with the next tick.
      if ((error as LibrdKafkaError).code !== CODES.ERRORS.ERR__QUEUE_FULL) throw error;
    }
  }, 1);
  process.once("message", () => {
    clearInterval(timer);
    const perSecond = (sent / (performance.now() - startedAt)) * 1000;
    producer.flush(FLUSH_TIMEOUT_MS, (error) => {
      if (error) throw error;
      answer({ sent, probes: probed, perSecond } satisfies FeedResult);
      producer.disconnect(() => process.exit(0));
    });
  });
  answer("sending");
}

if (import.meta.main) await feed(readTask<FeedTask>());
