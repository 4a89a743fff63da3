import { expect } from "bun:test";
import { startEmbeddedBroker } from "../../../src/ingest/embedded-broker.ts";
import { eventOfMessage, query, ServiceProcess } from "../../promises/support.ts";
import { send } from "../../support/kafka.ts";
import { until } from "../../support/until.ts";

const TOPIC = "arrest_event";

/** How many messages come as the store begins to fail, and again while it does. */
const SHARE = 500;

/** What `GET /readyz` answers, as far as it is looked at. */
interface Readiness {
  readonly checks: {
    readonly store: { readonly status: string; readonly problem?: string };
    readonly kafka: { readonly status: string; readonly state: string };
  };
}

/** A way for the store to fail while the service runs. */
export interface Failure {
  readonly databasePath: string;
  /** What the service needs in its environment for it. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What `/readyz` and the log give as the reason. */
  readonly reason: string;
  begin(): void;
  end(): void;
}

/**
 * Lets the store of a running service fail and recover, with messages and changes coming in before,
 * meanwhile and after, and expects all that is promised of it: reading stops, readiness is red with the
 * reason, HTTP refuses changes and goes on reading, and afterwards everything is there exactly once.
 */
export async function expectNothingLost({
  databasePath,
  environment,
  reason,
  begin,
  end,
}: Failure): Promise<void> {
  const broker = await startEmbeddedBroker(TOPIC);
  await using service = await ServiceProcess.start({
    ...environment,
    KAFKA_BROKERS: broker.address,
    DATABASE_PATH: databasePath,
  });
  let sent = 0;
  const sendShare = async () => {
    const share = Array.from({ length: SHARE }, (_, index) => ({
      partition: (sent + index) % 4,
      value: JSON.stringify(eventOfMessage(sent + index)),
    }));
    sent += SHARE;
    await send(broker.address, TOPIC, share);
  };
  const readiness = () => service.json<Readiness>("/readyz");
  const ofHttp = 10 * SHARE;
  const created = await service.post(eventOfMessage(ofHttp));
  expect(created.status).toBe(201);
  const event = (await created.json()) as { id: number };
  const path = `/arrest_events/${event.id}`;
  await service.line("partitions assigned");

  begin();
  await sendShare();
  await until("readiness to be red", async () => (await service.fetch("/readyz")).status === 503);
  await sendShare();
  await until("reading to stop", async () => {
    return (await readiness()).checks.kafka.state === "store-failing";
  });
  const { checks } = await readiness();
  expect(checks).toMatchObject({
    store: { status: "failing", problem: reason },
    kafka: { status: "failing" },
  });
  const body = JSON.stringify(eventOfMessage(ofHttp + 1));
  const headers = { "content-type": "application/json" };
  const refusals = await Promise.all([
    service.fetch("/arrest_events", { method: "POST", headers, body }),
    service.fetch(path, { method: "PUT", headers, body }),
    service.fetch(path, { method: "DELETE" }),
  ]);
  for (const refused of refusals) {
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(await refused.json()).toMatchObject({
      type: "/problems/store-unavailable",
      status: 503,
    });
  }
  expect(await service.json<{ id: number }>(path)).toEqual(event);
  const meanwhile = await service.events();
  expect(meanwhile.length).toBeGreaterThan(0);
  expect(meanwhile.length).toBeLessThan(1 + sent);
  expect((await service.fetch("/livez")).status).toBe(200);

  end();
  await until("readiness to be green", async () => (await service.fetch("/readyz")).ok);
  const again = await service.post(eventOfMessage(ofHttp + 2));
  expect(again.status).toBe(201);
  await sendShare();
  const events = await until("everything to be stored", async () => {
    const stored = await service.events();
    return stored.length >= sent + 2 && stored;
  });
  // Each message and each acknowledged change once, and none of the refused ones.
  const subjects = events.map(({ subject_id }) => subject_id).sort((a, b) => a - b);
  const messages = Array.from({ length: sent }, (_, sequence) => sequence);
  expect(subjects).toEqual([...messages, ofHttp, ofHttp + 2].map((sequence) => sequence + 1));
  expect(query<{ n: number }>(databasePath, "select count(*) as n from dead_letter")).toEqual([
    { n: 0 },
  ]);
  await service.kill();
  await broker.close();
}
