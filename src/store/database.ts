import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { sql } from "drizzle-orm";
import { type BunSQLiteDatabase, drizzle } from "drizzle-orm/bun-sqlite";
import { migrate } from "drizzle-orm/bun-sqlite/migrator";
import { readMigrationFiles } from "drizzle-orm/migrator";

/** The store through Drizzle, over bun:sqlite. */
export type StoreDatabase = BunSQLiteDatabase & { readonly $client: Database };

/** A database that cannot be used as it is, whatever is retried. The message is for the operator. */
export class UnusableDatabaseError extends Error {
  override readonly name = "UnusableDatabaseError";
}

const MIGRATIONS_FOLDER = join(import.meta.dir, "../../drizzle");

/** How long a statement waits for a lock that another program holds, in milliseconds. */
const BUSY_TIMEOUT_MS = 2000;

/**
 * Opens the database for writing and brings its schema up to date. Only the writer thread may call
 * this: one writer never meets SQLITE_BUSY.
 *
 * @throws UnusableDatabaseError when the file is no database, or a newer version has migrated it
 */
export function openForWriting(path: string): StoreDatabase {
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
    // 64 MiB (negative: KiB) keep the inner pages of the indexes in memory, where ingest spends its time.
    client.run("PRAGMA cache_size = -65536");
    // A checkpoint each 10,000 pages (40 MB) of log: fewer writes of the same hot index pages.
    client.run("PRAGMA wal_autocheckpoint = 10000");
    // A log that a long read made grow is cut back to 64 MiB at the next checkpoint.
    client.run("PRAGMA journal_size_limit = 67108864");
    // Sorting and temporary indexes need no file of their own, which a read-only container has no place for.
    client.run("PRAGMA temp_store = MEMORY");
    migrate(database, { migrationsFolder: MIGRATIONS_FOLDER });
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

function checkOwnership(database: StoreDatabase, path: string): void {
  const migrations = readMigrationFiles({ migrationsFolder: MIGRATIONS_FOLDER });
  const applied = lastAppliedMigration(database);
  // Drizzle's table is no proof by itself: other programs have one as well.
  const isOurs =
    applied === undefined ? countTables(database) === 0 : hasTable(database, "arrest_event");
  if (!isOurs) {
    throw new UnusableDatabaseError(
      `${path} holds tables that are not of this service: set DATABASE_PATH to a file of its own`,
    );
  }
  if (applied !== undefined && applied > (migrations.at(-1)?.folderMillis ?? 0)) {
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
