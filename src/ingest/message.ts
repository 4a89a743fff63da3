import * as v from "valibot";
import {
  type ArrestEventFields,
  FIELD_NAMES,
  ID_RULE,
  isId,
  parseTimestamp,
  TIMESTAMP_RULE,
} from "../arrest-event.ts";
import type { Cluster, DeadLetter, DeadLetterReason, RefusedMessage } from "../store/schema.ts";
import type { Message } from "./message-batch.ts";

const Id = v.custom<number>(isId, ID_RULE);

const Timestamp = v.pipe(
  v.string(TIMESTAMP_RULE),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const instant = parseTimestamp(dataset.value);
    if (instant !== undefined) return instant;
    addIssue({ message: TIMESTAMP_RULE });
    return NEVER;
  }),
);

/** The value of a message. Members that it does not name are ignored: producers may be ahead of this service. */
const MessageValue = v.pipe(
  v.object(
    {
      [FIELD_NAMES.officerId]: Id,
      [FIELD_NAMES.subjectId]: Id,
      [FIELD_NAMES.arrestTypeId]: Id,
      [FIELD_NAMES.crimeTypeId]: Id,
      [FIELD_NAMES.arrestedAt]: Timestamp,
    },
    (issue) => (issue.path === undefined ? "must be a JSON object" : "is missing"),
  ),
  v.transform(
    (value): ArrestEventFields => ({
      officerId: value.officer_id,
      subjectId: value.subject_id,
      arrestTypeId: value.arrest_type_id,
      crimeTypeId: value.crime_type_id,
      arrestedAt: value.arrested_at,
    }),
  ),
);

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads the value of a message: UTF-8 (a byte-order mark is skipped), JSON, an object, an event. */
export function decodeMessage(value: Uint8Array | null): ArrestEventFields | RefusedMessage {
  if (value === null) return refused("no_value", "must not be null");
  let text: string;
  try {
    text = utf8.decode(value);
  } catch {
    return refused("not_utf8", "must be UTF-8");
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refused("not_json", "must be JSON");
  }
  if (Array.isArray(json)) return refused("invalid_event", "must be a JSON object");
  const parsed = v.safeParse(MessageValue, json);
  if (parsed.success) return parsed.output;
  return {
    reason: "invalid_event",
    refusals: parsed.issues.map((issue) => ({
      pointer: issue.path === undefined ? "" : `/${v.getDotPath(issue)}`,
      detail: issue.message,
    })),
  };
}

/** Tells a refusal from an event. */
export function isRefused(decoded: ArrestEventFields | RefusedMessage): decoded is RefusedMessage {
  return "reason" in decoded;
}

function refused(reason: DeadLetterReason, detail: string): RefusedMessage {
  return { reason, refusals: [{ pointer: "", detail }] };
}

/** The dead letter for a message, which keeps the whole of it. `refusedAt` is in milliseconds since 1970. */
export function toDeadLetter(
  message: Message,
  { reason, refusals }: RefusedMessage,
  cluster: Cluster,
  refusedAt: number,
): DeadLetter {
  return {
    cluster,
    ...message,
    headers: message.headers.map(
      ([name, value]) => [name, value?.toString("base64") ?? null] as const,
    ),
    reason,
    refusals,
    refusedAt,
  };
}
