/**
 * Checks the manifests by the schemas of Kubernetes, of the oldest and the newest version that they are for, and the
 * Dockerfile by hadolint: `bun run test:manifests`.
 *
 * Exit codes: 0 all is well; 69 there is no Python with venv and pip here, or no packages to be had; 1 something is wrong.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EX_UNAVAILABLE } from "../../src/exit-codes.ts";

const VERSIONS = ["1.30", "1.36"];

const root = join(import.meta.dir, "../..");
const venv = join(import.meta.dir, ".venv");
const requirements = join(import.meta.dir, "requirements.txt");

/** What Kubernetes' own schemas do not know: of kustomize and of the Prometheus Operator. */
const NOT_OF_KUBERNETES = ["kustomization.yaml", "service-monitor.yaml"];

function succeeds(...command: string[]): boolean {
  process.stdout.write(`$ ${command.join(" ").replaceAll(`${root}/`, "")}\n`);
  const stdio = ["ignore", "inherit", "inherit"] as ["ignore", "inherit", "inherit"];
  return Bun.spawnSync(command, { cwd: root, stdio }).exitCode === 0;
}

function hasTools(): boolean {
  if (existsSync(join(venv, "bin/hadolint"))) return true;
  if (Bun.which("python3") === null || !succeeds("python3", "-m", "venv", venv)) return false;
  const isInstalled = succeeds(
    ...[join(venv, "bin/pip"), "--quiet", "--disable-pip-version-check"],
    ...["install", "--no-deps", "--requirement", requirements],
  );
  if (!isInstalled) rmSync(venv, { recursive: true, force: true });
  return isInstalled;
}

if (hasTools()) {
  const folder = join(root, "deploy/kubernetes");
  const manifests = readdirSync(folder)
    .filter((name) => !NOT_OF_KUBERNETES.includes(name))
    .map((name) => join(folder, name));
  const validate = join(venv, "bin/kubernetes-validate");
  const passed = [
    ...VERSIONS.map((version) =>
      succeeds(validate, "--strict", "--kubernetes-version", version, ...manifests),
    ),
    succeeds(join(venv, "bin/hadolint"), join(root, "Dockerfile")),
  ];
  process.exitCode = passed.every(Boolean) ? 0 : 1;
} else {
  process.stdout.write(
    "The manifests are not checked here: no Python with venv, pip and packages\n",
  );
  process.exitCode = EX_UNAVAILABLE;
}
