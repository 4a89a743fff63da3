/**
 * The libraries that are linked into the addon of the executable, so that it needs none of the machine it runs on.
 * OpenSSL, zlib and zstd are those of the development packages. curl's there refers to a dozen further libraries
 * (LDAP, SSH, Kerberos), so a curl that knows HTTP and HTTPS only is made by `static-curl.ts`.
 */
import { existsSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { ensureStaticCurl } from "./static-curl.ts";
import type { Toolchain } from "./toolchain.ts";

/** A library that is linked in. */
export interface StaticLibrary {
  readonly name: string;
  readonly version: string;
  readonly archives: readonly string[];
  /** Its headers, where the compiler does not look by itself. */
  readonly include?: string;
}

/** What goes into a standalone addon, and what cannot. */
export interface StaticLibraries {
  readonly linked: readonly StaticLibrary[];
  /** What is not to be had here, what that costs and how to get it: a text each. */
  readonly lacking: readonly string[];
}

interface Wanted {
  readonly name: string;
  readonly archives: readonly string[];
  readonly header: string;
  readonly version: RegExp;
  readonly cost: string;
  readonly install: string;
  /** Homebrew's name, whose libraries lie in a directory of their own. */
  readonly homebrew: string;
}

const WANTED: readonly Wanted[] = [
  {
    name: "OpenSSL",
    archives: ["libssl.a", "libcrypto.a"],
    header: "openssl/opensslv.h",
    version: /OPENSSL_VERSION_TEXT\s+"OpenSSL (\S+)/,
    cost: "the executable needs libssl and libcrypto of the machine, or has no TLS and no SASL/SCRAM",
    install:
      "Debian, Ubuntu: libssl-dev; Alpine: openssl-dev openssl-libs-static; macOS: brew install openssl@3",
    homebrew: "openssl@3",
  },
  {
    name: "zlib",
    archives: ["libz.a"],
    header: "zlib.h",
    version: /ZLIB_VERSION\s+"([^"]+)"/,
    cost: "the executable needs libz of the machine, or cannot read topics compressed with gzip",
    install:
      "Debian, Ubuntu: zlib1g-dev; Alpine: zlib-dev zlib-static; macOS: has it in the system",
    homebrew: "zlib",
  },
  {
    name: "zstd",
    archives: ["libzstd.a"],
    header: "zstd.h",
    version:
      /^(?=[\s\S]*ZSTD_VERSION_MAJOR (\d+))(?=[\s\S]*ZSTD_VERSION_MINOR (\d+))(?=[\s\S]*ZSTD_VERSION_RELEASE (\d+))/,
    cost: "the executable needs libzstd of the machine, or cannot read topics compressed with zstd",
    install: "Debian, Ubuntu: libzstd-dev; Alpine: zstd-dev zstd-static; macOS: brew install zstd",
    homebrew: "zstd",
  },
];

/** macOS has these, and curl, in the system itself. */
const OF_MACOS = new Set(["zlib", "curl"]);

/**
 * Looks for the static libraries, and makes curl's where that has not been done before, in `cache`.
 *
 * @throws BuildError when curl's sources are here and cannot be compiled
 */
export async function findStaticLibraries(
  toolchain: Toolchain,
  cache: string,
): Promise<StaticLibraries> {
  const linked: StaticLibrary[] = [];
  const lacking: string[] = [];
  for (const wanted of WANTED) {
    const found = find(wanted, toolchain);
    if (found !== undefined) linked.push(found);
    else if (!isOfSystem(wanted.name)) {
      lacking.push(`No static ${wanted.name}: ${wanted.cost}.\n  ${wanted.install}`);
    }
  }
  const openssl = linked.find(({ name }) => name === "OpenSSL");
  if (!isOfSystem("curl") && openssl !== undefined) {
    const curl = await ensureStaticCurl(toolchain, openssl, cache);
    if (typeof curl === "string") lacking.push(curl);
    else linked.push(curl);
  }
  return { linked, lacking };
}

function isOfSystem(name: string): boolean {
  return process.platform === "darwin" && OF_MACOS.has(name);
}

/** A text that is another when any of the libraries is: by version, size and time of what is linked. */
export function fingerprint({ linked }: StaticLibraries): string {
  const files = linked.flatMap(({ name, version, archives }) =>
    archives.map((file) => {
      const { size, mtimeMs } = statSync(file);
      return `${name} ${version} ${size} ${mtimeMs}`;
    }),
  );
  return files.join("\n");
}

/** What librdkafka's configure is told, so that it takes these libraries and no others. */
export function configureWith({ linked }: StaticLibraries): {
  readonly options: string[];
  readonly environment: Record<string, string>;
} {
  const archivesOf = (wanted: string) => linked.find(({ name }) => name === wanted)?.archives ?? [];
  const [ssl = "", crypto = ""] = archivesOf("OpenSSL");
  const curl = archivesOf("curl");
  const flags = linked.flatMap(({ include }) => (include === undefined ? [] : [`-I${include}`]));
  // Without this librdkafka would look for certificate authorities where OpenSSL's packager has them only.
  if (ssl !== "") flags.push("-DWITH_STATIC_LIB_libcrypto=1");
  const environment: Record<string, string> = {
    CPPFLAGS: [process.env["CPPFLAGS"] ?? "", ...flags].join(" ").trim(),
    STATIC_LIB_libssl: ssl,
    STATIC_LIB_libcrypto: crypto,
    STATIC_LIB_zlib: archivesOf("zlib").join(" "),
    STATIC_LIB_libzstd: archivesOf("zstd").join(" "),
    STATIC_LIB_libcurl: curl.join(" "),
  };
  // Kerberos is a set of plug-ins that Cyrus SASL loads from the machine: nothing that could be linked in.
  const options = ["--enable-static", "--disable-gssapi"];
  if (curl.length === 0 && !isOfSystem("curl")) options.push("--disable-curl");
  return { options, environment };
}

function find(wanted: Wanted, toolchain: Toolchain): StaticLibrary | undefined {
  const homebrew = ["/opt/homebrew/opt", "/usr/local/opt"].map((at) => join(at, wanted.homebrew));
  const prefix = homebrew.find((at) => existsSync(join(at, "lib", wanted.archives[0] ?? "")));
  const include = prefix === undefined ? undefined : join(prefix, "include");
  const archives = wanted.archives.map((archive) =>
    prefix === undefined ? archiveOf(toolchain, archive) : join(prefix, "lib", archive),
  );
  const version = wanted.version.exec(macrosOf(toolchain, wanted.header, include));
  // The compiler gives a name back as it was when it knows no file of it.
  if (version === null || !archives.every(isAbsolute)) return undefined;
  return {
    name: wanted.name,
    version: version.slice(1).join("."),
    archives,
    ...(include !== undefined && { include }),
  };
}

/** Where the compiler finds a static library. */
function archiveOf({ cc }: Toolchain, archive: string): string {
  const asked = Bun.spawnSync([cc, `-print-file-name=${archive}`], { stdout: "pipe" });
  return asked.stdout.toString().trim();
}

/** The macros that a header defines; nothing where there is no such header. */
function macrosOf({ cc }: Toolchain, header: string, include: string | undefined): string {
  const where = include === undefined ? [] : [`-I${include}`];
  const { exitCode, stdout } = Bun.spawnSync([cc, ...where, "-E", "-dM", "-xc", "-"], {
    stdin: Buffer.from(`#include <${header}>\n`),
    stdout: "pipe",
    stderr: "ignore",
  });
  return exitCode === 0 ? stdout.toString() : "";
}
