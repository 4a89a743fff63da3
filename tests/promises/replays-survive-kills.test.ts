import { expect, test } from "bun:test";
import { join } from "node:path";
import { decodeMessage } from "../../src/ingest/message.ts";
import { below, type Random, seededRandom } from "../../src/simulate/random.ts";
import { openWriter } from "../../src/store/write.ts";
import { batch, letter } from "../support/store.ts";
import { eventOfMessage, query, ServiceProcess, temporaryDirectory } from "./support.ts";

const KILLS = 5;
const CLIENTS = 6;
/** How many letters each client gets before each life of the service. */
const LETTERS = 400;
const LARGEST_BULK = 15;
const LONGEST_LIFE_MS = 400;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** A letter with the number of its message, which is its offset, and whose event is told by its subject. */
interface Letter {
  readonly id: number;
  readonly sequence: number;
  readonly partition: number;
  /** Whether what it holds has become a valid event; otherwise it takes a corrected one. */
  readonly isGood: boolean;
}

/** What has become of the letters of a client, by their numbers: a letter, nothing, or an event as JSON. */
type State = ReadonlyMap<number, string>;

const LETTER = "letter";
const GONE = "gone";

test(
  `a dead letter that is replayed or deleted ends as one event or as one letter or is gone, as was acknowledged, whenever the service is killed (SEED=${seed})`,
  async () => {
    using directory = temporaryDirectory();
    const random = seededRandom(seed);
    const path = join(directory.path, "store.sqlite");
    const settings = { KAFKA_BROKERS: "none", DATABASE_PATH: path };
    const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(number, random));

    for (let kill = 0; kill < KILLS; kill++) {
      addLetters(path, kill * CLIENTS * LETTERS);
      const letters = storedLetters(path);
      for (const client of clients) client.take(letters);
      await using service = await ServiceProcess.start(settings);
      let alive = true;
      const working = clients.map((client) => client.work(service, () => alive));
      await Bun.sleep(50 + random() * LONGEST_LIFE_MS);
      alive = false;
      await service.kill();
      await Promise.all(working);

      await using restarted = await ServiceProcess.start(settings);
      const states = readStates(path);
      for (const client of clients) client.judge(states);
      const left = [...states.values()].filter((state) => state === LETTER).length;
      expect(await listedLetters(restarted)).toBe(left);
    }
    const sum = (name: string) =>
      clients.reduce((total, each) => total + (each.done[name] ?? 0), 0);
    for (const name of ["replay", "correct", "delete", "replay-all", "delete-all"]) {
      expect({ name, acknowledged: sum(name) > 0 }).toEqual({ name, acknowledged: true });
    }
  },
  { timeout: 120_000, retry: 0 },
);

/** Keeps messages as ingest keeps what it refuses, for each client in a partition of its own. */
function addLetters(path: string, from: number): void {
  const writer = openWriter(path, "kafka", "arrest_event", decodeMessage);
  const deadLetters = Array.from({ length: CLIENTS * LETTERS }, (_, index) => {
    const sequence = from + index;
    const isGood = Math.floor(index / CLIENTS) % 2 === 0;
    return letter({
      partition: sequence % CLIENTS,
      offset: sequence,
      reason: isGood ? "invalid_event" : "not_json",
      value: Buffer.from(isGood ? JSON.stringify(eventOfMessage(sequence)) : `poison ${sequence}`),
    });
  });
  writer.ingest(batch({ deadLetters }));
  writer.close();
}

function storedLetters(path: string): Letter[] {
  return query<{ id: number; sequence: number; partition: number; reason: string }>(
    path,
    "select id, offset as sequence, partition, reason from dead_letter order by id",
  ).map(({ reason, ...letter }) => ({ ...letter, isGood: reason === "invalid_event" }));
}

/** What the store has of every message that it has anything of. Fails where that is not one thing. */
function readStates(path: string): State {
  const events = query<{ sequence: number; state: string }>(
    path,
    `select subject_id - 1 as sequence, json_object('officer_id', officer_id, 'subject_id', subject_id,
      'arrest_type_id', arrest_type_id, 'crime_type_id', crime_type_id, 'arrested_at', arrested_at) as state
      from arrest_event`,
  );
  const all = [
    ...events,
    ...storedLetters(path).map(({ sequence }) => ({ sequence, state: LETTER })),
  ];
  const states = new Map(all.map(({ sequence, state }) => [sequence, state]));
  const twice = all.filter(({ sequence, state }) => states.get(sequence) !== state);
  expect({ twice, things: all.length }).toEqual({ twice: [], things: states.size });
  return states;
}

/** How many letters a list of them has, over all its pages. */
async function listedLetters(service: ServiceProcess): Promise<number> {
  let count = 0;
  for (let next: string | undefined = "/dead_letters?limit=1000"; next !== undefined; ) {
    const page = await service.fetch(next);
    expect(page.status).toBe(200);
    count += ((await page.json()) as unknown[]).length;
    next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("Link") ?? "")?.[1];
  }
  return count;
}

function stateOfEvent(sequence: number, officer?: number): string {
  const event = eventOfMessage(sequence);
  return JSON.stringify({
    ...event,
    ...(officer !== undefined && { officer_id: officer }),
    arrested_at: Date.parse(event.arrested_at),
  });
}

/** A client with letters of its own, so that the order of its requests is known. */
class Client {
  /** How many requests of each kind have been answered. */
  readonly done: Record<string, number> = {};
  readonly #partition: number;
  readonly #random: Random;
  #letters: Letter[] = [];
  #state: State = new Map();
  /** What the state is when a request that had no answer was carried out. */
  #alternative: State | undefined;
  #steps = 0;

  constructor(partition: number, random: Random) {
    this.#partition = partition;
    this.#random = random;
  }

  /** Learns of the letters that wait for it. */
  take(letters: readonly Letter[]): void {
    this.#letters = letters.filter(({ partition }) => partition === this.#partition);
    this.#state = new Map([
      ...this.#state,
      ...this.#letters.map(({ sequence }) => [sequence, LETTER] as const),
    ]);
  }

  /** Sends one request after the other, until the service is gone or no letter is left. */
  async work(service: ServiceProcess, isAlive: () => boolean): Promise<void> {
    while (isAlive() && this.#letters.length > 0) {
      try {
        await this.#step(service);
      } catch (error) {
        if (isAlive()) throw error;
      }
    }
  }

  /** Compares what there is with what may be: all of the last request was carried out, or nothing of it. */
  judge(stored: State): void {
    const found = new Map(
      [...this.#state.keys()].map((sequence) => [sequence, stored.get(sequence) ?? GONE]),
    );
    const allowed = [this.#state, this.#alternative ?? this.#state];
    const differences = allowed.map((state) =>
      [...state]
        .filter(([sequence, each]) => found.get(sequence) !== each)
        .map(([sequence, each]) => ({ sequence, should: each, is: found.get(sequence) })),
    );
    expect(differences).toContainEqual([]);
    this.#state = found;
    this.#alternative = undefined;
  }

  #step(service: ServiceProcess): Promise<void> {
    const random = this.#random;
    const letter = this.#letters[below(random, this.#letters.length)] as Letter;
    const one = `/dead_letters/${letter.id}`;
    this.#steps++;
    const choice = random();
    if (choice < 0.3) {
      if (!letter.isGood) {
        return this.#ask("refused", service, `${one}/replay`, { method: "POST" }, [], 422);
      }
      const after = new Map([[letter, stateOfEvent(letter.sequence)]]);
      return this.#ask("replay", service, `${one}/replay`, { method: "POST" }, after, 201);
    }
    if (choice < 0.55) {
      const officer = 1000 + this.#steps;
      const corrected = {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...eventOfMessage(letter.sequence), officer_id: officer }),
      };
      const after = new Map([[letter, stateOfEvent(letter.sequence, officer)]]);
      return this.#ask("correct", service, `${one}/replay`, corrected, after, 201);
    }
    if (choice < 0.75) {
      const after = new Map([[letter, GONE]]);
      return this.#ask("delete", service, one, { method: "DELETE" }, after, 204);
    }
    const limit = 1 + below(random, LARGEST_BULK);
    const filter = `topic=arrest_event&partition=${this.#partition}&limit=${limit}`;
    if (choice < 0.85) {
      const after = new Map(this.#letters.slice(0, limit).map((each) => [each, GONE]));
      const answer = { deleted: after.size };
      const init = { method: "DELETE" };
      return this.#ask("delete-all", service, `/dead_letters?${filter}`, init, after, 200, answer);
    }
    // Behind some letter of its own, so that those which stay do not fill every request.
    const met = this.#letters.filter(({ id }) => id > letter.id).slice(0, limit);
    const good = met.filter(({ isGood }) => isGood);
    const after = new Map(good.map((each) => [each, stateOfEvent(each.sequence)]));
    return this.#ask(
      "replay-all",
      service,
      `/dead_letters/replay?${filter}&cursor=${letter.id}`,
      { method: "POST" },
      after,
      200,
      { replayed: good.length, refused: met.length - good.length },
    );
  }

  /** Sends a request, now and then twice at once: what changes a single letter is then carried out once. */
  async #ask(
    name: string,
    service: ServiceProcess,
    path: string,
    init: RequestInit,
    after: Iterable<readonly [Letter, string]>,
    status: number,
    answer?: unknown,
  ): Promise<void> {
    const changes = [...after];
    const before = this.#state;
    const next = new Map([
      ...before,
      ...changes.map(([{ sequence }, state]) => [sequence, state] as const),
    ]);
    this.#alternative = next;
    const isDoubled = answer === undefined && changes.length > 0 && this.#random() < 0.3;
    const requests = (isDoubled ? [1, 2] : [1]).map(async () => {
      const response = await service.fetch(path, init);
      return { status: response.status, text: await response.text() };
    });
    const settled = await Promise.allSettled(requests);
    const heard = settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const unheard = settled.find((each) => each.status === "rejected");
    // Without any answer both outcomes stay possible.
    if (unheard !== undefined && heard.length === 0) throw unheard.reason;
    const statuses = heard.map((each) => each.status).sort();
    const expected =
      heard.length === 2 ? [[status, 404]] : isDoubled ? [[status], [404]] : [[status]];
    expect({ name, expected }).toEqual({ name, expected: expect.arrayContaining([statuses]) });
    if (answer !== undefined) expect(JSON.parse(heard[0]?.text ?? "")).toEqual(answer);
    this.#state = next;
    this.#alternative = undefined;
    const gone = new Set(changes.map(([letter]) => letter));
    this.#letters = this.#letters.filter((each) => !gone.has(each));
    this.done[name] = (this.done[name] ?? 0) + 1;
    if (unheard !== undefined) throw unheard.reason;
  }
}
