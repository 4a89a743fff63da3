import { expect, test } from "bun:test";
import { join } from "node:path";
import type { ArrestEventJson } from "../../src/arrest-event.ts";
import { type Random, seededRandom } from "../../src/simulate/random.ts";
import { eventOfMessage, ServiceProcess, temporaryDirectory } from "./support.ts";

const KILLS = 6;
const CLIENTS = 8;
const LONGEST_LIFE_MS = 400;
/** The most events of a batch: some are under way when the service is killed. */
const LARGEST_BATCH = 300;
/** Of the requests that were answered, how many are sent again nevertheless. */
const REPEATED = 0.3;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** A request that creates events, until it is answered. */
interface Wanted {
  readonly key: string;
  readonly path: string;
  readonly events: readonly Omit<ArrestEventJson, "id">[];
}

test(`a request that is sent again with its key, over kills, creates its events once (SEED=${seed})`, async () => {
  using directory = temporaryDirectory();
  const random = seededRandom(seed);
  const settings = {
    KAFKA_BROKERS: "none",
    DATABASE_PATH: join(directory.path, "store.sqlite"),
  };
  /** The ids that clients were told, by the subject, which is another one for each event. */
  const told = new Map<number, number>();
  let service = Promise.resolve(await ServiceProcess.start(settings));
  let ended = false;
  let sent = 0;
  let repeated = 0;

  async function send({ key, path, events }: Wanted): Promise<readonly number[] | undefined> {
    const isBatch = path.endsWith("batch");
    const running = await service;
    let status: number;
    let answer: { readonly id: number; readonly ids: readonly number[] };
    try {
      const response = await running.fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify(isBatch ? events : events[0]),
      });
      status = response.status;
      answer = (await response.json()) as typeof answer;
    } catch (error) {
      // Only a kill may end a connection, and then there is another service to wait for.
      if (running === (await service)) throw error;
      return undefined;
    }
    expect(status).toBe(201);
    return isBatch ? answer.ids : [answer.id];
  }

  async function client(number: number): Promise<void> {
    for (let step = 0; !ended; step++) {
      const wanted = newRequest(random, `client-${number}-${step}`, sent);
      sent += wanted.events.length;
      let ids = await send(wanted);
      for (; ids === undefined; repeated++) ids = await send(wanted);
      if (random() < REPEATED) {
        const again = await send(wanted);
        if (again !== undefined) expect(again).toEqual(ids);
      }
      for (const [index, { subject_id }] of wanted.events.entries()) {
        told.set(subject_id, ids[index] as number);
      }
    }
  }

  const clients = Array.from({ length: CLIENTS }, (_, number) => client(number));
  for (let kill = 0; kill < KILLS; kill++) {
    await Bun.sleep(50 + random() * LONGEST_LIFE_MS);
    const killed = await service;
    const next = Promise.withResolvers<ServiceProcess>();
    service = next.promise;
    await killed.kill();
    next.resolve(await ServiceProcess.start(settings));
  }
  ended = true;
  await Promise.all(clients);

  await using last = await service;
  const events = await last.events();
  const stored = new Map(events.map(({ id, subject_id }) => [subject_id, id]));
  expect(events).toHaveLength(stored.size);
  expect(stored).toEqual(told);
  expect(told.size).toBe(sent);
  expect(repeated).toBeGreaterThan(0);
}, 120_000);

function newRequest(random: Random, key: string, first: number): Wanted {
  const isBatch = random() < 0.3;
  const count = isBatch ? 1 + Math.floor(random() * LARGEST_BATCH) : 1;
  return {
    key,
    path: isBatch ? "/arrest_events/batch" : "/arrest_events",
    events: Array.from({ length: count }, (_, index) => eventOfMessage(first + index)),
  };
}
