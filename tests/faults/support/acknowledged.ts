import { expect } from "bun:test";
import type { ArrestEventJson } from "../../../src/arrest-event.ts";
import type { Random } from "../../../src/simulate/random.ts";
import { eventOfMessage, type ServiceProcess } from "../../promises/support.ts";

/** What is stored of one event as text, or that there is none. */
export type State = string;

/** The state of an event that does not exist. */
export const ABSENT: State = "absent";

/** The state of an event that does. */
export function stateOf({ id: _, ...event }: ArrestEventJson): State {
  return JSON.stringify(event);
}

/** The longest pause of a client between two requests. */
const LONGEST_PAUSE_MS = 30;

interface Step {
  readonly state: State;
  /** Where the recording was before the request was sent. */
  readonly sentAt: number;
  /** Where it was when the answer had arrived; absent without an answer. */
  answeredAt?: number;
}

/** What HTTP clients asked for and were told, in terms of positions in the recording of the disk. */
export class Acknowledged {
  readonly #position: () => number;
  /** By the subject's id, which tells the events apart and is never changed. */
  readonly #histories = new Map<number, Step[]>();

  constructor(position: () => number) {
    this.#position = position;
  }

  /** The positions at which the answers arrived, in order. */
  answers(): number[] {
    return [...this.#histories.values()]
      .flatMap((steps) => steps.flatMap(({ answeredAt }) => answeredAt ?? []))
      .sort((a, b) => a - b);
  }

  /**
   * Creates, changes and deletes events of its own until it is told to end, or the service is gone. An
   * event whose last request had no answer is left alone from then on.
   *
   * @param firstSequence of the events' numbers; each client needs its own thousands
   */
  async runClient(
    service: ServiceProcess,
    random: Random,
    firstSequence: number,
    isEnding: () => boolean,
  ): Promise<void> {
    const own: { id: number; subject: number }[] = [];
    for (let sequence = firstSequence; !isEnding(); sequence++) {
      // A pace that leaves ingest its part of the disk, and the recording its size.
      await Bun.sleep(random() * LONGEST_PAUSE_MS);
      const index = Math.floor(random() * own.length);
      const target = own[index];
      const choice = random();
      try {
        if (target === undefined || choice < 0.5) own.push(await this.#create(service, sequence));
        else if (choice < 0.8) await this.#update(service, target, 1 + sequence);
        else {
          own.splice(index, 1);
          await this.#delete(service, target);
        }
      } catch (error) {
        if (!isEnding()) throw error;
      }
    }
  }

  /**
   * The events whose state cannot be explained by what had been asked and answered before a position of
   * the recording; empty if all is well.
   *
   * @param stored the events' states by the subject's id
   */
  contradictions(position: number, stored: ReadonlyMap<number, State>): string[] {
    const found: string[] = [];
    for (const [subject, steps] of this.#histories) {
      const answered = steps.findLastIndex(({ answeredAt = Infinity }) => answeredAt <= position);
      const possible = steps.filter(({ sentAt }, index) => index > answered && sentAt <= position);
      const allowed = [steps[answered]?.state ?? ABSENT, ...possible.map(({ state }) => state)];
      const state = stored.get(subject) ?? ABSENT;
      if (!allowed.includes(state)) {
        found.push(`${subject} is ${state}, but must be ${allowed.join(" or ")}`);
      }
    }
    for (const subject of stored.keys()) {
      if (!this.#histories.has(subject)) found.push(`${subject} was never created`);
    }
    return found;
  }

  async #create(service: ServiceProcess, sequence: number) {
    const wanted = eventOfMessage(sequence);
    const subject = wanted.subject_id;
    const response = await this.#ask(subject, JSON.stringify(wanted), 201, () =>
      service.post(wanted),
    );
    const { id } = (await response.json()) as ArrestEventJson;
    return { id, subject };
  }

  async #update(service: ServiceProcess, target: { id: number; subject: number }, officer: number) {
    const before = JSON.parse(this.#histories.get(target.subject)?.at(-1)?.state ?? "{}");
    const after = JSON.stringify({ ...before, officer_id: officer });
    await this.#ask(target.subject, after, 200, () =>
      service.fetch(`/arrest_events/${target.id}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ officer_id: officer }),
      }),
    );
  }

  async #delete(service: ServiceProcess, { id, subject }: { id: number; subject: number }) {
    await this.#ask(subject, ABSENT, 204, () =>
      service.fetch(`/arrest_events/${id}`, { method: "DELETE" }),
    );
  }

  async #ask(subject: number, state: State, status: number, request: () => Promise<Response>) {
    const step: Step = { state, sentAt: this.#position() };
    const steps = this.#histories.get(subject) ?? [];
    this.#histories.set(subject, [...steps, step]);
    const response = await request();
    // Taken after the answer, so that everything before the answer lies before it.
    step.answeredAt = this.#position();
    expect(response.status).toBe(status);
    return response;
  }
}
