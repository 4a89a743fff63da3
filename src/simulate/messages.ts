import { type ArrestEventFields, type ArrestEventJson, formatTimestamp } from "../arrest-event.ts";
import { below, type Random } from "./random.ts";

/** A message as it goes to Kafka. */
export interface SimulatedMessage {
  /**
   * The subject's id: the arrests of one person stay in order on one partition, and persons are so many
   * that the partitions fill evenly. By officer they would not: some are many times as busy as others.
   */
  readonly key: string;
  readonly value: Buffer | null;
  /** Why ingest must refuse the message; absent when the value is an event. */
  readonly malformation?: Malformation;
}

/** The members of an event in a message: all but the id, which the store assigns. */
type MessageJson = Omit<ArrestEventJson, "id">;

/**
 * The ways in which producers go wrong, each making a value that is no event (nor ever becomes one when
 * more members are allowed) out of one that is.
 */
const MALFORMATIONS = {
  /** A tombstone, as log compaction knows it. */
  "no value": () => null,
  "empty value": () => Buffer.alloc(0),
  /** A name in Latin-1: all is well but for one byte. */
  "not UTF-8": (event) =>
    Buffer.from(JSON.stringify({ ...event, officer_name: "Muñoz" }), "latin1"),
  /** Cut off on the way. */
  "not JSON": (event, random) => {
    const text = JSON.stringify(event);
    return Buffer.from(text.slice(0, 1 + below(random, text.length - 1)));
  },
  /** Serialised twice. */
  "not an object": (event) => json(JSON.stringify(event)),
  "a missing member": (event, random) => {
    const names = Object.keys(event);
    const missing = names[below(random, names.length)];
    return json(Object.fromEntries(Object.entries(event).filter(([name]) => name !== missing)));
  },
  "an impossible date": (event) =>
    json({
      ...event,
      arrested_at: `${event.arrested_at.slice(0, 5)}02-30${event.arrested_at.slice(10)}`,
    }),
  /** As people write it. */
  "a date that is not ISO 8601": (event) => {
    const [year, month, day] = event.arrested_at.slice(0, 10).split("-");
    return json({ ...event, arrested_at: `${month}/${day}/${year} 1:05 PM` });
  },
  /** Seconds since 1970. */
  "a number for a date": (event) =>
    json({ ...event, arrested_at: Date.parse(event.arrested_at) / 1000 }),
  "a zero id": (event) => json({ ...event, officer_id: 0 }),
  "a negative id": (event) => json({ ...event, subject_id: -event.subject_id }),
  "a fractional id": (event) => json({ ...event, crime_type_id: event.crime_type_id + 0.5 }),
  "a string for an id": (event) => json({ ...event, officer_id: String(event.officer_id) }),
  "null for an id": (event) => json({ ...event, arrest_type_id: null }),
  /** 2^53, the first integer that JSON's readers may confuse with its neighbour. */
  "an id that is too large": (event) => json({ ...event, subject_id: 2 ** 53 }),
} as const satisfies Record<string, (event: MessageJson, random: Random) => Buffer | null>;

/** The name of a way to be refused. */
export type Malformation = keyof typeof MALFORMATIONS;

/** Every way to be refused; a share of refused messages has each as often as the others. */
export const MALFORMATION_NAMES = Object.keys(MALFORMATIONS) as readonly Malformation[];

/** The value of a message that must be refused, made of a sound event. */
export function malformed(
  malformation: Malformation,
  fields: ArrestEventFields,
  random: Random,
): Buffer | null {
  return MALFORMATIONS[malformation](messageJson(fields), random);
}

/**
 * The message for an arrest.
 *
 * @param refusedShare how likely it is one that ingest must refuse, 0 to 1
 */
export function simulatedMessage(
  fields: ArrestEventFields,
  random: Random,
  refusedShare: number,
): SimulatedMessage {
  const key = String(fields.subjectId);
  if (random() >= refusedShare) return { key, value: json(messageJson(fields)) };
  const malformation = MALFORMATION_NAMES[below(random, MALFORMATION_NAMES.length)] ?? "no value";
  return { key, value: malformed(malformation, fields, random), malformation };
}

function messageJson(fields: ArrestEventFields): MessageJson {
  return {
    officer_id: fields.officerId,
    subject_id: fields.subjectId,
    arrest_type_id: fields.arrestTypeId,
    crime_type_id: fields.crimeTypeId,
    arrested_at: formatTimestamp(fields.arrestedAt),
  };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
