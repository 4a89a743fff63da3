import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { ArrestEventFields } from "../src/arrest-event.ts";
import { readJson } from "../src/http/body.ts";
import { GIVEN_TWICE, parseNewEvent } from "../src/http/contract.ts";
import { type InvalidInput, Problem } from "../src/http/problem.ts";
import { decodeMessage, isRefused } from "../src/ingest/message.ts";
import { eventBytes } from "./support/event-text.ts";
import { checkAsync } from "./support/property.ts";

// A busy machine is no failure.
setDefaultTimeout(120_000);

/** What a door makes of bytes: an event, or why not. */
type Verdict = ArrestEventFields | "not JSON" | "too large" | ReadonlySet<string>;

/** What HTTP alone is strict about: a mistake of the client's must not vanish. */
const ONLY_OVER_HTTP = ["is not a member that can be given", GIVEN_TWICE];

/** How long a body may take to arrive, of which none does here. */
const WITHIN_MS = 60_000;

/** Reads bytes as the body of `POST /arrest_events` is read. */
async function overHttp(bytes: Buffer, isFramed: boolean): Promise<Verdict> {
  const headers = {
    "Content-Type": "application/json",
    ...(isFramed && { "Content-Length": `${bytes.byteLength}` }),
  };
  const request = new Request("http://localhost/arrest_events", {
    method: "POST",
    headers,
    body: new Uint8Array(bytes),
  });
  try {
    return parseNewEvent(await readJson(request, WITHIN_MS));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.message.includes("members and items")) return "too large";
    if (error.kind === "malformed-body") return "not JSON";
    expect(error.kind).toBe("invalid-event");
    return new Set(error.extension.errors?.map(told));
  }
}

/** Reads bytes as the value of a message is read. */
function overKafka(bytes: Buffer): Verdict {
  const decoded = decodeMessage(bytes);
  if (!isRefused(decoded)) return decoded;
  if (decoded.reason !== "invalid_event") return "not JSON";
  return new Set(
    decoded.refusals.map(({ pointer, detail }) =>
      // Each door has its own words for this one.
      told({ pointer, detail: detail === "is missing" ? "is required" : detail }),
    ),
  );
}

function told(error: InvalidInput): string {
  return `${"pointer" in error ? error.pointer : error.parameter} ${error.detail}`;
}

const isEvent = (verdict: Verdict) => typeof verdict === "object" && !(verdict instanceof Set);

test("what HTTP takes as an event, Kafka takes as the same, and the other way round but for members that are unknown or given twice", async () => {
  const seen = { events: 0, refused: 0, unreadable: 0, strict: 0 };
  await checkAsync(
    fc.asyncProperty(eventBytes, fc.boolean(), async (bytes, isFramed) => {
      const http = await overHttp(bytes, isFramed);
      // Nothing that is one event has as many members; a message may have others beside its own.
      if (http === "too large") return;
      const kafka = overKafka(bytes);
      if (http instanceof Set) {
        const common = [...http].filter(
          (error) => !ONLY_OVER_HTTP.some((rule) => error.endsWith(rule)),
        );
        if (common.length < http.size) seen.strict++;
        // The other rules are the same for both; without a broken one, Kafka has an event.
        if (common.length === 0) expect(isEvent(kafka)).toBe(true);
        else expect(kafka).toEqual(new Set(common));
        seen.refused++;
      } else {
        expect(kafka).toEqual(http);
        seen[isEvent(http) ? "events" : "unreadable"]++;
      }
    }),
    4000,
  );
  // Examples that were all of one kind would show nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
});
