import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

async function create(members: object = VALID_MEMBERS): Promise<string> {
  const { headers } = await service.ask("/arrest_events", sendJson("POST", members));
  return `${headers.get("Location")}`;
}

test("a new event is answered with its id, in UTC, and is found at its Location", async () => {
  const created = await service.ask("/arrest_events", sendJson("POST", VALID_MEMBERS));
  const id = Number(created.json.id);
  expect(created.json).toEqual({ id, ...VALID_MEMBERS, arrested_at: "2026-11-22T13:05:00.000Z" });
  expect(created.headers.get("Location")).toBe(`/arrest_events/${id}`);
  expect((await service.ask(`/arrest_events/${id}`)).json).toEqual(created.json);
});

test("a change leaves the members alone that it does not name", async () => {
  const path = await create();
  const before = (await service.ask(path)).json;
  const changed = await service.ask(path, sendJson("PUT", { crime_type_id: 99 }));
  expect(changed.json).toEqual({ ...before, crime_type_id: 99 });
  expect((await service.ask(path)).json).toEqual(changed.json);
});

test("every member can be changed", async () => {
  const path = await create();
  const members = {
    officer_id: 1,
    subject_id: 2,
    arrest_type_id: 3,
    crime_type_id: 4,
    arrested_at: "0001-01-01T00:00:00.000Z",
  };
  const changed = await service.ask(path, sendJson("PUT", members));
  expect(changed.json).toMatchObject(members);
});

test("a refused change changes nothing", async () => {
  const path = await create();
  const before = (await service.ask(path)).json;
  await service.ask(path, sendJson("PUT", { officer_id: 1, crime_type_id: 0 }));
  expect((await service.ask(path)).json).toEqual(before);
});

test("a deleted event is gone, and its id is not used again", async () => {
  const path = await create();
  expect((await service.ask(path, { method: "DELETE" })).text).toBe("");
  expect((await service.ask(path)).status).toBe(404);
  expect((await service.ask(path, { method: "DELETE" })).status).toBe(404);
  expect(await create()).not.toBe(path);
});

test("answers with events are kept by no cache and taken for nothing else than they are", async () => {
  const { headers } = await service.ask(await create());
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Content-Type")).toBe("application/json");
});
