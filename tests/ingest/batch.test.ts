import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type BatchContext, sortMessages } from "../../src/ingest/batch.ts";
import { toDeadLetter } from "../../src/ingest/message.ts";
import { type GivenMessage, packMessages } from "../support/message-batch.ts";
import { check } from "../support/property.ts";

function message(partition: number, offset: number, officerId: number | null): GivenMessage {
  const event = {
    officer_id: officerId,
    subject_id: 1,
    arrest_type_id: 1,
    crime_type_id: 1,
    arrested_at: "2026-11-22T13:05:00Z",
  };
  const value = officerId === null ? null : Buffer.from(JSON.stringify(event));
  return { partition, offset, value };
}

const context: BatchContext = {
  nextOffset: () => 0,
  reachedEnds: new Map(),
  toDeadLetter: (refused, why) => toDeadLetter(refused, why, "kafka", 0),
};

describe("the events of a batch", () => {
  test("are those of each partition together, in the order of their offsets", () => {
    const batch = sortMessages(
      [
        packMessages([message(1, 10, 1), message(0, 5, 2), message(1, 11, null)]),
        packMessages([]),
        packMessages([message(0, 6, 3), message(1, 14, 4), message(2, 0, null)]),
      ],
      context,
    );
    expect(
      batch.partitions.map(({ deadLetterFor: _, events, ...place }) => ({
        ...place,
        officers: events.map(({ officerId }) => officerId),
      })),
    ).toEqual([
      { partition: 1, firstOffset: 10, lastOffset: 14, officers: [1, 4] },
      { partition: 0, firstOffset: 5, lastOffset: 6, officers: [2, 3] },
    ]);
    expect(batch.deadLetters.map(({ partition, offset }) => [partition, offset])).toEqual([
      [1, 11],
      [2, 0],
    ]);
    expect(batch.partitions[0]?.deadLetterFor(1)).toMatchObject({
      partition: 1,
      offset: 14,
      reason: "refused_by_store",
    });
  });

  test("are none that were stored before, and all others, whatever the order of partitions", () => {
    const stored = 3;
    const partitions = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()));
    check(
      fc.property(partitions, (drawn) => {
        const next = [0, 0, 0, 0];
        const messages = drawn.map(([partition, isEvent], index) => {
          const offset = next[partition] as number;
          next[partition] = offset + 1;
          return message(partition, offset, isEvent ? index + 1 : null);
        });
        const half = messages.length >> 1;
        const batches = [messages.slice(0, half), messages.slice(half)].map(packMessages);
        const batch = sortMessages(batches, { ...context, nextOffset: () => stored });
        const expected = messages.filter(({ offset }) => offset >= stored);
        const found = batch.partitions.flatMap(({ events }) => events).length;
        expect(found + batch.deadLetters.length).toBe(expected.length);
        for (const { partition, events, firstOffset, lastOffset } of batch.partitions) {
          const own = expected.filter((each) => each.partition === partition && each.value);
          expect(events).toHaveLength(own.length);
          expect([firstOffset, lastOffset]).toEqual([
            own[0]?.offset as number,
            own.at(-1)?.offset as number,
          ]);
          const officers = events.map(({ officerId }) => officerId);
          expect(officers).toEqual(officers.toSorted((a, b) => a - b));
        }
      }),
    );
  });
});
