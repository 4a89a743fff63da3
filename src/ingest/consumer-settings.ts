import type { ConsumerGlobalConfig } from "@confluentinc/kafka-javascript";

/** What a consumer connects with. */
export interface ConsumerSettings {
  readonly brokers: string;
  readonly topic: string;
  readonly groupId: string;
  /** librdkafka's mock cluster, which does not answer the question for the topic's id. */
  readonly isMockCluster?: boolean;
  /** The operator's librdkafka settings. */
  readonly librdkafka: Readonly<Record<string, string>>;
}

/** librdkafka's settings where ours differ from its defaults; the operator's come between the two. */
const DEFAULTS = {
  "client.id": "arrest-events",
  // A topic that is made later, or gets partitions, is seen within 10 s rather than 5 min.
  "topic.metadata.refresh.interval.ms": 10000,
  // What is fetched ahead, which is memory: the default of 64 MiB counts payloads only, and small
  // messages carry several times their size in bookkeeping.
  "queued.max.messages.kbytes": 4096,
  "queued.min.messages": 20000,
  // How long fetching rests when that much is queued. The default of 1 s starves a fast reader.
  "fetch.queue.backoff.ms": 10,
  // Tells, among much else, what the membership in the group is, which nothing else does.
  "statistics.interval.ms": 10_000,
} as const;

/** Those that librdkafka knows in the classic group protocol only, and refuses with `group.protocol=consumer` (KIP-848). */
const CLASSIC_DEFAULTS = {
  // Partitions move one by one rather than all at once.
  "partition.assignment.strategy": "cooperative-sticky",
  // A member hears of a rebalance with its next heartbeat: how long the others wait for it.
  "heartbeat.interval.ms": 500,
} as const;

/** Those for librdkafka's mock cluster, which lets a fetch that finds nothing wait to the end, whatever comes meanwhile. */
const MOCK_CLUSTER_DEFAULTS = { "fetch.wait.max.ms": 20 } as const;

/** What exactly-once ingest rests on. The operator cannot set these: `MANAGED_BY_SERVICE` of config.ts. */
const FORCED = {
  // The store's offsets are the ones that count; the group's follow by commit().
  "enable.auto.commit": false,
  "enable.auto.offset.store": false,
  // An offset outside of the log is a gap to be reported, not to be jumped over in silence.
  "auto.offset.reset": "error",
  "isolation.level": "read_committed",
  // Only the end-of-partition event tells the offset behind trailing control records.
  "enable.partition.eof": true,
} as const;

/** Whether the group goes by the classic protocol; else by that of KIP-848. */
export function isClassic({ librdkafka }: ConsumerSettings): boolean {
  return librdkafka["group.protocol"]?.toLowerCase() !== "consumer";
}

/** The settings for librdkafka: our defaults, over them the operator's, over those what must be. */
export function librdkafkaSettings(settings: ConsumerSettings): ConsumerGlobalConfig {
  const { librdkafka, brokers, groupId } = settings;
  return {
    ...DEFAULTS,
    ...(isClassic(settings) ? CLASSIC_DEFAULTS : {}),
    ...(settings.isMockCluster === true ? MOCK_CLUSTER_DEFAULTS : {}),
    ...librdkafka,
    "bootstrap.servers": brokers,
    "group.id": groupId,
    ...FORCED,
  } as ConsumerGlobalConfig;
}
