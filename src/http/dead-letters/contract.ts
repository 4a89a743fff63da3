import { z } from "@hono/zod-openapi";
import { MAX_ID } from "../../arrest-event.ts";
import {
  DEAD_LETTER_REASONS,
  type DeadLetterFilter,
  type DeadLetterSummary,
  type StoredDeadLetter,
} from "../../store/read.ts";
import { kafkaTime, rule, timestamp } from "../contract.ts";
import { wholeNumber } from "../query.ts";

const REASONS = [...DEAD_LETTER_REASONS];

/** The query parameters that say which dead letters are meant. */
export const filterParameters = {
  topic: z
    .string()
    .min(1, { error: rule("must be the name of a topic") })
    .optional()
    .openapi({ description: "Of this topic.", example: "arrest_event" }),
  partition: wholeNumber(0, 2_147_483_647, "Of this partition.", 3).optional(),
  reason: z
    .enum(REASONS, { error: rule(`must be one of ${REASONS.join(", ")}`) })
    .optional()
    .openapi({ description: "Refused for this reason.", example: "invalid_event" }),
  refused_from: timestamp("Refused at this time or later").optional(),
  refused_to: timestamp("Refused before this time")
    .optional()
    .openapi({ example: "2026-11-23T14:05:00+01:00" }),
};

/** The filter that the query parameters stand for. */
export function toFilter(query: z.output<z.ZodObject<typeof filterParameters>>): DeadLetterFilter {
  return {
    topic: query.topic,
    partition: query.partition,
    reason: query.reason,
    refusedFrom: query.refused_from,
    refusedTo: query.refused_to,
  };
}

const offset = z.int().openapi({ format: "int64", minimum: 0 });

const dateTime = z.string().openapi({ format: "date-time" });

const summaryMembers = {
  id: z.int().openapi({
    format: "int64",
    minimum: 1,
    maximum: MAX_ID,
    description: "Assigned by the service in the order of the refusals, never used again.",
  }),
  topic: z.string().openapi({ description: "The topic of the message." }),
  partition: offset.openapi({ description: "The partition of the message." }),
  offset: offset.openapi({ description: "The offset of the message in its partition." }),
  timestamp: dateTime.nullable().openapi({
    description:
      "The message's own time; null when it has none, or none within the years 0001 to 9999.",
  }),
  reason: z.enum(REASONS).openapi({
    description:
      "`no_value`: null. `not_utf8`, `not_json`: what the value is not. `invalid_event`: JSON, but no valid arrest event. `refused_by_store`: valid, but refused by a constraint of the database.",
  }),
  errors: z
    .array(
      z.strictObject({
        pointer: z.string().openapi({
          format: "json-pointer",
          description: "The place in the value (RFC 6901); empty for the value as a whole.",
        }),
        detail: z.string().openapi({ description: "The rule that was broken." }),
      }),
    )
    .openapi({ description: "Why it was refused: the rules, never a part of the message." }),
  refused_at: dateTime.openapi({ description: "When the service refused the message." }),
  value_bytes: z.int().nullable().openapi({
    format: "int64",
    minimum: 0,
    description: "The size of the value in bytes; null when the message has none.",
  }),
};

const Content = z
  .strictObject({
    encoding: z
      .enum(["utf-8", "base64"])
      .openapi({ description: "`base64` where the bytes are not UTF-8." }),
    data: z.string().openapi({ description: "The bytes, whole, in that encoding." }),
  })
  .openapi("MessageContent", { description: "Bytes of a message." });

/** As `nullable`, a reference would lose the null on its way into the document. */
function content(about: string) {
  return z.union([Content, z.null()]).openapi({ description: about });
}

/** A dead letter as lists have it. */
export const DeadLetterSummarySchema = z.strictObject(summaryMembers).openapi("DeadLetterSummary", {
  description: "A message that was refused, without what it held.",
});

/** A dead letter, whole. */
export const DeadLetterSchema = z
  .strictObject({
    ...summaryMembers,
    key: content("The key; null when the message has none."),
    value: content("The value; null when the message has none."),
    headers: z
      .array(
        z.strictObject({
          name: z.string().openapi({ description: "The name, which may be there repeatedly." }),
          value: content("The value, which may be null."),
        }),
      )
      .openapi({ description: "The headers in their order." }),
  })
  .openapi("DeadLetter", { description: "A message that was refused, whole." });

/** The path parameters of one dead letter. */
export const DeadLetterPath = z.object({
  id: summaryMembers.id.openapi({
    param: { name: "id", in: "path", description: "The id of the dead letter." },
    example: 4711,
  }),
});

/** Writes a dead letter as lists have it. */
export function toSummary(letter: DeadLetterSummary): z.infer<typeof DeadLetterSummarySchema> {
  return {
    id: letter.id,
    topic: letter.topic,
    partition: letter.partition,
    offset: letter.offset,
    timestamp: kafkaTime(letter.timestamp),
    reason: letter.reason,
    errors: [...letter.refusals],
    refused_at: new Date(letter.refusedAt).toISOString(),
    value_bytes: letter.valueBytes,
  };
}

/** Writes a dead letter, whole. */
export function toWhole(letter: StoredDeadLetter): z.infer<typeof DeadLetterSchema> {
  return {
    ...toSummary({ ...letter, valueBytes: letter.value?.byteLength ?? null }),
    key: toContent(letter.key),
    value: toContent(letter.value),
    headers: letter.headers.map(([name, value]) => ({
      name,
      value: toContent(value === null ? null : Buffer.from(value, "base64")),
    })),
  };
}

// A byte-order mark is a part of what was sent.
const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function toContent(bytes: Buffer | null): z.infer<typeof Content> | null {
  if (bytes === null) return null;
  try {
    return { encoding: "utf-8", data: UTF_8.decode(bytes) };
  } catch {
    return { encoding: "base64", data: bytes.toString("base64") };
  }
}

/** A number of dead letters. */
export function letters(about: string) {
  return z.int().openapi({ minimum: 0, description: about });
}

/** What the documentation shows as a dead letter. */
export const EXAMPLE_SUMMARY: z.infer<typeof DeadLetterSummarySchema> = {
  id: 4711,
  topic: "arrest_event",
  partition: 3,
  offset: 88,
  timestamp: "2026-11-22T13:05:00.000Z",
  reason: "invalid_event",
  errors: [{ pointer: "/subject_id", detail: "is missing" }],
  refused_at: "2026-11-22T13:05:01.250Z",
  value_bytes: 94,
};

/** The same, whole. */
export const EXAMPLE_DEAD_LETTER: z.infer<typeof DeadLetterSchema> = {
  ...EXAMPLE_SUMMARY,
  key: { encoding: "utf-8", data: "officer-7" },
  value: {
    encoding: "utf-8",
    data: '{"officer_id":7,"arrest_type_id":2,"crime_type_id":31,"arrested_at":"2026-11-22T13:05:00Z"}',
  },
  headers: [{ name: "source", value: { encoding: "base64", data: "/w==" } }],
};
