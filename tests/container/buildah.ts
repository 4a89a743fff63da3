import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { command } from "./command.ts";

/** What an image says about how it is run: the part of Docker's configuration that is looked at. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[] | null;
  readonly WorkingDir: string;
  readonly StopSignal: string;
  readonly Volumes: Readonly<Record<string, object>>;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Labels: Readonly<Record<string, string>>;
  /** Times in nanoseconds. */
  readonly Healthcheck: {
    readonly Test: readonly string[];
    readonly Interval: number;
    readonly Timeout: number;
  };
}

/** buildah with a storage of its own, which is removed with its directory. */
export class Buildah {
  readonly #options: readonly string[];

  /** @param directory for its storage; made when it is missing */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#options = [
      ...["--root", join(directory, "storage"), "--runroot", join(directory, "run")],
      ...["--storage-driver", "overlay"],
    ];
  }

  /** Runs one of its commands. */
  async run(subcommand: string, ...args: readonly string[]): Promise<string> {
    const output = await command(["buildah", ...this.#options, subcommand, ...args]);
    return output.trim();
  }

  /** Makes an image of a directory or of a tar file. */
  async imageOf(content: string, name: string): Promise<void> {
    const container = await this.run("from", "scratch");
    await this.run("add", "--quiet", container, content, "/");
    await this.run("commit", "--quiet", container, name);
    await this.run("rm", container);
  }

  /**
   * Builds a Dockerfile over a directory. What this machine keeps of earlier builds, and how it reaches the registry of
   * packages, is lent to the steps and left out of the image.
   */
  async build(
    file: string,
    directory: string,
    name: string,
    buildArguments: Readonly<Record<string, string>>,
  ): Promise<void> {
    const lent = [
      [join(directory, "native/.build"), "/app/native/.build"],
      [join(homedir(), ".bun/install/cache"), "/root/.bun/install/cache"],
      [join(homedir(), ".npmrc"), "/root/.npmrc"],
    ].filter(([path]) => existsSync(String(path)));
    await this.run(
      "build",
      // Docker's own format: OCI's has no HEALTHCHECK.
      ...["--format", "docker", "--isolation", "chroot", "--layers=false", "--pull-never"],
      ...lent.flatMap((paths) => ["--volume", paths.join(":")]),
      ...Object.entries(buildArguments).flatMap(([key, value]) => [
        "--build-arg",
        `${key}=${value}`,
      ]),
      ...["--file", file, "--tag", name, directory],
    );
  }

  /** What an image says about how it is run. */
  async config(image: string): Promise<ImageConfig> {
    const text = await this.run("inspect", "--type", "image", image);
    return JSON.parse(text).Docker.config;
  }

  async mount(image: string): Promise<{ readonly container: string; readonly path: string }> {
    const container = await this.run("from", "--pull-never", image);
    return { container, path: await this.run("mount", container) };
  }

  /** Ends all mounts and removes all containers and images. */
  async clear(): Promise<void> {
    for (const end of [
      ["rm", "--all"],
      ["rmi", "--all", "--force"],
    ]) {
      await command(["buildah", ...this.#options, ...end], { evenWhenStopped: true });
    }
  }
}
