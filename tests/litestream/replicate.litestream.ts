/**
 * Litestream beside the service, as docs/operations.md says: `bun run test:litestream`, with `litestream` on the PATH
 * (`go install github.com/benbjohnson/litestream/cmd/litestream@v0.5.18`).
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { run } from "../commands/support.ts";
import { eventOfMessage, query, ServiceProcess } from "../promises/support.ts";
import { send } from "../support/kafka.ts";
import { newDirectory } from "../support/store.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(120_000);

const TOPIC = "arrest_event";
const CONFIG = join(import.meta.dir, "../../deploy/litestream/litestream.yml");

/** Runs Litestream with the configuration that is delivered. */
function litestream(settings: Record<string, string>, ...args: string[]) {
  const { PATH = "", HOME = "" } = process.env;
  return Bun.spawn(["litestream", ...args], {
    env: { PATH, HOME, ...settings },
    stdio: ["ignore", "ignore", "pipe"],
  });
}

function messages(from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) => ({
    partition: (from + index) % 4,
    value: JSON.stringify(eventOfMessage(from + index)),
  }));
}

/** A metric of the service that has no labels. */
async function metric(service: ServiceProcess, name: string): Promise<number> {
  const text = await (await service.fetch("/metrics")).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  if (line === undefined) throw new Error(`there is no metric ${name}`);
  return Number(line.slice(name.length + 1));
}

test("a replica that is made while the service ingests is restored after a kill of both, sound, and goes on without a loss or a double", async () => {
  using directory = newDirectory();
  const DATABASE_PATH = directory.file();
  const replica = directory.file("replica");
  const restored = directory.file("restored.sqlite");
  const places = { DATABASE_PATH, REPLICA_URL: `file://${replica}` };
  const broker = await startEmbeddedBroker(TOPIC);
  const settings = {
    KAFKA_BROKERS: broker.address,
    INGEST_BATCH_SIZE: "500",
    KAFKA_CONF_SESSION_TIMEOUT_MS: "3500",
  };
  const restore = (target: string) =>
    litestream(places, "restore", "-config", CONFIG, "-o", target, DATABASE_PATH);
  // Before Litestream sees the file, which would make its own tables first.
  expect((await run({ DATABASE_PATH }, "migrate")).exitCode).toBe(0);
  const replicating = litestream(places, "replicate", "-config", CONFIG);
  try {
    let sent = 0;
    {
      await using service = await ServiceProcess.start({ DATABASE_PATH, ...settings });
      // 3 MB at a time: the embedded broker keeps no more than 5 MB a partition.
      for (const to of [20_000, 40_000, 60_000, 80_000]) {
        await send(broker.address, TOPIC, messages(sent, to));
        sent = to;
        await until(`the events up to ${to}`, async () => {
          const { count } = await service.json<{ count: number }>("/arrest_events/count");
          return count === to;
        });
      }
      const id = (await service.post(eventOfMessage(sent))).headers.get("location");
      expect(id).not.toBeNull();
      expect((await service.json<{ status: string }>("/readyz")).status).toBe("ready");
      expect(await metric(service, "arrest_events_ingest_store_failures_total")).toBe(0);
      const replicated = () =>
        existsSync(replica) &&
        readdirSync(replica, { recursive: true, withFileTypes: true }).some((each) =>
          each.isFile(),
        );
      await until("a replica", replicated);
      await until("the change over HTTP in the replica", async () => {
        const probe = directory.file(`probe-${performance.now()}.sqlite`);
        const restoring = restore(probe);
        if ((await restoring.exited) !== 0) return false;
        const sql = "select count(*) as count from arrest_event";
        return query<{ count: number }>(probe, sql)[0]?.count === sent + 1;
      });
      process.stdout.write(
        `The log: ${(statSync(`${DATABASE_PATH}-wal`).size / 1e6).toFixed(1)} MB.\n`,
      );
      // The kill comes in the midst of ingest, and what the replica lacks then is still in Kafka.
      await send(broker.address, TOPIC, messages(sent + 1, sent + 20_001));
      sent += 20_001;
      await until("a part of it", async () => {
        const { count } = await service.json<{ count: number }>("/arrest_events/count");
        return count > sent - 19_000;
      });
      await service.kill();
      replicating.kill("SIGKILL");
      await replicating.exited;
    }
    const restoring = restore(restored);
    const trouble = await new Response(restoring.stderr).text();
    expect({ exitCode: await restoring.exited, trouble }).toMatchObject({ exitCode: 0 });
    const check = await run({}, "check", restored);
    expect(check).toMatchObject({ exitCode: 0, stderr: "" });
    await using service = await ServiceProcess.start({ DATABASE_PATH: restored, ...settings });
    await until("the rest, from Kafka", async () => {
      const { count } = await service.json<{ count: number }>("/arrest_events/count");
      return count >= sent;
    });
    const subjects = (await service.events()).map(({ subject_id }) => subject_id);
    expect(subjects.length).toBe(sent);
    expect(new Set(subjects).size).toBe(sent);
    service.signal("SIGTERM");
    expect(await service.ended()).toBe(0);
    expect((await run({}, "check", restored)).exitCode).toBe(0);
  } finally {
    replicating.kill("SIGKILL");
    await replicating.exited;
    await broker.close();
  }
});
