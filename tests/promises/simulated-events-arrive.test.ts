import { expect, test } from "bun:test";
import { join } from "node:path";
import { formatTimestamp } from "../../src/arrest-event.ts";
import { arrestSource } from "../../src/simulate/arrests.ts";
import { seededRandom } from "../../src/simulate/random.ts";
import { until } from "../support/until.ts";
import { ServiceProcess, temporaryDirectory } from "./support.ts";

const EVENTS = 100_000;

test("with no settings at all, 100,000 simulated events are served over HTTP, none missing, none twice", async () => {
  using directory = temporaryDirectory();
  await using service = await ServiceProcess.start({
    DATABASE_PATH: join(directory.path, "store.sqlite"),
  });
  const { url } = await service.line("listening");
  const { port } = new URL(String(url));
  await using simulation = ServiceProcess.spawn(
    { PORT: port },
    ...["simulate", "--count", String(EVENTS), "--seed", "7", "--per-day", "1200"],
    ...["--start", "2025-01-01T00:00:00Z"],
  );
  expect(await simulation.ended()).toBe(0);
  await until("all events to be stored", async () => {
    const { checks } = await service.json<{ checks: { kafka: { stored_events: number } } }>(
      "/readyz",
    );
    return checks.kafka.stored_events >= EVENTS;
  });

  const events = await service.events();
  expect(events.length).toBe(EVENTS);
  const random = seededRandom(7);
  const nextArrest = arrestSource(random, {
    startAt: Date.parse("2025-01-01T00:00:00Z"),
    arrestsPerDay: 1200,
  });
  const sent = new Map<string, number>();
  for (let index = 0; index < EVENTS; index++) {
    const { officerId, subjectId, arrestTypeId, crimeTypeId, arrestedAt } = nextArrest();
    const text = [
      officerId,
      subjectId,
      arrestTypeId,
      crimeTypeId,
      formatTimestamp(arrestedAt),
    ].join();
    sent.set(text, (sent.get(text) ?? 0) + 1);
    // The simulator draws once more for each message: whether it is to be malformed.
    random();
  }
  for (const event of events) {
    const { officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at } = event;
    const text = [officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at].join();
    const left = (sent.get(text) ?? 0) - 1;
    if (left < 0) throw new Error(`event ${event.id} was not sent, or is there too often`);
    if (left === 0) sent.delete(text);
    else sent.set(text, left);
  }
  expect(sent.size).toBe(0);
}, 120_000);
