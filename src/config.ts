import { readFileSync } from "node:fs";
import * as v from "valibot";
import { LIBRDKAFKA_PREFIX, type LogLevel, type RequestLog, SETTINGS } from "./settings.ts";

/** Where the messages come from. */
export type KafkaSource =
  | { readonly mode: "external"; readonly brokers: string }
  /** librdkafka's mock cluster inside this process. */
  | { readonly mode: "embedded" }
  /** HTTP only. */
  | { readonly mode: "none" };

/** The validated settings: plain data, so that the writer thread can be sent them. */
export interface Config {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly databasePath: string;
  readonly kafka: {
    readonly source: KafkaSource;
    readonly topic: string;
    readonly groupId: string;
    /** Where dead letters are forwarded to; absent when they are not. */
    readonly deadLetterTopic?: string;
    /** librdkafka settings that the operator added. They may be secrets: never log them. */
    readonly librdkafka: Readonly<Record<string, string>>;
  };
  readonly ingest: { readonly batchSize: number; readonly lingerMs: number };
  /** How much the dead letters may become before the reading stops. */
  readonly deadLetters: { readonly maxCount: number; readonly maxBytes: number };
  readonly http: {
    /** How many lists without `limit` may be streamed at once. */
    readonly maxStreams: number;
    /** How long a body may take to arrive, and how long an answer that is not streamed may take. */
    readonly requestTimeoutMs: number;
    /** How long a connection may stay silent. */
    readonly idleTimeoutS: number;
    /** The origins whose pages may use the interface: `*` for all. */
    readonly corsOrigins: readonly string[];
  };
  readonly log: {
    readonly level: LogLevel;
    readonly format: "json" | "pretty";
    readonly requests: RequestLog;
  };
  readonly shutdownTimeoutMs: number;
}

/** Settings that cannot be used. `problems` names each setting and its rule, never a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The settings cannot be used:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/** librdkafka settings that exactly-once ingest depends on, or that another setting decides. */
const MANAGED_BY_SERVICE: ReadonlySet<string> = new Set([
  "auto.offset.reset",
  "bootstrap.servers",
  "enable.auto.commit",
  "enable.auto.offset.store",
  "enable.partition.eof",
  "event_cb",
  "group.id",
  "isolation.level",
  "metadata.broker.list",
  "offset_commit_cb",
  "rebalance_cb",
  // It would take the place of the brokers.
  "test.mock.num.brokers",
]);

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/**
 * Reads some of the settings, each by its own rule; an empty one counts as absent.
 *
 * @throws ConfigError naming every problem of these at once
 */
export function readSettings<Name extends SettingName>(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly Name[],
): { [K in Name]: v.InferOutput<(typeof SETTINGS)[K]["schema"]> } {
  const problems: string[] = [];
  const read = names.map((name) => {
    const parsed = v.safeParse(SETTINGS[name].schema, environment[name] || undefined);
    if (!parsed.success) problems.push(`${name} ${parsed.issues[0].message}`);
    return [name, parsed.output];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.fromEntries(read);
}

/** Where the service that listens there can be asked. */
export function serviceUrl(host: string, port: number): URL {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "[::1]" }[host] ?? host;
  const bracketed =
    reachable.includes(":") && !reachable.startsWith("[") ? `[${reachable}]` : reachable;
  return new URL(`http://${bracketed}:${port}`);
}

/**
 * Reads the settings from environment variables; an empty one counts as absent.
 *
 * @param isTerminal whether the log goes to a person's terminal, which decides LOG_FORMAT's default
 * @throws ConfigError naming every problem at once
 */
export function parseConfig(
  environment: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const problems: string[] = [];

  const schema = v.object(
    Object.fromEntries(
      Object.entries(SETTINGS).map(([name, setting]) => [name, setting.schema]),
    ) as { [K in keyof typeof SETTINGS]: (typeof SETTINGS)[K]["schema"] },
  );
  const parsed = v.safeParse(schema, given);
  for (const issue of parsed.issues ?? []) {
    problems.push(`${v.getDotPath(issue)} ${issue.message}`);
  }

  const host = given["HOST"] ?? SETTINGS.HOST.fallback;
  if (!isLoopback(host) && given["AUTH"] !== "none") {
    problems.push("HOST must be a loopback address unless AUTH=none is set");
  }
  if (given["KAFKA_BROKERS"] === undefined && given["NODE_ENV"] === "production") {
    problems.push(
      "KAFKA_BROKERS must be set in production: host:port,host:port or embedded or none",
    );
  }
  const topic = given["KAFKA_TOPIC"] ?? SETTINGS.KAFKA_TOPIC.fallback;
  if (given["KAFKA_DEAD_LETTER_TOPIC"] === topic) {
    problems.push("KAFKA_DEAD_LETTER_TOPIC must be another topic than the one that is read");
  }
  if (given["KAFKA_DEAD_LETTER_TOPIC"] !== undefined && given["KAFKA_BROKERS"] === "none") {
    problems.push("KAFKA_DEAD_LETTER_TOPIC must not be set when KAFKA_BROKERS is none");
  }
  if (parsed.success) {
    const { HTTP_REQUEST_TIMEOUT_MS: requestMs, HTTP_IDLE_TIMEOUT_S: idleS } = parsed.output;
    // A connection that is cut tells its client nothing; a body and its change that are late should be told of.
    if (2 * requestMs > (idleS - 4) * 1000) {
      problems.push("HTTP_IDLE_TIMEOUT_S must be 4 s more than twice HTTP_REQUEST_TIMEOUT_MS");
    }
  }
  const librdkafka = parseLibrdkafkaSettings(given, problems);

  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const settings = parsed.output;
  return {
    host: settings.HOST,
    port: settings.PORT,
    databasePath: settings.DATABASE_PATH,
    kafka: {
      source: kafkaSource(settings.KAFKA_BROKERS),
      topic: settings.KAFKA_TOPIC,
      groupId: settings.KAFKA_GROUP_ID,
      ...(settings.KAFKA_DEAD_LETTER_TOPIC !== undefined && {
        deadLetterTopic: settings.KAFKA_DEAD_LETTER_TOPIC,
      }),
      librdkafka,
    },
    deadLetters: {
      maxCount: settings.DEAD_LETTER_MAX_COUNT,
      maxBytes: settings.DEAD_LETTER_MAX_BYTES,
    },
    ingest: { batchSize: settings.INGEST_BATCH_SIZE, lingerMs: settings.INGEST_LINGER_MS },
    http: {
      maxStreams: settings.HTTP_MAX_STREAMS,
      requestTimeoutMs: settings.HTTP_REQUEST_TIMEOUT_MS,
      idleTimeoutS: settings.HTTP_IDLE_TIMEOUT_S,
      corsOrigins: settings.CORS_ORIGINS?.split(",") ?? [],
    },
    log: {
      level: settings.LOG_LEVEL,
      format: settings.LOG_FORMAT ?? (isTerminal ? "pretty" : "json"),
      requests: settings.LOG_REQUESTS,
    },
    shutdownTimeoutMs: settings.SHUTDOWN_TIMEOUT_MS,
  };
}

function kafkaSource(brokers: string | undefined): KafkaSource {
  if (brokers === undefined || brokers === "embedded") return { mode: "embedded" };
  if (brokers === "none") return { mode: "none" };
  return { mode: "external", brokers };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function parseLibrdkafkaSettings(
  given: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!name.startsWith(LIBRDKAFKA_PREFIX) || value === undefined) continue;
    const fromFile = name.endsWith("_FILE");
    const property = name
      .slice(LIBRDKAFKA_PREFIX.length, fromFile ? -"_FILE".length : undefined)
      .toLowerCase()
      .replaceAll("_", ".");
    if (MANAGED_BY_SERVICE.has(property) || MANAGED_BY_SERVICE.has(property.replaceAll(".", "_"))) {
      problems.push(`${name} must not be set: the service decides ${property} itself`);
    } else if (Object.hasOwn(settings, property)) {
      problems.push(`${name} must be set once: by its value or by a file`);
    } else if (fromFile) {
      try {
        settings[property] = readFileSync(value, "utf8").replace(/[\r\n]+$/, "");
      } catch {
        problems.push(`${name} must be the path of a readable file`);
      }
    } else {
      settings[property] = value;
    }
  }
  return settings;
}
