import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { sql } from "drizzle-orm";
import { type BunSQLiteDatabase, drizzle } from "drizzle-orm/bun-sqlite";
import { MIGRATIONS } from "./migrations.ts";

/** The store through Drizzle, over bun:sqlite. */
export type StoreDatabase = BunSQLiteDatabase & { readonly $client: Database };

/** A database that cannot be used as it is, whatever is retried. The message is for the operator. */
export class UnusableDatabaseError extends Error {
  override readonly name = "UnusableDatabaseError";
}

/** How long the log gets before it is moved into the database file: 40 MB. */
export const CHECKPOINT_PAGES = 10_000;

/** How long a statement waits for a lock that another program holds, in milliseconds. */
const BUSY_TIMEOUT_MS = 2000;

/**
 * Opens the database for writing and brings its schema up to date. Only the writer thread may call
 * this: one writer never meets SQLITE_BUSY.
 *
 * @param onMigrated is told the names of the migrations that were applied
 * @throws UnusableDatabaseError when the file is no database, or a newer version has migrated it
 */
export function openForWriting(
  path: string,
  onMigrated: (migrations: readonly string[]) => void = () => undefined,
): StoreDatabase {
  mkdirSync(dirname(path), { recursive: true });
  const client = new Database(path, { create: true, strict: true });
  try {
    client.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    const database = drizzle({ client });
    // First of all: a file of somebody else is left as it is.
    checkOwnership(database, path);
    // Readers never wait for the writer, nor it for them.
    client.run("PRAGMA journal_mode = WAL");
    // Safe for ingest batches in WAL mode: a power cut takes the last of them back whole, offsets
    // included. Changes that are acknowledged raise it to FULL, see write.ts.
    client.run("PRAGMA synchronous = NORMAL");
    // 16 MiB (negative: KiB) keep the pages of the indexes in memory that ingest goes on writing to.
    client.run("PRAGMA cache_size = -16384");
    // Fewer writes of the same hot index pages. See transactions.ts for who makes the checkpoints.
    client.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    // A log that a long read made grow is cut back to 64 MiB at the next checkpoint.
    client.run("PRAGMA journal_size_limit = 67108864");
    // Sorting and temporary indexes need no file of their own, which a read-only container has no place for.
    client.run("PRAGMA temp_store = MEMORY");
    onMigrated(migrate(database));
    refuseReadOnly(client);
    return database;
  } catch (error) {
    client.close();
    if (error instanceof Error && "code" in error && error.code === "SQLITE_NOTADB") {
      throw new UnusableDatabaseError(`${path} is not an SQLite database`);
    }
    throw error;
  }
}

/** Opens the database, which must exist, for reading only. */
export function openForReading(path: string): StoreDatabase {
  const client = new Database(path, { readonly: true, strict: true });
  client.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  client.run("PRAGMA query_only = ON");
  // 16 MiB: pages by key touch little, and the operating system caches the file as well.
  client.run("PRAGMA cache_size = -16384");
  client.run("PRAGMA temp_store = MEMORY");
  return drizzle({ client });
}

/**
 * Applies the migrations that are missing, all of them or none. Drizzle's own `migrate` would tell of a
 * full disk that its ROLLBACK has failed, because SQLite has rolled back by itself, and nothing else.
 */
function migrate(database: StoreDatabase): readonly string[] {
  const applied = lastAppliedMigration(database) ?? -1;
  const missing = MIGRATIONS.filter(({ createdAt }) => createdAt > applied);
  if (missing.length === 0) return [];
  const client = database.$client;
  const apply = client.transaction(() => {
    client.run(
      "create table if not exists __drizzle_migrations (id serial primary key, hash text not null, created_at numeric)",
    );
    for (const { statements, hash, createdAt } of missing) {
      for (const statement of statements) client.run(statement);
      client.run("insert into __drizzle_migrations (hash, created_at) values (?, ?)", [
        hash,
        createdAt,
      ]);
    }
  });
  apply.immediate();
  return missing.map(({ tag }) => tag);
}

/** SQLite opens a file that cannot be written for reading, and stays with that when it could be written. */
function refuseReadOnly(client: Database): void {
  try {
    // Begins to write, which "begin immediate" leaves be there, and changes nothing.
    client.run("delete from __drizzle_migrations where false");
  } catch (error) {
    // A lock, say, is over by itself, and the first transaction tells of it.
    if (error instanceof Error && "code" in error && error.code === "SQLITE_READONLY") throw error;
  }
}

function checkOwnership(database: StoreDatabase, path: string): void {
  const applied = lastAppliedMigration(database);
  // Drizzle's table is no proof by itself: other programs have one as well.
  const isOurs =
    applied === undefined ? countTables(database) === 0 : hasTable(database, "arrest_event");
  if (!isOurs) {
    throw new UnusableDatabaseError(
      `${path} holds tables that are not of this service: set DATABASE_PATH to a file of its own`,
    );
  }
  if (applied !== undefined && applied > (MIGRATIONS.at(-1)?.createdAt ?? 0)) {
    throw new UnusableDatabaseError(
      `${path} was migrated by a newer version of this service: run that version, or restore a backup made before the upgrade`,
    );
  }
}

function lastAppliedMigration(database: StoreDatabase): number | undefined {
  if (!hasTable(database, "__drizzle_migrations")) return undefined;
  const last = database.get<[number | null]>(sql`select max(created_at) from __drizzle_migrations`);
  return last?.[0] ?? undefined;
}

function hasTable(database: StoreDatabase, name: string): boolean {
  return database.get(sql`select 1 from sqlite_master where name = ${name}`) !== undefined;
}

function countTables(database: StoreDatabase): number {
  const count = database.get<[number]>(
    sql`select count(*) from sqlite_master where type = 'table' and name not like 'sqlite_%' and name <> '__drizzle_migrations'`,
  );
  return count?.[0] ?? 0;
}

/** Tells an event that breaks a rule of the schema from a store that fails. */
export function isConstraintError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.startsWith("SQLITE_CONSTRAINT")
  );
}
