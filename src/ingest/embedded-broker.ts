import { Producer } from "@confluentinc/kafka-javascript";
// The addon itself, for the controls of the mock cluster that it has beyond the package (native/README.md).
import addon from "@confluentinc/kafka-javascript/librdkafka.js";

/** A Kafka broker inside this process: a real one on the wire, in memory, gone with the process. */
export interface EmbeddedBroker {
  /** `host:port` on loopback. */
  readonly address: string;
  close(): Promise<void>;
}

/** How long a group's first rebalance waits for further members, in milliseconds. */
const REBALANCE_DELAY_MS = 50;

/**
 * Starts librdkafka's mock cluster (`test.mock.num.brokers`) on a free port of loopback, with the topic
 * in 4 partitions of at most 5 MB. It lives as long as the client that started it.
 */
export async function startEmbeddedBroker(topic: string): Promise<EmbeddedBroker> {
  const host = new Producer({
    "test.mock.num.brokers": 1,
    "allow.auto.create.topics": true,
    // Half of it is how long librdkafka may wait before it connects for the first time.
    "reconnect.backoff.ms": 0,
  } as { "allow.auto.create.topics": boolean });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // Asking for the topic's metadata makes the mock cluster create it.
  host.connect({ topic }, (error, metadata) => {
    const broker = metadata?.brokers[0];
    if (error) reject(error);
    else if (broker === undefined) reject(new Error("the embedded broker has no address"));
    else resolve(`${broker.host}:${broker.port}`);
  });
  const address = await promise;
  // Its default of 3 s is for groups of many members that start at once; here one waits for its first message.
  addon.mockCluster.setRebalanceDelay(host.getClient(), REBALANCE_DELAY_MS);
  return {
    address,
    close: () => new Promise((closed) => host.disconnect(() => closed())),
  };
}
