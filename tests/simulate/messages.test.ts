import { describe, expect, test } from "bun:test";
import { FIELD_NAMES } from "../../src/arrest-event.ts";
import { decodeMessage, isRefused } from "../../src/ingest/message.ts";
import { arrestSource } from "../../src/simulate/arrests.ts";
import { MALFORMATION_NAMES, malformed, simulatedMessage } from "../../src/simulate/messages.ts";
import { seededRandom } from "../../src/simulate/random.ts";

function source(seed: number) {
  const random = seededRandom(seed);
  const region = { startAt: Date.parse("2026-01-01T00:00:00Z"), arrestsPerDay: 1200 };
  return { random, next: arrestSource(random, region) };
}

describe("simulated messages", () => {
  test("a sound message is read as the arrest that it was made from", () => {
    const { random, next } = source(1);
    for (let index = 0; index < 5000; index += 1) {
      const arrest = next();
      const message = simulatedMessage(arrest, random, 0);
      expect(message.malformation).toBeUndefined();
      expect(decodeMessage(message.value)).toEqual(arrest);
    }
  });

  test("a message has the five members of an event, in snake_case, and nothing else", () => {
    const { random, next } = source(1);
    const { value } = simulatedMessage(next(), random, 0);
    expect(Object.keys(JSON.parse(String(value)))).toEqual(Object.values(FIELD_NAMES));
  });

  test("the key is the subject, for malformed messages too", () => {
    const { random, next } = source(1);
    for (const share of [0, 1]) {
      const arrest = next();
      expect(simulatedMessage(arrest, random, share).key).toBe(String(arrest.subjectId));
    }
  });

  test.each([...MALFORMATION_NAMES])(
    "ingest refuses a message with %s, whatever the arrest",
    (name) => {
      const { random, next } = source(2);
      for (let index = 0; index < 1000; index += 1) {
        expect(isRefused(decodeMessage(malformed(name, next(), random)))).toBe(true);
      }
    },
  );

  test("the malformations cover every reason that ingest refuses messages for", () => {
    const { random, next } = source(3);
    const reasons = new Set<string>();
    for (const name of MALFORMATION_NAMES) {
      const decoded = decodeMessage(malformed(name, next(), random));
      if (isRefused(decoded)) reasons.add(decoded.reason);
    }
    expect([...reasons].sort()).toEqual(["invalid_event", "no_value", "not_json", "not_utf8"]);
  });

  test("the share that is asked for is malformed, in all ways, and no other message is refused", () => {
    const { random, next } = source(4);
    const seen = new Map<string, number>();
    let refused = 0;
    for (let index = 0; index < 30_000; index += 1) {
      const message = simulatedMessage(next(), random, 0.1);
      if (message.malformation) {
        seen.set(message.malformation, (seen.get(message.malformation) ?? 0) + 1);
      }
      if (isRefused(decodeMessage(message.value))) refused += 1;
    }
    const malformed = seen.values().reduce((sum, count) => sum + count, 0);
    expect(refused).toBe(malformed);
    expect(malformed).toBeWithin(2800, 3200);
    expect([...seen.keys()].sort()).toEqual([...MALFORMATION_NAMES].sort());
    for (const count of seen.values()) {
      expect(count).toBeWithin(malformed / seen.size / 1.5, (malformed / seen.size) * 1.5);
    }
  });
});
