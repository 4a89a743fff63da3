import { expect, test } from "bun:test";
import { parseTimestamp } from "../../src/arrest-event.ts";
import { decodeMessage } from "../../src/ingest/message.ts";
import { eventOfMessage } from "../promises/support.ts";
import { isPoison, messageOf, sequenceOf } from "./messages.ts";

test("a message is an event or refused for the reason that is expected of it, and tells which it is", () => {
  const reasons = new Set<string>();
  for (let sequence = 0; sequence < 20_000; sequence++) {
    const { value, key, reason } = messageOf(sequence);
    const { arrested_at, ...sent } = eventOfMessage(sequence);
    const decoded = decodeMessage(value);
    if (reason !== undefined) {
      reasons.add(reason);
      expect(decoded).toMatchObject({ reason });
    } else {
      expect(decoded).toEqual({
        officerId: sent.officer_id,
        subjectId: sent.subject_id,
        arrestTypeId: sent.arrest_type_id,
        crimeTypeId: sent.crime_type_id,
        arrestedAt: parseTimestamp(arrested_at) as number,
      });
    }
    expect(isPoison(sequence)).toBe(reason !== undefined);
    expect(sequenceOf(value, key)).toBe(sequence);
  }
  expect([...reasons].sort()).toEqual(["invalid_event", "no_value", "not_json", "not_utf8"]);
});
