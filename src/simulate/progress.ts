import { clearLine, cursorTo } from "node:readline";

/** Where a run is. */
export interface Snapshot {
  /** Since the start, in milliseconds. */
  readonly elapsed: number;
  readonly sent: number;
  readonly delivered: number;
  /** Of those sent, how many ingest must refuse. */
  readonly malformed: number;
  /** Given up by the client. */
  readonly failed: number;
  /** How many messages the run ends after, and how many seconds; infinite for no end. */
  readonly count: number;
  readonly seconds: number;
  /** What is wrong with the connection, while something is. */
  readonly trouble: string | undefined;
}

/** Where progress is shown: a terminal, or any other stream. */
export type ProgressOutput = Pick<NodeJS.WriteStream, "write"> &
  Partial<Pick<NodeJS.WriteStream, "isTTY" | "columns">>;

const WIDEST_BAR = 20;
const NARROWEST_BAR = 5;
/** How often a terminal's line is drawn, and how often another stream gets one, in milliseconds. */
const REDRAW_EVERY = 100;
const LINE_EVERY = 5000;
/** The rate is taken over this many milliseconds. */
const RATE_WINDOW = 5000;

/**
 * Shows progress until it is stopped: one line that is drawn again and again on a terminal, a new line
 * every few seconds elsewhere.
 *
 * The terminal's line is our own. Of the libraries, @clack/prompts ends the process by itself on Ctrl-C,
 * before anything could be flushed; ora and listr2 have no bar; cli-progress has had no release since 2023.
 *
 * @returns stops it and removes the terminal's line
 */
export function showProgress(output: ProgressOutput, snapshot: () => Snapshot): () => void {
  const rate = rateMeter();
  const line = (room: number) => {
    const now = snapshot();
    return progressLine(now, rate(now), room);
  };
  if (output.isTTY !== true) {
    const timer = setInterval(() => output.write(`${line(0)}\n`), LINE_EVERY);
    return () => clearInterval(timer);
  }
  const terminal = output as NodeJS.WriteStream;
  const timer = setInterval(() => {
    // A line that wraps could not be drawn over.
    const room = (terminal.columns || 80) - 1;
    cursorTo(terminal, 0);
    terminal.write(line(room).slice(0, room));
    clearLine(terminal, 1);
  }, REDRAW_EVERY);
  return () => {
    clearInterval(timer);
    cursorTo(terminal, 0);
    clearLine(terminal, 0);
  };
}

/** Deliveries a second over the last seconds, of the snapshots it is given. */
export function rateMeter(): (snapshot: Pick<Snapshot, "elapsed" | "delivered">) => number {
  let window = [{ elapsed: 0, delivered: 0 }];
  return (now) => {
    const recent = window.filter((past) => past.elapsed >= now.elapsed - RATE_WINDOW);
    const first = recent[0] ?? window.at(-1) ?? now;
    window = [...recent, { elapsed: now.elapsed, delivered: now.delivered }];
    const span = now.elapsed - first.elapsed;
    return span > 0 ? ((now.delivered - first.delivered) / span) * 1000 : 0;
  };
}

/**
 * One line about a run.
 *
 * @param rate deliveries a second
 * @param room how many columns the line may have, with a bar if they suffice; 0 for a line without a bar
 */
export function progressLine(now: Snapshot, rate: number, room: number): string {
  const ends = Number.isFinite(now.count) || Number.isFinite(now.seconds);
  const byCount = now.delivered / now.count;
  const byTime = now.elapsed / 1000 / now.seconds;
  const done = Math.min(Math.max(byCount, byTime), 1);
  const left = Math.min(
    rate > 0 ? (now.count - now.delivered) / rate : Number.POSITIVE_INFINITY,
    Math.max(now.seconds - now.elapsed / 1000, 0),
  );
  const text = [
    ...(ends ? [`${Math.floor(done * 100)} %`] : []),
    `${whole(now.sent)} sent`,
    `${whole(now.delivered)} delivered`,
    `${whole(rate)}/s`,
    ...(left > 0 && Number.isFinite(left) ? [`${duration(left)} left`] : []),
    ...(now.malformed > 0 ? [`${whole(now.malformed)} malformed`] : []),
    ...(now.failed > 0 ? [`${whole(now.failed)} failed`] : []),
    ...(now.trouble === undefined ? [] : [now.trouble]),
  ].join("  ");
  const width = Math.min(room - text.length - 1, WIDEST_BAR);
  return ends && width >= NARROWEST_BAR ? `${bar(done, width)} ${text}` : text;
}

function bar(done: number, width: number): string {
  const full = Math.floor(done * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

/** A whole number for people: `12,345`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Seconds as `1:02:03` or `2:03`, rounded up. */
function duration(seconds: number): string {
  const total = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const rest = two(total % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
