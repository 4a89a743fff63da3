import { describe, expect, test } from "bun:test";
import { pino } from "pino";
import { parseConfig } from "../src/config.ts";
import { startService } from "../src/service.ts";
import { WriterStartError } from "../src/writer/client.ts";
import { message, send } from "./support/kafka.ts";
import { contents, newDirectory } from "./support/store.ts";
import { inTime, until } from "./support/until.ts";

const PATIENCE_MS = 120_000;

/** The whole service on a free port, with its lines of the log but those of the writer thread. */
async function start(environment: Record<string, string> = {}) {
  const directory = newDirectory();
  const path = directory.file();
  const lines: { msg: string; brokers?: string }[] = [];
  const config = parseConfig(
    { PORT: "0", DATABASE_PATH: path, LOG_LEVEL: "silent", ...environment },
    false,
  );
  const log = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const service = await startService(config, log, "1.2.3");
  return {
    path,
    lines,
    service,
    get: async (where: string) => {
      const response = await fetch(new URL(where, service.url));
      return { status: response.status, json: await response.json() };
    },
    async [Symbol.asyncDispose]() {
      await inTime("stopping the service", service.stop());
      directory[Symbol.dispose]();
    },
  };
}

const EXPECTED = {
  id: 1,
  officer_id: 4711,
  subject_id: 1204,
  arrest_type_id: 2,
  crime_type_id: 31,
  arrested_at: "2026-11-22T00:00:00.000Z",
};

/** The address of the embedded broker, as the log tells it to whoever started the service. */
function announcedBroker(lines: readonly { brokers?: string }[]): string {
  const brokers = lines.find((line) => line.brokers !== undefined)?.brokers;
  if (brokers === undefined) throw new Error("no broker was announced");
  return brokers;
}

describe("the whole service", () => {
  test.concurrent(
    "takes what a request may do from its settings",
    async () => {
      await using running = await start({
        KAFKA_BROKERS: "none",
        CORS_ORIGINS: "https://app.example",
        HTTP_REQUEST_TIMEOUT_MS: "100",
        LOG_REQUESTS: "all",
      });
      const answer = await fetch(new URL("/arrest_events", running.service.url), {
        method: "POST",
        headers: { "Content-Type": "application/json", Origin: "https://app.example" },
        body: new ReadableStream({ start: (body) => body.enqueue(Buffer.from("{")) }),
      });
      expect(answer.status).toBe(408);
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example");
      expect(running.lines.filter(({ msg }) => msg === "request")).toMatchObject([
        { method: "POST", route: "/arrest_events", status: 408 },
      ]);
    },
    PATIENCE_MS,
  );

  test.concurrent(
    "answers over HTTP what was sent to Kafka",
    async () => {
      await using running = await start();
      await send(announcedBroker(running.lines), "arrest_event", [message(4711)]);
      const answer = await until("the event is there", async () => {
        const found = await running.get("/arrest_events/1");
        return found.status === 200 && found;
      });
      expect(answer.json).toEqual(EXPECTED);
      expect(await running.get("/arrest_events")).toEqual({ status: 200, json: [EXPECTED] });
    },
    PATIENCE_MS,
  );

  test.concurrent.skipIf(Bun.which("kcat") === null)(
    "answers what was sent by kcat as its log says",
    async () => {
      await using running = await start();
      const brokers = announcedBroker(running.lines);
      const kcat = Bun.spawn(["kcat", "-P", "-b", brokers, "-t", "arrest_event", "-p", "0"], {
        stdin: new Blob([`${message(4711).value}\n`]),
        stderr: "pipe",
      });
      expect(await kcat.exited, await new Response(kcat.stderr).text()).toBe(0);
      const answer = await until("the event is there", async () => {
        const found = await running.get("/arrest_events/1");
        return found.status === 200 && found;
      });
      expect(answer.json).toEqual(EXPECTED);
    },
    PATIENCE_MS,
  );

  test("keeps what it acknowledged over HTTP when it stops", async () => {
    await using running = await start({ KAFKA_BROKERS: "none" });
    const response = await fetch(new URL("/arrest_events", running.service.url), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: String(message(4711).value),
    });
    expect(response.status).toBe(201);
    await inTime("the stop", running.service.stop());
    expect(contents(running.path).officers).toEqual([4711]);
    expect(Bun.peek.status(running.service.died)).toBe("pending");
    expect(await fetch(running.service.url).catch(() => "refused")).toBe("refused");
  });

  test("does not start on a port that is taken, and leaves the store closed", async () => {
    using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    using directory = newDirectory();
    const path = directory.file();
    const settings = { KAFKA_BROKERS: "none", DATABASE_PATH: path, PORT: String(taken.port) };
    const started = start(settings);
    expect(await started.then(() => undefined, String)).toContain("in use");
    await using again = await start({ KAFKA_BROKERS: "none", DATABASE_PATH: path });
    expect((await again.get("/arrest_events")).json).toEqual([]);
  });

  test("does not start with settings of librdkafka that are wrong", async () => {
    const started = start({ KAFKA_CONF_NO_SUCH_SETTING: "x" });
    const error = await started.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(WriterStartError);
    expect((error as WriterStartError).exitCode).toBe(78);
  });
});
