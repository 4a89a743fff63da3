import { connect, createServer, type Server, type Socket } from "node:net";

/** What a proxy passes on to, and where it listens. */
export interface TcpProxyOptions {
  /** The port of loopback to listen on; a free one unless given. */
  readonly port?: number;
  /** Where the connections lead: a port of loopback, or another address. */
  readonly target: number | TcpAddress;
}

/** An address to connect to. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** How many bytes wait in one direction of a connection before its sender has to wait. */
const MOST_WAITING = 1024 * 1024;

/** A cut that is to come once so many more bytes of answers have passed. */
interface Cut {
  bytes: number;
  readonly done: PromiseWithResolvers<void>;
}

/** A cut that is to come with a part of a request. */
interface CutAtRequest {
  readonly matches: (part: Buffer) => boolean;
  readonly lost: boolean;
  readonly done: PromiseWithResolvers<void>;
}

/** What all the connections of a proxy suffer now. */
interface Weather {
  paused: boolean;
  /** How long each part of an answer is held back, in milliseconds. */
  delay: number;
  /** The cuts to come, next first. */
  readonly cuts: Cut[];
  cutAtRequest: CutAtRequest | undefined;
}

/**
 * A TCP proxy on loopback whose connections can be broken, stopped and slowed. A receiver that does not
 * read makes the sender wait, as without a proxy.
 */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: TcpAddress;
  readonly #links = new Set<Link>();
  readonly #weather: Weather = { paused: false, delay: 0, cuts: [], cutAtRequest: undefined };
  #refusing = false;
  #accepted = 0;

  private constructor(target: TcpAddress) {
    this.#target = target;
    // Either side may have said all that it has to say and still listen.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.#accept(client),
    );
  }

  /** Starts to listen. Rejects where the port is taken. */
  static async start({ port = 0, target }: TcpProxyOptions): Promise<TcpProxy> {
    const address = typeof target === "number" ? { host: "127.0.0.1", port: target } : target;
    const proxy = new TcpProxy(address);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.on("error", reject);
      proxy.#server.listen(port, "127.0.0.1", resolve);
    });
    return proxy;
  }

  /** The port of loopback that it listens on. */
  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has ended");
    return address.port;
  }

  /** How many connections there are now. */
  get connections(): number {
    return this.#links.size;
  }

  /** How many connections have been accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Breaks every connection, in the middle of whatever it carries; tells how many. */
  cut(): number {
    const links = [...this.#links];
    for (const link of links) link.break();
    return links.length;
  }

  /**
   * Breaks the connection that carries the last of so many further bytes of answers, right behind that
   * byte: in the middle of an answer, unless by chance. Several such cuts come one after the other, each
   * counted from the one before. Resolves when it has happened.
   */
  cutAfterBytes(bytes: number): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#weather.cuts.push({ bytes, done });
    return done.promise;
  }

  /**
   * Breaks the next connection on which a part of a request comes that `matches` tells from others: before
   * that part has got through, so that it is `lost`, or behind it, so that only its answer is. Resolves when
   * it has happened.
   */
  cutAtRequest(matches: (part: Buffer) => boolean, lost: boolean): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#weather.cutAtRequest = { matches, lost, done };
    return done.promise;
  }

  /** Passes nothing on in either direction from now on. Connections stay, and new ones are accepted. */
  pause(): void {
    this.#weather.paused = true;
    this.#tell();
  }

  /** Passes everything on again, what has waited first. */
  resume(): void {
    this.#weather.paused = false;
    this.#tell();
  }

  /** Holds each part of an answer back for so many milliseconds from now on; 0 ends that. */
  delayAnswers(milliseconds: number): void {
    this.#weather.delay = milliseconds;
  }

  /** Breaks every new connection at once from now on, as where nobody listens. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Accepts new connections again. */
  accept(): void {
    this.#refusing = false;
  }

  #tell(): void {
    for (const link of this.#links) link.pass();
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.on("error", () => undefined);
      client.resetAndDestroy();
      return;
    }
    this.#accepted++;
    const link = new Link(client, this.#target, this.#weather);
    this.#links.add(link);
    link.onBroken = () => this.#links.delete(link);
  }

  /** Breaks the connections and stops to listen. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }
}

/** A connection through the proxy: a socket on each side. */
class Link {
  onBroken: () => void = () => undefined;
  readonly #sockets: readonly [Socket, Socket];
  readonly #lanes: readonly [Lane, Lane];
  #broken = false;

  constructor(client: Socket, target: TcpAddress, weather: Weather) {
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true });
    this.#sockets = [client, server];
    const leftOpen = new Set(this.#sockets);
    for (const socket of this.#sockets) {
      socket.on("error", () => this.break());
      socket.on("close", () => {
        leftOpen.delete(socket);
        if (leftOpen.size === 0) this.break();
      });
    }
    this.#lanes = [
      new RequestLane(client, server, weather, this),
      new AnswerLane(server, client, weather, this),
    ];
  }

  pass(): void {
    for (const lane of this.#lanes) lane.pass();
  }

  /** Resets both sides. One of them is given the last bytes for it before, where there are some. */
  break(last?: { readonly to: Socket; readonly bytes: Buffer }): void {
    if (this.#broken) return;
    this.#broken = true;
    for (const lane of this.#lanes) lane.close();
    for (const socket of this.#sockets) {
      // A reset would take from the receiver what it has not read yet.
      if (socket === last?.to) socket.end(last.bytes, () => socket.destroy());
      else socket.resetAndDestroy();
    }
    this.onBroken();
  }
}

/** One direction of a connection. */
abstract class Lane {
  protected readonly to: Socket;
  protected readonly weather: Weather;
  protected readonly link: Link;
  readonly #from: Socket;
  /** What is to be passed on and when; `undefined` is the end. */
  readonly #waiting: { readonly part: Buffer | undefined; readonly due: number }[] = [];
  #waitingBytes = 0;
  #full = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(from: Socket, to: Socket, weather: Weather, link: Link) {
    this.#from = from;
    this.to = to;
    this.weather = weather;
    this.link = link;
    from.on("data", (part: Buffer) => {
      this.#waitingBytes += part.length;
      if (this.#waitingBytes >= MOST_WAITING) from.pause();
      this.#enqueue(part);
    });
    from.on("end", () => this.#enqueue(undefined));
    to.on("drain", () => {
      this.#full = false;
      this.pass();
    });
  }

  /** How long a part is held back, in milliseconds. */
  protected abstract delay(): number;

  /** Whether the connection is broken with this part. */
  protected abstract cutsAt(part: Buffer): boolean;

  #enqueue(part: Buffer | undefined): void {
    this.#waiting.push({ part, due: performance.now() + this.delay() });
    this.pass();
  }

  /** Passes on what is due, as far as the receiver takes it. */
  pass(): void {
    clearTimeout(this.#timer);
    while (!this.#closed && !this.weather.paused && !this.#full) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const early = next.due - performance.now();
      if (early > 0) {
        this.#timer = setTimeout(() => this.pass(), early);
        return;
      }
      this.#waiting.shift();
      if (next.part === undefined) this.to.end();
      else if (!this.cutsAt(next.part)) this.#write(next.part);
    }
  }

  #write(part: Buffer): void {
    this.#waitingBytes -= part.length;
    if (this.#from.isPaused() && this.#waitingBytes < MOST_WAITING) this.#from.resume();
    this.#full = !this.to.write(part);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}

/** From the client to the server. */
class RequestLane extends Lane {
  protected delay(): number {
    return 0;
  }

  protected cutsAt(part: Buffer): boolean {
    const { cutAtRequest } = this.weather;
    if (cutAtRequest === undefined || !cutAtRequest.matches(part)) return false;
    this.weather.cutAtRequest = undefined;
    this.link.break(cutAtRequest.lost ? undefined : { to: this.to, bytes: part });
    cutAtRequest.done.resolve();
    return true;
  }
}

/** From the server to the client. */
class AnswerLane extends Lane {
  protected delay(): number {
    return this.weather.delay;
  }

  protected cutsAt(part: Buffer): boolean {
    const [cut] = this.weather.cuts;
    if (cut === undefined) return false;
    if (cut.bytes > part.length) {
      cut.bytes -= part.length;
      return false;
    }
    this.weather.cuts.shift();
    this.link.break({ to: this.to, bytes: part.subarray(0, cut.bytes) });
    cut.done.resolve();
    return true;
  }
}
