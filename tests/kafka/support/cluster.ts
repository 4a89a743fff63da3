import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { until } from "../../support/until.ts";
import { answers } from "./admin.ts";
import { findJars, findJava } from "./jars.ts";

/** What a test decides of its cluster. */
export interface ClusterOptions {
  /** Every client that starts from {@link KafkaCluster.brokers} goes through {@link KafkaCluster.proxy}. */
  readonly behindProxies?: boolean;
  /** Brokers reach their controllers through {@link KafkaCluster.controllerProxy}. */
  readonly behindControllerProxies?: boolean;
  /** Further listeners of the brokers, by name, with their security protocols; see {@link KafkaCluster.listener}. */
  readonly listeners?: Readonly<Record<string, "SSL" | "SASL_SSL" | "SASL_PLAINTEXT">>;
  /** What Kafka's storage tool is told beside what it must be. */
  readonly format?: readonly string[];
  /** Settings of the brokers beside, or instead of, those that hold for every test. */
  readonly properties?: Record<string, string>;
}

/** Short timings and small logs: what takes seconds on a real cluster shall not in a test. */
const PROPERTIES = {
  "auto.create.topics.enable": "false",
  "broker.heartbeat.interval.ms": "500",
  "broker.session.timeout.ms": "2000",
  "group.consumer.heartbeat.interval.ms": "500",
  "group.consumer.min.heartbeat.interval.ms": "500",
  "group.consumer.min.session.timeout.ms": "2000",
  "group.consumer.session.timeout.ms": "6000",
  "group.initial.rebalance.delay.ms": "0",
  "group.min.session.timeout.ms": "1000",
  "log.cleaner.backoff.ms": "200",
  "log.cleaner.dedupe.buffer.size": "2097152",
  "log.cleaner.threads": "1",
  "log.index.size.max.bytes": "262144",
  "log.initial.task.delay.ms": "500",
  "log.retention.check.interval.ms": "500",
  "log.segment.delete.delay.ms": "500",
  "message.max.bytes": "4194304",
  "num.io.threads": "2",
  "num.network.threads": "2",
  "num.recovery.threads.per.data.dir": "2",
  "offsets.topic.num.partitions": "3",
  "transaction.state.log.num.partitions": "3",
} as const;

interface Node {
  readonly id: number;
  readonly port: number;
  /** Of the other brokers, and of clients that shall not be troubled. */
  readonly internalPort: number;
  readonly controllerPort: number;
  /** Of the further listeners, by name. */
  readonly listenerPorts: ReadonlyMap<string, number>;
  readonly proxy: TcpProxy | undefined;
  readonly controllerProxy: TcpProxy | undefined;
  readonly directory: string;
  process: Bun.Subprocess | undefined;
}

/**
 * Ports of loopback that nobody listens on. They lie below those that systems give to outgoing connections:
 * one of these could take the port of a node while that is down, even one that looks for the node.
 */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (await canListen(port)) ports.add(port);
  }
  return [...ports];
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

function started(proxy: TcpProxy | undefined): TcpProxy {
  if (proxy === undefined) throw new Error("the cluster was started without these proxies");
  return proxy;
}

/** Where the clients of a node find it. */
function clientPort({ port, proxy }: Node): number {
  return proxy?.port ?? port;
}

/** Apache Kafka in processes of its own: each node is broker and controller, with its log in a temporary directory. */
export class KafkaCluster implements AsyncDisposable {
  readonly #nodes: readonly Node[];
  readonly #directory: string;
  readonly #warden: Bun.Subprocess<"pipe", "ignore", "ignore">;
  readonly #java: string;
  readonly #jars: string;

  private constructor(java: string, jars: string, nodes: readonly Node[], directory: string) {
    this.#java = java;
    this.#jars = jars;
    this.#nodes = nodes;
    this.#directory = directory;
    // However this process ends, the pipe ends with it: nothing is left behind, not even after a SIGKILL.
    this.#warden = Bun.spawn(
      [
        "/bin/sh",
        "-c",
        'trap "" INT TERM HUP; read _; for f in "$0"/*.pid; do kill -9 "$(cat "$f")"; done; rm -rf "$0"',
        directory,
      ],
      { stdio: ["pipe", "ignore", "ignore"] },
    );
  }

  /** Starts a cluster and waits until each of its brokers answers. */
  static async start(size: 1 | 3, options: ClusterOptions = {}): Promise<KafkaCluster> {
    const { behindProxies = false, behindControllerProxies = false, listeners = {} } = options;
    const java = findJava();
    const jars = findJars();
    const directory = mkdtempSync(join(tmpdir(), "arrest-events-kafka-"));
    const names = Object.keys(listeners);
    const ports = await freePorts(size * (3 + names.length));
    const nodes: Node[] = [];
    for (let id = 1; id <= size; id++) {
      const [port = 0, internalPort = 0, controllerPort = 0] = ports.splice(0, 3);
      nodes.push({
        id,
        port,
        internalPort,
        controllerPort,
        listenerPorts: new Map(names.map((name) => [name, ports.pop() ?? 0])),
        proxy: behindProxies ? await TcpProxy.start({ target: port }) : undefined,
        controllerProxy: behindControllerProxies
          ? await TcpProxy.start({ target: controllerPort })
          : undefined,
        directory: join(directory, String(id)),
        process: undefined,
      });
    }
    const cluster = new KafkaCluster(java, jars, nodes, directory);
    try {
      await Promise.all(nodes.map((node) => cluster.#format(node, options)));
      await Promise.all(nodes.map(({ id }) => cluster.startNode(id)));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `host:port` of each node, with commas between them. */
  get brokers(): string {
    return this.#nodes.map((node) => `127.0.0.1:${clientPort(node)}`).join(",");
  }

  /** Addresses that lead past the proxies, for those who watch: `host:port`, with commas between them. */
  get directBrokers(): string {
    return this.#nodes.map(({ internalPort }) => `127.0.0.1:${internalPort}`).join(",");
  }

  /** The addresses of a further listener: `host:port`, with commas between them. */
  listener(name: string): string {
    return this.#nodes.map((node) => `127.0.0.1:${node.listenerPorts.get(name)}`).join(",");
  }

  /** The proxy that the clients of a node go through. */
  proxy(id: number): TcpProxy {
    return started(this.#node(id).proxy);
  }

  /** The proxy that brokers go through to the controller of a node. */
  controllerProxy(id: number): TcpProxy {
    return started(this.#node(id).controllerProxy);
  }

  /** The numbers of the nodes. */
  get ids(): readonly number[] {
    return this.#nodes.map(({ id }) => id);
  }

  /** Starts a node that is down, and waits until it answers. */
  async startNode(id: number): Promise<void> {
    const node = this.#node(id);
    if (node.process !== undefined) return;
    const log = Bun.file(join(this.#directory, `${id}.log`));
    const kafka = Bun.spawn(this.#command("kafka.Kafka", join(node.directory, "node.properties")), {
      stdio: ["ignore", "ignore", log],
    });
    node.process = kafka;
    writeFileSync(this.#pidFile(node), String(kafka.pid));
    await until(`node ${id} to answer`, async () => {
      if (kafka.exitCode !== null) throw new Error(`node ${id} ended with ${kafka.exitCode}`);
      const { internalPort } = node;
      return (await isListening(internalPort)) && (await answers(`127.0.0.1:${internalPort}`));
    }).catch((error: Error) => {
      throw new Error(
        `${error.message}; the last that it has logged:\n${this.log(id).slice(-4000)}`,
      );
    });
  }

  /** Ends a node without warning, as a crash does. */
  kill(id: number): Promise<void> {
    return this.#end(id, "SIGKILL");
  }

  /** Shuts a node down in order. */
  stop(id: number): Promise<void> {
    return this.#end(id, "SIGTERM");
  }

  /** Stops a node's process where it is: its connections stay open, and nothing answers. */
  freeze(id: number): void {
    this.#node(id).process?.kill("SIGSTOP");
  }

  /** Lets a frozen node go on. */
  thaw(id: number): void {
    this.#node(id).process?.kill("SIGCONT");
  }

  /** What a node has logged. */
  log(id: number): string {
    return readFileSync(join(this.#directory, `${id}.log`), "utf8");
  }

  /** The first file of a partition's log, as a node has it on the disk. */
  segment(id: number, topic: string, partition: number): Buffer {
    const log = join(this.#node(id).directory, "log", `${topic}-${partition}`);
    return readFileSync(join(log, `${"0".repeat(20)}.log`));
  }

  async #end(id: number, signal: NodeJS.Signals): Promise<void> {
    const node = this.#node(id);
    if (node.process === undefined) return;
    node.process.kill(signal);
    await node.process.exited;
    rmSync(this.#pidFile(node), { force: true });
    node.process = undefined;
  }

  #node(id: number): Node {
    const node = this.#nodes.find((each) => each.id === id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  #pidFile({ id }: Node): string {
    return join(this.#directory, `${id}.pid`);
  }

  #command(mainClass: string, ...args: string[]): string[] {
    return [
      this.#java,
      "-Xmx512m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      "-cp",
      this.#jars,
      mainClass,
      ...args,
    ];
  }

  async #format(node: Node, options: ClusterOptions): Promise<void> {
    const { listeners = {}, format: further = [], properties: given = {} } = options;
    const secured = [...node.listenerPorts].map(([name, port]) => `,${name}://127.0.0.1:${port}`);
    const protocols = Object.entries(listeners).map(([name, protocol]) => `,${name}:${protocol}`);
    mkdirSync(node.directory, { recursive: true });
    const voters = this.#nodes.map(
      ({ id, controllerPort, controllerProxy }) =>
        `${id}@127.0.0.1:${controllerProxy?.port ?? controllerPort}`,
    );
    const replicas = String(this.#nodes.length);
    const quorum = this.#nodes.length > 1 ? "2" : "1";
    const properties = {
      ...PROPERTIES,
      ...given,
      "process.roles": "broker,controller",
      "node.id": String(node.id),
      "controller.quorum.voters": voters.join(","),
      "controller.listener.names": "CONTROLLER",
      "inter.broker.listener.name": "INTERNAL",
      "listener.security.protocol.map": `CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT${protocols.join("")}`,
      listeners: `CLIENT://127.0.0.1:${node.port},INTERNAL://127.0.0.1:${node.internalPort},CONTROLLER://127.0.0.1:${node.controllerPort}${secured.join("")}`,
      "advertised.listeners": `CLIENT://127.0.0.1:${clientPort(node)},INTERNAL://127.0.0.1:${node.internalPort}${secured.join("")}`,
      "log.dirs": join(node.directory, "log"),
      "default.replication.factor": replicas,
      "min.insync.replicas": quorum,
      "offsets.topic.replication.factor": replicas,
      "transaction.state.log.replication.factor": replicas,
      "transaction.state.log.min.isr": quorum,
      "share.coordinator.state.topic.replication.factor": replicas,
      "share.coordinator.state.topic.min.isr": quorum,
    };
    const file = join(node.directory, "node.properties");
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(file, lines.join(""));
    const command = this.#command(
      "kafka.tools.StorageTool",
      "format",
      "--cluster-id",
      "arrest-events-testing",
      "--config",
      file,
      ...further,
    );
    const format = Bun.spawn(command, { stdio: ["ignore", "pipe", "pipe"] });
    const [output, errors] = await Promise.all([
      new Response(format.stdout).text(),
      new Response(format.stderr).text(),
      format.exited,
    ]);
    if (format.exitCode !== 0)
      throw new Error(`Kafka's storage not formatted:\n${output}${errors}`);
  }

  /** Ends the nodes and removes their logs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.ids.map((id) => this.kill(id)));
    const proxies = this.#nodes.flatMap(({ proxy, controllerProxy }) => [proxy, controllerProxy]);
    await Promise.all(proxies.map((proxy) => proxy?.[Symbol.asyncDispose]()));
    this.#warden.stdin.end();
    await this.#warden.exited;
  }
}
