/**
 * Looks for probes over HTTP, in this process of its own: asks again and again for those behind the last that
 * was seen, on one kept connection, a millisecond after the last answer.
 */
import type { ArrestEventJson } from "../src/arrest-event.ts";
import { writeCursor } from "../src/http/arrest-events/cursor.ts";
import { request } from "./http/operations.ts";
import { microseconds, PROBE_OFFICER } from "./probes.ts";
import { answer, type Child, median, readTask, startProcess } from "./support.ts";

/** What was seen. */
export interface SightResult {
  /** From the sending of each probe to the answer that had it, in milliseconds. */
  readonly latencies: readonly number[];
  /** The middle of the times between two answers, by which a latency is too long at most; in milliseconds. */
  readonly gap: number;
}

/** A process that looks. */
export interface Sight {
  /** Ends it when it has seen so many, or has seen nothing new for a while. */
  stop(probes: number): Promise<SightResult>;
}

/** Where to look, and behind which event. */
export interface SightTask {
  readonly port: number;
  readonly after: number;
}

/** Starts to look for the probes of a service. */
export async function startSight(task: SightTask): Promise<Sight> {
  const child: Child = startProcess("bench/sight.ts", [JSON.stringify(task)]);
  await child.receive();
  return {
    stop: async (probes) => {
      child.send(probes);
      const result = await child.receive<SightResult>();
      await child.exited;
      return result;
    },
  };
}

/** How long between an answer and the next question, in milliseconds. */
const PAUSE_MS = 1;

/** When nothing more is expected, in milliseconds. */
const SILENCE_MS = 5000;

const PAGE = 1000;
const HEADER_END = "\r\n\r\n";
const LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;

function pageBehind(id: number): string {
  const query = new URLSearchParams({ officer_id: String(PROBE_OFFICER), limit: String(PAGE) });
  const place = { id, arrestedAt: 0 };
  if (id > 0) query.set("cursor", writeCursor({ sort: "id", place }));
  return request("GET", `/arrest_events?${query}`, { "Accept-Encoding": "identity" });
}

async function look({ port, after }: SightTask): Promise<void> {
  const latencies: number[] = [];
  const gaps: number[] = [];
  let lastId = after;
  let received = "";
  let answeredAt = microseconds();
  let seenAt = answeredAt;
  let wanted: number | undefined;

  function fail(message: string): never {
    process.stderr.write(`sight: ${message}\n`);
    process.exit(1);
  }

  function ask(): void {
    const now = microseconds();
    const isOver = latencies.length >= (wanted ?? Number.POSITIVE_INFINITY);
    if (isOver || (wanted !== undefined && now - seenAt > SILENCE_MS * 1000)) {
      answer({ latencies, gap: median(gaps) } satisfies SightResult);
      // Sent before the process ends.
      setTimeout(() => process.exit(0), 100);
      return;
    }
    socket.write(pageBehind(lastId));
  }

  function take(body: string): void {
    const now = microseconds();
    gaps.push((now - answeredAt) / 1000);
    answeredAt = now;
    const events = JSON.parse(body) as readonly ArrestEventJson[];
    for (const { id, subject_id: sentAt } of events) {
      lastId = id;
      latencies.push((now - sentAt) / 1000);
    }
    if (events.length > 0) seenAt = now;
    if (events.length === PAGE) ask();
    else setTimeout(ask, PAUSE_MS);
  }

  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, chunk) => {
        received += chunk.toString("latin1");
        const headerEnd = received.indexOf(HEADER_END);
        if (headerEnd < 0) return;
        if (!received.startsWith("HTTP/1.1 200 ")) fail(received.slice(0, 1000));
        const length = LENGTH.exec(received.slice(0, headerEnd + 2))?.[1];
        if (length === undefined) fail(`an answer without a length: ${received.slice(0, 1000)}`);
        const bodyAt = headerEnd + HEADER_END.length;
        if (received.length < bodyAt + Number(length)) return;
        const body = received.slice(bodyAt);
        received = "";
        take(body);
      },
      close: () => fail("the connection was closed"),
      error: (_, error) => fail(error.message),
    },
  });
  process.once("message", (probes: number) => {
    wanted = probes;
  });
  answer("looking");
  ask();
}

if (import.meta.main) await look(readTask<SightTask>());
