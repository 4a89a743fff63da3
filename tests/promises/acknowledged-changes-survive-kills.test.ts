import { expect, test } from "bun:test";
import { join } from "node:path";
import type { ArrestEventJson } from "../../src/arrest-event.ts";
import { type Random, seededRandom } from "../../src/simulate/random.ts";
import { eventOfMessage, ServiceProcess, temporaryDirectory } from "./support.ts";

const KILLS = 5;
const CLIENTS = 8;
const LONGEST_LIFE_MS = 400;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));

/** What is known of an event: every state that the store may be in, given which answers arrived. */
type Possible = ReadonlySet<string>;

const ABSENT = "absent";

test(
  `a change that was acknowledged before a kill is there after it (SEED=${seed})`,
  async () => {
    using directory = temporaryDirectory();
    const random = seededRandom(seed);
    const settings = {
      KAFKA_BROKERS: "none",
      DATABASE_PATH: join(directory.path, "store.sqlite"),
    };
    const known = new Map<number, Possible>();
    let acknowledged = 0;

    for (let kill = 0; kill < KILLS; kill++) {
      await using service = await ServiceProcess.start(settings);
      let alive = true;
      const clients = Array.from({ length: CLIENTS }, async (_, client) => {
        // Each client changes events of its own, so that the order of its changes is known.
        const own: number[] = [];
        for (let step = 0; alive; step++) {
          try {
            await changeSomething(
              service,
              random,
              own,
              known,
              kill * 1_000_000 + client * 10_000 + step,
            );
            acknowledged++;
          } catch (error) {
            if (alive) throw error;
          }
        }
      });
      await Bun.sleep(50 + random() * LONGEST_LIFE_MS);
      alive = false;
      await service.kill();
      await Promise.all(clients);

      await using restarted = await ServiceProcess.start(settings);
      const events = new Map((await restarted.events()).map((event) => [event.id, stateOf(event)]));
      for (const [id, possible] of known) {
        const state = events.get(id) ?? ABSENT;
        expect({ id, possible: [...possible], state, holds: possible.has(state) }).toMatchObject({
          holds: true,
        });
        known.set(id, new Set([state]));
      }
    }
    expect(acknowledged).toBeGreaterThan(KILLS * CLIENTS);
  },
  { timeout: 120_000, retry: 0 },
);

function stateOf({ id: _, ...event }: ArrestEventJson): string {
  return JSON.stringify(event);
}

/** Creates, updates or deletes. Before the answer both outcomes are possible, after it only one is. */
async function changeSomething(
  service: ServiceProcess,
  random: Random,
  own: number[],
  known: Map<number, Possible>,
  sequence: number,
): Promise<void> {
  const id = own[Math.floor(random() * own.length)];
  const choice = random();
  if (id === undefined || choice < 0.5) {
    const response = await service.post(eventOfMessage(sequence));
    expect(response.status).toBe(201);
    const event = (await response.json()) as ArrestEventJson;
    own.push(event.id);
    known.set(event.id, new Set([stateOf(event)]));
    return;
  }
  const before = known.get(id) as Possible;
  if (choice < 0.8) {
    const changed = JSON.parse([...before][0] as string) as ArrestEventJson;
    const after = JSON.stringify({ ...changed, officer_id: 1 + sequence });
    known.set(id, new Set([...before, after]));
    const response = await service.fetch(`/arrest_events/${id}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ officer_id: 1 + sequence }),
    });
    expect(response.status).toBe(200);
    known.set(id, new Set([after]));
  } else {
    known.set(id, new Set([...before, ABSENT]));
    const response = await service.fetch(`/arrest_events/${id}`, { method: "DELETE" });
    expect(response.status).toBe(204);
    known.set(id, new Set([ABSENT]));
    own.splice(own.indexOf(id), 1);
  }
}
