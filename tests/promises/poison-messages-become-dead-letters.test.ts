import { expect, test } from "bun:test";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { send } from "../support/kafka.ts";
import { until } from "../support/until.ts";
import {
  eventOfMessage,
  query,
  ServiceProcess,
  type StoredDeadLetter,
  temporaryDirectory,
} from "./support.ts";

const SECRET = "4242424242424242";

/** What cannot be an event, with the reason and the places that the dead letter must name. */
const POISON: readonly (readonly [
  what: string,
  value: string | Buffer | null,
  reason: string,
  pointers: readonly string[],
])[] = [
  ["no value", null, "no_value", [""]],
  ["an empty value", "", "not_json", [""]],
  ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), "not_utf8", [""]],
  ["text that is not JSON", `{"officer_id": ${SECRET}`, "not_json", [""]],
  ["an array", "[]", "invalid_event", [""]],
  ["a missing member", json({ arrested_at: undefined }), "invalid_event", ["/arrested_at"]],
  [
    "an impossible date",
    json({ arrested_at: "2026-02-30T00:00:00Z" }),
    "invalid_event",
    ["/arrested_at"],
  ],
  ["an id of zero", json({ officer_id: 0 }), "invalid_event", ["/officer_id"]],
  ["an id as text", json({ subject_id: SECRET }), "invalid_event", ["/subject_id"]],
  [
    "a fraction and null",
    json({ arrest_type_id: 1.5, crime_type_id: null }),
    "invalid_event",
    ["/arrest_type_id", "/crime_type_id"],
  ],
  ["an id beyond 2^53-1", json({ officer_id: 2 ** 53 }), "invalid_event", ["/officer_id"]],
];

function json(members: Record<string, unknown>): string {
  return JSON.stringify({ ...eventOfMessage(0), ...members });
}

test("each message that cannot be an event becomes a dead letter and the good ones around it are kept", async () => {
  using directory = temporaryDirectory();
  const databasePath = join(directory.path, "store.sqlite");
  const broker = await startEmbeddedBroker("arrest_event");
  const messages = POISON.flatMap(([, value], index) => [
    { partition: 0, value: JSON.stringify(eventOfMessage(index)) },
    { partition: 0, value },
  ]);
  await send(broker.address, "arrest_event", messages);
  await using service = await ServiceProcess.start({
    KAFKA_BROKERS: broker.address,
    DATABASE_PATH: databasePath,
    LOG_LEVEL: "debug",
  });
  const events = await until("the good messages", async () => {
    const stored = await service.events();
    return stored.length === POISON.length && stored;
  });
  expect(events.map(({ id: _, ...event }) => event)).toEqual(
    POISON.map((_, index) => eventOfMessage(index)),
  );

  const letters = query<StoredDeadLetter>(
    databasePath,
    "select partition, offset, value, reason, refusals from dead_letter order by offset",
  );
  expect(
    letters.map(({ value, refusals, ...letter }) => ({
      ...letter,
      value: value === null ? null : Buffer.from(value).toString("latin1"),
      pointers: (JSON.parse(refusals) as { pointer: string }[]).map(({ pointer }) => pointer),
    })) as unknown[],
  ).toEqual(
    POISON.map(([, value, reason, pointers], index) => ({
      partition: 0,
      offset: index * 2 + 1,
      value: value === null ? null : Buffer.from(value).toString("latin1"),
      reason,
      pointers,
    })),
  );
  for (const { refusals } of letters) expect(refusals).not.toContain(SECRET);
  expect(service.output()).not.toContain(SECRET);
  await service.kill();
  await broker.close();
}, 60_000);
