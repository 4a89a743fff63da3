/**
 * Reads a stream of events in this process of its own, as fast as it comes or slowly, and counts the
 * events in what comes without looking at the rest.
 */
import { connect } from "node:net";
import { answer, readMessage } from "../processes.ts";

/** What to read, and how. */
export interface StreamTask {
  readonly port: number;
  readonly path: string;
  /** After this the connection is cut, in milliseconds. */
  readonly maxMs: number;
  /** How many bytes a second are read; as many as come unless given. */
  readonly bytesPerSecond?: number;
}

/** What has been read. */
export interface StreamResult {
  readonly events: number;
  readonly bytes: number;
  readonly milliseconds: number;
  /** It was read to its end. */
  readonly ended: boolean;
}

/** Every event has one, in its time: `…000Z`. */
const MARK = "Z".charCodeAt(0);

const HEADER_END = "\r\n\r\n";
const CHUNKED_END = Buffer.from("\r\n0\r\n\r\n");

function read({ port, path, maxMs, bytesPerSecond }: StreamTask): Promise<StreamResult> {
  const { promise, resolve, reject } = Promise.withResolvers<StreamResult>();
  const startedAt = performance.now();
  const socket = connect(port, "127.0.0.1");
  let header = "";
  let length: number | undefined;
  let isInBody = false;
  let events = 0;
  let bytes = 0;
  let tail = Buffer.alloc(0);

  function end(ended: boolean): void {
    clearTimeout(timer);
    resolve({ events, bytes, milliseconds: performance.now() - startedAt, ended });
    socket.destroy();
  }
  const timer = setTimeout(() => end(false), maxMs);

  function readHeader(chunk: Buffer): Buffer {
    header += chunk.toString("latin1");
    const at = header.indexOf(HEADER_END);
    if (at < 0) return Buffer.alloc(0);
    if (!header.startsWith("HTTP/1.1 200 ")) throw new Error(header);
    isInBody = true;
    const declared = /\r\ncontent-length: *(\d+)\r\n/i.exec(header.slice(0, at + 2))?.[1];
    length = declared === undefined ? undefined : Number(declared);
    return Buffer.from(header.slice(at + HEADER_END.length), "latin1");
  }

  function take(chunk: Buffer): void {
    const body = isInBody ? chunk : readHeader(chunk);
    bytes += body.length;
    for (let at = body.indexOf(MARK); at >= 0; at = body.indexOf(MARK, at + 1)) events++;
    tail = Buffer.concat([tail, body.subarray(-CHUNKED_END.length)]).subarray(-CHUNKED_END.length);
    const isWhole = length === undefined ? tail.equals(CHUNKED_END) : bytes >= length;
    if (isInBody && isWhole) {
      end(true);
      return;
    }
    if (bytesPerSecond === undefined) return;
    const aheadMs = (bytes / bytesPerSecond) * 1000 - (performance.now() - startedAt);
    if (aheadMs < 1) return;
    socket.pause();
    setTimeout(() => socket.resume(), aheadMs);
  }

  socket.on("data", (chunk: Buffer) => {
    try {
      take(chunk);
    } catch (error) {
      reject(error);
    }
  });
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the stream was cut")));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n`);
  return promise;
}

if (import.meta.main) {
  answer(await read(await readMessage<StreamTask>()));
  process.exit(0);
}
