/**
 * Processes of measurements: what is measured runs in one of its own, and so does what asks it.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** After this a process of a measurement hangs, and is ended. It bounds no speed. */
const HANGS_AFTER_MS = 900_000;

const ROOT = join(import.meta.dir, "..");

/** A process that runs beside this one. */
export interface Child {
  readonly pid: number;
  /** Sends a message to a script of this folder. */
  send(message: unknown): void;
  /** Resolves with the next message of a script of this folder. */
  receive<T>(): Promise<T>;
  /** Resolves with what `pick` makes of a line of the standard output; lines before the call count as well. */
  find<T>(pick: (line: string) => T | undefined): Promise<T>;
  /** Resolves with the exit code. */
  readonly exited: Promise<number>;
  /** Ends it in order, and waits. */
  stop(): Promise<void>;
}

/** What a process runs on, where that is not as usual. */
export interface Conditions {
  /** What runs the script; this Bun unless given, nothing where it is empty. */
  readonly command?: readonly string[];
  /** The processors that it may use, as `taskset` lists them. */
  readonly cpus?: string | undefined;
  /** When it is ended as one that hangs, in milliseconds. */
  readonly hangsAfterMs?: number;
}

/**
 * Starts a script of this project, or a program by its whole path, in a process of its own, with no settings from this process's
 * environment but the given ones. It is ended with this process at the latest.
 */
export function startProcess(
  script: string,
  args: readonly string[] = [],
  settings: Readonly<Record<string, string>> = {},
  { command = [process.execPath], cpus, hangsAfterMs = HANGS_AFTER_MS }: Conditions = {},
): Child {
  const isOurs = script.startsWith("bench/") && command[0] === process.execPath;
  // Those that are not ours to be measured tell nobody else what is wrong.
  const tellsErrors = script.startsWith("bench/") || isAbsolute(script);
  const received: unknown[] = [];
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  let ended = false;
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  const onCpus = cpus === undefined ? [] : ["taskset", "-c", cpus];
  const child = Bun.spawn([...onCpus, ...command, resolve(ROOT, script), ...args], {
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...settings },
    // The commands tell how they go there; what is wrong with them is told by their exit code.
    stdio: ["ignore", "pipe", tellsErrors ? "inherit" : "ignore"],
    timeout: hangsAfterMs,
    killSignal: "SIGKILL",
    ...(isOurs
      ? {
          ipc: (message: unknown) => {
            received.push(message);
            wake();
          },
        }
      : {}),
  });
  const kill = (): void => child.kill("SIGKILL");
  // Before the directories that it writes to are removed.
  process.prependOnceListener("exit", kill);

  // Read to the end, so that a full pipe stops nobody.
  async function readLines(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of child.stdout) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      wake();
    }
  }
  const read = readLines();
  const exited = child.exited.then(async (code) => {
    await read;
    // Messages arrive on the event loop, the last of them perhaps after the end.
    await Bun.sleep(10);
    process.off("exit", kill);
    ended = true;
    wake();
    return code;
  });

  async function until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (ended) throw new Error(`${script} ended with ${child.exitCode}: ${lines.join("\n")}`);
      await new Promise<void>((resolve) => waiting.add(resolve));
    }
  }

  return {
    pid: child.pid,
    exited,
    send: (message) => child.send(message),
    receive: <T>() => until(() => received.shift() as T | undefined),
    find: (pick) =>
      until(() => {
        for (const line of lines) {
          const found = pick(line);
          if (found !== undefined) return found;
        }
        return undefined;
      }),
    stop: async () => {
      child.kill("SIGTERM");
      const code = await exited;
      if (code !== 0) throw new Error(`${script} ended with ${code}`);
    },
  };
}

/** Runs a script of this folder to its end and resolves to what it sends. */
export async function measure<T>(script: string, task: unknown): Promise<T> {
  const child = startProcess(script, [JSON.stringify(task)]);
  const result = await child.receive<T>();
  await child.exited;
  return result;
}

/** Sends a result to the process that started this one. */
export function answer(result: unknown): void {
  process.send?.(result);
}

/** What the process that started this one asks for. */
export function readTask<T>(): T {
  return JSON.parse(process.argv[2] ?? "null") as T;
}

/** The first message of the process that started this one: a task that is too long for a command line. */
export async function readMessage<T>(): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  process.once("message", resolve);
  return promise;
}

/** A directory of its own, removed when this process ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "arrest-events-bench-"));
  process.once("exit", () => removeDirectory(directory));
  return directory;
}

/** Removes a directory that processes which have just been killed may still write to, hence again and again. */
function removeDirectory(directory: string): void {
  for (let attempt = 0; attempt < 40 && existsSync(directory); attempt++) {
    try {
      rmSync(directory, { recursive: true, force: true });
    } catch {
      Bun.sleepSync(50);
    }
  }
}

/** Resident memory of a process in MiB, now and at its highest; null where the system does not tell. */
export function residentMemory(pid: number): { now: number; peak: number } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const mebibytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1024;
    return { now: mebibytes("VmRSS"), peak: mebibytes("VmHWM") };
  } catch {
    return null;
  }
}

/** The processor time that the threads of a process and its children have used until now, in seconds; null where the system does not tell. */
export function processorTime(pid: number): number | null {
  try {
    return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + ownTime(each), 0);
  } catch {
    return null;
  }
}

/** To the nanosecond, which the ticks of `/proc/PID/stat` are too coarse for. */
function ownTime(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return sum + Number(nanoseconds) / 1e9;
  }, 0);
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" "))
    .flatMap((text) => (text === "" ? [] : [Number(text)]));
}
