// One by one, so that a bundler takes them in. A new migration is added here, which its test asks for.
import initial from "../../drizzle/0000_initial.sql" with { type: "text" };
import journal from "../../drizzle/meta/_journal.json" with { type: "json" };

/** A change of the schema. */
export interface Migration {
  /** Its name, as that of its file. */
  readonly tag: string;
  /** When it was generated, by which it is known in a database: milliseconds since 1970. */
  readonly createdAt: number;
  readonly statements: readonly string[];
  /** The SHA-256 of its file. */
  readonly hash: string;
}

const FILES: Readonly<Record<string, string>> = { "0000_initial": initial };

/** All migrations in their order, read as Drizzle's migrator reads them. */
export const MIGRATIONS: readonly Migration[] = journal.entries.map(({ tag, when }) => {
  const text = FILES[tag];
  if (text === undefined) throw new Error(`src/store/migrations.ts lacks the migration ${tag}`);
  return {
    tag,
    createdAt: when,
    statements: text.split("--> statement-breakpoint"),
    hash: new Bun.CryptoHasher("sha256").update(text).digest("hex"),
  };
});
