/**
 * The images that the Dockerfile begins with, made of Debian's packages where no registry of images is at hand. They hold
 * what those of a registry hold as far as the build and the service go: Debian with apt, the executable of Bun, and of the
 * last one the packages that distroless's `base-nossl-debian12` has.
 */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { command } from "./command.ts";

/** The Debian that the Dockerfile builds on and for. */
const CODENAME = "bookworm";

const PACKAGES_OF_SYSTEM = ["base-files", "ca-certificates", "libc6", "netbase", "tzdata"];

/** A Debian with apt, as a tar file, by the sources and options of this machine's own apt. */
export async function makeDebian(directory: string): Promise<string> {
  const file = join(directory, "debian.tar");
  const options = (await command(["apt-config", "dump", "Acquire"]))
    .split("\n")
    .filter((line) => line.startsWith("Acquire::Check-"))
    .map((line) => `--aptopt=${line}`);
  const sources = aptSources();
  await command(["mmdebstrap", "--quiet", "--variant=apt", ...options, CODENAME, file, ...sources]);
  return file;
}

function aptSources(): string[] {
  const list = "/etc/apt/sources.list.d";
  const files = readdirSync(list).filter((name) => /\.(sources|list)$/.test(name));
  const ofDebian = files.filter((name) => /debian/.test(name)).map((name) => join(list, name));
  return ofDebian.length > 0 ? ofDebian : ["/etc/apt/sources.list"];
}

/** A root with Bun, and nothing that it needs. */
export function makeBun(directory: string): string {
  const root = join(directory, "bun");
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  cpSync(realpathSync(process.execPath), join(root, "usr/local/bin/bun"));
  return root;
}

/** A root with what the Dockerfile's build leaves to its last stage, of an executable that has been built here. */
export function makeBuild(directory: string, dist: string): string {
  const root = join(directory, "build");
  const documents = join(root, "image/usr/share/doc/arrest-events");
  for (const path of [join(root, "image/usr/local/bin"), join(root, "image/data"), documents]) {
    mkdirSync(path, { recursive: true });
  }
  cpSync(join(dist, "arrest-events"), join(root, "image/usr/local/bin/arrest-events"));
  for (const name of ["arrest-events.cdx.json", "THIRD_PARTY_NOTICES.txt", "../LICENSE"]) {
    cpSync(join(dist, name), join(documents, basename(name)));
  }
  return root;
}

/** A root with what the last stage begins with: no shell, no package manager, no OpenSSL. */
export async function makeSystem(directory: string): Promise<string> {
  const packages = join(directory, "packages");
  const unpacked = join(directory, "unpacked");
  const root = join(directory, "system");
  for (const path of [packages, unpacked, root]) mkdirSync(path);
  await command(["apt-get", "download", "--quiet", ...PACKAGES_OF_SYSTEM], { cwd: packages });
  for (const name of readdirSync(packages)) {
    await command(["dpkg-deb", "--extract", join(packages, name), unpacked]);
  }
  // Without the programs of these packages, of which distroless leaves out all that need a shell.
  for (const path of ["etc", "lib", "lib64", "usr/lib", "usr/share/zoneinfo", "home", "var/lib"]) {
    cpSync(join(unpacked, path), join(root, path), { recursive: true, verbatimSymlinks: true });
  }
  for (const path of ["dev", "proc", "sys", "tmp", "run"]) mkdirSync(join(root, path));
  trustAuthorities(unpacked, root);
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
  );
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnonroot:x:65532:\n");
  return root;
}

/** As `update-ca-certificates` does, which is a script. */
function trustAuthorities(unpacked: string, root: string): void {
  const mozilla = join(unpacked, "usr/share/ca-certificates/mozilla");
  const certificates = readdirSync(mozilla).map((name) =>
    readFileSync(join(mozilla, name), "utf8"),
  );
  const bundle = join(root, "etc/ssl/certs/ca-certificates.crt");
  mkdirSync(join(bundle, ".."), { recursive: true });
  writeFileSync(`${bundle}.new`, certificates.join(""));
  renameSync(`${bundle}.new`, bundle);
}
