import { expect, test } from "bun:test";
import type { Message } from "../../src/ingest/message-batch.ts";
import { packMessages } from "../support/message-batch.ts";

const MESSAGES: readonly Message[] = [
  {
    topic: "arrest_event",
    partition: 2,
    offset: Number.MAX_SAFE_INTEGER,
    timestamp: 0,
    key: Buffer.from([0, 255]),
    value: Buffer.from("value"),
    headers: [
      ["trace", Buffer.from([0, 1, 254])],
      ["trace", Buffer.from("again")],
      ["absent", null],
      ["empty", Buffer.alloc(0)],
      ["", Buffer.from("no name")],
      ["__proto__", Buffer.from("ü")],
    ],
  },
  {
    topic: "arrest_event",
    partition: 0,
    offset: 0,
    timestamp: null,
    key: null,
    value: null,
    headers: [],
  },
  {
    topic: "arrest_event",
    partition: 1,
    offset: 7,
    timestamp: 1_700_000_000_123,
    key: Buffer.alloc(0),
    value: Buffer.alloc(0),
    headers: [["last", null]],
  },
];

test("a message is copied out of its batch whole, whatever it has and has not", () => {
  const batch = packMessages(MESSAGES);
  expect(batch.length).toBe(MESSAGES.length);
  const messages = MESSAGES.map((_, index) => batch.message(index));
  expect(messages).toEqual([...MESSAGES]);
  // What is stored as a dead letter must not change, nor be kept, with its batch.
  batch.bytes.fill(0);
  expect(messages).toEqual([...MESSAGES]);
});

test("a batch that is released holds no memory, and what was copied out of it stays", () => {
  const batch = packMessages(MESSAGES);
  const messages = MESSAGES.map((_, index) => batch.message(index));
  const { buffer } = batch.bytes;
  batch.release();
  expect(buffer.byteLength).toBe(0);
  expect(messages).toEqual([...MESSAGES]);
});

test("the value of a message is there without a copy", () => {
  const batch = packMessages(MESSAGES);
  expect(MESSAGES.map((_, index) => batch.value(index)?.length ?? null)).toEqual([5, null, 0]);
  expect(batch.value(0)?.buffer).toBe(batch.bytes.buffer);
});
