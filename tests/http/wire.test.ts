import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { type Service, startService, VALID_MEMBERS } from "../support/http-service.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

/** What arrives on a connection until `enough` says so, or until it is closed. */
function receive(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const end = () => {
      resolve(text);
      socket.destroy();
    };
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (enough(text)) end();
    });
    socket.on("error", end);
    socket.on("close", end);
  });
}

const LIVE = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Sends a request and after it another on the same connection, and gives what arrives for both. */
async function exchange(head: readonly string[], ...body: readonly string[]): Promise<string> {
  const socket = connect(service.port, "127.0.0.1");
  const received = receive(socket, (text) => text.includes('{"status":"ok"}'));
  socket.write(`${[...head, "Host: localhost"].join("\r\n")}\r\n\r\n`);
  for (const part of body) socket.write(part);
  socket.write(LIVE);
  return await received;
}

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const VALID = JSON.stringify(VALID_MEMBERS);
const CHUNKED_POST = [
  "POST /arrest_events HTTP/1.1",
  "Content-Type: application/json",
  "Transfer-Encoding: chunked",
];

test("a body in chunks is read", async () => {
  const text = await exchange(
    CHUNKED_POST,
    chunk(VALID.slice(0, 9)),
    chunk(VALID.slice(9)),
    chunk(""),
  );
  expect(text).toStartWith("HTTP/1.1 201 ");
});

test("a body in chunks of a byte is read", async () => {
  const text = await exchange(CHUNKED_POST, ...[...VALID].map(chunk), chunk(""));
  expect(text).toStartWith("HTTP/1.1 201 ");
});

test("an empty body in chunks is empty", async () => {
  const text = await exchange(CHUNKED_POST, chunk(""));
  expect(text).toStartWith("HTTP/1.1 400 ");
  expect(text).toContain("The body is empty.");
});

test("a body in chunks that grows over 1 MiB is refused, and the connection goes on", async () => {
  const part = chunk(" ".repeat(100_000));
  const text = await exchange(CHUNKED_POST, ...Array.from({ length: 11 }, () => part), chunk(""));
  expect(text).toStartWith("HTTP/1.1 413 ");
  expect(text).toContain('"type":"/problems/body-too-large"');
  expect(text).toContain('{"status":"ok"}');
});

test("a body in chunks that never ends is refused before it ends", async () => {
  const socket = connect(service.port, "127.0.0.1");
  const received = receive(socket, (text) => text.includes("body-too-large"));
  socket.write(`${CHUNKED_POST.join("\r\n")}\r\nHost: localhost\r\n\r\n`);
  for (let sent = 0; sent < 12; sent++) socket.write(chunk(" ".repeat(100_000)));
  expect(await received).toStartWith("HTTP/1.1 413 ");
});

test("a body that is declared too long is refused before any of it is sent", async () => {
  const socket = connect(service.port, "127.0.0.1");
  const received = receive(socket, (text) => text.includes("body-too-large"));
  socket.write(
    "POST /arrest_events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n",
  );
  expect(await received).toStartWith("HTTP/1.1 413 ");
});

test("a client that leaves within its body disturbs nobody and is no failure", async () => {
  const socket = connect(service.port, "127.0.0.1");
  socket.end(
    "POST /arrest_events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
  );
  await new Promise((resolve) => socket.once("close", resolve));
  expect((await service.ask("/livez")).status).toBe(200);
  expect(service.logged).toEqual([]);
});

test("a body that nobody reads does not become the next request", async () => {
  const smuggled = "DELETE /arrest_events/1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const text = await exchange(
    ["POST /livez HTTP/1.1", `Content-Length: ${smuggled.length}`],
    smuggled,
  );
  expect(text).toStartWith("HTTP/1.1 405 ");
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 405", "HTTP/1.1 200"]);
});

for (const path of ["/livez", "/arrest_events/404", "/docs/swagger-ui.css", "/openapi.json"]) {
  test(`HEAD ${path} tells the length of what GET would send`, async () => {
    const body = await fetch(`${service.url}${path}`).then((response) => response.bytes());
    const text = await exchange([`HEAD ${path} HTTP/1.1`]);
    const [head, rest] = text.split("\r\n\r\n", 2);
    expect(head?.toLowerCase()).toContain(`\r\ncontent-length: ${body.byteLength}`);
    expect(rest).toStartWith("HTTP/1.1 200 ");
  });
}

test("HEAD of all events tells no length, for it is not known", async () => {
  const text = await exchange(["HEAD /arrest_events HTTP/1.1"]);
  const [head, rest] = text.split("\r\n\r\n", 2);
  expect(head).toStartWith("HTTP/1.1 200 ");
  expect(head?.toLowerCase()).not.toContain("content-length");
  expect(rest).toStartWith("HTTP/1.1 200 ");
});
