import { eq, sql } from "drizzle-orm";
import { type ArrestEventFields, FIELD_NAMES, type VersionedEvent } from "../arrest-event.ts";
import type { StoreDatabase } from "./database.ts";
import type { BulkResult, DeadLetterFilter, Replay } from "./dead-letters.ts";
import { type Idempotency, IdempotencyKeys, type IdRange } from "./idempotency.ts";
import { arrestEvent, arrestEventChange, type EventChangeKind } from "./schema.ts";

/** What an event must be for a change of it to be made. */
export interface VersionCondition {
  /** It has one of these versions. */
  readonly ifVersion?: readonly number[];
  /** It has none of these versions; `any`: it is not there. */
  readonly unlessVersion?: readonly number[] | "any";
}

/** A change of the events or of the dead letters, as HTTP asks for it. */
export type Change = (
  | {
      readonly kind: "create";
      readonly fields: ArrestEventFields;
      readonly idempotency?: Idempotency;
    }
  /** Creates all of these events or none. */
  | {
      readonly kind: "create-batch";
      readonly events: readonly ArrestEventFields[];
      readonly idempotency?: Idempotency;
    }
  /** Members that are absent stay as they are. */
  | ({
      readonly kind: "update";
      readonly id: number;
      readonly fields: Partial<ArrestEventFields>;
    } & VersionCondition)
  | ({ readonly kind: "delete"; readonly id: number } & VersionCondition)
  /** Makes an event of a dead letter, of what it holds or of the fields given. The letter is gone then. */
  | { readonly kind: "replay"; readonly letterId: number; readonly fields?: ArrestEventFields }
  | { readonly kind: "delete-letter"; readonly letterId: number }
  /** Replays letters that match, with ids above `after`; those that still cannot be events stay. */
  | {
      readonly kind: "replay-letters";
      readonly filter: DeadLetterFilter;
      readonly after: number;
      readonly limit: number;
    }
  | {
      readonly kind: "delete-letters";
      readonly filter: DeadLetterFilter;
      readonly limit: number;
    }
) & {
  /** The id of the HTTP request that asks for it, for the history. */
  readonly requestId?: string;
};

/** A kind of change. */
export type ChangeKind = Change["kind"];

/** What becomes of each kind of change. */
interface Outcomes {
  /** The event as it was created, also where that was by an earlier request with the same key. */
  readonly create: Done | KeyReused;
  readonly "create-batch": ({ readonly kind: "created" } & IdRange) | KeyReused;
  /** The event as it is now. */
  readonly update: Done | NotFound | OtherVersion;
  /** The event as it was. */
  readonly delete: Outcomes["update"];
  readonly replay: Replay;
  readonly "delete-letter": { readonly kind: "deleted" } | NotFound;
  readonly "replay-letters": { readonly kind: "letters"; readonly letters: BulkResult };
  readonly "delete-letters": Outcomes["replay-letters"];
}

interface Done {
  readonly kind: "done";
  readonly event: VersionedEvent;
}

interface NotFound {
  readonly kind: "not-found";
}

/** The event has another version than was asked for, and stays as it is. */
interface OtherVersion {
  readonly kind: "other-version";
}

/** A request that asked for something else had the same key. Nothing was created. */
interface KeyReused {
  readonly kind: "key-reused";
}

/** What became of a change of one kind, or of any. */
export type ChangeResult<K extends ChangeKind = ChangeKind> =
  | Outcomes[K]
  /** This change alone failed, for example by a constraint; the others of its group stand. */
  | { readonly kind: "failed"; readonly message: string };

/** A change of one kind. */
type ChangeOf<K extends ChangeKind> = Extract<Change, { kind: K }>;

const FIELDS = Object.keys(FIELD_NAMES);

/** What stands for the fields of an event in a prepared statement. */
const FIELD_PLACEHOLDERS = {
  officerId: sql.placeholder("officerId"),
  subjectId: sql.placeholder("subjectId"),
  arrestTypeId: sql.placeholder("arrestTypeId"),
  crimeTypeId: sql.placeholder("crimeTypeId"),
  arrestedAt: sql.placeholder("arrestedAt"),
};

/** The changes of events on the writing connection, each with its history. They belong to the caller's transaction. */
export class EventChanges {
  readonly #now: () => number;
  readonly #keys: IdempotencyKeys;
  readonly #insert;
  readonly #find;
  readonly #update;
  readonly #delete;
  readonly #record;

  /** @param now milliseconds since 1970 */
  constructor(database: StoreDatabase, now: () => number) {
    this.#now = now;
    this.#keys = new IdempotencyKeys(database, now);
    const byId = eq(arrestEvent.id, sql.placeholder("id"));
    const members = FIELD_PLACEHOLDERS;
    this.#insert = database.insert(arrestEvent).values(members).returning().prepare();
    this.#find = database.select().from(arrestEvent).where(byId).prepare();
    this.#update = database
      .update(arrestEvent)
      .set({
        officerId: sql`${members.officerId}`,
        subjectId: sql`${members.subjectId}`,
        arrestTypeId: sql`${members.arrestTypeId}`,
        crimeTypeId: sql`${members.crimeTypeId}`,
        arrestedAt: sql`${members.arrestedAt}`,
        version: sql`${sql.placeholder("version")}`,
      })
      .where(byId)
      .prepare();
    this.#delete = database.delete(arrestEvent).where(byId).prepare();
    this.#record = database
      .insert(arrestEventChange)
      .values({
        eventId: sql.placeholder("eventId"),
        version: sql.placeholder("version"),
        kind: sql.placeholder("kind"),
        at: sql.placeholder("at"),
        requestId: sql.placeholder("requestId"),
        // Drizzle would write the text "null" for null.
        before: sql`${sql.placeholder("before")}`,
        after: sql`${sql.placeholder("after")}`,
      })
      .prepare();
  }

  /** Creates an event of which nothing is known yet. */
  create(
    fields: ArrestEventFields,
    kind: EventChangeKind,
    requestId: string | undefined,
  ): VersionedEvent {
    const event = this.#insert.get({ ...fields });
    this.#keep(event.id, event.version, kind, requestId, null, event);
    return event;
  }

  /** Creates an event, once for a key. */
  createOnce({ fields, idempotency, requestId }: ChangeOf<"create">): ChangeResult<"create"> {
    const create = () => this.create(fields, "create", requestId);
    if (idempotency === undefined) return { kind: "done", event: create() };
    const ids = this.#keys.once(idempotency, () => {
      const { id } = create();
      return { firstId: id, lastId: id };
    });
    if (ids === undefined) return { kind: "key-reused" };
    // The same request asks for the same event.
    return { kind: "done", event: { id: ids.firstId, ...fields, version: 1 } };
  }

  /** Creates events with consecutive ids, once for a key. */
  createBatch({
    events,
    idempotency,
    requestId,
  }: ChangeOf<"create-batch">): ChangeResult<"create-batch"> {
    const create = (): IdRange => {
      const created = events.map((fields) => this.create(fields, "batch", requestId).id);
      return { firstId: created[0] ?? 0, lastId: created.at(-1) ?? 0 };
    };
    const ids = idempotency === undefined ? create() : this.#keys.once(idempotency, create);
    if (ids === undefined) return { kind: "key-reused" };
    return { kind: "created", firstId: ids.firstId, lastId: ids.lastId };
  }

  /** Changes members of an event. */
  update({ id, fields, requestId, ...condition }: ChangeOf<"update">): ChangeResult<"update"> {
    const before = this.#find.get({ id });
    if (before === undefined) return { kind: "not-found" };
    if (!meets(condition, before)) return { kind: "other-version" };
    const event = { ...before, ...fields, version: before.version + 1 };
    this.#update.run(event);
    this.#keep(id, event.version, "update", requestId, before, event);
    return { kind: "done", event };
  }

  /** Deletes an event; its history stays. */
  delete({ id, requestId, ...condition }: ChangeOf<"delete">): ChangeResult<"delete"> {
    const event = this.#find.get({ id });
    if (event === undefined) return { kind: "not-found" };
    if (!meets(condition, event)) return { kind: "other-version" };
    this.#delete.run({ id });
    this.#keep(id, event.version + 1, "delete", requestId, event, null);
    return { kind: "done", event };
  }

  #keep(
    eventId: number,
    version: number,
    kind: EventChangeKind,
    requestId: string | undefined,
    before: ArrestEventFields | null,
    after: ArrestEventFields | null,
  ): void {
    this.#record.run({
      eventId,
      version,
      kind,
      at: this.#now(),
      requestId: requestId ?? null,
      before: before && JSON.stringify(before, FIELDS),
      after: after && JSON.stringify(after, FIELDS),
    });
  }
}

function meets(
  { ifVersion, unlessVersion }: VersionCondition,
  { version }: VersionedEvent,
): boolean {
  if (ifVersion?.includes(version) === false) return false;
  return unlessVersion !== "any" && unlessVersion?.includes(version) !== true;
}
