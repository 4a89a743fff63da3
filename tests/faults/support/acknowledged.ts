import { expect } from "bun:test";
import type { ArrestEventJson } from "../../../src/arrest-event.ts";
import type { Random } from "../../../src/simulate/random.ts";
import { eventOfMessage, type ServiceProcess } from "../../promises/support.ts";
import { sequenceAt } from "./kafka-log.ts";

/** What is stored of one event as text, or that there is none. */
export type State = string;

/** The state of an event that does not exist. */
export const ABSENT: State = "absent";

/** The state of a refused message that waits as a dead letter, and of one whose letter was deleted. */
export const LETTER: State = "a dead letter";
export const GONE: State = "neither event nor dead letter";

/** Added to the number of a refused message, it is the number of the event that the dead letter is corrected to. */
export const FIRST_OF_LETTERS = 2_000_000;

/** The state of an event that does. */
export function stateOf({ id: _, ...event }: ArrestEventJson): State {
  return JSON.stringify(event);
}

/** The longest pause of a client between two requests. */
const LONGEST_PAUSE_MS = 30;

/** How much of what a client does is with dead letters. */
const LETTER_SHARE = 0.3;

interface Step {
  readonly state: State;
  /** Where the recording was before the request was sent. */
  readonly sentAt: number;
  /** Where it was when the answer had arrived; absent without an answer. */
  answeredAt?: number;
}

/** What a store holds of that which HTTP clients have made or settled, by the subject's id. */
interface Settled {
  readonly ofHttp: ReadonlyMap<number, State>;
  readonly ofLetters: ReadonlyMap<number, State>;
}

/** What HTTP clients asked for and were told, in terms of positions in the recording of the disk. */
export class Acknowledged {
  readonly #position: () => number;
  /** By the subject's id, which tells the events apart and is never changed. */
  readonly #histories = new Map<number, Step[]>();
  /** The dead letters that a client has taken up, by the same. */
  readonly #lettersOf = new Set<number>();

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
   * Creates, changes and deletes events of its own, and settles dead letters, until it is told to end, or
   * the service is gone. What a request without an answer was about is left alone from then on.
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
        if (random() < LETTER_SHARE) await this.#settleLetter(service, random);
        else if (target === undefined || choice < 0.5)
          own.push(await this.#create(service, sequence));
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

  /** How many dead letters are known to have become an event, or to be deleted. */
  settledLetters(): number {
    return [...this.#lettersOf].filter((subject) => {
      return this.#histories.get(subject)?.some(({ answeredAt }) => answeredAt !== undefined);
    }).length;
  }

  /**
   * The events and dead letters whose state cannot be explained by what had been asked and answered before
   * a position of the recording; empty if all is well.
   */
  contradictions(position: number, { ofHttp, ofLetters }: Settled): string[] {
    const found: string[] = [];
    for (const [subject, steps] of this.#histories) {
      const isLetter = this.#lettersOf.has(subject);
      const answered = steps.findLastIndex(({ answeredAt = Infinity }) => answeredAt <= position);
      const possible = steps.filter(({ sentAt }, index) => index > answered && sentAt <= position);
      const last = steps[answered]?.state;
      // What nobody was told of a message may be taken back to before it was read.
      const certain = last !== undefined ? [last] : isLetter ? [ABSENT, LETTER] : [ABSENT];
      const allowed = [...certain, ...possible.map(({ state }) => state)];
      const state = (isLetter ? ofLetters : ofHttp).get(subject) ?? ABSENT;
      if (!allowed.includes(state)) {
        found.push(`${subject} is ${state}, but must be ${allowed.join(" or ")}`);
      }
    }
    for (const subject of ofHttp.keys()) {
      if (!this.#histories.has(subject)) found.push(`${subject} was never created`);
    }
    for (const [subject, state] of ofLetters) {
      if (!this.#histories.has(subject) && state !== LETTER) {
        found.push(`${subject} is ${state}, but nobody has asked for that`);
      }
    }
    return found;
  }

  /** Replays a dead letter that nobody has taken up, corrected, or deletes it. */
  async #settleLetter(service: ServiceProcess, random: Random): Promise<void> {
    const letters = await service.json<{ id: number; partition: number; offset: number }[]>(
      "/dead_letters?limit=1000",
    );
    const letter = letters
      .map(({ id, partition, offset }) => ({
        id,
        wanted: eventOfMessage(FIRST_OF_LETTERS + sequenceAt(partition, offset)),
      }))
      .find(({ wanted }) => !this.#lettersOf.has(wanted.subject_id));
    if (letter === undefined) return;
    const { id, wanted } = letter;
    const subject = wanted.subject_id;
    this.#lettersOf.add(subject);
    if (random() < 0.3) {
      await this.#ask(subject, GONE, 204, () =>
        service.fetch(`/dead_letters/${id}`, { method: "DELETE" }),
      );
    } else {
      await this.#ask(subject, JSON.stringify(wanted), 201, () =>
        service.fetch(`/dead_letters/${id}/replay`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(wanted),
        }),
      );
    }
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
