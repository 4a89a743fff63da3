import { afterEach, describe, expect, test } from "bun:test";
import { parseConfig } from "../../src/config.ts";
import { findBrokers, NoBrokerError } from "../../src/simulate/broker.ts";

let server: Bun.Server<undefined> | undefined;

afterEach(async () => {
  await server?.stop(true);
  server = undefined;
});

/** A service that answers every request so; gives the settings that lead to it. */
function service(answer: () => Response, host = "127.0.0.1") {
  server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  return parseConfig({ HOST: host, AUTH: "none", PORT: String(server.port) }, false);
}

async function refusal(config: Parameters<typeof findBrokers>[0]): Promise<string> {
  const error = await findBrokers(config).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NoBrokerError);
  return (error as NoBrokerError).message;
}

describe("the broker to send to", () => {
  test("is the configured one", async () => {
    const config = parseConfig({ KAFKA_BROKERS: "one:9092,two:9092" }, false);
    expect(await findBrokers(config)).toBe("one:9092,two:9092");
  });

  test.each([200, 503])(
    "is the embedded one of a running service that answers %d",
    async (status) => {
      const body = { checks: { store: { ok: true }, kafka: { brokers: "127.0.0.1:4321" } } };
      const config = service(() => Response.json(body, { status }));
      expect(await findBrokers(config)).toBe("127.0.0.1:4321");
    },
  );

  test("is found when the service listens on every address", async () => {
    const body = { checks: { kafka: { brokers: "127.0.0.1:4321" } } };
    const config = service(() => Response.json(body), "0.0.0.0");
    expect(await findBrokers(config)).toBe("127.0.0.1:4321");
  });

  test("is asked of /readyz", async () => {
    let path = "";
    server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        path = new URL(request.url).pathname;
        return Response.json({ checks: { kafka: { brokers: "127.0.0.1:4321" } } });
      },
    });
    await findBrokers(parseConfig({ PORT: String(server.port) }, false));
    expect(path).toBe("/readyz");
  });

  test("is missing where no service runs, and the user is told what to do", async () => {
    const config = service(() => new Response());
    await server?.stop(true);
    const message = await refusal(config);
    expect(message).toContain("arrest-events serve");
    expect(message).toContain("--brokers");
  });

  test.each(["no JSON", "[]", '{"checks":{}}', '{"checks":{"kafka":{"brokers":7}}}'])(
    "is missing where something else answers %s",
    async (body) => {
      expect(await refusal(service(() => new Response(body)))).toContain("arrest-events serve");
    },
  );

  test("is missing while the service has none", async () => {
    const config = service(() => Response.json({ checks: { kafka: { brokers: null } } }));
    expect(await refusal(config)).toContain("has no broker");
  });

  test("is missing when Kafka is turned off", async () => {
    expect(await refusal(parseConfig({ KAFKA_BROKERS: "none" }, false))).toContain("--brokers");
  });
});
