/** One measurement of ingest, in this process of its own: every side begins as cold as the others. */
import { pino } from "pino";
import type { ArrestEventFields } from "../src/arrest-event.ts";
import { parseConfig } from "../src/config.ts";
import { TopicConsumer } from "../src/ingest/consumer.ts";
import { readEvent } from "../src/ingest/event-reader.ts";
import { decodeMessage, isRefused } from "../src/ingest/message.ts";
import { keepCounting } from "../src/keep-counts.ts";
import { simulatedMessage } from "../src/simulate/messages.ts";
import { openForWriting } from "../src/store/database.ts";
import { openReader } from "../src/store/read.ts";
import { openWriter } from "../src/store/write.ts";
import { startWriter } from "../src/writer/client.ts";
import { checkStored, evenPositions, eventAt, openColumns, sound } from "./events.ts";
import { copyTemplate, removeDatabase } from "./http/template.ts";
import { answer, readTask, residentMemory } from "./support.ts";

/** What is measured: the whole, or parts of it. */
export type Side =
  | "whole"
  | "whole without counts"
  | "raw"
  | "raw with origins"
  | "raw without indexes"
  | "writer"
  | "client"
  | "decode";

/** What a measurement is asked for. */
export interface IngestTask {
  readonly side: Side;
  /** How many of the events are measured. */
  readonly events: number;
  /** The file of the events, see `openColumns`. */
  readonly columns: string;
  /** The database that is copied first, and how many events it holds. */
  readonly table: string;
  readonly rows: number;
  /** How many dead letters it holds. */
  readonly letters: number;
  /** Where its copy goes; whoever asks removes it. */
  readonly path: string;
  readonly batchSize: number;
  /** The broker and the topic that hold the backlog, and how many partitions it has. */
  readonly brokers: string;
  readonly topic: string;
  readonly partitions: number;
}

/** What a measurement finds. */
export interface IngestResult {
  /** From the first batch, which is not counted, to the last. */
  readonly eventsPerSecond: number;
  /** Of the whole process and all of its threads, in microseconds an event. */
  readonly processorTime: number;
  /** Of the process in MiB; of the whole only. */
  readonly memory: {
    readonly before: number;
    readonly after: number;
    readonly idle: number;
    readonly peak: number;
  } | null;
}

/** How often the whole is looked at, in milliseconds. */
const LOOK_INTERVAL_MS = 2;

/** How long the whole is idle before its memory is read. */
const IDLE_MS = 3000;

const task = readTask<IngestTask>();
const { path, topic } = task;
const columns = openColumns(task.columns);

/** Measures from the first batch on: what it takes to get going is not counted. */
class Stopwatch {
  #startedAt = 0;
  #endedAt = 0;
  #startedWith = 0;
  #processorTime = 0;

  /** Takes note that `done` events in all are done. */
  lap(done: number): void {
    if (done === 0) return;
    const { user, system } = process.cpuUsage();
    if (this.#startedWith === 0) {
      this.#startedAt = performance.now();
      this.#startedWith = done;
      this.#processorTime -= user + system;
    } else if (done === task.events) {
      this.#endedAt = performance.now();
      this.#processorTime += user + system;
    }
  }

  result(memory: IngestResult["memory"] = null): IngestResult {
    const events = task.events - this.#startedWith;
    return {
      eventsPerSecond: (events / (this.#endedAt - this.#startedAt)) * 1000,
      processorTime: this.#processorTime / events,
      memory,
    };
  }
}

const stopwatch = new Stopwatch();

/** Goes through the events batch by batch: from the index of a batch's first to that behind its last. */
function inBatches(take: (from: number, to: number) => void): void {
  for (let from = 0; from < task.events; from += task.batchSize) {
    const to = Math.min(from + task.batchSize, task.events);
    take(from, to);
    stopwatch.lap(to);
  }
}

function eventsBetween(from: number, to: number): ArrestEventFields[] {
  return Array.from({ length: to - from }, (_, index) => eventAt(columns, from + index));
}

/**
 * What SQLite itself takes: bound statements over bun:sqlite, nothing of ours but the schema and the pragmas.
 *
 * @param origins whether each batch stores where its events came from, for their history
 */
function measureRaw({ indexes = true, origins = false } = {}): IngestResult {
  const { $client: database } = openForWriting(path);
  if (!indexes) {
    const names = database
      .query<{ name: string }, []>(
        "select name from sqlite_master where type = 'index' and tbl_name = 'arrest_event'",
      )
      .all();
    for (const { name } of names) database.run(`drop index ${name}`);
  }
  const insert = database.prepare<unknown, [number, number, number, number, number]>(
    "insert into arrest_event (officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at) values (?, ?, ?, ?, ?)",
  );
  const setPosition = database.prepare<unknown, [string, string, number, number]>(
    "insert into consumer_offset (cluster, topic, partition, next_offset) values (?, ?, ?, ?) on conflict do update set next_offset = excluded.next_offset",
  );
  const insertOrigin = database.prepare<
    unknown,
    [number, number, string, string, number, number, number]
  >(
    "insert into ingest_batch (first_id, last_id, cluster, topic, partition, first_offset, last_offset, stored_at) values (?, ?, ?, ?, ?, ?, ?, 0)",
  );
  const begin = database.prepare("begin immediate");
  const commit = database.prepare("commit");
  // Each column by its name: what it takes to find it is not SQLite's.
  const { officerId, subjectId, arrestTypeId, crimeTypeId, arrestedAt } = columns;
  inBatches((from, to) => {
    begin.run();
    for (let index = from; index < to; index++) {
      insert.run(
        officerId[index] as number,
        subjectId[index] as number,
        arrestTypeId[index] as number,
        crimeTypeId[index] as number,
        arrestedAt[index] as number,
      );
    }
    const share = Math.max(1, Math.floor((to - from) / task.partitions));
    for (const { partition, nextOffset } of evenPositions(to, task.partitions)) {
      setPosition.run("kafka", topic, partition, nextOffset);
      const firstId = task.rows + from + 1 + partition * share;
      if (!origins || partition * share >= to - from) continue;
      const lastId = Math.min(firstId + share - 1, task.rows + to);
      insertOrigin.run(firstId, lastId, "kafka", topic, partition, nextOffset, nextOffset);
    }
    commit.run();
  });
  checkStored(path, columns, task.events, task.rows, task.letters);
  return stopwatch.result();
}

/** The store as ingest uses it, without Kafka. */
function measureWriter(): IngestResult {
  const writer = openWriter(path, "kafka", topic, decodeMessage);
  inBatches((from, to) => {
    writer.ingest({
      partitions: [sound(eventsBetween(from, to), from)],
      deadLetters: [],
      positions: evenPositions(to, task.partitions),
    });
  });
  checkStored(path, columns, task.events, task.rows, task.letters);
  writer.close();
  return stopwatch.result();
}

/** Messages to events, and nothing else. */
function measureDecode(): IngestResult {
  const values = eventsBetween(0, task.events).map(
    (fields) => simulatedMessage(fields, () => 1, 0).value,
  );
  inBatches((from, to) => {
    const decoded = values
      .slice(from, to)
      .map((value) => (value && readEvent(value, 0, value.length)) ?? decodeMessage(value));
    if (decoded.some(isRefused)) {
      throw new Error("an event was refused");
    }
  });
  return stopwatch.result();
}

/** The Kafka client as ingest uses it; what it reads is thrown away. */
async function measureClient(): Promise<IngestResult> {
  const groupId = crypto.randomUUID();
  const consumer = new TopicConsumer(
    { brokers: task.brokers, topic, groupId, librdkafka: {} },
    pino({ level: "silent" }),
    ({ message }) => process.stderr.write(`${message}\n`),
  );
  await consumer.connect();
  let read = 0;
  while (read < task.events) {
    const rebalance = consumer.rebalances.shift();
    if (rebalance?.kind === "assign") {
      consumer.assign(rebalance.partitions.map((partition) => ({ partition, nextOffset: 0 })));
    }
    const messages = await consumer.take(task.batchSize);
    read += messages.length;
    stopwatch.lap(read);
    if (messages.length === 0) await Bun.sleep(1);
  }
  await consumer.close();
  return stopwatch.result();
}

/** Kafka to the table, in the writer thread that the service has. */
async function measureWhole({ counts = true } = {}): Promise<IngestResult> {
  const writer = await startWriter(
    parseConfig(
      {
        DATABASE_PATH: path,
        KAFKA_BROKERS: task.brokers,
        KAFKA_TOPIC: topic,
        KAFKA_GROUP_ID: crypto.randomUUID(),
        INGEST_BATCH_SIZE: String(task.batchSize),
        LOG_LEVEL: "silent",
      },
      false,
    ),
  );
  const reader = openReader(path);
  const endCounting = counts ? keepCounting(reader, pino({ level: "silent" })) : () => undefined;
  const memory = residentMemory(process.pid);
  let stored = 0;
  while (stored < task.events) {
    await Bun.sleep(LOOK_INTERVAL_MS);
    stored = reader.lastId() - task.rows;
    stopwatch.lap(stored);
  }
  const after = residentMemory(process.pid);
  await Bun.sleep(IDLE_MS);
  const idle = residentMemory(process.pid);
  endCounting();
  reader.close();
  await writer.stop(10_000);
  checkStored(path, columns, task.events, task.rows, task.letters);
  return stopwatch.result(
    memory === null || after === null || idle === null
      ? null
      : { before: memory.now, after: after.now, idle: idle.now, peak: idle.peak },
  );
}

async function measureSide(): Promise<IngestResult> {
  switch (task.side) {
    case "whole":
      return measureWhole();
    case "whole without counts":
      return measureWhole({ counts: false });
    case "raw":
      return measureRaw();
    case "raw with origins":
      return measureRaw({ origins: true });
    case "raw without indexes":
      return measureRaw({ indexes: false });
    case "writer":
      return measureWriter();
    case "client":
      return measureClient();
    case "decode":
      return measureDecode();
  }
}

removeDatabase(path);
copyTemplate(task.table, path);
answer(await measureSide());
process.exit(0);
