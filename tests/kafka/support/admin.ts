import {
  AdminClient,
  type GroupDescription,
  type GroupDescriptions,
  type IAdminClient,
  type LibrdKafkaError,
  type NewTopic,
  type TopicDescription,
} from "@confluentinc/kafka-javascript";
import { until } from "../../support/until.ts";

/** How long the broker may take for an operation, in milliseconds. */
const TIMEOUT_MS = 20_000;

/** Awaits a function of the client that takes a node-style callback last. */
export function call<T>(
  start: (done: (error: LibrdKafkaError | null | undefined, value: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) =>
    start((error, value) => (error ? reject(error) : resolve(value))),
  );
}

async function withAdmin<T>(brokers: string, use: (admin: IAdminClient) => Promise<T>): Promise<T> {
  const admin = AdminClient.create({ "bootstrap.servers": brokers, log_level: 0 });
  try {
    return await use(admin);
  } finally {
    admin.disconnect();
  }
}

/** Whether a broker answers. */
export async function answers(brokers: string): Promise<boolean> {
  try {
    await withAdmin(brokers, (admin) =>
      call<string[]>((done) => admin.listTopics({ timeout: 2000 }, done)),
    );
    return true;
  } catch {
    return false;
  }
}

let names = 0;

/** A name that no other test and no other run uses. */
export function uniqueName(prefix: string): string {
  names++;
  return `${prefix}-${process.pid}-${Date.now().toString(36)}-${names}`;
}

/** The topics of a broker, and what their operator can do to them. */
export class Topics {
  readonly #brokers: string;

  constructor(brokers: string) {
    this.#brokers = brokers;
  }

  /** Makes a topic and waits until it is there to be written. */
  async create(topic: string, partitions: number, config: NewTopic["config"] = {}): Promise<void> {
    await withAdmin(this.#brokers, async (admin) => {
      await call((done) =>
        admin.createTopic(
          { topic, num_partitions: partitions, replication_factor: -1, config },
          TIMEOUT_MS,
          (error) => done(error, undefined),
        ),
      );
      await until(`topic ${topic} to have leaders`, () => hasLeaders(admin, topic, partitions));
    });
  }

  async delete(topic: string): Promise<void> {
    await withAdmin(this.#brokers, async (admin) => {
      await call((done) => admin.deleteTopic(topic, TIMEOUT_MS, (error) => done(error, undefined)));
      await until(`topic ${topic} to be gone`, async () => {
        const topics = await call<string[]>((done) =>
          admin.listTopics({ timeout: TIMEOUT_MS }, done),
        );
        return !topics.includes(topic);
      });
    });
  }

  /** Adds partitions until there are so many. */
  async grow(topic: string, partitions: number): Promise<void> {
    await withAdmin(this.#brokers, async (admin) => {
      await call((done) =>
        admin.createPartitions(topic, partitions, TIMEOUT_MS, (error) => done(error, undefined)),
      );
      await until(`topic ${topic} to have ${partitions} leaders`, () =>
        hasLeaders(admin, topic, partitions),
      );
    });
  }

  /** Removes the messages of a partition before an offset, as retention does. */
  async deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void> {
    await withAdmin(this.#brokers, (admin) =>
      call((done) =>
        admin.deleteRecords([{ topic, partition, offset }], { timeout: TIMEOUT_MS }, done),
      ),
    );
  }

  /** The number of the broker that coordinates a group. */
  async coordinator(group: string): Promise<number | undefined> {
    return (await this.#group(group))?.coordinator.id;
  }

  /** How many members a group has by what its coordinator knows. */
  async members(group: string): Promise<number | undefined> {
    return (await this.#group(group))?.members.length;
  }

  async #group(group: string): Promise<GroupDescription | undefined> {
    const { groups } = await withAdmin(this.#brokers, (admin) =>
      call<GroupDescriptions>((done) =>
        admin.describeGroups([group], { timeout: TIMEOUT_MS }, done),
      ),
    );
    return groups[0];
  }

  /** The numbers of the brokers that lead the partitions; `undefined` where none does. */
  async leaders(topic: string): Promise<(number | undefined)[]> {
    const { partitions } = await withAdmin(this.#brokers, (admin) => describe(admin, topic));
    return partitions.map(({ leader }) => leader?.id);
  }

  /** Waits until every partition of a topic is on so many brokers, with all that it holds. */
  async inSync(topic: string, brokers: number): Promise<void> {
    await withAdmin(this.#brokers, (admin) =>
      until(`${topic} to be in sync on ${brokers} brokers`, async () => {
        const { partitions } = await describe(admin, topic);
        return partitions.every(({ isr }) => isr.length === brokers);
      }),
    );
  }
}

async function describe(admin: IAdminClient, topic: string): Promise<TopicDescription> {
  const [description] = await call<TopicDescription[]>((done) =>
    admin.describeTopics([topic], { timeout: TIMEOUT_MS }, done),
  );
  if (description === undefined) throw new Error(`the broker does not describe ${topic}`);
  return description;
}

async function hasLeaders(admin: IAdminClient, topic: string, count: number): Promise<boolean> {
  const { partitions } = await describe(admin, topic);
  return partitions.length === count && partitions.every(({ leader }) => leader !== null);
}
