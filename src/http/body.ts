import { MAX_ERRORS, Problem, pointerTo } from "./problem.ts";
import { within } from "./within.ts";

const MEBIBYTE = 1_048_576;

/** The largest body that is read of most requests, in bytes: 1 MiB. */
export const MAX_BODY_BYTES = MEBIBYTE;

/** A body that is JSON. */
export interface JsonBody {
  readonly value: unknown;
  /** JSON Pointers of the members of the outermost object that are there twice; `value` has the last of each. */
  readonly repeated: readonly string[];
}

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
  const value = parse(text);
  return { value, repeated: isObject(value) ? repeatedMembers(text, 1) : [] };
}

/** A body that is a JSON array. */
export interface JsonItems {
  readonly items: readonly unknown[];
  /** JSON Pointers, from the array, of the members of its objects that are there twice. */
  readonly repeated: readonly string[];
}

/**
 * Reads a body that is declared as JSON, and is to be an array. No more than `maxBytes` of it are ever held.
 *
 * @param withinMs how long it may take to arrive, in milliseconds
 * @returns undefined for JSON that is no array
 * @throws Problem `body-too-large`, `body-timeout` or `malformed-body`
 */
export async function readItems(
  request: Request,
  maxBytes: number,
  withinMs: number,
): Promise<JsonItems | undefined> {
  const text = await readText(request, maxBytes, withinMs);
  const items = parse(text);
  return Array.isArray(items) ? { items, repeated: repeatedMembers(text, 2) } : undefined;
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
    const [first = "", ...others] = decode(decoder, chunk, { stream: true }).split("\n");
    pieces.push(first);
    const unfinished = others.pop();
    if (unfinished === undefined) continue;
    yield pieces.join("");
    yield* others;
    pieces = [unfinished];
  }
  pieces.push(decode(decoder, new Uint8Array()));
  yield pieces.join("");
}

/** Reads a line of a body. Returns `undefined` when it is not JSON. */
export function parseLine(line: string): JsonBody | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return { value, repeated: isObject(value) ? repeatedMembers(line, 1) : [] };
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem("malformed-body");
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Finds members that are given twice, of which JSON.parse drops all but the last without a word (RFC 8259,
 * 4, leaves their meaning open). It scans, because a regular expression would be slow over a body of escapes.
 *
 * @param json valid JSON
 * @param level whose members: 1 for the outermost object's, 2 for those of the objects in the outermost array
 */
function repeatedMembers(json: string, level: 1 | 2): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  let depth = 0;
  let item = 0;
  let isInObject = false;
  let expectsName = false;
  for (let at = 0; at < json.length && repeated.size < MAX_ERRORS; at++) {
    switch (json[at]) {
      case "{":
        if (++depth === level) {
          isInObject = true;
          seen.clear();
        }
        expectsName = depth === level;
        break;
      case "[":
        if (++depth === level) isInObject = false;
        break;
      case "}":
      case "]":
        depth--;
        break;
      case ",":
        if (depth < level) item++;
        expectsName = depth === level && isInObject;
        break;
      case ":":
        expectsName = false;
        break;
      case '"': {
        const start = at;
        at = endOfString(json, start);
        if (!expectsName) break;
        const name = JSON.parse(json.slice(start, at + 1)) as string;
        if (seen.has(name)) repeated.add(`${level === 2 ? `/${item}` : ""}${pointerTo(name)}`);
        seen.add(name);
      }
    }
  }
  return [...repeated];
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(json: string, start: number): number {
  for (let at = start; ; ) {
    at = json.indexOf('"', at + 1);
    let backslashes = 0;
    while (json[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at;
  }
}
