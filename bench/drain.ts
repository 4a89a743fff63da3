/** The service as its users start it, watched from outside while it takes in what a topic holds. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { openReader } from "../src/store/read.ts";
import { checkPositions, checkStored, openColumns } from "./events.ts";
import { logLine, type Server, startService } from "./http/sides.ts";
import { copyTemplate, LETTERS, removeDatabase, templateOf } from "./http/template.ts";
import type { Backlog, Place } from "./kafka.ts";
import { processorTime, residentMemory } from "./processes.ts";

/** How often the table is looked at, in milliseconds. */
const LOOK_INTERVAL_MS = 5;

/** After this without an event a service does not get on, and a measurement ends. */
const STUCK_AFTER_MS = 60_000;

/** After this without an event, in milliseconds, none is on its way. */
const SETTLED_AFTER_MS = 3000;

/** How far a service was at a moment. */
export interface Moment {
  /** By `Date.now`. */
  readonly at: number;
  /** The events that it has stored since its start. */
  readonly stored: number;
  /** The processor time that it has used, in seconds; NaN where that is not told. */
  readonly used: number;
}

/** A service that reads a topic into a copy of a template. */
export class DrainingService {
  readonly server: Server;
  /** What the table held before. */
  readonly rows: number;
  readonly #reader: ReturnType<typeof openReader>;
  #ended: number | undefined;

  private constructor(server: Server, rows: number) {
    this.server = server;
    this.rows = rows;
    this.#reader = openReader(server.path);
    void server.exited.then((code) => {
      this.#ended = code;
    });
  }

  /**
   * Starts one over a table of `rows` events whose database is put into `directory`.
   *
   * @param place the topic to read from its start; none for the embedded broker
   */
  static async start(
    directory: string,
    template: { readonly rows: number; readonly path: string },
    place: Place | undefined,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<DrainingService> {
    const path = join(directory, `${crypto.randomUUID()}.sqlite`);
    copyTemplate(template.path, path);
    const kafka =
      place === undefined
        ? { KAFKA_BROKERS: "embedded" }
        : {
            KAFKA_BROKERS: place.brokers,
            KAFKA_TOPIC: place.topic,
            KAFKA_GROUP_ID: crypto.randomUUID(),
          };
    const server = await startService(path, { settings: { ...kafka, ...settings } });
    return new DrainingService(server, template.rows);
  }

  /** Resolves when it reads: to where producers find its topic, if its broker is embedded. */
  async reading(): Promise<void> {
    await logLine(this.server, "partitions assigned");
  }

  /** Where the broker inside of it is. */
  async embeddedBroker(): Promise<string> {
    const line = await logLine(
      this.server,
      "reading a Kafka broker inside this process, in memory only",
    );
    return String(line["brokers"]);
  }

  /** How far it is now. */
  now(): Moment {
    return {
      at: Date.now(),
      stored: this.#reader.lastId() - this.rows,
      used: processorTime(this.server.pid) ?? Number.NaN,
    };
  }

  /** Waits until it has stored so many events, and resolves to when that was seen. */
  async until(stored: number): Promise<Moment> {
    let seen = -1;
    let seenAt = Date.now();
    for (;;) {
      const now = this.#reader.lastId() - this.rows;
      if (now >= stored) return this.now();
      if (this.#ended !== undefined) throw new Error(`the service ended with ${this.#ended}`);
      if (now > seen) seenAt = Date.now();
      seen = now;
      if (Date.now() - seenAt > STUCK_AFTER_MS) throw new Error(`stuck at ${now} events`);
      await Bun.sleep(LOOK_INTERVAL_MS);
    }
  }

  /** Waits until it has stored so many events, or none for a while, and resolves to how many. */
  async settled(stored: number): Promise<number> {
    let { at, stored: seen } = this.now();
    while (seen < stored && Date.now() - at < SETTLED_AFTER_MS) {
      await Bun.sleep(LOOK_INTERVAL_MS);
      const now = this.now();
      if (now.stored > seen) ({ at, stored: seen } = now);
    }
    return seen;
  }

  /** Stops it, with nothing left of it but its database. */
  async stop(): Promise<void> {
    this.#reader.close();
    await this.server.stop();
  }

  /** Removes its database. */
  remove(): void {
    removeDatabase(this.server.path);
  }
}

/** What taking in a backlog took. */
export interface DrainResult {
  readonly eventsPerSecond: number;
  /** Of the whole process, in microseconds an event. */
  readonly processorTime: number;
  /** Resident, in MiB: when the last event was stored, and the most until then. */
  readonly memory: { readonly now: number; readonly peak: number } | null;
  /** What the database grew by, in bytes an event. */
  readonly diskBytes: number;
}

/** What is drained into what. */
export interface DrainTask {
  readonly directory: string;
  readonly backlog: Backlog;
  /** How many of its events are measured. */
  readonly events: number;
  /** What the table holds before. */
  readonly rows: number;
  readonly settings?: Readonly<Record<string, string>>;
}

/** Has a service take in a backlog, and checks that each event is there once. */
export async function drainBacklog(task: DrainTask): Promise<DrainResult> {
  const { directory, backlog, events, rows } = task;
  const template = await templateOf(rows, backlog.order);
  const service = await DrainingService.start(
    directory,
    { rows, path: template },
    backlog,
    task.settings,
  );
  const { path, pid } = service.server;
  const first = await service.until(1);
  const last = await service.until(events);
  const memory = residentMemory(pid);
  await service.stop();
  const stored = last.stored - first.stored;
  if (events === backlog.events) {
    checkStored(path, openColumns(backlog.columns), events, rows, LETTERS);
  } else {
    checkPositions(path, backlog.topic, rows);
  }
  const diskBytes = (statSync(path).size - statSync(template).size) / storedIn(path, rows);
  service.remove();
  return {
    eventsPerSecond: (stored / (last.at - first.at)) * 1000,
    processorTime: ((last.used - first.used) * 1e6) / stored,
    memory,
    diskBytes,
  };
}

function storedIn(path: string, rows: number): number {
  const reader = openReader(path);
  const stored = reader.lastId() - rows;
  reader.close();
  return stored;
}
