import type { Config } from "./config.ts";
import { keepCounting } from "./keep-counts.ts";
import type { Log } from "./telemetry/log.ts";
import { addBuildInfo, addEventLoopLag, addProcessMetrics } from "./telemetry/process-metrics.ts";
import { Registry } from "./telemetry/prometheus.ts";
import { startWriter } from "./writer/client.ts";

/** The whole service, running. */
export interface Service {
  /** Where it listens. */
  readonly url: URL;
  /**
   * Stops in order: no new connections, requests under way are finished, the batch under way is stored
   * and committed, the group is left, the store is closed. Connections that are still open near the end
   * of the configured time are cut, so that the store is always closed in order.
   */
  stop(): Promise<void>;
  /** Makes the OpenAPI document that is to be checked in. */
  openApi(): object;
  /** Resolves with the reason when the service cannot go on. */
  readonly died: Promise<Error>;
}

/** The parts of the time to stop by which requests, and then ingest, must have ended; the rest closes the store. */
const REQUESTS_SHARE = 0.6;
const WRITER_SHARE = 0.9;

/**
 * Starts the writer thread, which opens and migrates the store, then the reading connection, then HTTP.
 *
 * @throws WriterStartError when the store or the Kafka settings cannot be used
 * @throws Error when the address cannot be listened on
 */
export async function startService(config: Config, log: Log, version: string): Promise<Service> {
  // Both take a while: what serves HTTP is loaded while the other thread starts.
  const [writer, { createApp }, { openReader }] = await Promise.all([
    startWriter(config),
    import("./http/app.ts"),
    import("./store/read.ts"),
  ]);
  // Requests of one turn of the event loop share a snapshot.
  const reader = openReader(config.databasePath, setImmediate);
  const registry = new Registry();
  const { bun = "", sqlite = "" } = process.versions;
  addBuildInfo(registry, { version, bun, sqlite, librdkafka: writer.librdkafkaVersion });
  addProcessMetrics(registry);
  const endMeasuring = addEventLoopLag(registry);
  const endCounting = keepCounting(reader, log);
  let stopping = false;
  let requestsInFlight = (): number => 0;
  const app = createApp({
    reader,
    writer,
    log: log.child({ part: "http" }),
    registry,
    requestsInFlight: () => requestsInFlight(),
    isStopping: () => stopping,
    limits: config.http,
    corsOrigins: config.http.corsOrigins,
    logRequests: config.log.requests,
    newId: () => crypto.randomUUID(),
    version,
  });

  async function closeStore(withinMs: number): Promise<void> {
    // Before the writer closes: the last connection to close is the one that can empty the log.
    endMeasuring();
    endCounting();
    reader.close();
    await writer.stop(withinMs);
  }

  let server: Bun.Server<undefined>;
  try {
    server = Bun.serve({
      hostname: config.host,
      port: config.port,
      idleTimeout: config.http.idleTimeoutS,
      // Bun's error pages show source code.
      development: false,
      fetch: app.fetch,
    });
  } catch (error) {
    await closeStore(config.shutdownTimeoutMs);
    throw error;
  }
  requestsInFlight = () => server.pendingRequests;
  announce(config, log, server.url, writer.status().ingest.brokers);

  return {
    url: server.url,
    openApi: app.openApi,
    died: writer.died,
    stop: async () => {
      stopping = true;
      const startedAt = performance.now();
      const left = (share: number): number =>
        config.shutdownTimeoutMs * share - (performance.now() - startedAt);
      // Beside the requests, since a broker out of reach takes its time as well.
      writer.stopIngest();
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, left(REQUESTS_SHARE));
      await Promise.race([server.stop(), late.promise]);
      clearTimeout(timer);
      await server.stop(true);
      await closeStore(left(WRITER_SHARE));
    },
  };
}

function announce(config: Config, log: Log, url: URL, brokers: string | null): void {
  log.info({ url: url.href, documentation: new URL("/docs", url).href }, "listening");
  const { source, topic } = config.kafka;
  if (source.mode !== "embedded") return;
  log.info({ brokers, topic }, "reading a Kafka broker inside this process, in memory only");
  const event =
    '{"officer_id":7,"subject_id":42,"arrest_type_id":1,"crime_type_id":3,"arrested_at":"2026-11-22T13:05:00Z"}';
  log.info(`to send it an event: echo '${event}' | kcat -P -b ${brokers} -t ${topic}`);
}
