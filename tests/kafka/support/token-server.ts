import type { Credentials } from "./credentials.ts";

/** How long a token is valid, in seconds. */
const VALID_S = 300;

/** The token endpoint of an OpenID provider, over HTTPS. Its tokens are not signed, which Kafka's own validator takes. */
export class TokenServer implements Disposable {
  readonly #server: Bun.Server<undefined>;
  /** Who has asked, as `id:secret`. */
  readonly clients = new Set<string>();
  /** How often it was asked. */
  asked = 0;

  private constructor({ key, certificate }: Credentials) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { key: Bun.file(key), cert: Bun.file(certificate) },
      fetch: (request) => this.#answer(request),
    });
  }

  /** Starts it with a certificate for 127.0.0.1. */
  static start(credentials: Credentials): TokenServer {
    return new TokenServer(credentials);
  }

  /** Where tokens are asked for. */
  get url(): string {
    return `https://127.0.0.1:${this.#server.port}/token`;
  }

  async #answer(request: Request): Promise<Response> {
    const [scheme, given = ""] = (request.headers.get("authorization") ?? "").split(" ");
    const form = new URLSearchParams(await request.text());
    if (scheme !== "Basic" || form.get("grant_type") !== "client_credentials") {
      return Response.json({ error: "invalid_request" }, { status: 400 });
    }
    this.asked++;
    const client = Buffer.from(given, "base64").toString();
    this.clients.add(client);
    const now = Math.floor(Date.now() / 1000);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { sub: client.split(":")[0], iat: now, exp: now + VALID_S };
    const token = `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`;
    return Response.json({ access_token: token, token_type: "Bearer", expires_in: VALID_S });
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}
