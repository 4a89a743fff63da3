/** Asks servers, and measures how they answer. */

import type { LoadMessage, LoadResult, LoadTask, LoadWindow } from "../load.ts";
import { processorTime } from "../processes.ts";
import { type Child, startProcess } from "../support.ts";
import type { Ask } from "./operations.ts";
import type { Server } from "./sides.ts";

/** What was measured of an operation on one side in one round. */
export interface Sample extends LoadResult {
  /** Requests by second of processor time of the server, all its threads and processes; NaN where that is unknown. */
  readonly perProcessorSecond: number;
}

/** A load under way. */
export interface Load {
  /** What was measured between two moments of Date.now. */
  between(window: LoadWindow): Promise<LoadResult>;
  /** Sends nothing more, and waits for the answers to what has been sent. */
  stop(): Promise<void>;
}

/** A process that asks, one server at a time. */
export class Loader {
  readonly #child: Child;

  /** @param cpus the processors that it may use, as `taskset` lists them */
  constructor(cpus: string | undefined) {
    this.#child = startProcess("bench/load.ts", [], {}, { cpus, hangsAfterMs: 3_600_000 });
  }

  async start(task: LoadTask): Promise<Load> {
    const tell = async <T>(message: LoadMessage): Promise<T> => {
      this.#child.send(message);
      return this.#child.receive<T>();
    };
    await tell({ kind: "start", ...task });
    return {
      between: (window) => tell({ kind: "measure", ...window }),
      stop: async () => void (await tell({ kind: "stop" })),
    };
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

/** How a server is asked. */
export interface Asking {
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Asks a server as fast as it answers. */
export async function askMany(
  loader: Loader,
  server: Server,
  ask: Ask,
  { connections, warmUpMs, measureMs }: Asking,
): Promise<Sample> {
  const load = await loader.start({
    port: server.port,
    connections,
    requests: ask.requests,
    status: ask.status,
    rate: 0,
    once: ask.once ?? false,
  });
  await Bun.sleep(warmUpMs);
  const usedBefore = processorTime(server.pid);
  const from = Date.now();
  await Bun.sleep(measureMs);
  const to = Date.now();
  const used = processorTime(server.pid);
  const result = await load.between({ from, to });
  await load.stop();
  return { ...result, perProcessorSecond: perSecond(result, to - from, usedBefore, used) };
}

function perSecond(
  { requestsPerSecond }: LoadResult,
  milliseconds: number,
  before: number | null,
  after: number | null,
): number {
  if (before === null || after === null) return Number.NaN;
  return (requestsPerSecond * milliseconds) / 1000 / (after - before);
}

/** Asks a server for something that takes long, on one connection: at least once, and again while there is time. */
export async function askOne(
  server: Server,
  { requests, status }: Ask,
  { measureMs }: Pick<Asking, "measureMs">,
): Promise<Sample> {
  const [head = "", body = ""] = requests[0]?.split("\r\n\r\n") ?? [];
  const [method = "", path = ""] = head.split(" ");
  const url = `http://127.0.0.1:${server.port}${path}`;
  // Bun's fetch would ask for compression otherwise.
  const headers = { "Content-Type": "application/json", "Accept-Encoding": "identity" };
  const taken: number[] = [];
  const usedBefore = processorTime(server.pid);
  const startedAt = performance.now();
  do {
    const askedAt = performance.now();
    const response = await fetch(url, { method, headers, ...(body !== "" && { body }) });
    const text = await response.text();
    if (response.status !== status) throw new Error(`${url}: ${response.status} ${text}`);
    taken.push(performance.now() - askedAt);
  } while (performance.now() - startedAt < measureMs);
  const milliseconds = performance.now() - startedAt;
  const sorted = taken.toSorted((one, other) => one - other);
  const result: LoadResult = {
    requestsPerSecond: (taken.length / milliseconds) * 1000,
    p50: sorted[(sorted.length - 1) >> 1] ?? Number.NaN,
    p99: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    processorShare: 0,
  };
  const used = processorTime(server.pid);
  return { ...result, perProcessorSecond: perSecond(result, milliseconds, usedBefore, used) };
}
