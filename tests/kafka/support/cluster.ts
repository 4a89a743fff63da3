import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../support/until.ts";
import { answers } from "./admin.ts";
import { findJars, findJava } from "./jars.ts";

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
  readonly controllerPort: number;
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
  static async start(size: 1 | 3): Promise<KafkaCluster> {
    const java = findJava();
    const jars = findJars();
    const directory = mkdtempSync(join(tmpdir(), "arrest-events-kafka-"));
    const ports = await freePorts(size * 2);
    const nodes = Array.from({ length: size }, (_, index): Node => {
      const id = index + 1;
      return {
        id,
        port: ports[index] ?? 0,
        controllerPort: ports[size + index] ?? 0,
        directory: join(directory, String(id)),
        process: undefined,
      };
    });
    const cluster = new KafkaCluster(java, jars, nodes, directory);
    try {
      await Promise.all(nodes.map((node) => cluster.#format(node)));
      await Promise.all(nodes.map(({ id }) => cluster.startNode(id)));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `host:port` of each node, with commas between them. */
  get brokers(): string {
    return this.#nodes.map(({ port }) => `127.0.0.1:${port}`).join(",");
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
      return (await isListening(node.port)) && (await answers(`127.0.0.1:${node.port}`));
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

  /** What a node has logged. */
  log(id: number): string {
    return readFileSync(join(this.#directory, `${id}.log`), "utf8");
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

  async #format(node: Node): Promise<void> {
    mkdirSync(node.directory, { recursive: true });
    const voters = this.#nodes.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`);
    const replicas = String(this.#nodes.length);
    const quorum = this.#nodes.length > 1 ? "2" : "1";
    const properties = {
      ...PROPERTIES,
      "process.roles": "broker,controller",
      "node.id": String(node.id),
      "controller.quorum.voters": voters.join(","),
      "controller.listener.names": "CONTROLLER",
      listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
      "advertised.listeners": `PLAINTEXT://127.0.0.1:${node.port}`,
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
    this.#warden.stdin.end();
    await this.#warden.exited;
  }
}
