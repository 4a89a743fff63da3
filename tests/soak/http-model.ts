import { type ArrestEventJson, parseTimestamp } from "../../src/arrest-event.ts";
import { eventOfMessage } from "../promises/support.ts";
import { FIRST_HTTP_SUBJECT, type StoreWatch } from "./store-watch.ts";

/** An event without its id, as text; that it is absent is a state as well. */
export type State = string;

export const ABSENT: State = "absent";

/** How many deleted events are remembered, to see that they do not come back. */
const REMEMBERED_DELETED = 500;

/** The state of an event as HTTP has it. */
export function stateOf({ id: _, ...event }: ArrestEventJson): State {
  return JSON.stringify(event);
}

/** What a store may hold of the events of its HTTP clients: each event's possible states. */
export class HttpModel {
  /** More than one state while an answer is outstanding, or was never heard. */
  readonly #states = new Map<number, ReadonlySet<State>>();
  /** Subjects of creations whose answers were not heard: they may be there or not. */
  readonly #unheard = new Set<number>();
  readonly #deleted: number[] = [];
  #subjects = 0;

  /** An event that no other request has made. */
  newEvent(): Omit<ArrestEventJson, "id"> {
    const subject = FIRST_HTTP_SUBJECT + this.#subjects;
    this.#subjects++;
    return { ...eventOfMessage(this.#subjects), subject_id: subject };
  }

  get(id: number): ReadonlySet<State> {
    return this.#states.get(id) ?? new Set([ABSENT]);
  }

  /** What was acknowledged, or is possible from now on. */
  set(id: number, ...states: State[]): void {
    this.#states.set(id, new Set(states));
    if (states.length === 1 && states[0] === ABSENT) this.#forgetLater(id);
  }

  #forgetLater(id: number): void {
    this.#deleted.push(id);
    const oldest = this.#deleted.length > REMEMBERED_DELETED ? this.#deleted.shift() : undefined;
    if (oldest !== undefined) this.#states.delete(oldest);
  }

  /** Takes note that the answer to a creation was not heard. */
  unheard(subject: number): void {
    this.#unheard.add(subject);
  }

  /** How many events are followed. */
  get size(): number {
    return this.#states.size;
  }

  /** Compares the store with the model while nobody makes changes, and takes its states for certain. */
  check(watch: StoreWatch): string[] {
    const problems: string[] = [];
    const found = new Map<number, State>();
    for (const { id, arrested_at, ...row } of watch.httpRows()) {
      const state = JSON.stringify({
        officer_id: row.officer_id,
        subject_id: row.subject_id,
        arrest_type_id: row.arrest_type_id,
        crime_type_id: row.crime_type_id,
        arrested_at: new Date(arrested_at).toISOString(),
      });
      found.set(id, state);
      if (this.#states.has(id)) continue;
      if (!this.#unheard.delete(row.subject_id)) {
        problems.push(`event ${id} is there, which was deleted or never created: ${state}`);
      }
      this.#states.set(id, new Set([state]));
    }
    for (const [id, possible] of this.#states) {
      const state = found.get(id) ?? ABSENT;
      if (!possible.has(state)) {
        problems.push(`event ${id} is ${state} and should be ${[...possible].join(" or ")}`);
      }
      if (possible.size > 1 || !possible.has(state)) this.set(id, state);
    }
    this.#unheard.clear();
    return problems.map((problem) => `${watch.path}: ${problem}`);
  }
}

/** Whether an event over HTTP is that of a message. */
export function isMessage(event: ArrestEventJson, sequence: number): boolean {
  const { arrested_at, ...sent } = eventOfMessage(sequence);
  const { id: _, arrested_at: answered, ...rest } = event;
  return Bun.deepEquals(rest, sent) && parseTimestamp(answered) === parseTimestamp(arrested_at);
}
