import { expect, setDefaultTimeout, test } from "bun:test";
import { ServiceProcess } from "../promises/support.ts";
import { newDirectory } from "../support/store.ts";
import { run } from "./support.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

const portOf = async (service: ServiceProcess) =>
  new URL(String((await service.line("listening"))["url"])).port;

test("health is 0 while the service is alive, with --ready while it can do its work, and 1 when it has gone", async () => {
  using directory = newDirectory();
  const settings = { DATABASE_PATH: directory.file(), KAFKA_BROKERS: "none" };
  await using service = await ServiceProcess.start(settings);
  const PORT = await portOf(service);
  expect((await run({ PORT }, "health")).exitCode).toBe(0);
  const ready = await run({ PORT }, "health", "--ready");
  expect(ready.exitCode).toBe(0);
  expect(JSON.parse(ready.stdout)).toMatchObject({ checks: { store: { status: "ok" } } });
  await service.kill();
  const gone = await run({ PORT }, "health");
  expect(gone.exitCode).toBe(1);
  expect(gone.stderr).toContain(`no answer from 127.0.0.1, port ${PORT}: `);
  const nowhere = await run({ HOST: "a b", PORT }, "health");
  expect(nowhere.exitCode).toBe(1);
  expect(nowhere.stderr).toMatch(/^arrest-events health: no answer from .*\n$/);
});

test("a service that is alive and not ready is 0 without --ready and 1 with it, and says why", async () => {
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) =>
      url.endsWith("/readyz")
        ? Response.json({ checks: { store: { status: "failing" } } }, { status: 503 })
        : Response.json({}),
  });
  const PORT = String(server.port);
  expect((await run({ PORT }, "health")).exitCode).toBe(0);
  const { exitCode, stdout } = await run({ PORT }, "health", "--ready");
  expect(exitCode).toBe(1);
  expect(stdout).toContain("failing");
});

test("a service that listens on every address is asked on loopback", async () => {
  await using server = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response() });
  const settings = { HOST: "0.0.0.0", PORT: String(server.port) };
  expect((await run(settings, "health")).exitCode).toBe(0);
});

test("the service is asked, and not a proxy that the environment names", async () => {
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("alive"),
  });
  await using proxy = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("proxy", { status: 502 }),
  });
  const named = proxy.url.href;
  for (const settings of [{ HTTP_PROXY: named }, { http_proxy: named, no_proxy: "example.org" }]) {
    const { exitCode, stdout } = await run({ PORT: String(server.port), ...settings }, "health");
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "alive\n" });
  }
});

test("a service that takes the connection and does not answer is not healthy", async () => {
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Promise<Response>(() => undefined),
  });
  const { exitCode } = await run({ PORT: String(server.port) }, "health");
  expect(exitCode).toBe(1);
});

test("a port that is none is exit code 78", async () => {
  expect((await run({ PORT: "http" }, "health")).exitCode).toBe(78);
});
