import { describe, expect, test } from "bun:test";
import { type KnownOffsets, whereToBegin } from "../../src/ingest/beginning.ts";

const STORE = "3a1d0a0c-5a57-4d0e-8f10-2f3ec0a1b001";
const OTHER_STORE = "9e6c3f52-91d0-4d5c-9d4b-6a5b1c2d3e4f";

const nothingKnown: KnownOffsets = {
  stored: undefined,
  committed: undefined,
  watermarks: { low: 10, high: 100 },
  topicId: "topic-1",
  storeId: STORE,
};
const stored = { nextOffset: 50, topicId: "topic-1" };

const CASES: readonly (readonly [string, Partial<KnownOffsets>, number, RegExp | undefined])[] = [
  ["nothing known: the earliest message", {}, 10, undefined],
  [
    "never stored: the group's offset",
    { committed: { offset: 30, storeId: undefined } },
    30,
    undefined,
  ],
  ["stored, and nothing committed: the stored offset", { stored }, 50, undefined],
  [
    "stored further than committed: the stored offset",
    { stored, committed: { offset: 30, storeId: OTHER_STORE } },
    50,
    undefined,
  ],
  [
    "committed further by this store, as after a power cut: the stored offset",
    { stored, committed: { offset: 70, storeId: STORE } },
    50,
    undefined,
  ],
  [
    "committed further by another store: behind what that one has",
    { stored, committed: { offset: 70, storeId: OTHER_STORE } },
    70,
    /another instance/,
  ],
  [
    "committed further by a program without a name: the stored offset, with a warning",
    { stored, committed: { offset: 70, storeId: undefined } },
    50,
    /another program/,
  ],
  [
    "stored beyond the end: the start, as of a topic made anew",
    { stored: { ...stored, nextOffset: 101 } },
    10,
    /made anew/,
  ],
  [
    "stored in a topic with another id: the start, however long the log is",
    { stored, topicId: "topic-2" },
    10,
    /made anew/,
  ],
  [
    "stored in a topic with another id, of which another store has read: behind what that one has",
    { stored, topicId: "topic-2", committed: { offset: 70, storeId: OTHER_STORE } },
    70,
    /made anew/,
  ],
  [
    "stored in a topic with another id, and committed before by this store: the start",
    { stored, topicId: "topic-2", committed: { offset: 70, storeId: STORE } },
    10,
    /made anew/,
  ],
  [
    "stored where the broker did not tell the id: the stored offset",
    { stored: { ...stored, topicId: null } },
    50,
    undefined,
  ],
  [
    "stored where the broker does not tell the id any more: the stored offset",
    { stored, topicId: undefined },
    50,
    undefined,
  ],
  [
    "stored below the earliest message: the earliest, with a warning",
    { stored: { ...stored, nextOffset: 9 } },
    10,
    /removed from the topic/,
  ],
  ["stored at the end: the end", { stored: { ...stored, nextOffset: 100 } }, 100, undefined],
  ["stored at the start: the start", { stored: { ...stored, nextOffset: 10 } }, 10, undefined],
];

describe("a partition begins, when it is", () => {
  for (const [name, known, expected, told] of CASES) {
    test(name, () => {
      const choice = whereToBegin({ ...nothingKnown, ...known });
      expect(choice.nextOffset).toBe(expected);
      const text = choice.warning ?? choice.notice;
      if (told === undefined) expect(text).toBeUndefined();
      else expect(text).toMatch(told);
    });
  }
});
