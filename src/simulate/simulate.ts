import { type Config, ConfigError, parseConfig } from "../config.ts";
import { EX_CONFIG, EX_UNAVAILABLE, EX_USAGE } from "../exit-codes.ts";
import { arrestSource } from "./arrests.ts";
import { findBrokers, NoBrokerError } from "./broker.ts";
import { type SimulatedMessage, simulatedMessage } from "./messages.ts";
import {
  parseSimulateOptions,
  repetition,
  type SimulateOptions,
  simulateHelp,
  UsageError,
} from "./options.ts";
import { type ProgressOutput, showProgress, whole } from "./progress.ts";
import { MAX_SEED, seededRandom } from "./random.ts";
import { Sender, SenderError } from "./sender.ts";

/** What a simulation needs from around it. */
export interface SimulateEnvironment {
  /** The settings' environment variables. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Gets what is told: how it goes and how it ended. */
  readonly output: ProgressOutput;
  /** Aborts when the user wants an end. */
  readonly stop: AbortSignal;
}

/** The exit codes of a simulation that ran. */
const DELIVERED = 0;
const NOT_DELIVERED = 1;

/** The most messages between two turns of the event loop, in which delivery reports and signals arrive. */
const BURST = 1000;
/** The longest pause between two looks at the clock, in milliseconds: it bounds the wait for a signal too. */
const LONGEST_PAUSE = 100;
/** How long a full queue is left to drain, in milliseconds. */
const FULL_QUEUE_PAUSE = 5;

/**
 * The command `arrest-events simulate`: reads its options and runs until it is done, or SIGINT or SIGTERM
 * comes. A second signal ends the process at once.
 *
 * @param argv the arguments after `simulate`
 * @returns the exit code
 */
export async function runSimulate(
  argv: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => {
    release();
    stop.abort();
  };
  const release = () => {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  };
  try {
    const options = parseSimulateOptions(
      argv,
      Date.now(),
      Math.floor(Math.random() * (MAX_SEED + 1)),
    );
    if (options === "help") {
      process.stdout.write(simulateHelp());
      return DELIVERED;
    }
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    return await simulate(options, { variables, output: process.stderr, stop: stop.signal });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const problems = error.problems.map((problem) => `  ${problem}\n`).join("");
    process.stderr.write(
      `The options cannot be used:\n${problems}See arrest-events simulate --help\n`,
    );
    return EX_USAGE;
  } finally {
    release();
  }
}

/**
 * Sends simulated arrests until the options' end, or until it is stopped, waits for the broker to
 * acknowledge them, and tells how it went.
 *
 * @returns the exit code: 0 when all that was sent was delivered, stopped or not
 */
export async function simulate(
  options: SimulateOptions,
  environment: SimulateEnvironment,
): Promise<number> {
  const { output, stop } = environment;
  const tell = (text: string) => output.write(`${text}\n`);
  try {
    const config = parseConfig(
      {
        ...environment.variables,
        ...(options.brokers === undefined ? {} : { KAFKA_BROKERS: options.brokers }),
      },
      output.isTTY === true,
    );
    const brokers = await findBrokers(config);
    const sender = await Sender.connect({ ...config.kafka, brokers });
    try {
      tell(
        `Sending to ${config.kafka.topic} at ${brokers}; the same again: ${repetition(options)}`,
      );
      const run = await send(options, sender, config, output, stop);
      for (const line of summary(sender, run)) tell(line);
      return sender.delivered === sender.sent && run.problem === undefined
        ? DELIVERED
        : NOT_DELIVERED;
    } finally {
      await sender.close();
    }
  } catch (error) {
    const code = exitCode(error);
    if (code === undefined) throw error;
    tell((error as Error).message);
    return code;
  }
}

function exitCode(error: unknown): number | undefined {
  if (error instanceof ConfigError) return EX_CONFIG;
  if (error instanceof NoBrokerError || error instanceof SenderError) return EX_UNAVAILABLE;
  return undefined;
}

interface Run {
  /** How many of the messages sent ingest must refuse. */
  readonly malformed: number;
  /** How long it took until the last was settled, in milliseconds. */
  readonly elapsed: number;
  /** Why the client took no more messages, if it did not. */
  readonly problem: string | undefined;
}

async function send(
  options: SimulateOptions,
  sender: Sender,
  config: Config,
  output: ProgressOutput,
  stop: AbortSignal,
): Promise<Run> {
  const random = seededRandom(options.seed);
  const nextArrest = arrestSource(random, {
    startAt: options.start,
    arrestsPerDay: options.perDay,
  });
  let malformed = 0;
  const startedAt = performance.now();
  const elapsed = () => performance.now() - startedAt;
  const stopProgress = showProgress(output, () => ({
    elapsed: elapsed(),
    sent: sender.sent,
    delivered: sender.delivered,
    malformed,
    failed: sender.failed,
    count: options.count,
    seconds: options.seconds,
    trouble: sender.trouble,
  }));
  let problem: string | undefined;
  try {
    let waiting: SimulatedMessage | undefined;
    for (;;) {
      const time = elapsed();
      const goal = due(options, time);
      const burstEnd = Math.min(goal, sender.sent + BURST);
      let full = false;
      while (sender.sent < burstEnd && !full) {
        const message = waiting ?? simulatedMessage(nextArrest(), random, options.refused);
        full = !sender.send(message.key, message.value);
        waiting = full ? message : undefined;
        if (!full && message.malformation !== undefined) malformed += 1;
      }
      sender.poll();
      if (stop.aborted || sender.sent >= options.count || time >= options.seconds * 1000) break;
      if (full) await Bun.sleep(FULL_QUEUE_PAUSE);
      else if (sender.sent < goal) await new Promise((next) => setImmediate(next));
      else await Bun.sleep(pause(sender.sent, options.rate, elapsed()));
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  // Left alone, the client gives each message up in the end; somebody who wants to leave waits less.
  let leaveAt = Number.POSITIVE_INFINITY;
  await sender.flush(() => {
    if (stop.aborted) leaveAt = Math.min(leaveAt, elapsed() + config.shutdownTimeoutMs);
    return leaveAt - elapsed();
  });
  stopProgress();
  return { malformed, elapsed: elapsed(), problem };
}

/**
 * How many messages shall have been sent after `time` milliseconds. It is reckoned from the start, so that
 * late timers cost no messages.
 */
export function due(
  options: Pick<SimulateOptions, "rate" | "count" | "seconds">,
  time: number,
): number {
  const active = Math.min(time / 1000, options.seconds);
  const byRate = options.rate === Number.POSITIVE_INFINITY ? options.rate : active * options.rate;
  return Math.min(Math.ceil(byRate), options.count);
}

/** How long until the next message is due, in milliseconds, within bounds. */
function pause(sent: number, rate: number, time: number): number {
  return Math.min(Math.max((sent / rate) * 1000 - time, 1), LONGEST_PAUSE);
}

function summary(sender: Sender, run: Run): string[] {
  const rate = run.elapsed > 0 ? (sender.delivered / run.elapsed) * 1000 : 0;
  const seconds = (run.elapsed / 1000).toFixed(1);
  const lines = [
    [
      `${whole(sender.sent)} sent`,
      ...(run.malformed > 0 ? [`${whole(run.malformed)} of them malformed`] : []),
      `${whole(sender.delivered)} delivered in ${seconds} s (${whole(rate)}/s)`,
    ].join(", "),
  ];
  for (const [reason, count] of sender.failures) {
    lines.push(`${whole(count)} not delivered: ${reason}`);
  }
  if (sender.pending > 0) {
    lines.push(`${whole(sender.pending)} not delivered: not acknowledged in time`);
  }
  if (run.problem !== undefined) lines.push(`Ended early: ${run.problem}`);
  return lines;
}
