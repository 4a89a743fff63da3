import { z } from "@hono/zod-openapi";
import { INGEST_STATES, type IngestStatus, type StoreStatus } from "../../writer/client.ts";
import { jsonAnswer } from "../answer.ts";
import type { Api } from "../api.ts";
import { kafkaTime } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { RETRY_AFTER } from "../problem.ts";
import { RETRY_AFTER_HEADER } from "../problem-documentation.ts";

const problem = z
  .string()
  .optional()
  .openapi({ description: "What is wrong; absent when nothing is." });

const StoreCheck = z
  .strictObject({
    status: z
      .enum(["ok", "failing"])
      .openapi({ description: "`failing`: the store cannot be read, or cannot be written." }),
    problem,
  })
  .openapi("StoreCheck", { description: "The store." });

const count = (description: string) =>
  z.int().openapi({ format: "int64", minimum: 0, description });

const instant = (description: string) =>
  z.string().nullable().openapi({ format: "date-time", description });

const PartitionPosition = z
  .strictObject({
    partition: count("The number of the partition."),
    next_offset: count("The first offset that is not stored."),
    end_offset: count("The offset that the next message will get, as last heard."),
    lag: count("How many offsets lie between the two."),
  })
  .openapi("PartitionPosition", { description: "How far the reading of a partition is." });

const DeadLetterTopicCheck = z
  .strictObject({
    topic: z.string().openapi({ description: "The topic that dead letters are forwarded to." }),
    forwarded: count("Dead letters forwarded since the start of the process."),
    problem,
  })
  .openapi("DeadLetterTopicCheck", { description: "The forwarding of dead letters." });

const KafkaCheck = z
  .strictObject({
    status: z.enum(["ok", "degraded", "failing"]).openapi({
      description:
        "`degraded`: nothing can be read from Kafka now, which the service keeps trying. `failing`: what is read cannot be stored.",
    }),
    mode: z.enum(["external", "embedded", "none"]).openapi({
      description: "`embedded`: a broker inside the service. `none`: the service reads no Kafka.",
    }),
    state: z.enum(INGEST_STATES).openapi({
      description:
        "`connecting`: no broker answers. `waiting`: there is no partition to read, because the topic does not exist or others read it all. `store-failing`: reading has stopped until the store can be written again. `dead-letters-full`: it has stopped until dead letters are replayed or deleted, because there are as many as there may be.",
    }),
    brokers: z
      .string()
      .nullable()
      .openapi({ description: "`host:port` of the brokers, with commas between them." }),
    topic: z.string().openapi({ description: "The topic that is read." }),
    group: z.string().openapi({ description: "The consumer group that it is read as." }),
    partitions: z
      .array(PartitionPosition)
      .openapi({ description: "The partitions that this process reads." }),
    stored_events: count("Events stored since the start of the process."),
    dead_letters: count("Messages refused since the start of the process."),
    last_message_at: instant(
      "The greatest time that a message of the last stored batch bears itself; null before the first.",
    ),
    last_stored_at: instant("When messages were last stored; null before the first."),
    last_committed_at: instant(
      "When the consumer group last took a commit of offsets; null before the first.",
    ),
    dead_letter_topic: z
      .union([DeadLetterTopicCheck, z.null()])
      .openapi({ description: "Where dead letters are forwarded to; null when they are not." }),
    problem,
  })
  .openapi("KafkaCheck", { description: "The reading of Kafka." });

const Readiness = z
  .strictObject({
    status: z.enum(["ready", "not-ready"]).openapi({ description: "The whole." }),
    stopping: z.boolean().openapi({ description: "The service takes no new requests." }),
    checks: z
      .strictObject({ store: StoreCheck, kafka: KafkaCheck })
      .openapi({ description: "What the whole depends on, and what else is worth knowing." }),
  })
  .openapi("Readiness", { description: "Whether the service can do its work." });

const EXAMPLE: z.infer<typeof Readiness> = {
  status: "ready",
  stopping: false,
  checks: {
    store: { status: "ok" },
    kafka: {
      status: "ok",
      mode: "external",
      state: "reading",
      brokers: "kafka-1:9092,kafka-2:9092",
      topic: "arrest_event",
      group: "arrest-events",
      partitions: [{ partition: 0, next_offset: 4096, end_offset: 4100, lag: 4 }],
      stored_events: 4090,
      dead_letters: 6,
      last_message_at: "2026-11-22T13:05:01.000Z",
      last_stored_at: "2026-11-22T13:05:01.250Z",
      last_committed_at: "2026-11-22T13:05:02.000Z",
      dead_letter_topic: { topic: "arrest_event.refused", forwarded: 6 },
    },
  },
};

const NOT_READY_EXAMPLE: z.infer<typeof Readiness> = {
  ...EXAMPLE,
  status: "not-ready",
  checks: {
    store: { status: "failing", problem: "database or disk is full" },
    kafka: { ...EXAMPLE.checks.kafka, status: "failing", state: "store-failing" },
  },
};

/** Adds `GET /readyz`. */
export function addReadyz(
  api: Api,
  { reader, writer, log, isStopping }: Omit<Dependencies, "newId" | "version">,
): void {
  api.add(
    {
      method: "get",
      path: "/readyz",
      operationId: "getReadiness",
      tag: "Operations",
      summary: "Tell whether the service is ready",
      description:
        "Answers 503 when the store cannot be read or written, when there are as many dead letters as there may be, when the thread that writes is silent, and when the service is stopping. A Kafka that is out of reach does not make the service unready: its check is `degraded`, and HTTP goes on.",
      responses: {
        200: {
          description: "The service is ready.",
          content: { "application/json": { schema: Readiness, example: EXAMPLE } },
        },
        503: {
          description: "The service is not ready.",
          headers: { "Retry-After": RETRY_AFTER_HEADER },
          content: { "application/json": { schema: Readiness, example: NOT_READY_EXAMPLE } },
        },
      },
      problems: [],
      answersWhileStopping: true,
    },
    () => {
      const status = writer.status();
      const stopping = isStopping();
      const store = checkStore(status.store);
      const kafka = checkKafka(status.ingest);
      const ready = store.status === "ok" && kafka.status !== "failing" && !stopping;
      const body: z.infer<typeof Readiness> = {
        status: ready ? "ready" : "not-ready",
        stopping,
        checks: { store, kafka },
      };
      const text = JSON.stringify(body);
      return ready ? jsonAnswer(text) : jsonAnswer(text, 503, RETRY_AFTER);
    },
  );

  function checkStore({ writable, problem }: StoreStatus): z.infer<typeof StoreCheck> {
    try {
      reader.check();
    } catch (error) {
      log.error({ err: error }, "the store cannot be read");
      return { status: "failing", problem: "the store cannot be read" };
    }
    if (writable) return { status: "ok" };
    return { status: "failing", problem: problem ?? "the store cannot be written" };
  }
}

function checkKafka(ingest: IngestStatus): z.infer<typeof KafkaCheck> {
  return {
    status: kafkaStatus(ingest),
    mode: ingest.mode,
    state: ingest.state,
    brokers: ingest.brokers,
    topic: ingest.topic,
    group: ingest.groupId,
    partitions: ingest.partitions.map(({ partition, nextOffset, endOffset, lag }) => ({
      partition,
      next_offset: nextOffset,
      end_offset: endOffset,
      lag,
    })),
    stored_events: ingest.storedEvents,
    dead_letters: ingest.deadLetters,
    last_message_at: kafkaTime(ingest.lastMessageAt),
    last_stored_at: kafkaTime(ingest.lastStoredAt),
    last_committed_at: kafkaTime(ingest.lastCommittedAt),
    dead_letter_topic: ingest.forwarding,
    ...(ingest.problem !== undefined && { problem: ingest.problem }),
  };
}

function kafkaStatus(ingest: IngestStatus): z.infer<typeof KafkaCheck>["status"] {
  const { state, problem, forwarding } = ingest;
  if (state === "store-failing" || state === "dead-letters-full") return "failing";
  if (state === "connecting" || state === "stopped") return "degraded";
  return problem === undefined && forwarding?.problem === undefined ? "ok" : "degraded";
}
