import { expect, test } from "bun:test";
import { ServiceProcess, temporaryDirectory } from "../promises/support.ts";

test("memory is given back once, when much work is over, and the store is written on", async () => {
  using directory = temporaryDirectory();
  await using service = await ServiceProcess.start({
    KAFKA_BROKERS: "none",
    DATABASE_PATH: `${directory.path}/events.sqlite`,
    LOG_LEVEL: "debug",
  });
  const event = {
    officer_id: 7,
    subject_id: 42,
    arrest_type_id: 1,
    crime_type_id: 3,
    arrested_at: "2026-11-22T13:05:00.000Z",
  };
  const batch = await service.fetch("/arrest_events/batch", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(Array.from({ length: 5000 }, () => event)),
  });
  expect(batch.status).toBe(201);
  await service.line("memory given back");
  expect((await service.post(event)).status).toBe(201);
  expect(service.lines.filter(({ msg }) => msg === "memory given back")).toHaveLength(1);
}, 60_000);
