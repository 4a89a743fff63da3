import { Gauge } from "../../telemetry/prometheus.ts";
import type { Api } from "../api.ts";
import { codedAnswer } from "../coded-answer.ts";
import type { Dependencies } from "../dependencies.ts";
import { addRequestsInFlight, addStoreSize } from "../metrics.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const EXAMPLE = `# HELP arrest_events_ingested_events_total Events stored from Kafka messages.
# TYPE arrest_events_ingested_events_total counter
arrest_events_ingested_events_total 4090
`;

/** Adds `GET /metrics`: the numbers of this thread, and behind them those of the writer thread. */
export function addMetrics(
  api: Api,
  {
    registry,
    reader,
    writer,
    requestsInFlight,
  }: Pick<Dependencies, "registry" | "reader" | "writer" | "requestsInFlight">,
): void {
  addRequestsInFlight(registry, requestsInFlight);
  addStoreSize(registry, reader);
  const responding = new Gauge({
    name: "arrest_events_writer_responding",
    help: "1 when the writer thread has told its metrics now; 0 when they are those that it told last, or none.",
    registers: [registry],
  });
  api.add(
    {
      method: "get",
      path: "/metrics",
      operationId: "getMetrics",
      tag: "Operations",
      summary: "Get the metrics",
      description:
        "Answers what the service counts and measures, in the text format of Prometheus. It answers as long as the process serves requests: when the part that writes to the store is held up, its metrics are the last that it told, and `arrest_events_writer_responding` is 0.",
      responses: {
        200: {
          description: "The metrics.",
          content: {
            "text/plain": {
              schema: { type: "string", description: "Prometheus' text format, version 0.0.4." },
              example: EXAMPLE,
            },
          },
        },
      },
      problems: [],
      compresses: true,
      answersWhileStopping: true,
    },
    async ({ req }) => {
      const numbers = await writer.metrics();
      responding.set(numbers.isCurrent ? 1 : 0);
      const text = `${await registry.metrics()}\n${numbers.text}`;
      return codedAnswer(req.raw, CONTENT_TYPE, text);
    },
  );
}
