import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ArrestEventJson } from "../../src/arrest-event.ts";
import { eventOfMessage, query, type ServiceProcess } from "../promises/support.ts";
import { audit, exactly, range, storedPositions } from "./support/audit.ts";
import { KafkaCluster } from "./support/cluster.ts";
import {
  beginnings,
  LONG_SESSION,
  partitionsOf,
  progress,
  sharing,
  WAYS,
} from "./support/group.ts";
import { reading, Scene, stopPolitely, upToDate } from "./support/scene.ts";
import { brokerIsGiven } from "./support/shared.ts";

const PARTITIONS = 12;
/** What one instance holds from before: everything, so that an answer with all of it takes its time. */
const HELD = 60_000;
const MESSAGES = 140_000;

/** How long the stop may take, in milliseconds: what the service is told, and what it keeps. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

/** A ninth of the session time-out, after which the group would miss a member that left without a word. */
const HANDOVER_MS = 5000;

/** So that a backlog lasts. */
const SMALL_BATCHES = { INGEST_BATCH_SIZE: "50" };

/** Greater than the officers of all messages: the events that came over HTTP. */
const FIRST_POSTED_OFFICER = 1_000_000;

/** Of requests for everything. */
const READERS = 4;

/** A client that creates events, one after the other, until the service does not take them any more. */
async function post(service: ServiceProcess, subject: number): Promise<readonly number[]> {
  const acknowledged: number[] = [];
  for (let officer = FIRST_POSTED_OFFICER; ; officer++) {
    const event = { ...eventOfMessage(0), officer_id: officer, subject_id: subject };
    const answer = await service.post(event).catch(() => undefined);
    if (answer?.status !== 201) return acknowledged;
    acknowledged.push(((await answer.json()) as ArrestEventJson).officer_id);
  }
}

// The session time-outs of the consumer protocol are the broker's, and have to be long here.
describe.skipIf(brokerIsGiven)("SIGTERM under full load", () => {
  let cluster: KafkaCluster;

  beforeAll(async () => {
    cluster = await KafkaCluster.start(1, {
      properties: {
        "group.consumer.session.timeout.ms": LONG_SESSION.KAFKA_CONF_SESSION_TIMEOUT_MS,
      },
    });
  }, 60_000);

  afterAll(() => cluster[Symbol.asyncDispose]());

  test.each([
    ["cooperative assignment", { ...WAYS.cooperative, ...LONG_SESSION }],
    ["the consumer protocol (KIP-848)", WAYS.consumer],
  ])(
    "with %s, in the midst of a backlog, ends in time with everything stored and answered, and another instance goes on at once",
    async (way, settings) => {
      using scene = await Scene.open({
        brokers: cluster.brokers,
        partitions: PARTITIONS,
        settings: {
          ...settings,
          KAFKA_CONF_TOPIC_METADATA_REFRESH_INTERVAL_MS: "10000",
          SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS),
        },
      });
      await scene.send(0, HELD);
      {
        await using earlier = await scene.start({}, "first");
        await upToDate(earlier, PARTITIONS);
        await stopPolitely(earlier);
      }
      await using first = await scene.start(SMALL_BATCHES, "first");
      await using second = await scene.start(SMALL_BATCHES, "second");
      await sharing(PARTITIONS, first, second);
      const owned = await partitionsOf(first);
      const posting = [1, 2].map((subject) => post(first, subject));
      const sending = scene.send(HELD, MESSAGES);
      await progress(first, second);
      const underWay = await Promise.all(
        range(0, READERS).map(() => first.fetch("/arrest_events")),
      );

      first.signal("SIGTERM");
      const signalled = performance.now();
      const handover = reading(second, PARTITIONS).then(() => performance.now());
      const answers = Promise.all(underWay.map(async (each) => (await each.json()) as unknown[]));
      expect(await first.ended()).toBe(0);
      const ended = performance.now();
      const handedOver = await handover;
      process.stderr.write(
        `${way}: ended ${Math.round(ended - signalled)} ms after the signal; the other instance read all partitions ${Math.round(handedOver - signalled)} ms after it\n`,
      );
      expect(ended - signalled).toBeLessThan(SHUTDOWN_TIMEOUT_MS);
      expect(handedOver - signalled).toBeLessThan(HANDOVER_MS);

      for (const events of await answers) expect(events.length).toBeGreaterThanOrEqual(HELD);
      const acknowledged = await Promise.all(posting);
      for (const [index, officers] of acknowledged.entries()) {
        expect(officers.length).toBeGreaterThan(0);
        // As many as there are: none was taken without an answer.
        const rows = query<{ officer_id: number }>(
          scene.store("first"),
          `select officer_id from arrest_event where officer_id >= ${FIRST_POSTED_OFFICER} and subject_id = ${index + 1} order by id`,
        );
        expect(rows.map(({ officer_id }) => officer_id)).toEqual([...officers]);
      }
      // The group had been told of all that was stored, and the other instance begins right there.
      const stored = storedPositions(scene.store("first"), scene.topic);
      // It was the midst of the backlog.
      for (const partition of owned) {
        expect(stored.get(partition)).toBeLessThan(MESSAGES / PARTITIONS);
      }
      const taken = beginnings(second).slice(-owned.length);
      expect(new Map(taken.map(({ partition, offset }) => [partition, offset]))).toEqual(
        new Map(owned.map((partition) => [partition, stored.get(partition) ?? Number.NaN])),
      );
      await sending;
      await scene.stored(MESSAGES + acknowledged.flat().length, "first", "second");
      await upToDate(second, PARTITIONS);
      await stopPolitely(second);
      const stores = [scene.store("first"), scene.store("second")];
      const messagesOnly = `officer_id < ${FIRST_POSTED_OFFICER}`;
      expect(audit(stores, range(0, MESSAGES), PARTITIONS, messagesOnly)).toEqual(
        exactly(MESSAGES),
      );
    },
  );
});
