/**
 * The databases that measurements take copies of: made once for each size, and kept in a directory under
 * the system's temporary one.
 */
import type { Database } from "bun:sqlite";
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arrestSource } from "../../src/simulate/arrests.ts";
import { seededRandom } from "../../src/simulate/random.ts";
import { openForWriting } from "../../src/store/database.ts";
import { type Order, randomTimes } from "../events.ts";
import { figure, PARTITIONS, print, TOPIC } from "../support.ts";

/** What decides what a template holds: another text of any of these makes another template. */
const MADE_OF = ["drizzle", "src/simulate", "bench/http/template.ts"] as const;

const ROOT = join(import.meta.dir, "../..");
const CACHE = join(tmpdir(), "arrest-events-bench-cache");

const ARRESTS_PER_DAY = 1200;
const DAY_MS = 86_400_000;
/** Before this is all that a template holds. */
const END_AT = Date.UTC(2026, 0, 1);

/** The events of an ingest transaction, of which one partition each is told where they came from. */
const BATCH = 5000;

/** How many dead letters a template has. */
export const LETTERS = 1000;

/** How many events a transaction of the making takes. */
const AT_ONCE = 200_000;

/**
 * The path of a database with `rows` events of the simulator, as ingest would have stored them, their times as
 * `order` says, and some dead letters. It is made where it is not there yet: ten million rows take minutes.
 */
export async function templateOf(rows: number, order: Order = "rising"): Promise<string> {
  const name = order === "rising" ? `${rows}` : `${rows}-${order}`;
  const path = join(CACHE, `${await version()}-${name}.sqlite`);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const made = `${path}.${process.pid}`;
  const startedAt = performance.now();
  make(made, rows, order);
  for (const file of ["-wal", "-shm"]) rmSync(`${made}${file}`, { force: true });
  // Whole or not at all: another run may be at it as well.
  renameSync(made, path);
  const seconds = (performance.now() - startedAt) / 1000;
  print(`Made a template of ${figure(rows)} events in ${figure(seconds)} s: ${path}`);
  return path;
}

/** Copies a template, without taking room where the file system can; on the disk when it returns. */
export function copyTemplate(template: string, path: string): void {
  copyFileSync(template, path, constants.COPYFILE_FICLONE);
  // Else the syncs of what is measured would write the copy as well.
  const file = openSync(path, "r+");
  fsyncSync(file);
  closeSync(file);
}

/** Removes a database and what belongs to it. */
export function removeDatabase(path: string): void {
  for (const file of ["", "-wal", "-shm"]) rmSync(`${path}${file}`, { force: true });
}

async function version(): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const each of MADE_OF) {
    const paths = each.endsWith(".ts")
      ? [each]
      : [...new Bun.Glob(`${each}/*.{sql,ts}`).scanSync(ROOT)].sort();
    for (const path of paths) hasher.update(`${path}\n`).update(readFileSync(join(ROOT, path)));
  }
  return hasher.digest("hex").slice(0, 16);
}

/** Inserts without the indexes, which are made afterwards: sorting is much faster than inserting at random places. */
function make(path: string, rows: number, order: Order): void {
  const { $client: database } = openForWriting(path);
  // What a crash would leave behind is thrown away.
  database.run("pragma synchronous = off");
  database.run("pragma cache_size = -1000000");
  const indexes = database
    .query<{ name: string; sql: string }, []>(
      "select name, sql from sqlite_schema where type = 'index' and tbl_name = 'arrest_event'",
    )
    .all();
  for (const { name } of indexes) database.run(`drop index ${name}`);
  insertEvents(database, rows, order);
  for (const { sql } of indexes) database.run(sql);
  database.run(
    `insert into ingest_batch (first_id, last_id, cluster, topic, partition, first_offset, last_offset, stored_at)
    select id, min(id + ${BATCH} - 1, ${rows}), 'kafka', '${TOPIC}', (id / ${BATCH}) % ${PARTITIONS}, id, id + ${BATCH}, ${END_AT}
    from arrest_event where id % ${BATCH} = 1`,
  );
  insertLetters(database);
  database.run("pragma wal_checkpoint(truncate)");
  database.close();
}

function insertEvents(database: Database, rows: number, order: Order): void {
  // A tenth more than the average, so that none comes after the end.
  const days = Math.ceil((rows / ARRESTS_PER_DAY) * 1.1 + 1);
  const startAt = END_AT - days * DAY_MS;
  const next = arrestSource(seededRandom(2), { startAt, arrestsPerDay: ARRESTS_PER_DAY });
  const anyTime = randomTimes(seededRandom(3));
  const insert = database.prepare<unknown, [number, number, number, number, number]>(
    "insert into arrest_event (officer_id, subject_id, arrest_type_id, crime_type_id, arrested_at) values (?, ?, ?, ?, ?)",
  );
  const insertMany = database.transaction((count: number) => {
    for (let index = 0; index < count; index++) {
      const { officerId, subjectId, arrestTypeId, crimeTypeId, arrestedAt } = next();
      const at = order === "rising" ? arrestedAt : anyTime();
      insert.run(officerId, subjectId, arrestTypeId, crimeTypeId, at);
    }
  });
  for (let done = 0; done < rows; done += AT_ONCE) insertMany(Math.min(AT_ONCE, rows - done));
  insert.finalize();
}

function insertLetters(database: Database): void {
  const insert = database.prepare<unknown, [number, Buffer]>(
    `insert into dead_letter (cluster, topic, partition, offset, reason, refused_at, timestamp, refusals, headers, key, value)
    values ('kafka', '${TOPIC}', 0, ?, 'invalid_event', ${END_AT}, ${END_AT}, '[{"pointer":"/arrested_at","detail":"is required"}]', '[]', null, ?)`,
  );
  database.transaction(() => {
    for (let index = 0; index < LETTERS; index++) {
      insert.run(
        index,
        Buffer.from('{"officer_id":7,"subject_id":42,"arrest_type_id":1,"crime_type_id":3}'),
      );
    }
  })();
  insert.finalize();
}
