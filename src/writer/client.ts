import type { Config } from "../config.ts";
import type { Change, ChangeResult } from "../store/write.ts";
import { Silence } from "../telemetry/silence.ts";
import { MetricsAnswers, type WriterNumbers } from "./metrics-answers.ts";
import { eventsOf, type FromWriter, type ToWriter, type WriterStatus } from "./protocol.ts";

export { INGEST_STATES, type IngestStatus, type PartitionStatus } from "../ingest/status.ts";
export type { Change, ChangeResult, VersionCondition } from "../store/write.ts";
export type { WriterNumbers } from "./metrics-answers.ts";
export type { StoreStatus, WriterStatus } from "./protocol.ts";

/** The store cannot be written now; nothing of the change was made, and it may be tried again. */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
}

/** The writer thread could not start. `exitCode` is what the process should end with. */
export class WriterStartError extends Error {
  override readonly name = "WriterStartError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What the main thread holds of the writer thread. */
export interface WriterClient {
  /**
   * Makes a change and resolves once it is on the disk.
   *
   * @throws StoreUnavailableError when it was not made
   */
  change<C extends Change>(change: C): Promise<ChangeResult<C["kind"]>>;
  /** The last status that the writer thread sent, or that it has been silent for too long. */
  status(): WriterStatus;
  /** What the writer thread has counted. Never rejects, and takes no longer than {@link WriterLimits} say. */
  metrics(): Promise<WriterNumbers>;
  readonly librdkafkaVersion: string;
  /** Begins to finish and store the batch under way and to leave the consumer group; changes go on. */
  stopIngest(): void;
  /**
   * Waits for that, at most so long, and closes the store.
   *
   * @throws Error when the thread ended before it had done so
   */
  stop(withinMs: number): Promise<void>;
  /** Resolves when the thread ends without having been stopped, which nothing survives. */
  readonly died: Promise<Error>;
}

/**
 * The most changes that one transaction takes, and the events from which on it takes no further change,
 * which bounds how long it holds the writer.
 */
const MAX_GROUP = 1000;
const FULL_GROUP_EVENTS = 10_000;

/**
 * The changes, and their events, from which on no more may wait: a change is refused at once rather than
 * kept waiting.
 */
const MAX_WAITING = 10_000;
const MAX_WAITING_EVENTS = 200_000;

/** How long the main thread waits for the writer thread, in milliseconds. */
export interface WriterLimits {
  /** A silence after which changes are refused and the service is not ready. */
  readonly silenceMs: number;
  /** For its numbers. */
  readonly metricsMs: number;
}

const LIMITS: WriterLimits = {
  // A foreign lock and a large checkpoint hold the thread for a few seconds, and are over by themselves.
  silenceMs: 10_000,
  metricsMs: 1000,
};

/** How often the silence is measured. */
const TICK_MS = 250;

interface Waiting {
  readonly change: Change;
  readonly resolve: (result: ChangeResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Starts the writer thread and waits until the store is open.
 *
 * @param limits how long the main thread then waits for it
 * @throws WriterStartError
 */
export async function startWriter(config: Config, limits = LIMITS): Promise<WriterClient> {
  const worker = new Worker(new URL("./thread.ts", import.meta.url).href, { name: "writer" });
  const send = (message: ToWriter): void => worker.postMessage(message);
  const started = Promise.withResolvers<Extract<FromWriter, { kind: "started" }>>();
  const stopped = Promise.withResolvers<void>();
  const died = Promise.withResolvers<Error>();

  const waiting: Waiting[] = [];
  let waitingEvents = 0;
  let underWay: Waiting[] = [];
  let closed: string | undefined;
  /** The thread has said that it stopped, so that its end is none that anybody need hear of. */
  let finished = false;
  let status: WriterStatus;
  const silence = new Silence(TICK_MS, limits.silenceMs);
  const answers = new MetricsAnswers(() => send({ kind: "metrics" }), limits.metricsMs);

  function silenceProblem(): string | undefined {
    if (!silence.isTooLong) return undefined;
    return `the writer thread has been silent for ${silence.seconds} s`;
  }

  /** One group is under way at a time; what arrives meanwhile becomes the next, so groups grow with the load. */
  function sendNextGroup(): void {
    if (underWay.length > 0 || waiting.length === 0) return;
    underWay = waiting.splice(0, groupSize(waiting));
    for (const { change } of underWay) waitingEvents -= eventsOf(change);
    send({ kind: "apply", changes: underWay.map(({ change }) => change) });
  }

  function refuseWaiting(reason: string): void {
    waitingEvents = 0;
    for (const { reject } of waiting.splice(0)) reject(new StoreUnavailableError(reason));
  }

  /** Refuses what waits, and the group that had been sent with an error of its own. */
  function close(reason: string, ofUnderWay: Error): void {
    closed = reason;
    refuseWaiting(reason);
    for (const { reject } of underWay.splice(0)) reject(ofUnderWay);
  }

  worker.onmessage = ({ data: message }: MessageEvent<FromWriter>) => {
    silence.heard();
    switch (message.kind) {
      case "started":
        started.resolve(message);
        break;
      case "not-started":
        started.reject(new WriterStartError(message.message, message.exitCode));
        break;
      case "status":
        status = message.status;
        break;
      case "metrics":
        answers.answered(message.text);
        break;
      case "applied": {
        const group = underWay;
        underWay = [];
        sendNextGroup();
        for (const [index, { resolve, reject }] of group.entries()) {
          const result = message.results[index];
          if (result === undefined) reject(new Error("the writer thread left a change unanswered"));
          else resolve(result);
        }
        break;
      }
      case "not-applied": {
        const error = new StoreUnavailableError("the store cannot be written");
        for (const { reject } of underWay.splice(0)) reject(error);
        sendNextGroup();
        break;
      }
      case "stopped":
        finished = true;
        stopped.resolve();
        break;
    }
  };
  const onDeath = (error: Error): void => {
    if (finished) return;
    const reason = "the writer thread has ended";
    // The group may have been stored: "nothing was changed" would be a guess.
    close(reason, new Error(`${reason} with changes under way`));
    started.reject(error);
    died.resolve(error);
  };
  worker.onerror = (event) => onDeath(new Error(`the writer thread failed: ${event.message}`));
  worker.addEventListener("close", () => onDeath(new Error("the writer thread has ended")));

  send({ kind: "start", config });
  let librdkafkaVersion: string;
  try {
    ({ status, librdkafkaVersion } = await started.promise);
  } catch (error) {
    worker.terminate();
    throw error;
  }

  const ticking = setInterval(() => {
    silence.tick();
    const problem = silenceProblem();
    if (problem !== undefined) refuseWaiting(problem);
  }, TICK_MS);
  ticking.unref();

  return {
    librdkafkaVersion,
    change: <C extends Change>(change: C) => {
      if (closed !== undefined) return Promise.reject(new StoreUnavailableError(closed));
      const problem = silenceProblem();
      if (problem !== undefined) return Promise.reject(new StoreUnavailableError(problem));
      if (waiting.length >= MAX_WAITING || waitingEvents >= MAX_WAITING_EVENTS) {
        return Promise.reject(new StoreUnavailableError("too many changes are waiting"));
      }
      const { promise, resolve, reject } = Promise.withResolvers<ChangeResult<C["kind"]>>();
      // The thread answers each change with a result of its kind.
      waitingEvents += eventsOf(change);
      waiting.push({ change, resolve: resolve as (result: ChangeResult) => void, reject });
      sendNextGroup();
      return promise;
    },
    status: () => {
      const problem = silenceProblem();
      if (problem === undefined) return status;
      return { store: { writable: false, problem }, ingest: { ...status.ingest, problem } };
    },
    metrics: () => answers.numbers(),
    stopIngest: () => send({ kind: "stop-ingest" }),
    stop: async (withinMs) => {
      send({ kind: "stop", withinMs });
      const death = await Promise.race([stopped.promise, died.promise]);
      if (death instanceof Error) throw death;
      const reason = "the service is stopping";
      // The thread answers what it has stored before it says that it stopped.
      close(reason, new StoreUnavailableError(reason));
      clearInterval(ticking);
      worker.terminate();
    },
    died: died.promise,
  };
}

/** How many of the changes that wait make the next group. */
function groupSize(waiting: readonly Waiting[]): number {
  let events = 0;
  let size = 0;
  for (const { change } of waiting) {
    if (size === MAX_GROUP || events >= FULL_GROUP_EVENTS) break;
    events += eventsOf(change);
    size++;
  }
  return size;
}
