import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { run } from "../commands/support.ts";
import { makeCredentials } from "../kafka/support/credentials.ts";
import { eventOfMessage, ServiceProcess } from "../promises/support.ts";
import { newDirectory } from "../support/store.ts";
import { until } from "../support/until.ts";
import { EXECUTABLE, librariesOf, MinimalRoot } from "./support.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

/** The C library of Linux in its parts, and what macOS has in the system. */
const OF_SYSTEM =
  /^(lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux-[\w-]+\.so\.\d+|ld-musl-.*|libc\.musl-.*)$/;

const inMinimalRoot = test.if(MinimalRoot.isPossible());

/** What is left in a directory of the service when it has ended: the database with its log. */
const expectOnlyDatabase = (directory: string) =>
  expect(readdirSync(directory).filter((name) => !name.startsWith("events.sqlite"))).toEqual([]);

test.if(process.platform === "linux")("it needs the C library of the system, and no other", () => {
  const libraries = librariesOf(EXECUTABLE).map((file) => basename(file));
  expect(libraries.length).toBeGreaterThan(0);
  expect(libraries.filter((name) => !OF_SYSTEM.test(name))).toEqual([]);
});

test("its Kafka client has TLS, every codec, SCRAM and OAUTHBEARER with OpenID providers", async () => {
  const { exitCode, stdout } = await run({}, "--version");
  expect(exitCode).toBe(0);
  const features = /librdkafka \S+ \((.*)\)/.exec(stdout)?.[1]?.split(" ");
  const wanted = ["gzip", "snappy", "lz4", "zstd", "ssl", "sasl_plain", "sasl_scram"];
  expect(features).toEqual(expect.arrayContaining([...wanted, "sasl_oauthbearer", "oidc"]));
});

test("--version tells the commit that it was built from", async () => {
  const { stdout } = await run({}, "--version");
  expect(stdout).toContain(`arrest-events ${manifest.version}\n`);
  expect(stdout).toMatch(/\ncommit [0-9a-f]{40}(-dirty)?\n/);
});

inMinimalRoot(
  "it runs by itself, as any user, in a root that can only be read, with one directory to write to",
  async () => {
    using root = new MinimalRoot();
    const settings = {
      DATABASE_PATH: "/data/events.sqlite",
      KAFKA_BROKERS: "embedded",
      TMPDIR: "",
    };
    for (const count of [1, 2]) {
      await using service = ServiceProcess.run(settings, root.command());
      const { url } = await service.line("listening");
      expect((await service.post(eventOfMessage(count))).status).toBe(201);
      expect(await service.events()).toHaveLength(count);
      const PORT = new URL(String(url)).port;
      const health = Bun.spawnSync(root.command("health", "--ready"), { env: { PORT } });
      expect(health.exitCode).toBe(0);
      service.signal("SIGTERM");
      expect(await service.ended()).toBe(0);
      // Nothing is unpacked into the only place where something could be.
      expectOnlyDatabase(root.data);
    }
  },
);

inMinimalRoot("a kill leaves nothing behind but the database", async () => {
  using root = new MinimalRoot();
  const settings = { DATABASE_PATH: "/data/events.sqlite", KAFKA_BROKERS: "embedded" };
  await using service = ServiceProcess.run(settings, root.command());
  await service.line("partitions assigned");
  await service.kill();
  expectOnlyDatabase(root.data);
});

inMinimalRoot(
  "it trusts the authorities of the system it runs on, wherever it was built",
  async () => {
    using directory = newDirectory();
    const { key, certificate } = await makeCredentials(directory.path);
    const heard: boolean[] = [];
    const broker = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: { key: Bun.file(key), cert: Bun.file(certificate) },
      socket: {
        // The client says nothing to a broker that it does not trust.
        data: () => void heard.push(true),
        handshake: (_, isTrusted) => void heard.push(isTrusted),
      },
    });
    try {
      for (const isTrusted of [false, true]) {
        using root = new MinimalRoot();
        if (isTrusted) root.add(certificate, "/etc/ssl/certs/ca-certificates.crt");
        heard.length = 0;
        await using _ = ServiceProcess.run(
          {
            DATABASE_PATH: "/data/events.sqlite",
            KAFKA_BROKERS: `127.0.0.1:${broker.port}`,
            KAFKA_CONF_SECURITY_PROTOCOL: "SSL",
          },
          root.command(),
        );
        await until("a connection", () => heard.length >= 2);
        expect(heard.slice(0, 2)).toEqual([isTrusted, isTrusted]);
      }
    } finally {
      broker.stop(true);
    }
  },
);

test("its page of documentation comes with all of its files", async () => {
  using directory = newDirectory();
  await using service = await ServiceProcess.start({
    DATABASE_PATH: directory.file(),
    KAFKA_BROKERS: "none",
  });
  const page = await (await service.fetch("/docs")).text();
  const files = [...page.matchAll(/(?:href|src)="(docs\/[^"]+)"/g)].map(([, file]) => `/${file}`);
  expect(files.length).toBeGreaterThanOrEqual(4);
  for (const file of files) {
    const answer = await service.fetch(file);
    expect({ file, status: answer.status }).toEqual({ file, status: 200 });
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(100);
  }
});

test("what lies where it is started changes nothing", async () => {
  using directory = newDirectory();
  mkdirSync(directory.file("node_modules"));
  writeFileSync(directory.file(".env"), "PORT=nonsense\n");
  writeFileSync(directory.file("bunfig.toml"), 'preload = ["./preload.ts"]\n');
  writeFileSync(directory.file("preload.ts"), 'throw new Error("loaded");\n');
  writeFileSync(directory.file("tsconfig.json"), "{");
  writeFileSync(directory.file("package.json"), "{");
  const child = Bun.spawn([EXECUTABLE, "migrate"], {
    cwd: directory.path,
    env: { DATABASE_PATH: directory.file() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = await new Response(child.stdout).text();
  expect({ exitCode: await child.exited, output }).toEqual({
    exitCode: 0,
    output: expect.stringContaining("up to date"),
  });
});

test("simulated events arrive", async () => {
  using directory = newDirectory();
  await using service = await ServiceProcess.start({ DATABASE_PATH: directory.file() });
  const { brokers } = await service.line(
    "reading a Kafka broker inside this process, in memory only",
  );
  const simulation = await run({}, "simulate", "--count", "500", "--brokers", String(brokers));
  expect(simulation.exitCode).toBe(0);
  await until("all events", async () => {
    const { count } = await service.json<{ count: number }>("/arrest_events/count");
    return count === 500;
  });
});

test("what is in it is told beside it: every package that is imported, the runtime, and what is linked", () => {
  const beside = dirname(EXECUTABLE);
  const bill = JSON.parse(readFileSync(join(beside, "arrest-events.cdx.json"), "utf8"));
  const components: { group?: string; name: string; version: string; licenses?: unknown[] }[] =
    bill.components;
  const names = components.map(({ group, name }) => (group ? `${group}/${name}` : name));
  const native = ["Bun", "SQLite", "librdkafka", "OpenSSL", "zlib", "zstd", "curl"];
  expect(names).toEqual(expect.arrayContaining([...Object.keys(manifest.dependencies), ...native]));
  expect(components.filter(({ licenses }) => !licenses?.length)).toEqual([]);
  const notices = readFileSync(join(beside, "THIRD_PARTY_NOTICES.txt"), "utf8");
  for (const name of names) expect(notices).toContain(`\n${name} `);
});
