import { expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { type Service, startService } from "../support/http-service.ts";
import { someEvents } from "../support/many-events.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

/** How many events the service reads at a time. */
const PAGE = 1000;

async function ids(response: Response): Promise<number[]> {
  const events = (await response.json()) as { id: number }[];
  return events.map(({ id }) => id);
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

type Reader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read">;

function readerOf({ body }: Response): Reader {
  if (body === null) throw new Error("no body");
  return body.getReader();
}

/** Reads the rest of a stream. */
async function rest(reader: Reader): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    text += decoder.decode(next.value, { stream: true });
  }
  return text;
}

/** The stream of all events as the app makes it, before any server or socket takes from it. */
async function open(service: Service): Promise<Reader> {
  return readerOf(await service.app.fetch(new Request("http://localhost/arrest_events")));
}

test("no events are an empty array", async () => {
  await using service = await startService();
  expect((await service.ask("/arrest_events")).text).toBe("[]");
});

for (const count of [1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE]) {
  test(`${count} events are all there, in order`, async () => {
    await using service = await startService();
    service.store(someEvents(count));
    expect(await ids(await fetch(`${service.url}/arrest_events`))).toEqual(upTo(count));
  });
}

test("50,000 events are all there, in order and whole", async () => {
  await using service = await startService();
  service.store(someEvents(50_000));
  const events = (await (await fetch(`${service.url}/arrest_events`)).json()) as object[];
  expect(events).toHaveLength(50_000);
  expect(events.map((event) => (event as { id: number }).id)).toEqual(upTo(50_000));
  expect(events[49_999]).toEqual((await service.ask("/arrest_events/50000")).json);
});

test("events that are written and deleted while a stream is read neither repeat nor break it", async () => {
  await using service = await startService();
  service.store(someEvents(3 * PAGE));
  const reader = await open(service);
  const first = new TextDecoder().decode((await reader.read()).value);
  service.store(someEvents(5 * PAGE));
  // One that was sent, one that is to come, and the whole of the last page.
  for (const id of [1, PAGE + 1, ...upTo(3 * PAGE).slice(2 * PAGE)]) {
    await service.ask(`/arrest_events/${id}`, { method: "DELETE" });
  }
  const all = (JSON.parse(first + (await rest(reader))) as { id: number }[]).map(({ id }) => id);
  expect(all).toEqual(upTo(2 * PAGE).filter((id) => id !== PAGE + 1));
});

test("a stream ends although events are added faster than it is read", async () => {
  await using service = await startService();
  service.store(someEvents(3 * PAGE));
  const reader = await open(service);
  let pages = 0;
  while (!(await reader.read()).done) {
    pages++;
    service.store(someEvents(2 * PAGE));
  }
  expect(pages).toBe(3);
});

test("a page is read when it is asked for, and none ahead", async () => {
  await using service = await startService();
  service.store(someEvents(5 * PAGE));
  const reader = await open(service);
  expect(service.pages).toEqual([]);
  await reader.read();
  expect(service.pages).toEqual([0]);
  await reader.read();
  await service.ask("/livez");
  expect(service.pages).toEqual([0, PAGE]);
});

test("other requests are served between pages", async () => {
  await using service = await startService();
  service.store(someEvents(50 * PAGE));
  const stream = fetch(`${service.url}/arrest_events`).then((response) => response.text());
  await service.ask("/livez");
  const pagesBefore = service.pages.length;
  await stream;
  expect(pagesBefore).toBeLessThan(50);
});

test("a client that does not read holds the reading of pages up, and one that leaves ends it", async () => {
  await using service = await startService();
  service.store(someEvents(100 * PAGE));
  const socket = connect(service.port, "127.0.0.1");
  socket.write("GET /arrest_events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise((resolve) => socket.once("readable", resolve));
  // No more pages are read when many turns of the event loop, with requests in them, have read none.
  let pages = -1;
  while (pages !== service.pages.length) {
    pages = service.pages.length;
    for (let turn = 0; turn < 50; turn++) await service.ask("/livez");
  }
  expect(pages).toBeLessThan(75);
  socket.destroy();
  for (let turn = 0; turn < 50; turn++) await service.ask("/livez");
  expect(service.pages.length).toBeLessThan(75);
});

test("HEAD reads no page", async () => {
  await using service = await startService();
  service.store(someEvents(PAGE));
  const { status, text } = await service.ask("/arrest_events", { method: "HEAD" });
  expect({ status, text, pages: service.pages }).toEqual({ status: 200, text: "", pages: [] });
});

test("a read that fails on the way cuts the connection and is logged", async () => {
  await using service = await startService();
  service.store(someEvents(100 * PAGE));
  const reader = readerOf(await fetch(`${service.url}/arrest_events`));
  await reader.read();
  service.faults.unreadable = true;
  await expect(rest(reader)).rejects.toThrow();
  service.faults.unreadable = false;
  expect(service.logged).toHaveLength(1);
  expect(service.logged[0]).toMatchObject({
    msg: "the stream of events was cut",
    err: { message: expect.stringContaining("SQLITE_IOERR") },
  });
});
