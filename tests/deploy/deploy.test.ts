import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import openapi from "../../docs/openapi.json" with { type: "json" };
import manifest from "../../package.json" with { type: "json" };
import { parseConfig } from "../../src/config.ts";
import { SETTINGS } from "../../src/settings.ts";

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

const dockerfile = read("Dockerfile");
const port = SETTINGS.PORT.fallback;

/** The settings that the image itself has. */
const OF_IMAGE = { NODE_ENV: "production", DATABASE_PATH: "/data/arrest-events.sqlite" };

// biome-ignore lint/suspicious/noExplicitAny: a document of any kind, whose parts the tests name
type Document = any;

const compose: Document = Bun.YAML.parse(read("compose.yaml"));
const folder = "deploy/kubernetes";
const manifests: Document[] = readdirSync(join(root, folder))
  .filter((name) => name !== "kustomization.yaml")
  .flatMap((name) => Bun.YAML.parse(read(`${folder}/${name}`)) as Document);

function manifestOf(kind: string, name = "arrest-events"): Document {
  const found = manifests.filter((each) => each.kind === kind && each.metadata.name === name);
  expect({ kind, count: found.length }).toEqual({ kind, count: 1 });
  return found[0];
}

const statefulSet = manifestOf("StatefulSet");
const pod = statefulSet.spec.template;
const [container] = pod.spec.containers;
const selects = (selector: Record<string, string>, labels: Record<string, string>) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

test("every base of the image is pinned, Bun to the version of the project", () => {
  const bases = Object.fromEntries(
    [...dockerfile.matchAll(/^ARG (\w+_IMAGE)=(\S+)$/gm)].map(([, name, image]) => [name, image]),
  );
  expect(bases).toEqual({
    BUN_IMAGE: `docker.io/oven/bun:${manifest.engines.bun}-slim`,
    BUILD_IMAGE: expect.stringMatching(/^docker\.io\/library\/debian:12\.\d+-slim$/),
    SYSTEM_IMAGE: expect.stringMatching(/-debian12:nonroot@sha256:[0-9a-f]{64}$/),
  });
  const from = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  expect(from).toEqual(Object.keys(bases).map((name) => `\${${name}}`));
});

test("the image's settings, port, volume and version are the service's, and its door stays shut", () => {
  for (const [name, value] of Object.entries(OF_IMAGE)) {
    expect(dockerfile).toContain(`${name}=${value}`);
  }
  expect(dockerfile).toContain(`\nEXPOSE ${port}\n`);
  expect(dockerfile).toContain("\nVOLUME /data\n");
  expect(dockerfile).toContain(`image.version="${manifest.version}"`);
  expect(dockerfile).not.toMatch(/\b(HOST|AUTH)=/);
});

test("all that the Dockerfile copies of the repository is let through by .dockerignore", () => {
  const allowed = read(".dockerignore")
    .split("\n")
    .filter((line) => line.startsWith("!"));
  const copied = [...dockerfile.matchAll(/^COPY (?!--)(.*) \S+$/gm)].flatMap(([, files]) =>
    String(files).split(" "),
  );
  expect(copied.length).toBeGreaterThan(5);
  for (const file of copied) expect(allowed).toContain(`!${file.replace(/^\.\//, "")}`);
});

test("the settings of compose.yaml are such as the service starts with", () => {
  const service = compose.services["arrest-events"];
  const config = parseConfig({ ...OF_IMAGE, ...service.environment }, false);
  expect(config.kafka.source).toEqual({ mode: "external", brokers: "kafka:9092" });
  expect(service.ports).toEqual([`127.0.0.1:${port}:${config.port}`]);
  expect(service.volumes).toEqual(["data:/data"]);
  expect(service.read_only).toBe(true);
  expect(Number.parseInt(service.stop_grace_period, 10) * 1000).toBeGreaterThan(
    config.shutdownTimeoutMs,
  );
});

test("compose.yaml publishes nothing beyond loopback, and makes the topic that is read", () => {
  const services: Document[] = Object.values(compose.services);
  for (const published of services.flatMap(({ ports = [] }) => ports)) {
    expect(published).toStartWith("127.0.0.1:");
  }
  expect(compose.services.topic.command).toContain(`--topic=${SETTINGS.KAFKA_TOPIC.fallback}`);
  const named = services.flatMap(({ volumes = [] }) => volumes as string[]);
  expect(named.map((volume) => volume.split(":")[0]).sort()).toEqual(
    Object.keys(compose.volumes).sort(),
  );
  const { environment } = compose.services.kafka;
  const listeners = String(environment.KAFKA_LISTENERS).split(",");
  const protocols = String(environment.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP);
  for (const listener of listeners) expect(protocols).toContain(`${listener.split(":")[0]}:`);
});

test("the settings of the Kubernetes manifests are such as the service starts with", () => {
  const { data } = manifestOf("ConfigMap");
  const config = parseConfig({ ...OF_IMAGE, ...data }, false);
  expect(container.envFrom).toEqual([{ configMapRef: { name: "arrest-events" } }]);
  expect(config.host).toBe("0.0.0.0");
  expect(container.ports).toEqual([{ name: "http", containerPort: config.port }]);
  expect(pod.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.shutdownTimeoutMs);
});

test("every probe and scrape asks a path that the service has, at a port that the pod has", () => {
  const [endpoint] = manifestOf("ServiceMonitor").spec.endpoints;
  const probes = [
    container.startupProbe.httpGet,
    container.livenessProbe.httpGet,
    container.readinessProbe.httpGet,
    endpoint,
  ];
  expect(probes.map(({ path }) => path)).toEqual(["/livez", "/livez", "/readyz", "/metrics"]);
  for (const { path, port: name } of probes) {
    expect(Object.keys(openapi.paths)).toContain(path);
    expect(name).toBe("http");
  }
});

test("what selects pods or services selects those of the manifests", () => {
  const { labels } = pod.metadata;
  const selectors = [
    statefulSet.spec.selector.matchLabels,
    manifestOf("PodDisruptionBudget").spec.selector.matchLabels,
    manifestOf("NetworkPolicy").spec.podSelector.matchLabels,
    manifestOf("Service").spec.selector,
    manifestOf("Service", statefulSet.spec.serviceName).spec.selector,
  ];
  for (const selector of selectors) expect(selects(selector, labels)).toBe(true);
  const monitored = manifests.filter(
    ({ kind, metadata }) =>
      kind === "Service" &&
      selects(manifestOf("ServiceMonitor").spec.selector.matchLabels, metadata.labels),
  );
  expect(monitored.map(({ metadata }) => metadata.name)).toEqual([statefulSet.spec.serviceName]);
});

test("the pod runs as the image's user, with a root that can only be read, and a volume where the data are", () => {
  const uid = Number(/^USER (\d+):\1$/m.exec(dockerfile)?.[1]);
  expect(pod.spec.securityContext).toMatchObject({
    runAsNonRoot: true,
    runAsUser: uid,
    runAsGroup: uid,
    fsGroup: uid,
  });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  const volumes = [
    ...statefulSet.spec.volumeClaimTemplates.map(({ metadata }: Document) => metadata.name),
    ...pod.spec.volumes.map(({ name }: Document) => name),
  ];
  const mounts: { name: string; mountPath: string }[] = container.volumeMounts;
  expect(mounts.map(({ name }) => name)).toEqual(volumes);
  expect(mounts[0]).toEqual({ name: "data", mountPath: "/data" });
});

test("kustomization.yaml has every manifest that needs no operator, and puts an image in the place of the name", () => {
  const kustomization: Document = Bun.YAML.parse(read(`${folder}/kustomization.yaml`));
  const others = ["kustomization.yaml", "service-monitor.yaml"];
  expect(kustomization.resources.toSorted()).toEqual(
    readdirSync(join(root, folder))
      .filter((name) => !others.includes(name))
      .sort(),
  );
  expect(kustomization.images).toEqual([
    { name: container.image, newName: expect.any(String), newTag: manifest.version },
  ]);
});

test("docs/operations.md names metrics and settings that there are, and every state of ingest", async () => {
  const text = read("docs/operations.md");
  const { INGEST_STATES } = await import("../../src/ingest/status.ts");
  const metrics = read("docs/metrics.md");
  const named = new Set([...text.matchAll(/\barrest_events_[a-z_]+/g)].map(([name]) => name));
  named.delete("arrest_events");
  expect(named.size).toBeGreaterThan(10);
  for (const name of named) {
    expect(metrics).toContain(`\`${name.replace(/_(count|bucket|sum)$/, "")}\``);
  }
  for (const state of INGEST_STATES.filter((each) => each !== "off")) {
    expect(text).toContain(`\`${state}\``);
  }
  const settings = [...text.matchAll(/`((?:[A-Z]+_)+[A-Z]+)`/g)].map(([, name]) => `${name}`);
  for (const name of settings.filter((each) => !each.startsWith("KAFKA_CONF_"))) {
    expect([...Object.keys(SETTINGS), "CURL_SOURCE", "REPLICA_URL"]).toContain(name);
  }
});

test("the files that docs/operations.md names are there", async () => {
  const paths = [...read("docs/operations.md").matchAll(/\]\(((?!https?:)[^)#]+)[^)]*\)/g)];
  expect(paths.length).toBeGreaterThan(4);
  for (const [, path] of paths) {
    const file = join(root, "docs", String(path));
    expect({ path, exists: await Bun.file(file).exists() }).toEqual({ path, exists: true });
  }
});
