import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { startEmbeddedBroker } from "../../src/ingest/embedded-broker.ts";
import { eventOfMessage, ServiceProcess } from "../promises/support.ts";
import { send } from "../support/kafka.ts";
import { inReadOnlyRoot } from "../support/read-only-root.ts";
import { newDirectory } from "../support/store.ts";
import { until } from "../support/until.ts";
import type { ImageConfig } from "./buildah.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

const { IMAGE_ROOT: root = "", IMAGE_CONFIG = "" } = process.env;
if (root === "") throw new Error("IMAGE_ROOT must name the image's root: bun run test:container");
const config: ImageConfig = JSON.parse(IMAGE_CONFIG);

/** What the image says of the environment. */
const environment = Object.fromEntries(
  config.Env.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
);

const MAX_BYTES = 160e6;
const TOPIC = "arrest_event";

/** A volume as a container engine makes it: with the owner and the mode of the directory that it covers. */
function newVolume() {
  const directory = newDirectory();
  chmodSync(directory.path, 0o755);
  const path = directory.file("data");
  mkdirSync(path);
  const { uid, gid, mode } = lstatSync(join(root, "data"));
  chownSync(path, uid, gid);
  chmodSync(path, mode & 0o7777);
  return { path, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

/** The command that runs this in a container of the image whose root can only be read. */
function inContainer(data: string, ...command: string[]): string[] {
  return inReadOnlyRoot({ path: root, data, volume: "/data", user: config.User }, ...command);
}

/** Starts the image's service, with these settings besides those of the image. */
async function start(data: string, settings: Record<string, string>): Promise<ServiceProcess> {
  const command = inContainer(data, ...config.Entrypoint);
  const service = ServiceProcess.run({ ...environment, TMPDIR: "", ...settings }, command);
  await service.line("listening");
  return service;
}

/** Runs a command in the container to its end. */
function run(data: string, settings: Record<string, string>, ...command: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(inContainer(data, ...command), {
    env: { ...environment, ...settings },
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Every file of the image, as paths in it. */
function* filesOf(directory = ""): Generator<string> {
  for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    yield path;
    if (entry.isDirectory()) yield* filesOf(path);
  }
}

function messages(from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) => ({
    partition: (from + index) % 4,
    value: JSON.stringify(eventOfMessage(from + index)),
  }));
}

test(`the image is smaller than ${MAX_BYTES / 1e6} MB`, () => {
  const bytes = [...filesOf()].reduce((sum, path) => {
    const stat = lstatSync(join(root, path));
    return stat.isFile() ? sum + stat.size : sum;
  }, 0);
  process.stdout.write(`The image has ${(bytes / 1e6).toFixed(1)} MB.\n`);
  expect(bytes).toBeLessThan(MAX_BYTES);
  // Of the executable alone: a small image without it would be no success.
  expect(bytes).toBeGreaterThan(50e6);
});

test("it holds no program but the service's, nothing of its sources, and nothing that gives another user's rights", () => {
  const files = [...filesOf()].map((path) => ({ path, stat: lstatSync(join(root, path)) }));
  const programs = files.filter(
    ({ path, stat }) => stat.isFile() && (stat.mode & 0o111) !== 0 && !/\.so(\.\d+)*$/.test(path),
  );
  // Debian's greeting at a login is a script, for which there is no shell.
  const others = programs.filter(({ path }) => !/^\/((usr\/)?lib(64|\/)|etc\/)/.test(path));
  expect(others.map(({ path }) => path)).toEqual(config.Entrypoint.slice());
  expect(files.filter(({ path }) => /^\/(app|root\/|.*node_modules)/.test(path))).toEqual([]);
  expect(files.filter(({ stat }) => stat.isFile() && (stat.mode & 0o6000) !== 0)).toEqual([]);
  const isShell = ({ path }: { path: string }) => /\/(ba|da|z|c)?sh$|\/busybox$/.test(path);
  expect(files.filter(isShell)).toEqual([]);
});

test("it says how it is run: as nobody of the machine, by SIGTERM, with a volume, a port, a health check, and what is in it", () => {
  expect(config).toMatchObject({
    User: "65532:65532",
    StopSignal: "SIGTERM",
    Entrypoint: ["/usr/local/bin/arrest-events"],
    WorkingDir: "/data",
    Volumes: { "/data": {} },
    ExposedPorts: { "5100/tcp": {} },
    Healthcheck: { Test: ["CMD", "/usr/local/bin/arrest-events", "health"] },
    Labels: {
      "org.opencontainers.image.title": "Arrest Events",
      "org.opencontainers.image.version": manifest.version,
      "org.opencontainers.image.licenses": manifest.license,
    },
  });
  expect(readdirSync(join(root, "usr/share/doc/arrest-events")).sort()).toEqual([
    "LICENSE",
    "THIRD_PARTY_NOTICES.txt",
    "arrest-events.cdx.json",
  ]);
});

test("it tells the commit that it was built from", () => {
  using volume = newVolume();
  const revision = config.Labels["org.opencontainers.image.revision"] ?? "";
  expect(revision).toMatch(/^[0-9a-f]{40}(-dirty)?$/);
  const { stdout } = run(volume.path, {}, ...config.Entrypoint, "--version");
  expect(stdout).toContain(`arrest-events ${manifest.version}\n`);
  expect(stdout).toContain(`\ncommit ${revision}\n`);
});

test("without settings it does not start, and says that it needs the brokers", () => {
  using volume = newVolume();
  const { exitCode, stderr } = run(volume.path, {}, ...config.Entrypoint);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 78,
    stderr: expect.stringContaining("KAFKA_BROKERS must be set in production"),
  });
});

test("the door stays shut: it listens on loopback only, unless AUTH=none is said", async () => {
  using volume = newVolume();
  const open = { KAFKA_BROKERS: "none", HOST: "0.0.0.0" };
  const refused = run(volume.path, open, ...config.Entrypoint);
  expect({ exitCode: refused.exitCode, stderr: refused.stderr }).toEqual({
    exitCode: 78,
    stderr: expect.stringContaining("HOST must be a loopback address unless AUTH=none"),
  });
  {
    await using service = await start(volume.path, { KAFKA_BROKERS: "none" });
    expect(String((await service.line("listening"))["url"])).toStartWith("http://127.0.0.1:");
  }
  await using service = await start(volume.path, { ...open, AUTH: "none" });
  expect((await service.fetch("/livez")).status).toBe(200);
});

test("messages and requests, a stop, kills in the midst of a backlog, and a backup: nothing is lost or doubled", async () => {
  using volume = newVolume();
  const broker = await startEmbeddedBroker(TOPIC);
  const settings = {
    KAFKA_BROKERS: broker.address,
    // So that a kill meets many transactions.
    INGEST_BATCH_SIZE: "500",
    // The embedded broker gives a killed member's partitions to the next one only after this time.
    KAFKA_CONF_SESSION_TIMEOUT_MS: "3500",
  };
  const counted = async (service: ServiceProcess) =>
    (await service.json<{ count: number }>("/arrest_events/count")).count;
  try {
    await send(broker.address, TOPIC, messages(0, 1000));
    {
      await using service = await start(volume.path, settings);
      await until("the first messages", async () => (await counted(service)) === 1000);
      expect((await service.post(eventOfMessage(1000))).status).toBe(201);
      const { url } = await service.line("listening");
      const { port } = new URL(String(url));
      const health = run(volume.path, { PORT: port }, ...config.Healthcheck.Test.slice(1));
      expect(health).toEqual({ exitCode: 0, stdout: '{"status":"ok"}\n', stderr: "" });

      const backup = run(volume.path, {}, ...config.Entrypoint, "backup", "/data/copy.sqlite");
      expect(backup).toMatchObject({ exitCode: 0, stderr: "" });
      expect(backup.stdout).toStartWith("backed up: 1001 events, 0 dead letters,");

      const since = performance.now();
      service.signal(config.StopSignal as NodeJS.Signals);
      expect(await service.ended()).toBe(0);
      // An engine gives ten seconds, and then kills.
      expect(performance.now() - since).toBeLessThan(10_000);
      const dead = run(volume.path, { PORT: port }, ...config.Healthcheck.Test.slice(1));
      expect(dead.exitCode).toBe(1);
    }
    await send(broker.address, TOPIC, messages(1001, 40_000));
    for (const atLeast of [5_000, 15_000]) {
      await using service = await start(volume.path, settings);
      await until("a part of the backlog", async () => (await counted(service)) >= atLeast);
      await service.kill();
    }
    await using service = await start(volume.path, settings);
    await until("the whole backlog", async () => (await counted(service)) >= 40_000);
    const subjects = (await service.events()).map(({ subject_id }) => subject_id);
    expect(subjects.length).toBe(40_000);
    expect(new Set(subjects).size).toBe(40_000);
    service.signal("SIGTERM");
    expect(await service.ended()).toBe(0);
    for (const [file, events] of [
      ["/data/arrest-events.sqlite", 40_000],
      ["/data/copy.sqlite", 1001],
    ] as const) {
      const check = run(volume.path, {}, ...config.Entrypoint, "check", file);
      expect(check).toEqual({
        exitCode: 0,
        stdout: `sound: ${events} events, 0 dead letters\n`,
        stderr: "",
      });
    }
    // Nothing but databases is left, where alone something could be.
    const left = readdirSync(volume.path).filter(
      (name) => !/^(arrest-events|copy)\.sqlite(-wal|-shm)?$/.test(name),
    );
    expect(left).toEqual([]);
  } finally {
    await broker.close();
  }
});

test("it trusts the certificate authorities of the image", () => {
  const bundle = join(root, "etc/ssl/certs/ca-certificates.crt");
  expect(lstatSync(bundle).size).toBeGreaterThan(100_000);
});
