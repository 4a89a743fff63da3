import { MAX_ERRORS, pointerTo } from "./problem.ts";

/** A JSON text (RFC 8259). */
export interface JsonBody {
  readonly value: unknown;
  /** JSON Pointers of the members of the outermost object that are there twice; `value` has the last of each. */
  readonly repeated: readonly string[];
}

/** The most members and items that a text may have in all: no event comes near. */
export const MAX_VALUES = 5000;

/** A text that is not JSON, or has more values than are read of one (RFC 8259, 9), which would take long. */
export class JsonError extends Error {
  override readonly name = "JsonError";
  /** Whether it has too many values; what is behind them has not been looked at. */
  readonly isTooLarge: boolean;

  constructor(isTooLarge = false) {
    super(isTooLarge ? `more than ${MAX_VALUES} members and items` : "not JSON");
    this.isTooLarge = isTooLarge;
  }
}

/**
 * Reads a JSON text.
 *
 * @throws JsonError
 */
export function readJsonText(text: string): JsonBody {
  return parsed(text, scanValue(text, 0));
}

/**
 * Reads the items of an array one by one, so that others can be served in between.
 *
 * @returns `undefined` for a text that is no array, and may not be JSON either
 */
export function readArray(text: string): Iterable<JsonBody> | undefined {
  const start = pastSpace(text, 0);
  return text[start] === "[" ? itemsFrom(text, start + 1) : undefined;
}

/** @throws JsonError where the text is not an array and nothing else, at the latest after its last item */
function* itemsFrom(text: string, start: number): Generator<JsonBody> {
  let at = pastSpace(text, start);
  if (text[at] !== "]") {
    for (; ; at++) {
      const scan = scanValue(text, at);
      yield parsed(text.slice(at, scan.end), scan);
      at = pastSpace(text, scan.end);
      if (text[at] !== ",") break;
    }
  }
  if (text[at] !== "]" || pastSpace(text, at + 1) < text.length) throw new JsonError();
}

/** What is known of a value before it is parsed, if it is one. */
interface Scan {
  /** Behind its last character. */
  readonly end: number;
  /** The names of the members of the outermost object, as they are written. */
  readonly names: readonly string[];
}

function parsed(text: string, { names }: Scan): JsonBody {
  try {
    return { value: JSON.parse(text), repeated: repeatedOf(names) };
  } catch {
    throw new JsonError();
  }
}

/** Those of which JSON.parse drops all but the last without a word (RFC 8259, 4, leaves their meaning open). */
function repeatedOf(names: readonly string[]): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const written of names) {
    const name = JSON.parse(written) as string;
    if (seen.has(name)) repeated.add(pointerTo(name));
    seen.add(name);
  }
  return [...repeated].slice(0, MAX_ERRORS);
}

/** What tells the structure of a text: over white space it is several times as fast as looking at each character. */
const STRUCTURE = /["[\]{},]/g;

/** Finds the end of the value that begins at `start`, which need not be one. */
function scanValue(text: string, start: number): Scan {
  const names: string[] = [];
  let depth = 0;
  let values = 0;
  let isObject = false;
  STRUCTURE.lastIndex = start;
  while (STRUCTURE.test(text)) {
    const at = STRUCTURE.lastIndex - 1;
    switch (text[at]) {
      case "{":
      case "[":
        if (depth++ === 0) isObject = text[at] === "{";
        values++;
        break;
      case "}":
      case "]":
        // It may be that of an array around it.
        if (depth === 0) return { end: at, names };
        if (--depth === 0) return { end: at + 1, names };
        break;
      case ",":
        if (depth === 0) return { end: at, names };
        values++;
        break;
      default: {
        const end = pastString(text, at);
        if (isObject && depth === 1 && text[pastSpace(text, end)] === ":") {
          names.push(text.slice(at, end));
        }
        STRUCTURE.lastIndex = end;
      }
    }
    if (values > MAX_VALUES) throw new JsonError(true);
  }
  return { end: text.length, names };
}

/** Behind the string that begins at `start`. */
function pastString(text: string, start: number): number {
  for (let at = start; ; ) {
    at = text.indexOf('"', at + 1);
    if (at < 0) throw new JsonError();
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
}

/** Behind the white space that begins at `start`, if any. */
function pastSpace(text: string, start: number): number {
  let at = start;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
