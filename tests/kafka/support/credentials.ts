import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A key and a certificate for 127.0.0.1 that vouches for itself, in files. */
export interface Credentials {
  readonly key: string;
  readonly certificate: string;
  /** Both in one file, as Kafka wants them. */
  readonly both: string;
}

/**
 * Makes them with the command `openssl`, valid for a day.
 *
 * @throws Error when there is none, or it fails
 */
export async function makeCredentials(directory: string): Promise<Credentials> {
  const key = join(directory, "key.pem");
  const certificate = join(directory, "certificate.pem");
  const command = [
    ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"],
    ...["-keyout", key, "-out", certificate, "-subj", "/CN=arrest-events tests"],
    ...["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
  ];
  const openssl = Bun.spawn(command, { stdio: ["ignore", "ignore", "pipe"] });
  const errors = await new Response(openssl.stderr).text();
  if ((await openssl.exited) !== 0) throw new Error(`openssl failed:\n${errors}`);
  const both = join(directory, "both.pem");
  writeFileSync(both, readFileSync(key, "utf8") + readFileSync(certificate, "utf8"));
  return { key, certificate, both };
}
