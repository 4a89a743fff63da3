import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { ConfigError, parseConfig } from "../src/config.ts";
import { describeSettings } from "../src/settings.ts";
import { newDirectory } from "./support/store.ts";

const SECRET = "hunter2-s3cr3t";

type Environment = Parameters<typeof parseConfig>[0];

const parse = (environment: Environment) => parseConfig(environment, false);

function problemsOf(environment: Environment): readonly string[] {
  try {
    parse(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  throw new Error("the settings were accepted");
}

describe("the settings", () => {
  test("have the documented defaults", () => {
    expect(parse({})).toEqual({
      host: "127.0.0.1",
      port: 5100,
      databasePath: "./data/arrest-events.sqlite",
      kafka: {
        source: { mode: "embedded" },
        topic: "arrest_event",
        groupId: "arrest-events",
        librdkafka: {},
      },
      deadLetters: { maxCount: 100_000, maxBytes: 1_073_741_824 },
      ingest: { batchSize: 20_000, lingerMs: 5 },
      http: { maxStreams: 16, requestTimeoutMs: 30_000, idleTimeoutS: 120, corsOrigins: [] },
      log: { level: "info", format: "json", requests: "failures" },
      shutdownTimeoutMs: 10_000,
    });
  });

  test("are all read", () => {
    const config = parse({
      HOST: "0.0.0.0",
      PORT: "0",
      AUTH: "none",
      DATABASE_PATH: "/data/events.sqlite",
      KAFKA_BROKERS: "one:9092,two:9093",
      KAFKA_TOPIC: "arrests.v2_a-b",
      KAFKA_GROUP_ID: "mine",
      KAFKA_DEAD_LETTER_TOPIC: "refused",
      KAFKA_CONF_CLIENT_ID: "me",
      DEAD_LETTER_MAX_COUNT: "1",
      DEAD_LETTER_MAX_BYTES: "9999999999",
      INGEST_BATCH_SIZE: "1",
      INGEST_LINGER_MS: "0",
      HTTP_MAX_STREAMS: "1",
      HTTP_REQUEST_TIMEOUT_MS: "2000",
      HTTP_IDLE_TIMEOUT_S: "8",
      CORS_ORIGINS: "https://a.example,http://localhost:3000",
      LOG_LEVEL: "debug",
      LOG_FORMAT: "pretty",
      LOG_REQUESTS: "all",
      SHUTDOWN_TIMEOUT_MS: "600000",
    });
    expect(config).toEqual({
      host: "0.0.0.0",
      port: 0,
      databasePath: "/data/events.sqlite",
      kafka: {
        source: { mode: "external", brokers: "one:9092,two:9093" },
        topic: "arrests.v2_a-b",
        groupId: "mine",
        deadLetterTopic: "refused",
        librdkafka: { "client.id": "me" },
      },
      deadLetters: { maxCount: 1, maxBytes: 9_999_999_999 },
      ingest: { batchSize: 1, lingerMs: 0 },
      http: {
        maxStreams: 1,
        requestTimeoutMs: 2000,
        idleTimeoutS: 8,
        corsOrigins: ["https://a.example", "http://localhost:3000"],
      },
      log: { level: "debug", format: "pretty", requests: "all" },
      shutdownTimeoutMs: 600_000,
    });
  });

  test("count as absent when they are empty", () => {
    const { settings, empty } = {
      settings: describeSettings().filter(({ name }) => !name.endsWith("…")),
      empty: { KAFKA_CONF_CLIENT_ID: "", NODE_ENV: "" } as Record<string, string>,
    };
    for (const { name } of settings) empty[name] = "";
    expect(parse(empty)).toEqual(parse({}));
  });

  test("can be sent to another thread", () => {
    const config = parse({ KAFKA_BROKERS: "one:9092", KAFKA_CONF_CLIENT_ID: "me" });
    expect(structuredClone(config)).toEqual(config);
  });

  test("are refused with every problem at once, each by its name and without its value", () => {
    const bad = {
      HOST: SECRET,
      PORT: SECRET,
      AUTH: SECRET,
      DATABASE_PATH: `:memory:${SECRET}`,
      KAFKA_BROKERS: `${SECRET}:`,
      KAFKA_TOPIC: `${SECRET}!`,
      KAFKA_CONF_GROUP_ID: SECRET,
      KAFKA_CONF_SSL_KEY_PASSWORD_FILE: `/nowhere/${SECRET}`,
      INGEST_BATCH_SIZE: SECRET,
      INGEST_LINGER_MS: SECRET,
      LOG_LEVEL: SECRET,
      LOG_FORMAT: SECRET,
      SHUTDOWN_TIMEOUT_MS: SECRET,
    };
    const problems = problemsOf(bad);
    expect(problems.map((problem) => problem.split(" ")[0]).sort()).toEqual(
      Object.keys(bad).sort(),
    );
    const error = new ConfigError(problems);
    for (const name of Object.keys(bad)) expect(error.message).toContain(name);
    expect(error.message).not.toContain("s3cr3t");
    expect(error.stack).not.toContain("s3cr3t");
  });

  test.each([
    ["PORT", ["-1", "65536", "5100.5", "0x50", " 5100", "99999999999"]],
    ["KAFKA_DEAD_LETTER_TOPIC", [".", "a b", "arrest_event"]],
    ["DEAD_LETTER_MAX_COUNT", ["0", "1000000001"]],
    ["DEAD_LETTER_MAX_BYTES", ["0", "10000000000"]],
    ["INGEST_BATCH_SIZE", ["0", "100001", "1e3"]],
    ["INGEST_LINGER_MS", ["-1", "10001"]],
    ["SHUTDOWN_TIMEOUT_MS", ["0", "600001"]],
    ["HTTP_MAX_STREAMS", ["0", "10001"]],
    ["HTTP_REQUEST_TIMEOUT_MS", ["0", "125001"]],
    ["HTTP_IDLE_TIMEOUT_S", ["7", "256", "63"]],
    [
      "CORS_ORIGINS",
      ["a.example", "https://a.example/", "https://A.example", "https://a.example:443", "null"],
    ],
    ["CORS_ORIGINS", ["*,https://a.example", "https://a.example,", "ftp://a.example", "https://*"]],
    ["LOG_REQUESTS", ["none", "true"]],
    ["LOG_LEVEL", ["INFO", "verbose"]],
    ["LOG_FORMAT", ["JSON", "text"]],
    ["AUTH", ["None", "token"]],
    ["DATABASE_PATH", [":memory:", "file::memory:", "file:events.sqlite"]],
    ["KAFKA_TOPIC", [".", "..", "a b", "a/b", "ä", "a".repeat(250)]],
    ["KAFKA_BROKERS", ["kafka", "kafka:", ":9092", "kafka:x", "a:1,,b:2", "a:1, b:2", "Embedded"]],
  ])("refuse a bad %s, and name nothing else", (name, values) => {
    for (const value of values) {
      const problems = problemsOf({ [name]: value });
      expect(problems, value).toHaveLength(1);
      expect(problems[0], value).toStartWith(`${name} must `);
    }
  });
});

describe("the limits of HTTP", () => {
  test("let a late answer be said before the connection is cut", () => {
    const settings = { HTTP_REQUEST_TIMEOUT_MS: "125000", HTTP_IDLE_TIMEOUT_S: "253" };
    expect(problemsOf(settings)).toEqual([
      "HTTP_IDLE_TIMEOUT_S must be 4 s more than twice HTTP_REQUEST_TIMEOUT_MS",
    ]);
    expect(parse({ ...settings, HTTP_IDLE_TIMEOUT_S: "254" }).http.idleTimeoutS).toBe(254);
  });

  test("can let the pages of every origin in", () => {
    expect(parse({ CORS_ORIGINS: "*" }).http.corsOrigins).toEqual(["*"]);
  });
});

describe("the address", () => {
  test.each(["127.0.0.1", "127.9.9.9", "::1", "localhost"])("may be %s", (host) => {
    expect(parse({ HOST: host }).host).toBe(host);
  });

  test.each(["0.0.0.0", "::", "192.168.1.2", "example.org", "127.0.0.1.example.org"])(
    "must not be %s without access control",
    (host) => {
      expect(problemsOf({ HOST: host })).toEqual([
        "HOST must be a loopback address unless AUTH=none is set",
      ]);
      expect(parse({ HOST: host, AUTH: "none" }).host).toBe(host);
    },
  );
});

describe("the source of messages", () => {
  test("is embedded by default, and when it is said outright", () => {
    expect(parse({}).kafka.source).toEqual({ mode: "embedded" });
    expect(parse({ KAFKA_BROKERS: "embedded" }).kafka.source).toEqual({ mode: "embedded" });
  });

  test("must be said in production, whatever it is", () => {
    const [problem, ...others] = problemsOf({ NODE_ENV: "production" });
    expect(problem).toStartWith("KAFKA_BROKERS must be set in production");
    expect(others).toEqual([]);
    expect(problemsOf({ NODE_ENV: "production", KAFKA_BROKERS: "" })).toHaveLength(1);
    for (const brokers of ["embedded", "none", "kafka:9092"]) {
      expect(() => parse({ NODE_ENV: "production", KAFKA_BROKERS: brokers })).not.toThrow();
    }
  });

  test("can be none", () => {
    expect(parse({ KAFKA_BROKERS: "none" }).kafka.source).toEqual({ mode: "none" });
  });

  test.each(["kafka:9092", "10.0.0.1:9092,10.0.0.2:9092", "[::1]:9092"])(
    "can be the brokers %s",
    (brokers) => {
      expect(parse({ KAFKA_BROKERS: brokers }).kafka.source).toEqual({ mode: "external", brokers });
    },
  );
});

describe("a setting of librdkafka", () => {
  const librdkafka = (environment: Environment) => parse(environment).kafka.librdkafka;

  test("is named with underscores for its dots", () => {
    expect(
      librdkafka({
        KAFKA_CONF_SECURITY_PROTOCOL: "SASL_SSL",
        KAFKA_CONF_FETCH_WAIT_MAX_MS: "10",
      }),
    ).toEqual({ "security.protocol": "SASL_SSL", "fetch.wait.max.ms": "10" });
  });

  test("may come from a file, whose line end is no part of it", () => {
    using directory = newDirectory();
    const path = directory.file("password");
    for (const [content, expected] of [
      [`${SECRET}\n`, SECRET],
      [`${SECRET}\r\n`, SECRET],
      [SECRET, SECRET],
      [` ${SECRET} \n`, ` ${SECRET} `],
      ["-----BEGIN\nKEY-----\n", "-----BEGIN\nKEY-----"],
    ] as const) {
      writeFileSync(path, content);
      expect(librdkafka({ KAFKA_CONF_SASL_PASSWORD_FILE: path })).toEqual({
        "sasl.password": expected,
      });
    }
  });

  test("must not come by its value and by a file", () => {
    using directory = newDirectory();
    const path = directory.file("password");
    writeFileSync(path, SECRET);
    for (const names of [
      ["KAFKA_CONF_SASL_PASSWORD", "KAFKA_CONF_SASL_PASSWORD_FILE"],
      ["KAFKA_CONF_SASL_PASSWORD_FILE", "KAFKA_CONF_SASL_PASSWORD"],
    ]) {
      const problems = problemsOf(
        Object.fromEntries(names.map((name) => [name, name.endsWith("FILE") ? path : SECRET])),
      );
      expect(problems).toEqual([`${names[1]} must be set once: by its value or by a file`]);
    }
  });

  test("must not come from a file that cannot be read", () => {
    using directory = newDirectory();
    for (const path of [directory.file("missing"), directory.path]) {
      expect(problemsOf({ KAFKA_CONF_SASL_PASSWORD_FILE: path })).toEqual([
        "KAFKA_CONF_SASL_PASSWORD_FILE must be the path of a readable file",
      ]);
    }
  });

  test.each([
    "AUTO_OFFSET_RESET",
    "BOOTSTRAP_SERVERS",
    "METADATA_BROKER_LIST",
    "ENABLE_AUTO_COMMIT",
    "ENABLE_AUTO_OFFSET_STORE",
    "ENABLE_PARTITION_EOF",
    "EVENT_CB",
    "GROUP_ID",
    "ISOLATION_LEVEL",
    "OFFSET_COMMIT_CB",
    "REBALANCE_CB",
    "ISOLATION_LEVEL_FILE",
  ])("must not be %s, which the service decides", (name) => {
    const problems = problemsOf({ [`KAFKA_CONF_${name}`]: SECRET });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toStartWith(`KAFKA_CONF_${name} must not be set: the service decides`);
    expect(problems[0]).not.toContain(SECRET);
  });

  test("may be named as an object's own method is", () => {
    expect(librdkafka({ KAFKA_CONF_CONSTRUCTOR: "x" })).toEqual({ constructor: "x" } as never);
  });
});

describe("the documentation of the settings", () => {
  test("names every setting once, with its default and its meaning", () => {
    const settings = describeSettings();
    expect(settings.map(({ name }) => name)).toEqual([
      "HOST",
      "PORT",
      "AUTH",
      "DATABASE_PATH",
      "KAFKA_BROKERS",
      "KAFKA_TOPIC",
      "KAFKA_GROUP_ID",
      "KAFKA_DEAD_LETTER_TOPIC",
      "KAFKA_CONF_…",
      "DEAD_LETTER_MAX_COUNT",
      "DEAD_LETTER_MAX_BYTES",
      "INGEST_BATCH_SIZE",
      "INGEST_LINGER_MS",
      "HTTP_MAX_STREAMS",
      "HTTP_REQUEST_TIMEOUT_MS",
      "HTTP_IDLE_TIMEOUT_S",
      "CORS_ORIGINS",
      "LOG_LEVEL",
      "LOG_FORMAT",
      "LOG_REQUESTS",
      "SHUTDOWN_TIMEOUT_MS",
    ]);
    for (const { name, about } of settings)
      expect(about, name).toEndWith(name === "LOG_LEVEL" ? "`" : ".");
  });

  test("gives defaults that mean what leaving the setting out does", () => {
    for (const { name, fallback } of describeSettings()) {
      if (fallback === "" || fallback.includes(" ")) continue;
      expect(parse({ [name]: fallback }), name).toEqual(parse({}));
    }
  });
});

test("the log is pretty on a terminal and JSON elsewhere, unless it is said", () => {
  expect(parseConfig({}, true).log.format).toBe("pretty");
  expect(parseConfig({}, false).log.format).toBe("json");
  expect(parseConfig({ LOG_FORMAT: "json" }, true).log.format).toBe("json");
  expect(parseConfig({ LOG_FORMAT: "pretty" }, false).log.format).toBe("pretty");
});
