import { Producer } from "@confluentinc/kafka-javascript";
import type { ConsumerSettings } from "./consumer-settings.ts";

/** How long a broker has to answer, in milliseconds. */
const LOOK_TIMEOUT_MS = 5000;

/** Whether a broker answers a client that is made for the question alone. Never rejects. */
export async function isBrokerThere({ brokers, librdkafka }: ConsumerSettings): Promise<boolean> {
  let client: Producer;
  try {
    // A producer: it joins no group, so that looking disturbs none.
    client = new Producer({ ...librdkafka, "bootstrap.servers": brokers });
  } catch {
    // Settings that only a consumer can be made with: then nobody can tell.
    return false;
  }
  client.on("event.error", () => undefined);
  const isThere = await new Promise<boolean>((resolve) => {
    client.connect({ timeout: LOOK_TIMEOUT_MS }, (error, metadata) =>
      resolve(!error && metadata.brokers.length > 0),
    );
  });
  if (client.isConnected()) {
    await new Promise<void>((closed) => client.disconnect(1, () => closed()));
  }
  return isThere;
}
