import type { MessageHeader } from "@confluentinc/kafka-javascript";
import type { DeadLetterReason } from "../../src/store/schema.ts";
import { eventOfMessage } from "../promises/support.ts";

/** A message of the soak: all of it follows from its sequence number. */
export interface SoakMessage {
  readonly value: Buffer | null;
  readonly key: Buffer | null;
  readonly headers: MessageHeader[];
  /** Why it cannot be an event; `undefined` for one that can. */
  readonly reason: DeadLetterReason | undefined;
}

/** One message in so many cannot be an event. */
const POISON_EVERY = 200;

/** One message in so many is of 10 KiB. */
const LARGE_EVERY = 3000;
const LARGE_PADDING = "x".repeat(10_240);

type Writer = (sequence: number) => string | Buffer | null;

/** The ways in which a value can be refused. */
const POISON: readonly (readonly [DeadLetterReason, Writer])[] = [
  ["no_value", () => null],
  ["not_utf8", (sequence) => Buffer.from([0xc3, 0x28, sequence & 0xff, 0xff])],
  ["not_json", (sequence) => `poison ${sequence}`],
  ["not_json", (sequence) => json(sequence, {}).slice(0, -5)],
  ["invalid_event", (sequence) => `[${json(sequence, {})}]`],
  ["invalid_event", (sequence) => json(sequence, { officer_id: undefined })],
  ["invalid_event", (sequence) => json(sequence, { officer_id: 0 })],
  ["invalid_event", (sequence) => json(sequence, { crime_type_id: 2 ** 53 })],
  ["invalid_event", (sequence) => json(sequence, { arrest_type_id: "1" })],
  ["invalid_event", (sequence) => json(sequence, { arrested_at: "2026-02-30T00:00:00Z" })],
  ["invalid_event", () => `${"[".repeat(500)}${"]".repeat(500)}`],
];

/** The ways in which an event can be written. */
const FORMS: readonly Writer[] = [
  (sequence) => json(sequence, {}),
  (sequence) => `\ufeff${json(sequence, {})}`,
  (sequence) => JSON.stringify({ ...eventOfMessage(sequence), note: "Ünïcode \u0001" }, null, 2),
  (sequence) => {
    const { arrested_at } = eventOfMessage(sequence);
    return json(sequence, { arrested_at: arrested_at.replace("Z", "+00:00") });
  },
  (sequence) => `{"officer_id":0,${json(sequence, {}).slice(1)}`,
];

function json(sequence: number, changes: Record<string, unknown>): string {
  return JSON.stringify({ ...eventOfMessage(sequence), ...changes });
}

/** Spreads sequence numbers over 32 bits, so that what is drawn by their rests has no pattern. */
function scatter(sequence: number): number {
  return Bun.hash.murmur32v3(String(sequence)) >>> 0;
}

/** Whether the message of a sequence number cannot be an event. */
export function isPoison(sequence: number): boolean {
  return scatter(sequence) % POISON_EVERY === 0;
}

/** The message of a sequence number. */
export function messageOf(sequence: number): SoakMessage {
  const draw = Math.floor(scatter(sequence) / POISON_EVERY);
  if (isPoison(sequence)) {
    const [reason, write] = POISON[draw % POISON.length] as (typeof POISON)[number];
    // The key tells which message it was, whatever the value.
    return {
      value: bytes(write(sequence)),
      key: poisonKey(sequence),
      headers: headers(draw),
      reason,
    };
  }
  const write = FORMS[draw % 10 < 6 ? 0 : draw % FORMS.length] as Writer;
  const value =
    draw % LARGE_EVERY === 0 ? json(sequence, { padding: LARGE_PADDING }) : write(sequence);
  const key = draw % 7 === 0 ? Buffer.from(`officer-${sequence % 100}`) : null;
  return { value: bytes(value), key, headers: headers(draw), reason: undefined };
}

function bytes(value: string | Buffer | null): Buffer | null {
  return typeof value === "string" ? Buffer.from(value) : value;
}

function headers(draw: number): MessageHeader[] {
  return draw % 11 === 0 ? [{ source: "soak" }, { draw: String(draw) }] : [];
}

const POISON_KEY = /^poison-(\d+)$/;

function poisonKey(sequence: number): Buffer {
  return Buffer.from(`poison-${sequence}`);
}

/** The sequence number that the key of a poison message tells; `undefined` for another key. */
export function sequenceOfKey(key: Uint8Array | string | null | undefined): number | undefined {
  if (key === null || key === undefined) return undefined;
  const number = POISON_KEY.exec(typeof key === "string" ? key : Buffer.from(key).toString())?.[1];
  return number === undefined ? undefined : Number(number);
}

const SUBJECT = /"subject_id":\s*(\d+)/;

/** The sequence number of a message as the topic has it; `undefined` for one that is not of the soak. */
export function sequenceOf(value: Buffer | null, key: Buffer | string | null | undefined) {
  const poison = sequenceOfKey(key);
  if (poison !== undefined) return poison;
  const subject = value === null ? undefined : SUBJECT.exec(value.toString("utf8"))?.[1];
  return subject === undefined ? undefined : Number(subject) - 1;
}
