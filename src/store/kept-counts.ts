import type { Database } from "bun:sqlite";
import { type ArrestEventFields, MAX_ID, MIN_TIMESTAMP } from "../arrest-event.ts";
import { CountTable, type CountTableBounds, type CountTableShape } from "./count-table.ts";
import { type CountQuestion, DAY_MS, HOUR_MS, HOURS_A_DAY } from "./event-groups.ts";
import { Walk } from "./event-walk.ts";
import { type Statements, Values } from "./statements.ts";

/** How many events or changes a step reads at most: about a millisecond. */
const STEP = 2000;

/** The tables that are kept, the smallest first: each question goes to the first that can answer it. */
const SHAPES: readonly CountTableShape[] = [
  {
    periodMs: DAY_MS,
    keys: ["hour"],
    groupings: new Set(["hour", "day", "month"]),
    filters: new Set(),
    firstOf: ({ arrestedAt }) =>
      (Math.floor((arrestedAt - MIN_TIMESTAMP) / HOUR_MS) % HOURS_A_DAY) * HOUR_MS,
    secondOf: () => 0,
  },
  {
    periodMs: DAY_MS,
    keys: ["crimeTypeId", "arrestTypeId"],
    groupings: new Set(["crimeTypeId", "arrestTypeId", "day", "month"]),
    filters: new Set(["crimeTypeId", "arrestTypeId"]),
    firstOf: ({ crimeTypeId }) => crimeTypeId,
    secondOf: ({ arrestTypeId }) => arrestTypeId,
  },
  {
    // Weeks from Monday on: by day the officers, of whom there are many, would take seven times the room.
    periodMs: 7 * DAY_MS,
    keys: ["officerId"],
    groupings: new Set(["officerId"]),
    filters: new Set(),
    firstOf: ({ officerId }) => officerId,
    secondOf: () => 0,
  },
];

/** An update or a delete, as it is in the history. */
interface ChangeRow {
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * The counts of all events up to an id, as they were after a change, in memory. What has been stored since
 * is read where it is asked for, or a step at a time in between: further events by their ids, and of those
 * that are counted the updates and deletes by their history. The store itself keeps no counts, so storing
 * an event costs nothing more, and none can differ from the events after a crash.
 */
export class KeptCounts {
  readonly #client: Database;
  readonly #statements: Statements;
  readonly #tables: readonly CountTable[];
  /** All events up to this id are counted … */
  #lastId = 0;
  /** … as this change left them; unknown until the first step. */
  #lastChange: number | undefined;

  constructor(client: Database, statements: Statements, bounds?: CountTableBounds) {
    this.#client = client;
    this.#statements = statements;
    this.#tables = SHAPES.map((shape) => new CountTable(shape, bounds));
  }

  /** The greatest id that is counted. */
  get lastId(): number {
    return this.#lastId;
  }

  /** The table that can answer a question, if one can. */
  tableFor(question: CountQuestion): CountTable | undefined {
    return this.#tables.find((table) => !table.isGivenUp && table.answers(question));
  }

  /**
   * Takes a step of bounded work, and runs `use` when all that is stored is counted then: what that reads
   * is of the same snapshot as the counts.
   *
   * @returns whether it did
   */
  advance(use: () => void = () => undefined): boolean {
    // A savepoint where a snapshot is shared already.
    const inSnapshot = this.#client.transaction(() => {
      const isComplete = this.#step();
      if (isComplete) use();
      return isComplete;
    });
    return inSnapshot();
  }

  #step(): boolean {
    // Without any table there is nothing to keep.
    if (this.#tables.every((table) => table.isGivenUp)) return true;
    const latest = this.#latestChange();
    this.#lastChange ??= latest;
    const upTo = Math.min(latest, this.#lastChange + STEP);
    this.#takeChanges(this.#lastChange, upTo);
    this.#lastChange = upTo;
    // Events are read as the latest change has left them.
    return upTo === latest && this.#takeEvents() < STEP;
  }

  #latestChange(): number {
    const text = "select coalesce(max(id), 0) as id from arrest_event_change";
    return this.#statements.all<{ id: number }>(text, new Values())[0]?.id ?? 0;
  }

  #takeChanges(after: number, upTo: number): void {
    if (after === upTo) return;
    const values = new Values();
    const range = `id > ${values.add(after)} and id <= ${values.add(upTo)}`;
    const counted = `event_id <= ${values.add(this.#lastId)} and before is not null`;
    const rows = this.#statements.all<ChangeRow>(
      `select before, after from arrest_event_change not indexed where ${range} and ${counted}`,
      values,
    );
    // All are read before the first is counted: one that cannot be leaves the counts as they are.
    const changes = rows.map(({ before, after }) => [parse(before), parse(after)] as const);
    for (const [before, after] of changes) {
      if (before !== null) this.#add(before, -1);
      if (after !== null) this.#add(after, 1);
    }
  }

  /** Returns how many there were: fewer than a step when there are no more. */
  #takeEvents(): number {
    const walk = Walk.byId(this.#statements, MAX_ID, false);
    const events = walk.events(STEP, walk.behind(walk.whole, { value: 0, id: this.#lastId }), []);
    for (const event of events) this.#add(event, 1);
    this.#lastId = events.at(-1)?.id ?? this.#lastId;
    return events.length;
  }

  #add(event: ArrestEventFields, by: 1 | -1): void {
    for (const table of this.#tables) table.add(event, by);
  }
}

function parse(text: string | null): ArrestEventFields | null {
  return text === null ? null : JSON.parse(text);
}
