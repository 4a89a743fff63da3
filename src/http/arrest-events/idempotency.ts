import { z } from "@hono/zod-openapi";
import type { ArrestEventFields } from "../../arrest-event.ts";
import type { Change } from "../../writer/client.ts";
import { Problem } from "../problem.ts";

type Idempotency = NonNullable<Extract<Change, { kind: "create" }>["idempotency"]>;

/** A string of structured fields (RFC 9651, 3.3.3), or a key without quotes. */
const KEY = /^(?:"((?:[!#-[\]-~]|\\["\\]){1,255})"|[!#-~][!-~]{0,254})$/;

/**
 * Reads the `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header).
 *
 * @throws Problem `bad-idempotency-key`
 */
export function idempotencyKey(headers: Headers): string | undefined {
  const header = headers.get("idempotency-key");
  if (header === null) return undefined;
  const match = KEY.exec(header);
  if (match === null) throw new Problem("bad-idempotency-key");
  return match[1]?.replaceAll(/\\(.)/g, "$1") ?? header;
}

/** The documentation of `Idempotency-Key`. */
export const IDEMPOTENCY_KEY = z.string().optional().openapi({
  pattern: KEY.source,
  description:
    "Makes the request one that can be sent again: 1 to 255 visible ASCII characters, in quotes or not, chosen by the client anew for each thing that is to be created, a UUID for example. For 24 hours a request with the same key and the same events gets the first answer again, and creates nothing.",
  example: '"9f2c1b5e-2f7e-4f0c-8f5a-2b8f6f1f8f3d"',
});

/** Requests with a key that have not been answered yet. */
export class RequestsUnderWay {
  readonly #fingerprints = new Map<string, string>();

  /**
   * Makes a request that creates events, unless one with its key is under way. What has been answered is
   * for the store to know.
   *
   * @param operation what the request asks to be done with the events
   * @throws Problem `request-under-way`, or `idempotency-key-reused` when the other asks for something else
   */
  async make<T>(
    key: string | undefined,
    operation: string,
    events: readonly ArrestEventFields[],
    request: (idempotency: { readonly idempotency?: Idempotency }) => Promise<T>,
  ): Promise<T> {
    if (key === undefined) return request({});
    const fingerprint = fingerprintOf(operation, events);
    const other = this.#fingerprints.get(key);
    if (other !== undefined) {
      throw new Problem(other === fingerprint ? "request-under-way" : "idempotency-key-reused");
    }
    this.#fingerprints.set(key, fingerprint);
    try {
      return await request({ idempotency: { key, fingerprint } });
    } finally {
      this.#fingerprints.delete(key);
    }
  }
}

/** Of what is meant rather than of how it is written: a client may write the same event in other bytes. */
function fingerprintOf(operation: string, events: readonly ArrestEventFields[]): string {
  const hasher = new Bun.CryptoHasher("sha256").update(operation);
  for (const { officerId, subjectId, arrestTypeId, crimeTypeId, arrestedAt } of events) {
    hasher.update(`\n${officerId},${subjectId},${arrestTypeId},${crimeTypeId},${arrestedAt}`);
  }
  return hasher.digest("base64");
}
