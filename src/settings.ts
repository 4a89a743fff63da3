import * as v from "valibot";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** The severities of a log line, and `silent`. */
export type LogLevel = (typeof LOG_LEVELS)[number];

const REQUEST_LOGS = ["failures", "changes", "all"] as const;

/** Which requests are logged at the usual level: each includes those before it. */
export type RequestLog = (typeof REQUEST_LOGS)[number];

interface Setting {
  /** What applies when the setting is absent, as the documentation writes it. */
  readonly fallback: string;
  readonly about: string;
  readonly schema: v.GenericSchema<string | undefined, unknown>;
}

function wholeNumber(from: number, to: number, fallback: number) {
  const rule = `must be a whole number from ${from} to ${to}`;
  return {
    fallback: String(fallback),
    schema: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^\d{1,10}$/, rule),
        v.transform(Number),
        v.minValue(from, rule),
        v.maxValue(to, rule),
      ),
      String(fallback),
    ),
  };
}

const BROKER_LIST =
  /^([^\s,:[\]]+|\[[0-9a-fA-F:]+\]):\d{1,5}(,([^\s,:[\]]+|\[[0-9a-fA-F:]+\]):\d{1,5})*$/;

/** As browsers send them, so that they can be compared: no path, no default port, nothing in capitals. */
function areOrigins(list: string): boolean {
  const isOrigin = (text: string) =>
    /^https?:[^*]+$/.test(text) && URL.parse(text)?.origin === text;
  return list === "*" || list.split(",").every(isOrigin);
}

const TopicName = v.pipe(
  v.string(),
  v.regex(
    /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
    "must be 1 to 249 letters, digits, dots, underscores and hyphens",
  ),
);

/**
 * The settings of the service, from the environment, each with its rule, in the order in which they are documented.
 * `--help`, the README and the parser read this table.
 */
export const SETTINGS = {
  HOST: {
    fallback: "127.0.0.1",
    about:
      "The address to listen on. Any other than a loopback address needs AUTH=none said outright.",
    schema: v.optional(v.string(), "127.0.0.1"),
  },
  PORT: {
    ...wholeNumber(0, 65_535, 5100),
    about: "The TCP port to listen on; 0 takes any free one.",
  },
  AUTH: {
    fallback: "",
    about: "`none` says that access is controlled elsewhere, which HOST then may rely on.",
    schema: v.optional(v.literal("none", "must be none, or not set")),
  },
  DATABASE_PATH: {
    fallback: "./data/arrest-events.sqlite",
    about: "The SQLite file; its directory is made when it is missing.",
    schema: v.optional(
      v.pipe(
        v.string(),
        v.check(
          (path) => !path.startsWith(":memory:") && !path.startsWith("file:"),
          "must be the path of a file: two connections need one file",
        ),
      ),
      "./data/arrest-events.sqlite",
    ),
  },
  KAFKA_BROKERS: {
    fallback: "embedded (an error when NODE_ENV=production)",
    about:
      "`host:port,host:port`; `embedded` for a broker in this process, in memory; `none` for HTTP only.",
    schema: v.optional(
      v.pipe(
        v.string(),
        v.check(
          (value) => value === "embedded" || value === "none" || BROKER_LIST.test(value),
          "must be host:port,host:port or embedded or none",
        ),
      ),
    ),
  },
  KAFKA_TOPIC: {
    fallback: "arrest_event",
    about: "The topic to read.",
    schema: v.optional(TopicName, "arrest_event"),
  },
  KAFKA_GROUP_ID: {
    fallback: "arrest-events",
    about: "The consumer group to read as.",
    schema: v.optional(v.string(), "arrest-events"),
  },
  KAFKA_DEAD_LETTER_TOPIC: {
    fallback: "",
    about: "A topic that dead letters are forwarded to as well, with the reasons in headers.",
    schema: v.optional(TopicName),
  },
  DEAD_LETTER_MAX_COUNT: {
    ...wholeNumber(1, 1_000_000_000, 100_000),
    about: "How many dead letters the store may hold before the reading stops.",
  },
  DEAD_LETTER_MAX_BYTES: {
    ...wholeNumber(1, 9_999_999_999, 1_073_741_824),
    about: "How many bytes the dead letters may hold together before the reading stops.",
  },
  INGEST_BATCH_SIZE: {
    ...wholeNumber(1, 100_000, 20_000),
    about:
      "The most messages that one transaction takes; 5000 while changes over HTTP are made, which wait for it.",
  },
  INGEST_LINGER_MS: {
    ...wholeNumber(0, 10_000, 5),
    about: "How long to wait for more messages after the first of a batch, in milliseconds.",
  },
  HTTP_MAX_STREAMS: {
    ...wholeNumber(1, 10_000, 16),
    about: "How many lists without `limit` may be streamed at once; more answer 503.",
  },
  HTTP_REQUEST_TIMEOUT_MS: {
    ...wholeNumber(1, 125_000, 30_000),
    about:
      "How long the body of a request may take to arrive, and then its answer to be made, in milliseconds. Streams are as long as they are.",
  },
  HTTP_IDLE_TIMEOUT_S: {
    ...wholeNumber(8, 255, 120),
    about:
      "After how many seconds a connection is cut on which nothing moves, such as that of a stream that is not read; up to four seconds earlier. At least four seconds more than twice `HTTP_REQUEST_TIMEOUT_MS`.",
  },
  CORS_ORIGINS: {
    fallback: "",
    about:
      "The origins whose pages may use the interface from a browser: `https://a.example,http://localhost:3000`, or `*` for all. Without it, none may, and changes that a browser sends for them are refused.",
    schema: v.optional(
      v.pipe(
        v.string(),
        v.check(areOrigins, "must be * or origins: https://a.example,http://b:3000"),
      ),
    ),
  },
  LOG_LEVEL: {
    fallback: "info",
    about: LOG_LEVELS.map((level) => `\`${level}\``).join(", "),
    schema: v.optional(
      v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(", ")}`),
      "info",
    ) as v.GenericSchema<string | undefined, LogLevel>,
  },
  LOG_FORMAT: {
    fallback: "pretty on a terminal, else json",
    about: "`pretty` or `json`.",
    schema: v.optional(v.picklist(["json", "pretty"], "must be json or pretty")) as v.GenericSchema<
      string | undefined,
      "json" | "pretty" | undefined
    >,
  },
  LOG_REQUESTS: {
    fallback: "failures",
    about:
      "Which requests are logged, but probes and scrapes: `failures` (answered 5xx, or slower than a second, as warnings), `changes` (those, and what is no read), `all`. Each includes the one before; the level `debug` has every request.",
    schema: v.optional(
      v.picklist(REQUEST_LOGS, `must be one of ${REQUEST_LOGS.join(", ")}`),
      "failures",
    ) as v.GenericSchema<string | undefined, RequestLog>,
  },
  SHUTDOWN_TIMEOUT_MS: {
    ...wholeNumber(1, 600_000, 10_000),
    about: "How long an orderly stop may take before the process ends anyway, in milliseconds.",
  },
} as const satisfies Record<string, Setting>;

/** What the names of librdkafka settings begin with. */
export const LIBRDKAFKA_PREFIX = "KAFKA_CONF_";

/** What the table cannot hold as a row: the settings with open names. */
const LIBRDKAFKA_ROW = {
  name: `${LIBRDKAFKA_PREFIX}…`,
  fallback: "",
  about:
    "Any librdkafka setting, dots as underscores: `KAFKA_CONF_SECURITY_PROTOCOL=SASL_SSL`. With `_FILE` at the end of the name the value is read from that file.",
};

/** Every setting's name, default and meaning, for documentation. */
export function describeSettings(): readonly { name: string; fallback: string; about: string }[] {
  const rows = Object.entries<Setting>(SETTINGS).map(([name, { fallback, about }]) => ({
    name,
    fallback,
    about,
  }));
  rows.splice(
    rows.findIndex((row) => row.name === "KAFKA_DEAD_LETTER_TOPIC") + 1,
    0,
    LIBRDKAFKA_ROW,
  );
  return rows;
}
