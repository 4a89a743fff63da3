/** librdkafka in C, without JavaScript: what no client that is built on it can beat. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { librdkafkaVersion } from "@confluentinc/kafka-javascript";
import { findToolchain } from "../native/toolchain.ts";
import type { Place } from "./kafka.ts";
import { type Child, startProcess } from "./processes.ts";

const ROOT = join(import.meta.dir, "..");
const SOURCE = join(import.meta.dir, "read-topic.c");
const BUILDS = join(ROOT, "native/.build");
const HEADERS = join(
  dirname(Bun.resolveSync("@confluentinc/kafka-javascript/package.json", ROOT)),
  "deps/librdkafka/src",
);

/** What reading a backlog took. */
export interface ReadResult {
  readonly eventsPerSecond: number;
  /** Of all its threads, in microseconds a message. */
  readonly processorTime: number;
}

/** A reader of probes that is under way. */
export interface ProbeReader {
  /** Resolves when nothing has come for a while: how late each probe was, in milliseconds. */
  readonly latencies: Promise<readonly number[]>;
}

/** A program that reads a topic with the librdkafka that the addon is made of. */
export class LibrdkafkaReader {
  readonly #program: string;

  private constructor(program: string) {
    this.#program = program;
  }

  /** Compiles it into a directory; returns why not where that fails. */
  static async compile(directory: string): Promise<LibrdkafkaReader | string> {
    const toolchain = findToolchain();
    if (typeof toolchain === "string") return toolchain;
    const build = await builtLibrdkafka();
    if (build === undefined) return `native/.build has no librdkafka ${librdkafkaVersion}`;
    const makefile = readFileSync(join(build, "Makefile.config"), "utf8");
    const libraries = [...makefile.matchAll(/^LIBS\+?=(.*)$/gm)].flatMap((match) =>
      (match[1] ?? "").split(/\s+/).filter((flag) => flag !== ""),
    );
    const program = join(directory, "read-topic");
    const command = [toolchain.cc, "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", HEADERS];
    const compiler = Bun.spawn(
      [...command, "-o", program, SOURCE, join(build, "librdkafka.a"), ...libraries],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const errors = await new Response(compiler.stderr).text();
    return (await compiler.exited) === 0 ? new LibrdkafkaReader(program) : errors;
  }

  #start({ brokers, topic, partitions }: Place, count: number, silence: number): Child {
    const args = [topic, String(partitions), String(count), String(silence)];
    return startProcess(this.#program, [brokers, ...args], {}, { command: [] });
  }

  /** Reads the first `count` messages. */
  async read(place: Place, count: number): Promise<ReadResult> {
    const child = this.#start(place, count, 0);
    return await child.find((line) => JSON.parse(line) as ReadResult);
  }

  /** Reads probes until none has come for so many seconds. */
  async readProbes(place: Place, silence: number): Promise<ProbeReader> {
    const child = this.#start(place, 0, silence);
    await child.find((line) => (line.includes("ready") ? true : undefined));
    return {
      latencies: child.find((line) =>
        line.includes("latencies")
          ? (JSON.parse(line) as { latencies: number[] }).latencies
          : undefined,
      ),
    };
  }
}

/** The directory of the static library that was built last. */
async function builtLibrdkafka(): Promise<string | undefined> {
  if (!existsSync(BUILDS)) return undefined;
  const found = [
    ...new Bun.Glob(`librdkafka-${librdkafkaVersion}-*/librdkafka.a`).scanSync(BUILDS),
  ].map((path) => join(BUILDS, path));
  const latest = found.toSorted(
    (one, other) => Bun.file(other).lastModified - Bun.file(one).lastModified,
  )[0];
  return latest === undefined ? undefined : dirname(latest);
}
