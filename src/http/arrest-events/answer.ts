import { toJson, type VersionedEvent } from "../../arrest-event.ts";
import { emptyAnswer, jsonAnswer } from "../answer.ts";
import { EVENT_CONTENT, EVENT_LINKS, LOCATION_HEADER } from "../contract.ts";
import { ETAG_HEADER, entityTag } from "../entity-tag.ts";
import { PREFERENCE_APPLIED_HEADER, preferredReturn } from "../prefer.ts";

/** Answers a change with the event that came of it, or with nothing where the client prefers that. */
export function eventAnswer(request: Request, event: VersionedEvent, isNew: boolean): Response {
  const headers = eventHeaders(event, isNew);
  return preferredAnswer(request, () => JSON.stringify(toJson(event)), isNew, headers);
}

/** The headers that go with an event that was created or changed. */
export function eventHeaders(
  { id, version }: VersionedEvent,
  isNew: boolean,
): Readonly<Record<string, string>> {
  return { ETag: entityTag(version), ...(isNew && { Location: `/arrest_events/${id}` }) };
}

/**
 * Answers a change with JSON text, or with nothing where the client prefers that (RFC 7240, 4.2).
 *
 * @param isNew whether something was created
 */
export function preferredAnswer(
  { headers: requestHeaders }: Request,
  text: () => string,
  isNew: boolean,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const preferred = preferredReturn(requestHeaders);
  const all = { ...headers, ...(preferred && { "Preference-Applied": `return=${preferred}` }) };
  if (preferred === "minimal") return emptyAnswer(isNew ? 201 : 204, all);
  return jsonAnswer(text(), isNew ? 201 : 200, all);
}

/** The documentation of what a request that changes an event is answered. */
export const CHANGED_RESPONSES = {
  200: {
    description: "The arrest event as it is stored now.",
    headers: { ETag: ETAG_HEADER, "Preference-Applied": PREFERENCE_APPLIED_HEADER },
    links: EVENT_LINKS,
    content: EVENT_CONTENT,
  },
  204: {
    description: "The arrest event is changed; the client prefers `return=minimal`.",
    headers: { ETag: ETAG_HEADER, "Preference-Applied": PREFERENCE_APPLIED_HEADER },
  },
} as const;

/** The documentation of what a request that creates an event is answered. */
export const CREATED_RESPONSES = {
  201: {
    description:
      "The arrest event as it was stored; without a body where the client prefers `return=minimal`.",
    headers: {
      Location: LOCATION_HEADER,
      ETag: ETAG_HEADER,
      "Preference-Applied": PREFERENCE_APPLIED_HEADER,
    },
    links: EVENT_LINKS,
    content: EVENT_CONTENT,
  },
} as const;
