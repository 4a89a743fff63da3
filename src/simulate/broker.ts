import * as v from "valibot";
import { askService } from "../ask-service.ts";
import { type Config, serviceUrl } from "../config.ts";

/** No broker to send to is known. The message tells the user what to do. */
export class NoBrokerError extends Error {
  override readonly name = "NoBrokerError";
}

/** How long the running service has to answer, in milliseconds. */
const ANSWER_TIMEOUT = 3000;

/** The part of the service's readiness, ready or not, that tells where its broker is. */
const READINESS = v.object({
  checks: v.object({ kafka: v.object({ brokers: v.nullish(v.string()) }) }),
});

/**
 * Finds the brokers that the settings mean. With the embedded broker, the running service is asked for its
 * address.
 *
 * @returns `host:port,…`
 * @throws NoBrokerError
 */
export async function findBrokers(
  config: Pick<Config, "host" | "port" | "kafka">,
): Promise<string> {
  const { source } = config.kafka;
  if (source.mode === "external") return source.brokers;
  if (source.mode === "none") {
    throw new NoBrokerError(
      "KAFKA_BROKERS=none names no broker. Set it, or give --brokers host:port.",
    );
  }
  const url = new URL("/readyz", serviceUrl(config.host, config.port));
  const brokers = await brokersOf(url).catch((error: unknown) => {
    throw new NoBrokerError(
      [
        `No broker is configured, and no service at ${url} tells where its embedded broker is.`,
        "Start `arrest-events serve` first (with the same HOST and PORT as here),",
        "or name a broker: KAFKA_BROKERS=host:port or --brokers host:port.",
      ].join("\n"),
      { cause: error },
    );
  });
  if (brokers == null) {
    throw new NoBrokerError(
      `The service at ${url} has no broker: it is still starting, or runs with KAFKA_BROKERS=none.`,
    );
  }
  return brokers;
}

async function brokersOf(url: URL): Promise<string | null | undefined> {
  const response = await askService(url, ANSWER_TIMEOUT);
  const readiness = v.safeParse(READINESS, await response.json().catch(() => undefined));
  if (!readiness.success) throw new Error("the answer is not this service's readiness");
  return readiness.output.checks.kafka.brokers;
}
