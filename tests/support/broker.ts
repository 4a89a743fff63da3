import { afterAll, beforeAll } from "bun:test";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";

/**
 * The embedded broker gives the partitions of a member that has left away after this time only, and waits this
 * long less a second for all members at each rebalance.
 */
export const SHORT_SESSION = { "session.timeout.ms": "5000", "heartbeat.interval.ms": "300" };

/** Starts a broker for the tests of a file, and closes it behind them. Its address is there once they run. */
export function brokerOfFile(): { readonly address: string } {
  let address = "";
  let close: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const broker = await startEmbeddedBroker("any");
    address = broker.address;
    close = () => broker.close();
  });
  afterAll(() => close?.());
  return {
    get address() {
      return address;
    },
  };
}
