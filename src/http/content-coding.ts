import type { Transform } from "node:stream";
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { parseAccept } from "hono/utils/accept";
import { Problem } from "./problem.ts";

/** How the bytes of an answer are written (RFC 9110, 8.4.1). */
export type Coding = "zstd" | "gzip" | "identity";

/** From how many bytes on an answer is compressed: a smaller one fits in the packets that it takes anyway. */
const MIN_BYTES = 2048;

interface Compressor {
  whole(bytes: Uint8Array): Promise<Uint8Array>;
  /** Compresses what is written to it, and gives all of a part before it takes the next. */
  open(): Transform;
}

const zstd = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);
const gzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip);

// Up to these levels events become smaller at little cost: more than 150 MB a second, in other threads.
const ZSTD = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };
const GZIP = { level: 4 };

const COMPRESSORS: Readonly<Record<Exclude<Coding, "identity">, Compressor>> = {
  zstd: {
    whole: (bytes) => zstd(bytes, ZSTD),
    open: () => zlib.createZstdCompress({ ...ZSTD, flush: zlib.constants.ZSTD_e_flush }),
  },
  gzip: {
    whole: (bytes) => gzip(bytes, GZIP),
    open: () => zlib.createGzip({ ...GZIP, flush: zlib.constants.Z_SYNC_FLUSH }),
  },
};

/** What an `Accept-Encoding` header may call a coding; the first that a client likes as much as others is taken. */
const NAMES: Readonly<Record<Coding, readonly string[]>> = {
  zstd: ["zstd"],
  gzip: ["gzip", "x-gzip"],
  identity: ["identity"],
};

/**
 * The coding that an `Accept-Encoding` header prefers (RFC 9110, 12.5.3), `undefined` when it excludes all.
 * No header, or an empty one, asks for no compression, and a small answer has none where it need not.
 */
export function preferredCoding(header: string | null, isSmall = false): Coding | undefined {
  if (header === null || header.trim() === "") return "identity";
  const weights = new Map(parseAccept(header).map(({ type, q }) => [type.toLowerCase(), q]));
  const weightOf = (coding: Coding): number | undefined =>
    NAMES[coding].map((name) => weights.get(name)).find((q) => q !== undefined) ?? weights.get("*");
  const { zstd = 0, gzip = 0 } = { zstd: weightOf("zstd"), gzip: weightOf("gzip") };
  const best = gzip > zstd ? "gzip" : "zstd";
  const weight = Math.max(zstd, gzip);
  const identity = weightOf("identity");
  if (isSmall && identity !== 0) return "identity";
  // What is not named is allowed, but what is named is preferred to it.
  if (weight > 0 && weight >= (identity ?? 0)) return best;
  return identity === 0 ? undefined : "identity";
}

/**
 * The coding of an answer: none for a small one, unless the client can take nothing else.
 *
 * @param size in bytes; infinite where it is not known
 * @throws Problem `not-acceptable`
 */
export function codingFor({ headers }: Request, size: number): Coding {
  const coding = preferredCoding(headers.get("accept-encoding"), size < MIN_BYTES);
  if (coding !== undefined) return coding;
  throw new Problem("not-acceptable", {
    detail:
      "The answer is zstd, gzip or not compressed, which the Accept-Encoding header excludes.",
    headers: VARY,
  });
}

const VARY = { Vary: "Accept-Encoding" };

/** The headers of an answer that may be compressed, and is written in this coding. */
export function codingHeaders(coding: Coding, vary?: string): Readonly<Record<string, string>> {
  const headers = vary === undefined ? VARY : { Vary: `${vary}, ${VARY.Vary}` };
  return coding === "identity" ? headers : { ...headers, "Content-Encoding": coding };
}

/** Writes bytes in a coding, in another thread. */
export async function encode(bytes: Uint8Array, coding: Coding): Promise<Uint8Array> {
  return coding === "identity" ? bytes : await COMPRESSORS[coding].whole(bytes);
}

/**
 * Writes a stream in a coding. A part is taken when the one before has been given on, whole, so that what
 * a client has of a slow answer can be read; nothing is taken before it is asked for.
 */
export function encodeStream(
  source: ReadableStream<Uint8Array>,
  coding: Coding,
): ReadableStream<Uint8Array> {
  if (coding === "identity") return source;
  const reader = source.getReader();
  let compressor: Transform | undefined;
  const written: Uint8Array[] = [];

  function open(): Transform {
    const opened = COMPRESSORS[coding as keyof typeof COMPRESSORS].open();
    opened.on("data", (bytes: Uint8Array) => written.push(bytes));
    // What fails is told to whoever writes.
    return opened.on("error", () => undefined);
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        compressor ??= open();
        try {
          let ended = false;
          while (written.length === 0 && !ended) {
            const { done, value } = await reader.read();
            await (done ? end(compressor) : write(compressor, value));
            ended = done;
          }
          if (written.length > 0) controller.enqueue(Buffer.concat(written.splice(0)));
          if (ended) controller.close();
        } catch (error) {
          compressor.destroy();
          await reader.cancel(error);
          throw error;
        }
      },
      async cancel(reason) {
        compressor?.destroy();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function write(compressor: Transform, part: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    compressor.write(part, (error) => (error ? reject(error) : resolve()));
  });
}

function end(compressor: Transform): Promise<void> {
  return new Promise((resolve, reject) => {
    compressor.once("end", resolve).once("error", reject).end();
  });
}

/** The documentation of `Accept-Encoding`. */
export const ACCEPT_ENCODING_PARAMETER = {
  name: "Accept-Encoding",
  in: "header",
  description:
    "The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.",
  required: false,
  schema: { type: "string" },
  example: "zstd, gzip;q=0.5",
} as const;

/** The documentation of what an answer that may be compressed tells of that. */
export const CODING_HEADERS = {
  "Content-Encoding": {
    description: "How the answer is compressed; absent when it is not.",
    required: false,
    schema: { type: "string", pattern: "^(zstd|gzip)$" },
    example: "zstd",
  },
  Vary: {
    description: "Which headers of the request have chosen the form of the answer.",
    required: true,
    schema: { type: "string" },
    example: "Accept-Encoding",
  },
} as const;
