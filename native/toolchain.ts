import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** A library that librdkafka uses where its development package is installed. */
interface Library {
  name: string;
  header: string;
  /** The macro in librdkafka's config.h that says it is in. */
  macro: string;
  /** What is lost without it; none where librdkafka has a copy of its own. */
  cost?: string;
  debian: string;
  alpine: string;
  macos: string;
}

/** The compilers and tools of this machine. */
export interface Toolchain {
  cc: string;
  cxx: string;
  make: string;
  bash: string;
  /** The compiler's own words on what it is. */
  version: string;
}

const libraries: readonly Library[] = [
  {
    name: "OpenSSL",
    header: "openssl/ssl.h",
    macro: "WITH_SSL",
    cost: "no TLS, no SASL/SCRAM, no SASL/OAUTHBEARER",
    debian: "libssl-dev",
    alpine: "openssl-dev",
    macos: "openssl@3",
  },
  {
    name: "zstd",
    header: "zstd.h",
    macro: "WITH_ZSTD",
    cost: "topics compressed with zstd cannot be read or written",
    debian: "libzstd-dev",
    alpine: "zstd-dev",
    macos: "zstd",
  },
  {
    name: "zlib",
    header: "zlib.h",
    macro: "WITH_ZLIB",
    cost: "topics compressed with gzip cannot be read or written",
    debian: "zlib1g-dev",
    alpine: "zlib-dev",
    macos: "zlib",
  },
  {
    name: "Cyrus SASL",
    header: "sasl/sasl.h",
    macro: "WITH_SASL_CYRUS",
    cost: "no SASL/GSSAPI (Kerberos)",
    debian: "libsasl2-dev",
    alpine: "cyrus-sasl-dev",
    macos: "cyrus-sasl",
  },
  {
    name: "curl",
    header: "curl/curl.h",
    macro: "WITH_CURL",
    cost: "no OAUTHBEARER tokens from an OIDC provider",
    debian: "libcurl4-openssl-dev",
    alpine: "curl-dev",
    macos: "curl",
  },
  {
    name: "LZ4",
    header: "lz4frame.h",
    macro: "WITH_LZ4_EXT",
    debian: "liblz4-dev",
    alpine: "lz4-dev",
    macos: "lz4",
  },
];

const installTools = [
  "  Debian, Ubuntu   apt-get install g++ make",
  "  Alpine           apk add g++ make bash linux-headers",
  "  macOS            xcode-select --install",
].join("\n");

/** The tools, or the message that says which to install. */
export function findToolchain(): Toolchain | string {
  const cxx = firstTool(process.env["CXX"], "g++", "clang++", "c++");
  const cc = firstTool(process.env["CC"], "gcc", "clang", "cc");
  const make = firstTool(process.env["MAKE"], "make", "gmake");
  const bash = firstTool("bash");
  if (cxx !== undefined && cc !== undefined && make !== undefined && bash !== undefined) {
    const asked = Bun.spawnSync([cxx, "--version"], { stdout: "pipe", stderr: "pipe" });
    const version = asked.stdout.toString().split("\n")[0]?.trim() ?? "";
    // macOS has a g++ that only asks for the command line tools.
    if (asked.exitCode === 0) return { cc, cxx, make, bash, version };
  }
  const missing = [
    ...(cc === undefined ? ["a C compiler"] : []),
    ...(cxx === undefined ? ["a C++ compiler"] : []),
    ...(make === undefined ? ["make"] : []),
    ...(bash === undefined ? ["bash"] : []),
  ];
  const reason =
    missing.length === 0 ? "Its C++ compiler does not run." : `Missing: ${missing.join(", ")}.`;
  return `The Kafka client is compiled on this machine. ${reason} Install:\n${installTools}`;
}

function firstTool(...names: (string | undefined)[]): string | undefined {
  for (const name of names) {
    const found = name === undefined || name === "" ? null : Bun.which(name);
    if (found !== null) return found;
  }
  return undefined;
}

/** "glibc", "musl" or "" where there is only one C library. */
export function libc(): string {
  if (process.platform !== "linux") return "";
  const musl =
    existsSync("/lib") && readdirSync("/lib").some((name) => name.startsWith("ld-musl-"));
  return musl ? "musl" : "glibc";
}

/**
 * The libraries whose headers are here, by name. Only looked up, so that a
 * build that is up to date is known to be in milliseconds; librdkafka's
 * configure tries each of them in earnest.
 */
export function visibleLibraries(): string[] {
  const directories = [
    ...(process.env["CPATH"] ?? "").split(":").filter((path) => path !== ""),
    "/usr/include",
    "/usr/local/include",
    "/usr/local/opt/openssl/include",
    "/usr/local/opt/openssl@3/include",
    "/opt/homebrew/include",
    "/opt/homebrew/opt/openssl@3/include",
  ];
  for (const multiarch of ["x86_64-linux-gnu", "aarch64-linux-gnu"]) {
    directories.push(join("/usr/include", multiarch));
  }
  return libraries
    .filter(({ header }) => directories.some((directory) => existsSync(join(directory, header))))
    .map(({ name }) => name);
}

/** What a librdkafka with this config.h has in, and what its gaps cost, as text. */
export function describeFeatures(config: string): string {
  const isIn = (library: Library) => new RegExp(`^#define ${library.macro} 1$`, "m").test(config);
  const present = libraries.filter(isIn).map(({ name }) => name);
  const lines = [`With ${present.length === 0 ? "no optional library" : present.join(", ")}.`];
  const lost = libraries.filter((library) => library.cost !== undefined && !isIn(library));
  for (const library of lost) {
    lines.push(`Without ${library.name}: ${library.cost}.`);
  }
  if (lost.length > 0) {
    lines.push(
      "Install the development packages and build again to have them:",
      `  Debian, Ubuntu   apt-get install ${lost.map(({ debian }) => debian).join(" ")}`,
      `  Alpine           apk add ${lost.map(({ alpine }) => alpine).join(" ")}`,
      `  macOS            brew install ${lost.map(({ macos }) => macos).join(" ")}`,
    );
  }
  return lines.join("\n");
}
