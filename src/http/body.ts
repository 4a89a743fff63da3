import { type JsonBody, JsonError, MAX_VALUES, readArray, readJsonText } from "./json.ts";
import { Problem } from "./problem.ts";
import { within } from "./within.ts";

const MEBIBYTE = 1_048_576;

/** The largest body that is read of most requests, in bytes: 1 MiB. */
export const MAX_BODY_BYTES = MEBIBYTE;

/** What bodies may be. */
export type MediaType =
  | "application/json"
  | "application/merge-patch+json"
  | "application/x-ndjson";

/** What the body of a PATCH may be. */
export const PATCH_TYPES = [
  "application/merge-patch+json",
  "application/json",
] as const satisfies readonly MediaType[];

/** Tells what a PATCH takes, with OPTIONS and where it was given something else (RFC 5789, 3.1). */
export const ACCEPT_PATCH = { "Accept-Patch": PATCH_TYPES.join(", ") };

/**
 * Reads the body of a request as JSON. No more than {@link MAX_BODY_BYTES} of it are ever held.
 *
 * @param withinMs how long it may take to arrive, in milliseconds
 * @param allowed what it may be declared as
 * @throws Problem `unsupported-media-type`, `body-too-large`, `body-timeout` or `malformed-body`
 */
export async function readJson(
  request: Request,
  withinMs: number,
  allowed: readonly MediaType[] = ["application/json"],
): Promise<JsonBody> {
  mediaTypeOf(request.headers, allowed);
  const text = await readText(request, MAX_BODY_BYTES, withinMs);
  return orMalformed(() => readJsonText(text));
}

/** Up to so many characters it is looked whether a text that is no array is JSON at all. */
const MAX_NO_ARRAY = 65_536;

/**
 * Reads a body that is declared as JSON, and is to be an array. No more than `maxBytes` of it are ever held.
 *
 * @param withinMs how long it may take to arrive, in milliseconds
 * @returns its items, which are read when they are asked for; undefined for JSON that is no array
 * @throws Problem `body-too-large`, `body-timeout` or `malformed-body`, the last by the items as well
 */
export async function readItems(
  request: Request,
  maxBytes: number,
  withinMs: number,
): Promise<Iterable<JsonBody> | undefined> {
  const text = await readText(request, maxBytes, withinMs);
  const items = readArray(text);
  if (items !== undefined) return orMalformedItems(items);
  if (text.length <= MAX_NO_ARRAY) orMalformed(() => readJsonText(text));
  return undefined;
}

/**
 * Reads the lines of a body as they come, and holds no more than one chunk and one line of it.
 *
 * @param withinMs how long it may take to arrive, in milliseconds
 * @throws Problem `body-too-large`, `body-timeout` or `malformed-body`
 */
export async function* readLines(
  request: Request,
  maxBytes: number,
  withinMs: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  /** Of a line whose end has not come; joined once, so that many small chunks cost no more than a large one. */
  let pieces: string[] = [];
  for await (const chunk of chunksOf(request, maxBytes, withinMs)) {
    const text = decode(decoder, chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      pieces.push(text.slice(start, end));
      yield pieces.join("");
      pieces = [];
      start = end + 1;
    }
    pieces.push(text.slice(start));
  }
  pieces.push(decode(decoder, new Uint8Array()));
  yield pieces.join("");
}

/** Reads a line of a body. Returns `undefined` when it is not JSON. */
export function parseLine(line: string): JsonBody | undefined {
  try {
    return readJsonText(line);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** Tells whether a request has a body (RFC 9112, 6). */
export function hasBody({ headers }: Request): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > 0;
}

const PARAMETERS = /^[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;

/**
 * What a body is declared as.
 *
 * @throws Problem `unsupported-media-type` unless that is allowed, in UTF-8 and not compressed
 */
export function mediaTypeOf(headers: Headers, allowed: readonly MediaType[]): MediaType {
  const declared = headers.get("content-type");
  const wanted = `must be ${allowed.join(" or ")}`;
  const unsupported = (detail: string) =>
    new Problem("unsupported-media-type", {
      detail,
      ...(allowed === PATCH_TYPES && { headers: ACCEPT_PATCH }),
    });
  if (declared === null) throw unsupported(`The Content-Type is missing: it ${wanted}.`);
  const lowerCase = declared.toLowerCase();
  const type = allowed.find(
    (each) => lowerCase.startsWith(each) && PARAMETERS.test(declared.slice(each.length)),
  );
  if (type === undefined) throw unsupported(`The Content-Type ${wanted}.`);
  const coding = headers.get("content-encoding");
  if (coding !== null && coding.toLowerCase() !== "identity") {
    throw unsupported("The body must not be compressed: no Content-Encoding is supported.");
  }
  return type;
}

function tooLarge(maxBytes: number): Problem {
  return new Problem("body-too-large", {
    detail: `The body is larger than ${maxBytes / MEBIBYTE} MiB.`,
  });
}

/** The rest of the body is not waited for, and so nothing else can come on its connection. */
function tooSlow(): Problem {
  return new Problem("body-timeout", { headers: { Connection: "close" } });
}

/** Only the connection can fail while a body is read. */
function orEndsTooEarly(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem("malformed-body", { detail: "The body ends too early." });
}

async function readText(request: Request, maxBytes: number, withinMs: number): Promise<string> {
  const { headers } = request;
  const isFramed = headers.has("content-length") && !headers.has("transfer-encoding");
  let bytes: Uint8Array;
  if (isFramed) {
    if (Number(headers.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
    bytes = await within(request.bytes(), withinMs, tooSlow).catch((error: unknown) =>
      Promise.reject(orEndsTooEarly(error)),
    );
  } else {
    const sink = new Bun.ArrayBufferSink();
    for await (const chunk of chunksOf(request, maxBytes, withinMs)) sink.write(chunk);
    bytes = new Uint8Array(sink.end() as ArrayBuffer);
  }
  if (bytes.byteLength === 0) throw new Problem("malformed-body", { detail: "The body is empty." });
  return decode(UTF_8, bytes);
}

/** Reads a body piece by piece, up to a limit. */
async function* chunksOf(
  request: Request,
  maxBytes: number,
  withinMs: number,
): AsyncGenerator<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return;
  const reader = request.body.getReader();
  // So that the server throws away what is still to come. What fails is told to whoever reads.
  const leave = () => reader.cancel().catch(() => undefined);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void leave();
  }, withinMs);
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw tooSlow();
      if (done) return;
      size += value.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      yield value;
    }
  } catch (error) {
    throw orEndsTooEarly(error);
  } finally {
    clearTimeout(timer);
    await leave();
  }
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true });

function decode(
  decoder: TextDecoder,
  bytes: Uint8Array,
  options?: { readonly stream: boolean },
): string {
  try {
    return decoder.decode(bytes, options);
  } catch {
    throw new Problem("malformed-body", { detail: "The body is not UTF-8." });
  }
}

/** @throws Problem `malformed-body` where reading JSON fails */
function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    if (!error.isTooLarge) throw new Problem("malformed-body");
    const limit = MAX_VALUES.toLocaleString("en");
    throw new Problem("malformed-body", {
      detail: `The body has a value of more than ${limit} members and items.`,
    });
  }
}

function* orMalformedItems(items: Iterable<JsonBody>): Generator<JsonBody> {
  const iterator = items[Symbol.iterator]();
  for (;;) {
    const next = orMalformed(() => iterator.next());
    if (next.done === true) return;
    yield next.value;
  }
}
