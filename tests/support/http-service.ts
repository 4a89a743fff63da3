import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "@hono/zod-openapi";
import { pino } from "pino";
import type { ArrestEventFields } from "../../src/arrest-event.ts";
import { createApp } from "../../src/http/app.ts";
import type { Dependencies } from "../../src/http/dependencies.ts";
import type { ProblemName } from "../../src/http/problem.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { type EventReader, openReader } from "../../src/store/read.ts";
import type { DeadLetter } from "../../src/store/schema.ts";
import { openWriter } from "../../src/store/write.ts";
import { Registry } from "../../src/telemetry/prometheus.ts";
import {
  type Change,
  type ChangeResult,
  StoreUnavailableError,
  type WriterStatus,
} from "../../src/writer/client.ts";
import { batch } from "./store.ts";

/** The members of an event that every rule lets through. */
export const VALID_MEMBERS = {
  officer_id: 7,
  subject_id: 1204,
  arrest_type_id: 2,
  crime_type_id: 31,
  arrested_at: "2026-11-22T14:05:00+01:00",
};

/** What a healthy writer thread with an external Kafka tells. */
export const HEALTHY: WriterStatus = {
  store: { writable: true },
  ingest: {
    state: "reading",
    mode: "external",
    brokers: "kafka-1:9092",
    topic: "arrest_event",
    groupId: "arrest-events",
    partitions: [
      { partition: 0, nextOffset: 40, endOffset: 44, lag: 4 },
      { partition: 1, nextOffset: 7, endOffset: 9, lag: 2 },
    ],
    storedEvents: 45,
    deadLetters: 2,
    forwarding: null,
    lastStoredAt: Date.UTC(2026, 10, 22, 13, 5, 1, 250),
    lastMessageAt: Date.UTC(2026, 10, 22, 13, 5, 1),
    lastCommittedAt: Date.UTC(2026, 10, 22, 13, 5, 2),
  },
};

/** What of a service a test makes go wrong. */
export interface Faults {
  stopping: boolean;
  /** Changes are refused, as by a full disk. */
  unwritable: boolean;
  /** Reads throw what SQLite would. */
  unreadable: boolean;
  /** The store refuses a change that the contract has let through. */
  refusesChanges: boolean;
}

/** An answer that the service gave: which operation and which status of the document it belongs to. */
export interface Met {
  readonly operationId: string;
  readonly status: number;
  readonly problem?: ProblemName;
}

/** What of a service a test sets otherwise than it is by default. */
export type Settings = Partial<Pick<Dependencies, "corsOrigins" | "logRequests">> & {
  /** After how many seconds a connection is cut on which nothing moves. */
  readonly idleTimeout?: number;
};

/** A served app over a real database in a directory of its own. */
export async function startService(logLevel = "error", settings: Settings = {}) {
  const directory = mkdtempSync(join(tmpdir(), "arrest-events-http-"));
  const path = join(directory, "events.sqlite");
  const clock = { now: Date.UTC(2026, 10, 22, 13, 5) };
  const writer = openWriter(path, "kafka", "arrest_event", decodeMessage, {
    now: () => clock.now,
  });
  // A snapshot that is shared for ever, so that a change which is not looked for shows.
  const stored = openReader(path, () => undefined);
  const faults: Faults = {
    stopping: false,
    unwritable: false,
    unreadable: false,
    refusesChanges: false,
  };
  const limits = { maxStreams: 16, requestTimeoutMs: 30_000 };
  const logged: Record<string, unknown>[] = [];
  const pages: number[] = [];
  /** What changes wait for before they are made. */
  let gate: Promise<void> | undefined;
  let held = 0;
  const state = { status: HEALTHY, numbers: { text: "", isCurrent: true } };
  let ids = 0;

  function readable<T>(read: () => T): T {
    if (faults.unreadable) throw new Error("SQLITE_IOERR: disk I/O error in /secret/path");
    return read();
  }
  const reader: EventReader = {
    get: (id) => readable(() => stored.get(id)),
    refresh: () => stored.refresh(),
    lastId: () => readable(() => stored.lastId()),
    scan: (selection) => {
      const scan = readable(() => stored.scan(selection));
      let after = selection.after?.id ?? 0;
      return {
        next: (limit) => {
          pages.push(after);
          const step = readable(() => scan.next(limit));
          after = step.events.at(-1)?.id ?? after;
          return step;
        },
      };
    },
    counting: (...asked) => {
      const counting = readable(() => stored.counting(...asked));
      return { ...counting, next: () => readable(() => counting.next()) };
    },
    keepCounts: () => readable(() => stored.keepCounts()),
    deadLetter: (id) => readable(() => stored.deadLetter(id)),
    deadLetters: (filter, after, limit) => readable(() => stored.deadLetters(filter, after, limit)),
    history: (id, after, limit) => readable(() => stored.history(id, after, limit)),
    size: () => readable(() => stored.size()),
    check: () => readable(() => stored.check()),
    close: () => stored.close(),
  };
  const app = createApp({
    reader,
    writer: {
      change: async <C extends Change>(change: C) => {
        if (gate) {
          held++;
          await gate;
        }
        if (faults.unwritable) throw new StoreUnavailableError("disk full: /secret/path");
        if (faults.refusesChanges) return { kind: "failed", message: "CHECK constraint failed" };
        const [result] = writer.apply([change]);
        if (result === undefined) throw new Error("no result");
        return result as ChangeResult<C["kind"]>;
      },
      status: () => state.status,
      metrics: async () => state.numbers,
    },
    registry: new Registry(),
    requestsInFlight: () => server.pendingRequests,
    log: pino({ level: logLevel }, { write: (line) => logged.push(JSON.parse(line)) }),
    version: "1.2.3",
    limits,
    corsOrigins: settings.corsOrigins ?? [],
    logRequests: settings.logRequests ?? "failures",
    isStopping: () => faults.stopping,
    newId: () => `00000000-0000-4000-8000-${String(++ids).padStart(12, "0")}`,
  });
  const server: Bun.Server<undefined> = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    idleTimeout: settings.idleTimeout ?? 120,
    fetch: app.fetch,
  });
  const declared = readDocument(app.openApi());

  function ingest(given: Parameters<typeof batch>[0]): void {
    writer.ingest(batch(given));
    stored.refresh();
  }

  const met: Met[] = [];

  return {
    app,
    /** The file of the store. */
    path,
    port: Number(server.port),
    url: `http://127.0.0.1:${server.port}`,
    faults,
    /** What a request may take from now on. */
    limits,
    state,
    /** The store's clock, in milliseconds since 1970. */
    clock,
    /** The lines of the log. */
    logged,
    /** After which id each page of the stream was read. */
    pages,
    met,
    declared,

    /** Asks the service, and checks that the document declares what it answers. */
    async ask(path: string, init: RequestInit = {}): Promise<Answer> {
      const url = `http://127.0.0.1:${server.port}${path}`;
      const response = await fetch(url, { redirect: "manual", ...init });
      const text = await response.text();
      const type = response.headers.get("content-type");
      const json = /\bjson$/.test(type ?? "") && text !== "" ? JSON.parse(text) : undefined;
      met.push(declared.check(init.method ?? "GET", path, response, json));
      return { status: response.status, headers: response.headers, text, json };
    },

    /** How many changes have been held back. */
    get held() {
      return held;
    },

    /** Holds changes back until the function that it returns is called. */
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = undefined;
        resolve();
      };
    },

    /** Stores dead letters as ingest does. */
    refuse(letters: readonly DeadLetter[]): void {
      ingest({ deadLetters: letters });
    },

    /** The sizes of the store's files, as they are. */
    size: () => stored.size(),

    /** Stores what ingest reads. */
    ingest,

    /** Stores events as ingest does. */
    store(events: readonly ArrestEventFields[]): void {
      ingest({ events });
    },

    async [Symbol.asyncDispose]() {
      await server.stop(true);
      stored.close();
      writer.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** A served app, as tests hold it. */
export type Service = Awaited<ReturnType<typeof startService>>;

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely.
  readonly json: any;
}

/** A request with a JSON body. */
export function sendJson(method: string, body: unknown): RequestInit {
  return {
    method,
    headers: { "Content-Type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

interface DeclaredHeader {
  readonly required?: boolean;
  readonly $ref?: string;
}

interface DeclaredResponse {
  readonly headers?: Record<string, DeclaredHeader>;
  readonly content?: Record<string, { schema: object }>;
}

/** The headers that an answer has only where the document says so. */
const DECLARED_HEADERS = [
  "Location",
  "Allow",
  "Accept-Patch",
  "Retry-After",
  "ETag",
  "Link",
  "Content-Disposition",
  "Preference-Applied",
  "X-Request-Id",
  "Content-Encoding",
];

/** What the description of the document says of 405. */
const METHOD_NOT_ALLOWED: DeclaredResponse = {
  headers: { Allow: { required: true }, "X-Request-Id": {} },
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** Reads what an OpenAPI document declares. */
function readDocument(document: object) {
  const { paths, components } = JSON.parse(JSON.stringify(document)) as {
    paths: Record<
      string,
      Record<
        string,
        { operationId: string; responses: Record<string, DeclaredResponse & { $ref?: string }> }
      >
    >;
    components: {
      responses: Record<string, DeclaredResponse>;
      headers: Record<string, DeclaredHeader>;
      schemas: Record<string, object>;
    };
  };
  const templates = Object.keys(paths).map((path) => ({
    path,
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  }));

  function resolve(response: DeclaredResponse & { $ref?: string }): DeclaredResponse {
    const name = response.$ref?.replace("#/components/responses/", "");
    return name === undefined ? response : (components.responses[name] ?? {});
  }

  const validators = new Map<object, z.ZodType>();
  function validate(schema: object, value: unknown): void {
    const known = validators.get(schema);
    const validator = known ?? toValidator(schema, components.schemas);
    validators.set(schema, validator);
    validator.parse(value);
  }

  return {
    validate,
    /** Every answer that the document declares, as `operationId status`. */
    answers: Object.values(paths).flatMap((operations) =>
      Object.values(operations).flatMap(({ operationId, responses }) =>
        Object.keys(responses).map((status) => `${operationId} ${status}`),
      ),
    ),
    /** Throws when the document does not declare an answer. */
    check(method: string, url: string, { status, headers }: Response, json: unknown): Met {
      const path = new URL(url, "http://localhost").pathname;
      const problem = (json as { type?: string } | undefined)?.type?.split("/")[2];
      const met = { status, ...(problem && { problem: problem as ProblemName }) };
      const template =
        templates.find((known) => known.path === path) ??
        templates.find(({ pattern }) => pattern.test(path));
      const operation =
        template && paths[template.path]?.[method.toLowerCase().replace("head", "get")];
      if (operation) {
        checkAnswer(
          operation.responses[status],
          `${operation.operationId} ${status}`,
          headers,
          json,
        );
        return { operationId: operation.operationId, ...met };
      }
      // Where there is no operation, the document says in words what is answered.
      if (!template && templates.some(({ pattern }) => pattern.test(path.replace(/\/$/, "")))) {
        if (status !== 308) throw new Error(`${path} answered ${status}`);
      } else if (template && method === "OPTIONS") {
        if (status !== 204) throw new Error(`OPTIONS ${path} answered ${status}`);
      } else {
        if (status !== (template ? 405 : 404)) throw new Error(`${path} answered ${status}`);
        const answer = template ? METHOD_NOT_ALLOWED : components.responses["NotFound"];
        checkAnswer(answer, `${method} ${path}`, headers, json);
      }
      return { operationId: "", ...met };
    },
  };

  function checkAnswer(
    response: (DeclaredResponse & { $ref?: string }) | undefined,
    where: string,
    headers: Headers,
    json: unknown,
  ): void {
    if (response === undefined) throw new Error(`${where} is not declared`);
    const declaration = resolve(response);
    const declared = Object.keys(declaration.headers ?? {});
    for (const [name, header] of Object.entries(declaration.headers ?? {})) {
      const { required } = components.headers[header.$ref?.split("/").at(-1) ?? ""] ?? header;
      if (required && !headers.has(name)) throw new Error(`${where} lacks the header ${name}`);
    }
    for (const name of DECLARED_HEADERS) {
      if (headers.has(name) && !declared.includes(name)) {
        throw new Error(`${where} does not declare ${name}`);
      }
    }
    const type = headers.get("content-type")?.split(";")[0];
    const content = declaration.content?.[type ?? ""];
    const isMinimal = headers.get("preference-applied") === "return=minimal";
    if (!content && (type || (declaration.content && !isMinimal)))
      throw new Error(`${where} is ${type}`);
    if (content && json !== undefined) validate(content.schema, json);
  }
}

/** Makes a validator of a schema that refers to the document's components. */
function toValidator(schema: object, components: Record<string, object>): z.ZodType {
  // zod takes a reference for a whole URL.
  const text = JSON.stringify({ ...schema, $defs: components }).replaceAll(
    '"format":"uri-reference",',
    "",
  );
  return z.fromJSONSchema(JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")));
}
