import { KafkaCluster } from "./cluster.ts";

/** What the tests of one run share. */
export interface SharedKafka {
  /** `host:port` of the brokers, with commas between them. */
  readonly brokers: string;
  /** The cluster where it is ours to break; `undefined` when the broker was given. */
  readonly cluster: KafkaCluster | undefined;
}

const { KAFKA_TEST_BROKERS } = process.env;

/** Whether the broker was given rather than started here: then it is not broken on purpose. */
export const brokerIsGiven: boolean = KAFKA_TEST_BROKERS !== undefined && KAFKA_TEST_BROKERS !== "";

let shared: Promise<SharedKafka> | undefined;

/** The broker of this run, started when the first test asks; it ends with the process. */
export function sharedKafka(): Promise<SharedKafka> {
  shared ??= start();
  return shared;
}

async function start(): Promise<SharedKafka> {
  if (brokerIsGiven) return { brokers: KAFKA_TEST_BROKERS ?? "", cluster: undefined };
  const cluster = await KafkaCluster.start(1);
  return { brokers: cluster.brokers, cluster };
}
