/**
 * Asks an HTTP server on kept connections, one request at a time on each, in this process of its own.
 * Plain sockets: a client that takes more time for an answer than the server does would measure itself.
 */
import { answer, readMessage } from "./support.ts";

/** What to ask, and how much of it. */
export interface LoadTask {
  readonly port: number;
  readonly connections: number;
  /** The requests, whole; they are sent in turn. */
  readonly requests: readonly string[];
  /** The status that every answer must have. */
  readonly status: number;
  /** Requests a second; 0 for as many as are answered. */
  readonly rate: number;
}

/** Asks for what was measured between two moments of `Date.now`. */
export interface LoadWindow {
  readonly from: number;
  readonly to: number;
}

/** What was measured in a window; times in milliseconds. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The share of a core that this process took: near 1 it is the load that is measured, not the server. */
  readonly processorShare: number;
}

const task = await readMessage<LoadTask>();
const requests = task.requests.map((request) => Buffer.from(request));
const EXPECTED = `HTTP/1.1 ${task.status} `;
const HEADER_END = "\r\n\r\n";
const LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;

/** When each answer was complete, and how long it took: pairs of milliseconds. */
const samples: number[] = [];
const startedAt = performance.now();

/** How often the own processor time is read, in milliseconds. */
const CLOCK_INTERVAL_MS = 50;
const clock: { readonly at: number; readonly used: number }[] = [];

function readClock(): void {
  const { user, system } = process.cpuUsage();
  clock.push({ at: Date.now(), used: (user + system) / 1000 });
}
let sent = 0;

interface Connection {
  socket: Bun.Socket<undefined>;
  /** When the request under way was due. */
  dueAt: number;
  received: string;
}

const idle: Connection[] = [];

function fail(message: string): never {
  process.stderr.write(`load: ${message}\n`);
  process.exit(1);
}

function send(connection: Connection, dueAt: number): void {
  const request = requests[sent % requests.length];
  if (request === undefined) fail("no requests");
  sent++;
  connection.dueAt = dueAt;
  if (connection.socket.write(request) !== request.length) fail("a request was not sent whole");
}

/** Sends the next request when it is due. A late one counts from when it was due, or a slow server would be spared. */
function next(connection: Connection): void {
  const now = performance.now();
  const dueAt = task.rate === 0 ? now : startedAt + (sent / task.rate) * 1000;
  if (dueAt <= now) send(connection, dueAt);
  else idle.push(connection);
}

function receive(connection: Connection, chunk: Buffer): void {
  connection.received += chunk.toString("latin1");
  const { received } = connection;
  const headerEnd = received.indexOf(HEADER_END);
  if (headerEnd < 0) return;
  const length = LENGTH.exec(received)?.[1];
  if (length === undefined) fail("an answer without a length");
  const missing = headerEnd + HEADER_END.length + Number(length) - received.length;
  if (missing > 0) return;
  if (missing < 0 || !received.startsWith(EXPECTED)) fail(`not the answer: ${received}`);
  connection.received = "";
  const now = performance.now();
  samples.push(now, now - connection.dueAt);
  next(connection);
}

for (let count = 0; count < task.connections; count++) {
  const connection: Partial<Connection> & Omit<Connection, "socket"> = { dueAt: 0, received: "" };
  connection.socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: task.port,
    socket: {
      data: (_, chunk) => receive(connection as Connection, chunk),
      close: () => fail("a connection was closed"),
      error: (_, error) => fail(error.message),
    },
  });
  next(connection as Connection);
}
if (task.rate > 0) {
  setInterval(() => {
    for (const connection of idle.splice(0)) next(connection);
  }, 1);
}
setInterval(readClock, CLOCK_INTERVAL_MS);
process.once("SIGTERM", () => process.exit(0));
answer("started");

process.on("message", ({ from, to }: LoadWindow) => {
  const taken: number[] = [];
  for (let index = 0; index < samples.length; index += 2) {
    const at = performance.timeOrigin + (samples[index] ?? 0);
    if (at >= from && at < to) taken.push(samples[index + 1] ?? 0);
  }
  readClock();
  const ticks = clock.filter(({ at }) => at >= from && at <= to);
  const [first, last] = [ticks[0], ticks.at(-1)];
  const sorted = Float64Array.from(taken).sort();
  const percentile = (share: number): number =>
    sorted[Math.min(Math.ceil(sorted.length * share), sorted.length) - 1] ?? Number.NaN;
  answer({
    requestsPerSecond: (taken.length / (to - from)) * 1000,
    p50: percentile(0.5),
    p99: percentile(0.99),
    max: percentile(1),
    processorShare:
      first === undefined || last === undefined
        ? Number.NaN
        : (last.used - first.used) / (last.at - first.at),
  } satisfies LoadResult);
});
