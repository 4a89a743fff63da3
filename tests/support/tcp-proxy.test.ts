import { expect, test } from "bun:test";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { TcpProxy } from "./tcp-proxy.ts";
import { inTime, until } from "./until.ts";

/** More than the buffers between two sockets hold. */
const LARGE = 64_000_000;

/** After so many looks that show the same, nothing moves any more. */
const STILL = 5;

/** How many questions past the proxy are answered while nothing may come through it. */
const QUESTIONS = 20;

/** A server that answers each of its clients with so many bytes, and then with what it is sent; a proxy before it. */
async function startBehindProxy(greeting = 0) {
  const clients: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    clients.push(client);
    client.on("error", () => undefined);
    client.write(Buffer.alloc(greeting, "x"));
    client.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy = await TcpProxy.start({ target: port });
  return {
    proxy,
    /** Where the server itself listens. */
    port,
    /** The server's sides of the connections. */
    clients,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      server.close();
    },
  };
}

/** Connects, says something and, unless told otherwise, that this is all. */
function ask(port: number, text: string, isAll = true) {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: !isAll });
  const found = { bytes: 0, text: "", error: "" };
  socket.on("error", ({ message }) => {
    found.error = message;
  });
  socket.on("data", (chunk) => {
    found.bytes += chunk.length;
    found.text = (found.text + chunk.toString()).slice(-100);
  });
  socket.write(text);
  if (isAll) socket.end();
  const closed = new Promise<typeof found>((resolve) => socket.on("close", () => resolve(found)));
  return { socket, found, closed: inTime("the connection's end", closed) };
}

test("passes everything on, in both directions, to the end", async () => {
  await using behind = await startBehindProxy(LARGE);
  const { bytes, text, error } = await ask(behind.proxy.port, "hello").closed;
  expect({ bytes, text: text.slice(-6), error }).toEqual({
    bytes: LARGE + 5,
    text: "xhello",
    error: "",
  });
  await until("the connection to be forgotten", () => behind.proxy.connections === 0);
});

test("makes a sender wait whose receiver does not read", async () => {
  await using behind = await startBehindProxy(LARGE);
  const { socket, closed, found } = ask(behind.proxy.port, "", false);
  socket.pause();
  const [client] = await until("the connection", () => behind.clients.length > 0 && behind.clients);
  let waiting = -1;
  let unchanged = 0;
  await until("the sending to stop", () => {
    const before = waiting;
    waiting = client?.writableLength ?? 0;
    unchanged = waiting === before ? unchanged + 1 : 0;
    return unchanged === STILL;
  });
  expect(waiting).toBeGreaterThan(LARGE / 2);
  socket.resume();
  await until("everything to arrive", () => found.bytes === LARGE);
  socket.destroy();
  await closed;
});

test("cuts every connection", async () => {
  await using behind = await startBehindProxy();
  const asked = [1, 2, 3].map(() => ask(behind.proxy.port, "hello", false));
  await until("the answers", () => asked.every(({ found }) => found.text === "hello"));
  expect(behind.proxy.cut()).toBe(3);
  for (const { closed } of asked) expect((await closed).error).toContain("ECONNRESET");
  expect(behind.proxy.connections).toBe(0);
});

test("cuts an answer right behind a byte", async () => {
  await using behind = await startBehindProxy(1_000_000);
  const cut = behind.proxy.cutAfterBytes(123_457);
  expect((await ask(behind.proxy.port, "hello").closed).bytes).toBe(123_457);
  await cut;
  expect((await ask(behind.proxy.port, "hello").closed).bytes).toBe(1_000_005);
});

test.each([true, false])("cuts at a request, which is lost: %p", async (lost) => {
  await using behind = await startBehindProxy();
  const received: string[] = [];
  const cut = behind.proxy.cutAtRequest((part) => part.includes("commit"), lost);
  const { socket, closed, found } = ask(behind.proxy.port, "fetch", false);
  await until("the first answer", () => found.text === "fetch");
  behind.clients[0]?.on("data", (chunk) => received.push(chunk.toString()));
  socket.write("commit");
  await cut;
  await closed;
  if (!lost) await until("the request to arrive", () => received.length > 0);
  expect(received).toEqual(lost ? [] : ["commit"]);
  expect(found.text).toBe("fetch");
});

test("passes nothing on while it is paused, and then what has waited", async () => {
  await using behind = await startBehindProxy();
  const first = ask(behind.proxy.port, "a", false);
  await until("the answer", () => first.found.text === "a");
  behind.proxy.pause();
  first.socket.write("b");
  const second = ask(behind.proxy.port, "c");
  await until("the second connection", () => behind.proxy.connections === 2);
  // What is passed on needs no longer than these, each of which goes to the server and back.
  for (let question = 0; question < QUESTIONS; question++) {
    expect((await ask(behind.port, "d").closed).text).toBe("d");
  }
  expect([first.found.text, second.found.text]).toEqual(["a", ""]);
  behind.proxy.resume();
  expect((await second.closed).text).toBe("c");
  await until("what has waited", () => first.found.text === "ab");
  first.socket.destroy();
});

test("delays answers", async () => {
  await using behind = await startBehindProxy();
  behind.proxy.delayAnswers(300);
  const start = performance.now();
  expect((await ask(behind.proxy.port, "hello").closed).text).toBe("hello");
  expect(performance.now() - start).toBeGreaterThanOrEqual(299);
});

test("refuses connections, and accepts them again", async () => {
  await using behind = await startBehindProxy();
  behind.proxy.refuse();
  expect((await ask(behind.proxy.port, "hello").closed).text).toBe("");
  behind.proxy.accept();
  expect((await ask(behind.proxy.port, "hello").closed).text).toBe("hello");
  expect(behind.proxy.accepted).toBe(1);
});
