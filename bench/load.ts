/**
 * Asks HTTP servers on kept connections, one request at a time on each, in this process of its own.
 * Plain sockets: a client that takes more time for an answer than the server does would measure itself.
 */
import { answer } from "./processes.ts";

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
  /** Each request is sent once, and what is measured ends with the last of them. */
  readonly once?: boolean;
}

/** Asks for what was measured between two moments of `Date.now`. */
export interface LoadWindow {
  readonly from: number;
  readonly to: number;
}

/** What this process is told: answered in turn by "started", a {@link LoadResult} and "stopped". */
export type LoadMessage =
  | ({ readonly kind: "start" } & LoadTask)
  | ({ readonly kind: "measure" } & LoadWindow)
  /** Nothing more is sent; answered when what has been sent is answered. */
  | { readonly kind: "stop" };

/** What was measured in a window; times in milliseconds. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The share of a core that this process took: near 1 it is the load that is measured, not the server. */
  readonly processorShare: number;
}

/** What every request has once where it is to differ from all others: a number of as many digits takes its place. */
export const NUMBER = "#".repeat(16);

/** Tells requests apart over all loads of a run and those before it. */
let number = Date.now() * 1000;

const HEADER_END = "\r\n\r\n";
const LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked\r\n/i;
const CLOSES = /\r\nconnection: *close\r\n/i;
const CHUNKED_END = "0\r\n\r\n";

/** How often the own processor time is read, in milliseconds. */
const CLOCK_INTERVAL_MS = 50;
const clock: { readonly at: number; readonly used: number }[] = [];

function readClock(): void {
  const { user, system } = process.cpuUsage();
  clock.push({ at: Date.now(), used: (user + system) / 1000 });
}

function fail(message: string): never {
  process.stderr.write(`load: ${message}\n`);
  process.exit(1);
}

interface Connection {
  socket: Bun.Socket<undefined> | undefined;
  /** The request under way. */
  request: Buffer;
  /** What of it the socket has not taken yet. */
  unsent: Buffer | undefined;
  /** When it was due. */
  dueAt: number;
  received: string;
  isWaiting: boolean;
}

class Load {
  readonly #task: LoadTask;
  readonly #requests: readonly Buffer[];
  readonly #hasNoBody: boolean;
  readonly #startedAt = performance.now();
  readonly #idle: Connection[] = [];
  readonly #done = Promise.withResolvers<void>();
  readonly #timer: Timer | undefined;
  /** When each answer was complete, and how long it took: pairs of milliseconds. */
  readonly #samples: number[] = [];
  #sent = 0;
  #underWay = 0;
  #isStopping = false;

  constructor(task: LoadTask) {
    this.#task = task;
    this.#requests = task.requests.map((request) => Buffer.from(request));
    this.#hasNoBody =
      task.status === 204 ||
      task.status === 304 ||
      task.requests.some((request) => request.startsWith("HEAD "));
    if (task.rate > 0) {
      this.#timer = setInterval(() => {
        for (const connection of this.#idle.splice(0)) this.#next(connection);
      }, 1);
    }
    for (let count = 0; count < task.connections; count++) {
      this.#next({
        socket: undefined,
        request: Buffer.alloc(0),
        unsent: undefined,
        dueAt: 0,
        received: "",
        isWaiting: false,
      });
    }
  }

  /** Sends the next request when it is due. A late one counts from when it was due, or a slow server would be spared. */
  #next(connection: Connection): void {
    const { rate, once } = this.#task;
    if (this.#isStopping || (once === true && this.#sent === this.#requests.length)) {
      connection.socket?.end();
      if (this.#underWay === 0) this.#done.resolve();
      return;
    }
    const now = performance.now();
    const dueAt = rate === 0 ? now : this.#startedAt + (this.#sent / rate) * 1000;
    if (dueAt > now) {
      this.#idle.push(connection);
      return;
    }
    const request = this.#requests[this.#sent % this.#requests.length] ?? fail("no requests");
    const place = request.indexOf(NUMBER);
    connection.request = place < 0 ? request : Buffer.from(request);
    if (place >= 0) connection.request.write(String(number++).padStart(NUMBER.length, "0"), place);
    connection.dueAt = dueAt;
    connection.isWaiting = true;
    this.#sent++;
    this.#underWay++;
    if (connection.socket === undefined) void this.#connect(connection);
    else this.#send(connection, connection.request);
  }

  async #connect(connection: Connection): Promise<void> {
    await Bun.connect({
      hostname: "127.0.0.1",
      port: this.#task.port,
      socket: {
        open: (socket) => {
          connection.socket = socket;
          this.#send(connection, connection.request);
        },
        data: (socket, chunk) => this.#receive(connection, socket, chunk),
        drain: () => this.#send(connection, connection.unsent ?? Buffer.alloc(0)),
        close: (socket) => {
          if (connection.socket !== socket) return;
          if (connection.isWaiting) fail("a connection was closed before the answer");
          connection.socket = undefined;
        },
        error: (_, error) => fail(error.message),
      },
    }).catch((error: Error) => fail(error.message));
  }

  #send(connection: Connection, bytes: Buffer): void {
    const written = connection.socket?.write(bytes) ?? fail("no connection");
    connection.unsent = written < bytes.length ? bytes.subarray(written) : undefined;
  }

  #receive(connection: Connection, socket: Bun.Socket<undefined>, chunk: Buffer): void {
    connection.received += chunk.toString("latin1");
    const { received } = connection;
    const headerEnd = received.indexOf(HEADER_END);
    if (headerEnd < 0) return;
    const header = received.slice(0, headerEnd + 2);
    const missing = this.#missingOf(header, received);
    if (missing > 0) return;
    if (missing < 0 || !header.startsWith(`HTTP/1.1 ${this.#task.status} `)) {
      fail(`not the answer with ${this.#task.status}: ${received.slice(0, 2000)}`);
    }
    connection.received = "";
    connection.isWaiting = false;
    this.#underWay--;
    const now = performance.now();
    this.#samples.push(now, now - connection.dueAt);
    if (CLOSES.test(header)) {
      socket.end();
      connection.socket = undefined;
    }
    this.#next(connection);
  }

  /** How many bytes of an answer have not come yet, or 1 where that is unknown. */
  #missingOf(header: string, received: string): number {
    const bodyAt = header.length + 2;
    if (this.#hasNoBody) return bodyAt - received.length;
    const length = LENGTH.exec(header)?.[1];
    if (length !== undefined) return bodyAt + Number(length) - received.length;
    if (!CHUNKED.test(header)) fail(`an answer without a length: ${header}`);
    // Nothing comes behind it, since nothing else was asked for.
    return received.endsWith(CHUNKED_END) ? 0 : 1;
  }

  measure({ from, to }: LoadWindow): LoadResult {
    const taken: number[] = [];
    let last = from;
    for (let index = 0; index < this.#samples.length; index += 2) {
      const at = performance.timeOrigin + (this.#samples[index] ?? 0);
      if (at < from || at >= to) continue;
      taken.push(this.#samples[index + 1] ?? 0);
      last = Math.max(last, at);
    }
    const isOver = this.#task.once === true && this.#sent === this.#requests.length;
    readClock();
    const ticks = clock.filter(({ at }) => at >= from && at <= to);
    const [first, end] = [ticks[0], ticks.at(-1)];
    const sorted = Float64Array.from(taken).sort();
    const percentile = (share: number): number =>
      sorted[Math.min(Math.ceil(sorted.length * share), sorted.length) - 1] ?? Number.NaN;
    return {
      requestsPerSecond: (taken.length / ((isOver ? last : to) - from)) * 1000,
      p50: percentile(0.5),
      p99: percentile(0.99),
      max: percentile(1),
      processorShare:
        first === undefined || end === undefined
          ? Number.NaN
          : (end.used - first.used) / (end.at - first.at),
    };
  }

  /** Resolves when all that was sent has been answered. */
  stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    for (const connection of this.#idle.splice(0)) connection.socket?.end();
    if (this.#underWay === 0) this.#done.resolve();
    return this.#done.promise;
  }
}

if (import.meta.main) {
  let load: Load | undefined;
  setInterval(readClock, CLOCK_INTERVAL_MS);
  process.once("SIGTERM", () => process.exit(0));
  process.on("message", async (message: LoadMessage) => {
    switch (message.kind) {
      case "start":
        clock.length = 0;
        load = new Load(message);
        answer("started");
        break;
      case "measure":
        answer(load?.measure(message) ?? fail("nothing was started"));
        break;
      case "stop":
        await load?.stop();
        load = undefined;
        answer("stopped");
        break;
    }
  });
}
