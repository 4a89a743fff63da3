import { Problem, pointerTo } from "./problem.ts";

/** The largest body that is read, in bytes: 1 MiB. */
export const MAX_BODY_BYTES = 1_048_576;

/** A body that is JSON. */
export interface JsonBody {
  readonly value: unknown;
  /** JSON Pointers of the members of the outermost object that are there twice; `value` has the last of each. */
  readonly repeated: readonly string[];
}

/**
 * Reads the body of a request as JSON. No more than {@link MAX_BODY_BYTES} of it are ever held.
 *
 * @throws Problem `unsupported-media-type`, `body-too-large` or `malformed-body`
 */
export async function readJson(request: Request): Promise<JsonBody> {
  checkMediaType(request.headers);
  const bytes = await readBytes(request);
  if (bytes.byteLength === 0) throw new Problem("malformed-body", { detail: "The body is empty." });
  const text = decode(bytes);
  const value = parse(text);
  return { value, repeated: isObject(value) ? repeatedMembers(text) : [] };
}

/** Tells whether a request has a body (RFC 9112, 6). */
export function hasBody({ headers }: Request): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > 0;
}

const APPLICATION_JSON = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;

function checkMediaType(headers: Headers): void {
  const type = headers.get("content-type");
  if (type === null) {
    throw new Problem("unsupported-media-type", {
      detail: "The Content-Type is missing: it must be application/json.",
    });
  }
  if (!APPLICATION_JSON.test(type)) throw new Problem("unsupported-media-type");
  const coding = headers.get("content-encoding");
  if (coding !== null && coding.toLowerCase() !== "identity") {
    throw new Problem("unsupported-media-type", {
      detail: "The body must not be compressed: no Content-Encoding is supported.",
    });
  }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const { headers } = request;
  const declared = headers.get("content-length");
  if (declared !== null && Number(declared) > MAX_BODY_BYTES) throw new Problem("body-too-large");
  const framed = declared !== null && !headers.has("transfer-encoding");
  try {
    return await (framed ? request.bytes() : readChunks(request.body));
  } catch (error) {
    if (error instanceof Problem) throw error;
    // Only the connection can fail here.
    throw new Problem("malformed-body", { detail: "The body ends too early." });
  }
}

/** Reads a body that does not say how long it is. */
async function readChunks(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const sink = new Bun.ArrayBufferSink();
  let size = 0;
  // Leaving the loop cancels the stream, so that the server throws away what is still to come.
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw new Problem("body-too-large");
    sink.write(chunk);
  }
  return new Uint8Array(sink.end() as ArrayBuffer);
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return UTF_8.decode(bytes);
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
 */
function repeatedMembers(json: string): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  let depth = 0;
  let expectsName = false;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case "{":
        expectsName = ++depth === 1;
        break;
      case "[":
        depth++;
        break;
      case "}":
      case "]":
        depth--;
        break;
      case ",":
        expectsName = depth === 1;
        break;
      case ":":
        expectsName = false;
        break;
      case '"': {
        const start = at;
        while (json[++at] !== '"') if (json[at] === "\\") at++;
        if (!expectsName) break;
        const name = JSON.parse(json.slice(start, at + 1)) as string;
        if (seen.has(name)) repeated.add(pointerTo(name));
        seen.add(name);
      }
    }
  }
  return [...repeated];
}
