import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { ArrestEventJson } from "../../src/arrest-event.ts";
import { eventOfMessage, query, type ServiceProcess } from "../promises/support.ts";
import { inTime, until } from "../support/until.ts";
import { audit, exactly, range, storedPositions } from "./support/audit.ts";
import { KafkaCluster } from "./support/cluster.ts";
import {
  beginnings,
  handoverMs,
  LONG_SESSION,
  partitionsOf,
  progress,
  sharing,
  WAYS,
} from "./support/group.ts";
import { linesWith, reading, Scene, stopPolitely, upToDate } from "./support/scene.ts";
import { brokerIsGiven } from "./support/shared.ts";

const PARTITIONS = 12;
/** What one instance holds from before: everything, so that an answer with all of it takes its time. */
const HELD = 60_000;
const MESSAGES = 140_000;

/** How long the stop may take, in milliseconds: what the service is told, and what it keeps. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

/** So that a backlog lasts. */
const SMALL_BATCHES = { INGEST_BATCH_SIZE: "50" };

/** Greater than the officers of all messages: the events that came over HTTP. */
const FIRST_POSTED_OFFICER = 1_000_000;

/** Of requests for everything. */
const READERS = 4;

/** The subjects of the events that come over HTTP, by who creates them: those who post, and the slow client. */
const POSTERS = [1, 2];
const SLOW = 3;

/** How many requests the slow client has under way. */
const SLOW_REQUESTS = 4;

/** What a client was answered. */
interface Heard {
  /** The officers of the events that were created, in order. */
  readonly created: readonly number[];
  /** How many requests were refused because the service is stopping. */
  readonly refused: number;
  /** When it could not reach the service any more, by `performance.now`. */
  readonly endedAt: number;
}

function postedEvent(subject: number, officer: number) {
  return { ...eventOfMessage(0), officer_id: officer, subject_id: subject };
}

/** A client that creates events, one after the other, until it cannot reach the service any more. */
async function post(service: ServiceProcess, subject: number): Promise<Heard> {
  const created: number[] = [];
  let refused = 0;
  for (let officer = FIRST_POSTED_OFFICER; ; officer++) {
    let answer: Response;
    try {
      // A connection each: one that was kept could be closed while the next request is on its way.
      answer = await service.fetch("/arrest_events", {
        method: "POST",
        headers: { "content-type": "application/json", connection: "close" },
        body: JSON.stringify(postedEvent(subject, officer)),
      });
    } catch {
      // That the service had not answered it shows in the service's own account of its answers.
      return { created, refused, endedAt: performance.now() };
    }
    const body = (await answer.json()) as ArrestEventJson | { type: string };
    if (answer.status === 201) created.push((body as ArrestEventJson).officer_id);
    else {
      expect([answer.status, body]).toMatchObject([503, { type: "/problems/stopping" }]);
      refused++;
    }
  }
}

/** Begins to create an event; resolves to what sends the rest of the request, and resolves to the whole answer. */
async function beginToPost(
  service: ServiceProcess,
  officer: number,
): Promise<() => Promise<string>> {
  const { hostname, port, host } = new URL(String((await service.line("listening"))["url"]));
  const body = JSON.stringify(postedEvent(SLOW, officer));
  const socket = connect({ host: hostname, port: Number(port) });
  let answer = "";
  const closed = new Promise<string>((resolve, reject) => {
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.on("error", reject).on("close", () => resolve(answer));
  });
  // It is looked at when the request is finished.
  closed.catch(() => undefined);
  socket.write(
    `POST /arrest_events HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.slice(0, 10)}`,
  );
  return () => {
    socket.write(body.slice(10));
    return inTime("the answer to a slow client", closed);
  };
}

/** How many requests a service has taken and not answered yet, the one that asks included. */
async function requestsInFlight(service: ServiceProcess): Promise<number> {
  const text = await (await service.fetch("/metrics")).text();
  return Number(/^arrest_events_http_requests_in_flight (\d+)$/m.exec(text)?.[1]);
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
      // With a line for each answer.
      await using first = await scene.start({ ...SMALL_BATCHES, LOG_LEVEL: "debug" }, "first");
      await using second = await scene.start(SMALL_BATCHES, "second");
      await sharing(PARTITIONS, first, second);
      const owned = await partitionsOf(first);
      const slow = await Promise.all(
        range(0, SLOW_REQUESTS).map((each) => beginToPost(first, FIRST_POSTED_OFFICER + each)),
      );
      await until("the slow requests to be taken", async () => {
        return (await requestsInFlight(first)) === SLOW_REQUESTS + 1;
      });
      const posting = POSTERS.map((subject) => post(first, subject));
      const sending = scene.send(HELD, MESSAGES);
      await progress(first, second);
      const underWay = await Promise.all(
        range(0, READERS).map(() => first.fetch("/arrest_events")),
      );

      first.signal("SIGTERM");
      const signalled = performance.now();
      const handover = reading(second, PARTITIONS).then(() => performance.now());
      await first.line("stopping");
      const slowAnswers = Promise.all(slow.map((finish) => finish()));
      const answers = Promise.all(underWay.map(async (each) => (await each.json()) as unknown[]));
      expect(await first.ended()).toBe(0);
      const ended = performance.now();
      const handedOver = await handover;
      process.stderr.write(
        `${way}: ended ${Math.round(ended - signalled)} ms after the signal; the other instance read all partitions ${Math.round(handedOver - signalled)} ms after it\n`,
      );
      expect(ended - signalled).toBeLessThan(SHUTDOWN_TIMEOUT_MS);
      expect(handedOver - signalled).toBeLessThan(handoverMs(settings));

      for (const events of await answers) expect(events.length).toBeGreaterThanOrEqual(HELD);
      for (const [index, answer] of (await slowAnswers).entries()) {
        expect(answer).toStartWith("HTTP/1.1 201 ");
        const [, body = ""] = answer.split("\r\n\r\n");
        expect(JSON.parse(body)).toMatchObject(postedEvent(SLOW, FIRST_POSTED_OFFICER + index));
      }
      const heard = await Promise.all(posting);
      for (const { endedAt } of heard) expect(endedAt).toBeGreaterThan(signalled);
      const created = [
        ...heard.map((each) => each.created),
        range(FIRST_POSTED_OFFICER, FIRST_POSTED_OFFICER + SLOW_REQUESTS),
      ];
      for (const [index, officers] of created.entries()) {
        expect(officers.length).toBeGreaterThan(0);
        // As many as there are: none was taken without an answer.
        const rows = query<{ officer_id: number }>(
          scene.store("first"),
          `select officer_id from arrest_event where officer_id >= ${FIRST_POSTED_OFFICER} and subject_id = ${[...POSTERS, SLOW][index]} order by officer_id`,
        );
        expect(rows.map(({ officer_id }) => officer_id)).toEqual([...officers]);
      }
      await first.line("stopped");
      const answered = linesWith(first, "request").filter(({ method }) => method === "POST");
      const refused = heard.reduce((sum, each) => sum + each.refused, 0);
      expect(answered.length).toBe(created.flat().length + refused);
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
      await scene.stored(MESSAGES + created.flat().length, "first", "second");
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
