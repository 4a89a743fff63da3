import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const POM = join(import.meta.dir, "pom.xml");

/** The oldest Java that Kafka's brokers run on. */
const OLDEST_JAVA = 17;

/** How long fetching may take, in milliseconds. */
const FETCH_TIMEOUT_MS = 300_000;

/** No broker can be started here. The message says what is missing and what to do. */
export class NoKafkaError extends Error {
  override readonly name = "NoKafkaError";

  constructor(missing: string) {
    super(
      `${missing}. These tests run against Apache Kafka: install Java ${OLDEST_JAVA} or newer and Maven, or set KAFKA_TEST_BROKERS to the host:port of a broker.`,
    );
  }
}

/** The path of a Java that Kafka runs on. */
export function findJava(): string {
  const { JAVA_HOME } = process.env;
  const java = JAVA_HOME === undefined ? Bun.which("java") : join(JAVA_HOME, "bin/java");
  if (java === null || !existsSync(java)) throw new NoKafkaError("There is no Java here");
  const { stderr } = Bun.spawnSync([java, "-version"]);
  const version = /version "(\d+)/.exec(stderr.toString())?.[1];
  if (Number(version) < OLDEST_JAVA) throw new NoKafkaError(`The Java here is version ${version}`);
  return java;
}

/** Kafka's class path. Maven fetches it once for each content of the pom, into the user's cache. */
export function findJars(): string {
  const { XDG_CACHE_HOME = join(homedir(), ".cache") } = process.env;
  const cache = join(XDG_CACHE_HOME, "arrest-events");
  const jars = join(cache, `kafka-${Bun.hash(readFileSync(POM)).toString(16)}`);
  if (!existsSync(jars)) fetchJars(cache, jars);
  return join(jars, "*");
}

function fetchJars(cache: string, jars: string): void {
  const maven = Bun.which("mvn");
  if (maven === null) throw new NoKafkaError("There is no Maven here");
  mkdirSync(cache, { recursive: true });
  // Under its own name only when it is complete.
  const unfinished = `${jars}.${process.pid}`;
  process.stderr.write("fetching Apache Kafka with Maven (once)\n");
  const { exitCode, stdout } = Bun.spawnSync(
    [
      maven,
      "--batch-mode",
      "--quiet",
      "--file",
      POM,
      "dependency:copy-dependencies",
      `-DoutputDirectory=${unfinished}`,
    ],
    { stdio: ["ignore", "pipe", "inherit"], timeout: FETCH_TIMEOUT_MS },
  );
  if (exitCode !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new NoKafkaError(`Maven could not fetch Kafka:\n${stdout.toString()}`);
  }
  try {
    renameSync(unfinished, jars);
  } catch (error) {
    // Another run was faster.
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(jars)) throw error;
  }
}
