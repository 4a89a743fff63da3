import { Database } from "bun:sqlite";
import { MIGRATIONS } from "./migrations.ts";

/** What a look at a database found. */
export interface CheckReport {
  /** What is wrong: the file is damaged, or its tables contradict each other. */
  readonly problems: readonly string[];
  /** Neither SQLite nor the schema is among them: what contradicts itself can at least be read. */
  readonly isWhole: boolean;
  /** What is unusual and may be right. */
  readonly notes: readonly string[];
  /** How many there are. */
  readonly events: number;
  readonly deadLetters: number;
}

/** How thoroughly SQLite's own check goes: `quick` leaves out whether each index has what its table has. */
export type CheckDepth = "quick" | "full";

/** How many findings of one kind are told. */
const MAX_FINDINGS = 20;

/** A rule that the rows of the store keep: what is counted must be 0. */
interface Rule {
  readonly about: string;
  readonly count: string;
}

const EVENT_FIELDS = ["officer_id", "subject_id", "arrest_type_id", "crime_type_id", "arrested_at"];

const camelCase = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The newest change of each event. */
const NEWEST_CHANGE = `select event_id, max(version) as version from arrest_event_change group by event_id`;

const RULES: readonly Rule[] = [
  {
    about: "events with an id beyond the greatest that was given, which could be given again",
    count: `select count(*) from arrest_event
      where id > coalesce((select seq from sqlite_sequence where name = 'arrest_event'), 0)`,
  },
  {
    about:
      "batches from Kafka whose events or offsets end before they begin, or have fewer offsets than events",
    count: `select count(*) from ingest_batch
      where last_id < first_id or last_offset < first_offset
        or last_offset - first_offset < last_id - first_id`,
  },
  {
    about: "batches from Kafka that share events with the one before",
    count: `select count(*) from (select first_id, lag(last_id) over (order by first_id) as before from ingest_batch)
      where first_id <= before`,
  },
  {
    about: "batches from Kafka with events beyond the greatest id that was given",
    count: `select count(*) from ingest_batch
      where last_id > coalesce((select seq from sqlite_sequence where name = 'arrest_event'), 0)`,
  },
  {
    about: "events that neither a batch from Kafka nor a change has made",
    count: `select count(*) from arrest_event as event
      where coalesce((select last_id from ingest_batch where first_id <= event.id order by first_id desc limit 1), 0) < event.id
        and not exists (select 1 from arrest_event_change where event_id = event.id and version = 1)`,
  },
  {
    about: "events whose version is not that of their newest change",
    count: `select count(*) from arrest_event as event left join (${NEWEST_CHANGE}) as newest on newest.event_id = event.id
      where event.version <> coalesce(newest.version, 1)`,
  },
  {
    about: "events that are not what their newest change made of them",
    count: `select count(*) from (${NEWEST_CHANGE}) as newest
      join arrest_event_change as change on change.event_id = newest.event_id and change.version = newest.version
      join arrest_event as event on event.id = newest.event_id
      where change."after" is null
        or ${EVENT_FIELDS.map((name) => `event.${name} is not json_extract(change."after", '$.${camelCase(name)}')`).join(" or ")}`,
  },
  {
    about: "changes that left an event which is not there",
    count: `select count(*) from (${NEWEST_CHANGE}) as newest
      join arrest_event_change as change on change.event_id = newest.event_id and change.version = newest.version
      where change.kind <> 'delete' and not exists (select 1 from arrest_event where id = newest.event_id)`,
  },
  {
    about: "idempotency keys of events with ids that were never given",
    count: `select count(*) from idempotency_key
      where last_id < first_id
        or last_id > coalesce((select seq from sqlite_sequence where name = 'arrest_event'), 0)`,
  },
];

/** Where a partition's position lies before what was stored of it last: right only for a topic that was made anew. */
const BEHIND = `
  select newest.topic, newest.partition, newest.last_offset as stored, position.next_offset as next
  from (
    select topic, "partition", last_offset, max(at) from (
      select topic, "partition", last_offset, first_id * 0 + stored_at as at from ingest_batch where cluster = 'kafka'
      union all
      select topic, "partition", "offset", refused_at from dead_letter where cluster = 'kafka'
    ) group by topic, "partition"
  ) as newest
  left join consumer_offset as position
    on position.cluster = 'kafka' and position.topic = newest.topic and position."partition" = newest."partition"
  where position.next_offset is null or position.next_offset <= newest.last_offset
  order by newest.topic, newest."partition"`;

/**
 * Looks whether a database is whole: SQLite's own check, whether its schema is that of its migrations, and whether
 * its tables agree with each other. It reads in one transaction, and changes nothing; a service may be using the file,
 * whose log grows meanwhile by what is written.
 *
 * @throws Error when the file cannot be read or is no database
 */
export function checkDatabase(path: string, depth: CheckDepth): CheckReport {
  const problems: string[] = [];
  const notes: string[] = [];
  let isWhole = false;
  let counts = { events: 0, deadLetters: 0 };
  const database = new Database(path, { readonly: true, strict: true });
  try {
    database.run("pragma busy_timeout = 10000");
    database.run("pragma temp_store = memory");
    // 64 MiB (negative: KiB): the indexes are looked up in the order of the table.
    database.run("pragma cache_size = -65536");
    database.run("begin");
    problems.push(...integrity(database, depth));
    // What SQLite itself finds damaged is not asked further.
    if (problems.length === 0) problems.push(...schemaProblems(database, notes));
    isWhole = problems.length === 0;
    // The rules are those of the newest schema.
    if (isWhole && missingMigrations(database) === 0) {
      problems.push(...brokenRules(database));
      notes.push(...positionsBehind(database));
    }
    if (isWhole) {
      counts = {
        events: one(database, "select count(*) from arrest_event"),
        deadLetters: one(database, "select count(*) from dead_letter"),
      };
    }
  } finally {
    database.close();
  }
  return { problems, isWhole, notes, ...counts };
}

function integrity(database: Database, depth: CheckDepth): string[] {
  const pragma = depth === "full" ? "integrity_check" : "quick_check";
  const told = database.query<[string], []>(`pragma ${pragma}(${MAX_FINDINGS})`).values();
  return told.map(([line]) => String(line)).filter((line) => line !== "ok");
}

type SchemaRow = readonly [name: string, type: string, sql: string];

function schemaOf(database: Database): Map<string, SchemaRow> {
  const rows = database
    .query<[string, string, string], []>(
      "select name, type, coalesce(sql, '') from sqlite_master where name not like 'sqlite_%' and name <> '__drizzle_migrations'",
    )
    .values() as [string, string, string][];
  return new Map(rows.map((row) => [row[0], row]));
}

/** Compares the schema with what the migrations that the file has had make in an empty database. */
function schemaProblems(database: Database, notes: string[]): string[] {
  const hasMigrations = one(
    database,
    "select count(*) from sqlite_master where name = '__drizzle_migrations'",
  );
  const applied =
    hasMigrations === 0
      ? []
      : (database
          .query("select hash, created_at from __drizzle_migrations order by created_at")
          .values() as [string, number][]);
  if (applied.length === 0) return ["it is no database of this service, or an empty one"];
  const known = new Map(MIGRATIONS.map((migration) => [migration.createdAt, migration]));
  const problems: string[] = [];
  for (const [hash, createdAt] of applied) {
    const migration = known.get(createdAt);
    if (migration === undefined) {
      problems.push("a newer version of this service has migrated it: check it with that version");
    } else if (migration.hash !== hash) {
      problems.push(
        `the migration ${migration.tag} that it has had is not the one of this service`,
      );
    }
  }
  if (problems.length > 0) return problems;
  const missing = missingMigrations(database);
  if (missing > 0) {
    notes.push(
      `${missing} migrations are missing, which the next start applies; the rows were not looked at`,
    );
  }
  const fresh = new Database(":memory:");
  try {
    for (const { createdAt, statements } of MIGRATIONS) {
      if (createdAt <= (applied.at(-1)?.[1] ?? 0))
        for (const statement of statements) fresh.run(statement);
    }
    const wanted = schemaOf(fresh);
    const found = schemaOf(database);
    for (const [name, [, type, sql]] of wanted) {
      const there = found.get(name);
      if (there === undefined) problems.push(`the ${type} ${name} is missing`);
      else if (there[2] !== sql)
        problems.push(`the ${type} ${name} is not as this service made it`);
    }
    for (const [name, [, type]] of found) {
      if (!wanted.has(name)) notes.push(`the ${type} ${name} is not of this service`);
    }
  } finally {
    fresh.close();
  }
  return problems;
}

function missingMigrations(database: Database): number {
  const last = one(database, "select coalesce(max(created_at), 0) from __drizzle_migrations");
  return MIGRATIONS.filter(({ createdAt }) => createdAt > last).length;
}

function brokenRules(database: Database): string[] {
  return RULES.flatMap(({ about, count }) => {
    const found = one(database, count);
    return found === 0 ? [] : [`${about}: ${found}`];
  });
}

function positionsBehind(database: Database): string[] {
  const behind = database.query(BEHIND).values() as [string, number, number, number | null][];
  const told = behind.slice(0, MAX_FINDINGS).map(([topic, partition, stored, next]) => {
    const position = next === null ? "has no position" : `is read on from ${next}`;
    return `${topic} [${partition}] ${position}, although ${stored} has been stored: right only if the topic was made anew or its position reset`;
  });
  const more = behind.length - told.length;
  return more > 0 ? [...told, `… and ${more} more`] : told;
}

function one(database: Database, query: string): number {
  const [row] = database.query(query).values();
  return Number(row?.[0] ?? 0);
}
