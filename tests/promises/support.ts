import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArrestEventJson } from "../../src/arrest-event.ts";
import { until } from "../support/until.ts";

const ROOT = join(import.meta.dir, "../..");

/** What starts the service: the sources, or the executable that ARREST_EVENTS_EXECUTABLE names. */
export const SERVICE_COMMAND: readonly string[] = process.env["ARREST_EVENTS_EXECUTABLE"]
  ? [process.env["ARREST_EVENTS_EXECUTABLE"]]
  : [process.execPath, join(ROOT, "src/main.ts")];

/** A directory that is removed with the object. */
export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "arrest-events-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The service as a process of its own, the way an operator runs it. */
export class ServiceProcess implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #lines: Record<string, unknown>[] = [];
  readonly #errors: string[] = [];

  private constructor(process: Bun.Subprocess<"ignore", "pipe", "pipe">) {
    this.#process = process;
    void this.#read();
    void new Response(process.stderr).text().then((text) => this.#errors.push(text));
  }

  /** Starts it on a free port; the settings are environment variables. It may not be ready yet. */
  static spawn(settings: Record<string, string>, ...command: string[]): ServiceProcess {
    return ServiceProcess.run(settings, [...SERVICE_COMMAND, ...command]);
  }

  /** Starts what this command line runs, as {@link ServiceProcess.spawn} does. */
  static run(settings: Record<string, string>, command: string[]): ServiceProcess {
    const { PATH = "", HOME = "", TMPDIR = tmpdir() } = process.env;
    return new ServiceProcess(
      Bun.spawn(command, {
        env: { PATH, HOME, TMPDIR, PORT: "0", LOG_FORMAT: "json", ...settings },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  }

  /** Starts it and waits until it answers. */
  static async start(settings: Record<string, string>): Promise<ServiceProcess> {
    const service = ServiceProcess.spawn(settings);
    try {
      await service.line("listening");
      return service;
    } catch (error) {
      await service.kill();
      throw error;
    }
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#process.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#lines.push(JSON.parse(line));
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The lines of its log so far, the first first. */
  get lines(): readonly Record<string, unknown>[] {
    return this.#lines;
  }

  /** Waits for a line of the log by its text. */
  line(text: string): Promise<Record<string, unknown>> {
    return until(`the log line "${text}" of pid ${this.#process.pid}`, () => {
      const found = this.#lines.find(({ msg }) => msg === text);
      if (found === undefined && this.#process.exitCode !== null) {
        throw new Error(`the service ended with ${this.#process.exitCode}: ${this.output()}`);
      }
      return found;
    });
  }

  /** All that it has written, on both streams. */
  output(): string {
    return [...this.#lines.map((line) => JSON.stringify(line)), ...this.#errors].join("\n");
  }

  /** Sends a request to it. */
  async fetch(path: string, init?: RequestInit): Promise<Response> {
    const { url } = await this.line("listening");
    return fetch(new URL(path, String(url)), init);
  }

  /** Reads a JSON answer. */
  async json<T>(path: string, init?: RequestInit): Promise<T> {
    return (await this.fetch(path, init)).json() as Promise<T>;
  }

  /** All events, over HTTP. */
  events(): Promise<ArrestEventJson[]> {
    return this.json("/arrest_events");
  }

  /** Creates an event over HTTP. */
  post(event: Omit<ArrestEventJson, "id">): Promise<Response> {
    return this.fetch("/arrest_events", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(event),
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves to the exit code when the process has ended. */
  ended(): Promise<number> {
    return this.#process.exited;
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** An event whose subject says which message it came from, as JSON. */
export function eventOfMessage(sequence: number): Omit<ArrestEventJson, "id"> {
  return {
    officer_id: 1 + (sequence % 100),
    subject_id: 1 + sequence,
    arrest_type_id: 1 + (sequence % 3),
    crime_type_id: 1 + (sequence % 50),
    arrested_at: new Date(1_700_000_000_000 + sequence * 1000).toISOString(),
  };
}

/** A dead letter as the store holds it. */
export interface StoredDeadLetter {
  readonly partition: number;
  readonly offset: number;
  readonly value: Uint8Array | null;
  readonly reason: string;
  readonly refusals: string;
}

/** Looks into the database file as another program would. */
export function query<T>(path: string, sql: string): T[] {
  const database = new Database(path, { readonly: true });
  try {
    return database.query<T, []>(sql).all();
  } finally {
    database.close();
  }
}
