/**
 * A libcurl that knows HTTP and HTTPS only, as librdkafka needs it for tokens from an OpenID provider. Its sources
 * are those of the Debian or Ubuntu that builds, whose signatures apt checks and whose fixes it brings; elsewhere
 * those that CURL_SOURCE names.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { say } from "./progress.ts";
import { BuildError, run } from "./run.ts";
import type { StaticLibrary } from "./static-libraries.ts";
import type { Toolchain } from "./toolchain.ts";

const LACKING = `No static curl: no OAUTHBEARER tokens from an OpenID provider (sasl.oauthbearer.method=oidc).
  Debian, Ubuntu: apt-get install dpkg-dev, and sources where apt gets its packages from;
  elsewhere: CURL_SOURCE=the unpacked sources, or their .tar.gz, of https://curl.se/download`;

/** Everything that is neither HTTP, nor TLS, nor a proxy. */
const OPTIONS = [
  "--disable-shared",
  "--enable-static",
  "--with-pic",
  "--disable-dependency-tracking",
  "--enable-threaded-resolver",
  ...[
    ...["alt-svc", "ares", "cookies", "dict", "dnsshuffle", "doh", "file", "ftp", "gopher", "hsts"],
    ...["imap", "ldap", "ldaps", "libcurl-option", "manual", "mime", "mqtt", "netrc", "ntlm"],
    ...["pop3", "progress-meter", "rtsp", "smb", "smtp", "telnet", "tftp", "tls-srp"],
    ...["unix-sockets", "websockets"],
  ].map((feature) => `--disable-${feature}`),
  // The authorities are those that librdkafka finds; see rd_http_ssl_ctx_function.
  ...["ca-bundle", "ca-path"].map((authorities) => `--without-${authorities}`),
  ...[
    ...["brotli", "gssapi", "libgsasl", "libidn2", "libpsl", "librtmp", "libssh", "libssh2"],
    ...["nghttp2", "nghttp3", "ngtcp2", "zlib", "zstd"],
  ].map((library) => `--without-${library}`),
];

/**
 * The library, made where that has not been done before for this OpenSSL; or a text that says why there is none.
 *
 * @throws BuildError when the sources are here and cannot be compiled
 */
export async function ensureStaticCurl(
  toolchain: Toolchain,
  openssl: StaticLibrary,
  cache: string,
): Promise<StaticLibrary | string> {
  const given = process.env["CURL_SOURCE"];
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(`${toolchain.version}\n${openssl.version}\n${OPTIONS.join(" ")}\n${given ?? ""}`);
  const kept = join(cache, `curl-${hasher.digest("hex").slice(0, 12)}`);
  if (!existsSync(kept)) {
    const work = join(cache, `curl-work.${process.pid}`);
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    const source = given === undefined ? await fromApt(work) : await unpacked(resolve(given), work);
    if (source === undefined) {
      rmSync(work, { recursive: true, force: true });
      return LACKING;
    }
    await compile(toolchain, openssl, source, work);
    const made = join(work, "made");
    mkdirSync(join(made, "include"), { recursive: true });
    cpSync(join(source, "lib", ".libs", "libcurl.a"), join(made, "libcurl.a"));
    cpSync(join(source, "include", "curl"), join(made, "include", "curl"), { recursive: true });
    cpSync(join(source, "COPYING"), join(made, "COPYING"));
    renameSync(made, kept);
    rmSync(work, { recursive: true, force: true });
  }
  const versions = readFileSync(join(kept, "include", "curl", "curlver.h"), "utf8");
  return {
    name: "curl",
    version: /LIBCURL_VERSION "([^"]+)"/.exec(versions)?.[1] ?? "",
    archives: [join(kept, "libcurl.a")],
    include: join(kept, "include"),
  };
}

async function compile(
  toolchain: Toolchain,
  openssl: StaticLibrary,
  source: string,
  work: string,
): Promise<void> {
  say("Compiling a static curl for OAUTHBEARER tokens (once) …");
  const { include } = openssl;
  const where = include === undefined ? "--with-openssl" : `--with-openssl=${dirname(include)}`;
  const env = { CC: toolchain.cc, CFLAGS: "-O2 -ffunction-sections -fdata-sections" };
  const options = ["--quiet", where, ...OPTIONS];
  await run("curl", work, [toolchain.bash, "./configure", ...options], source, { env });
  const jobs = `-j${availableParallelism()}`;
  await run("curl", work, [toolchain.make, "-C", "lib", jobs, "libcurl.la"], source, { env });
}

/** The sources from a directory, which is copied, or from a .tar.gz. */
async function unpacked(given: string, work: string): Promise<string> {
  const source = join(work, "source");
  if (!existsSync(given)) throw new BuildError(`CURL_SOURCE names nothing that is there: ${given}`);
  if (existsSync(join(given, "configure"))) {
    cpSync(given, source, { recursive: true });
    return source;
  }
  mkdirSync(source);
  await run("curl", work, ["tar", "-xzf", given, "--strip-components=1"], source);
  return source;
}

/** The sources of the distribution's package, with its patches; none without apt, its tools or its sources. */
async function fromApt(work: string): Promise<string | undefined> {
  if (Bun.which("apt-get") === null || Bun.which("dpkg-source") === null) return undefined;
  const parts = join(work, "apt");
  for (const directory of ["sources", "lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(parts, directory), { recursive: true });
  }
  // The machine's own list of packages stays as it is.
  for (const file of aptSources()) {
    const text = readFileSync(file, "utf8")
      .replace(/^Types:.*$/gm, "Types: deb-src")
      .replace(/^deb\s/gm, "deb-src ");
    writeFileSync(
      join(parts, "sources", file.replace(/^\/etc\/apt\//, "").replaceAll("/", "-")),
      text,
    );
  }
  const apt = [
    "apt-get",
    "--quiet",
    ...["-o", `Dir::Etc::SourceParts=${join(parts, "sources")}`],
    ...["-o", "Dir::Etc::SourceList=/dev/null"],
    ...["-o", `Dir::State::Lists=${join(parts, "lists")}`],
    ...["-o", `Dir::Cache=${join(parts, "cache")}`],
    ...["-o", "APT::Sandbox::User=root"],
  ];
  say("Fetching the sources of curl with apt-get …");
  try {
    await run("apt", work, [...apt, "update"], work);
    await run("apt", work, [...apt, "source", "curl"], work);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    say(error.message);
    return undefined;
  }
  const directory = readdirSync(work, { withFileTypes: true }).find(
    (entry) => entry.isDirectory() && /^curl-\d/.test(entry.name),
  );
  return directory === undefined ? undefined : join(work, directory.name);
}

function aptSources(): string[] {
  const directory = "/etc/apt/sources.list.d";
  const files = existsSync(directory)
    ? readdirSync(directory).map((name) => join(directory, name))
    : [];
  return ["/etc/apt/sources.list", ...files].filter(
    (file) => /\.(list|sources)$/.test(file) && existsSync(file),
  );
}
