import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ServiceProcess, temporaryDirectory } from "../promises/support.ts";
import { until } from "../support/until.ts";
import { audit, exactly, range } from "./support/audit.ts";
import { KafkaCluster } from "./support/cluster.ts";
import { type Credentials, makeCredentials } from "./support/credentials.ts";
import { serviceFeatures } from "./support/features.ts";
import { send } from "./support/producer.ts";
import { eventMessages, Scene, upToDate } from "./support/scene.ts";
import { TokenServer } from "./support/token-server.ts";

const PARTITIONS = 2;
const USER = "reader";
const PASSWORD = "a password of the tests";
const LOGIN = "org.apache.kafka.common.security";

const directory = temporaryDirectory();
let credentials: Credentials;
let cluster: KafkaCluster;
let tokens: TokenServer;

beforeAll(async () => {
  credentials = await makeCredentials(directory.path);
  tokens = TokenServer.start(credentials);
  const tls = {
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": credentials.both,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": credentials.certificate,
  };
  const scram = `${LOGIN}.scram.ScramLoginModule required;`;
  const properties: Record<string, string> = {
    ...tls,
    "listener.name.mutual.ssl.client.auth": "required",
    "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.scram.scram-sha-256.sasl.jaas.config": scram,
    "listener.name.scram.scram-sha-512.sasl.jaas.config": scram,
    "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.plain.plain.sasl.jaas.config": `${LOGIN}.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`,
    "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
    "listener.name.oauth.oauthbearer.sasl.jaas.config": `${LOGIN}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  };
  cluster = await KafkaCluster.start(1, {
    listeners: {
      TLS: "SSL",
      MUTUAL: "SSL",
      SCRAM: "SASL_SSL",
      PLAIN: "SASL_SSL",
      OAUTH: "SASL_SSL",
    },
    format: ["256", "512"].flatMap((bits) => [
      "--add-scram",
      `SCRAM-SHA-${bits}=[name=${USER},password=${PASSWORD}]`,
    ]),
    properties,
  });
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  tokens?.[Symbol.dispose]();
  directory[Symbol.dispose]();
});

/** Settings of librdkafka's, as the environment has them. */
function conf(settings: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      `KAFKA_CONF_${name.toUpperCase().replaceAll(".", "_")}`,
      value,
    ]),
  );
}

/** Waits for a text anywhere in a service's log. */
async function untilLogged(service: ServiceProcess, text: string): Promise<void> {
  await until(`the log to say "${text}"`, () => service.output().includes(text));
}

interface Way {
  readonly name: string;
  readonly listener: string;
  readonly needs: string;
  readonly settings: () => Record<string, string>;
}

const overTls = () => ({
  "security.protocol": "SASL_SSL",
  "ssl.ca.location": credentials.certificate,
});

const WAYS: readonly Way[] = [
  {
    name: "TLS",
    listener: "TLS",
    needs: "ssl",
    settings: () => ({ ...overTls(), "security.protocol": "SSL" }),
  },
  {
    name: "TLS with a certificate of the client",
    listener: "MUTUAL",
    needs: "ssl",
    settings: () => ({
      ...overTls(),
      "security.protocol": "SSL",
      "ssl.certificate.location": credentials.certificate,
      "ssl.key.location": credentials.key,
    }),
  },
  ...["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"].map((mechanism) => ({
    name: `SASL/${mechanism}`,
    listener: mechanism.slice(0, 5),
    needs: mechanism === "PLAIN" ? "sasl_plain" : "sasl_scram",
    settings: () => ({
      ...overTls(),
      "sasl.mechanism": mechanism,
      "sasl.username": USER,
      "sasl.password": PASSWORD,
    }),
  })),
  {
    name: "SASL/OAUTHBEARER with a token that is not signed",
    listener: "OAUTH",
    needs: "sasl_oauthbearer",
    settings: () => ({
      ...overTls(),
      "sasl.mechanism": "OAUTHBEARER",
      "enable.sasl.oauthbearer.unsecure.jwt": "true",
      "sasl.oauthbearer.config": `principal=${USER}`,
    }),
  },
  {
    name: "SASL/OAUTHBEARER with a token of an OpenID provider, over HTTPS",
    listener: "OAUTH",
    needs: "oidc",
    settings: () => ({
      ...overTls(),
      "sasl.mechanism": "OAUTHBEARER",
      "sasl.oauthbearer.method": "oidc",
      "sasl.oauthbearer.client.id": USER,
      "sasl.oauthbearer.client.secret": PASSWORD,
      "sasl.oauthbearer.token.endpoint.url": tokens.url,
      "https.ca.location": credentials.certificate,
    }),
  },
];

describe.each(WAYS.filter(({ needs }) => serviceFeatures.includes(needs)))("$name", (way) => {
  test("brings the messages in", async () => {
    using scene = await Scene.open({
      partitions: PARTITIONS,
      brokers: cluster.brokers,
      serviceBrokers: cluster.listener(way.listener),
      settings: conf(way.settings()),
    });
    await send(scene.brokers, scene.topic, eventMessages(0, 500, PARTITIONS));
    await using service = await scene.start();
    await upToDate(service, PARTITIONS);
    expect(audit([scene.store()], range(0, 500), PARTITIONS)).toEqual(exactly(500));
  });
});

test.if(serviceFeatures.includes("oidc"))(
  "the OpenID provider was asked for its token by the service",
  () => {
    expect(tokens.asked).toBeGreaterThan(0);
    expect(tokens.clients).toEqual(new Set([`${USER}:${PASSWORD}`]));
  },
);

test("a broker whose certificate nobody vouches for is not trusted, which the log says", async () => {
  using scene = await Scene.open({
    partitions: PARTITIONS,
    brokers: cluster.brokers,
    serviceBrokers: cluster.listener("TLS"),
    settings: conf({ "security.protocol": "SSL" }),
  });
  await using service = await scene.start();
  await untilLogged(service, "ssl error");
  const { checks } = await service.json<{ checks: { kafka: { state: string } } }>("/readyz");
  expect(checks.kafka.state).toBe("connecting");
});

test("a password that is wrong is refused, which the log says without it", async () => {
  const wrong = "not the password";
  using scene = await Scene.open({
    partitions: PARTITIONS,
    brokers: cluster.brokers,
    serviceBrokers: cluster.listener("SCRAM"),
    settings: conf({
      ...overTls(),
      "sasl.mechanism": "SCRAM-SHA-512",
      "sasl.username": USER,
      "sasl.password": wrong,
    }),
  });
  await using service = await scene.start();
  await untilLogged(service, "uthentication");
  expect(service.output()).not.toContain(wrong);
});
