import { z } from "@hono/zod-openapi";
import type { VersionCondition } from "../writer/client.ts";

/** The entity tag of an event: strong, for the same version is the same bytes (RFC 9110, 8.8.3). */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/**
 * The versions that an `If-Match` header asks for; `undefined` when any will do. Weak tags never match
 * (RFC 9110, 13.1.1), and neither does what is no entity tag of ours.
 */
function wantedVersions(headers: Headers): readonly number[] | undefined {
  const header = headers.get("if-match");
  if (header === null || header.trim() === "*") return undefined;
  return tagsIn(header).flatMap(({ isWeak, version }) => (isWeak ? [] : [version]));
}

/** The versions that an `If-None-Match` header names, weak tags included (RFC 9110, 13.1.2); `undefined` without one. */
function namedVersions(header: string | null): VersionCondition["unlessVersion"] {
  if (header === null) return undefined;
  return header.trim() === "*" ? "any" : tagsIn(header).map(({ version }) => version);
}

/** What the headers of a change ask the version of its event to be. */
export function versionCondition(headers: Headers): VersionCondition {
  const ifVersion = wantedVersions(headers);
  const unlessVersion = namedVersions(headers.get("if-none-match"));
  return { ...(ifVersion && { ifVersion }), ...(unlessVersion && { unlessVersion }) };
}

/** Tells whether a client has this version already by what its `If-None-Match` header says. */
export function isKnown(header: string | null, version: number): boolean {
  const named = namedVersions(header);
  return named === "any" || named?.includes(version) === true;
}

const ENTITY_TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;

/** The entity tags of a list that could be of events. */
function tagsIn(header: string): { readonly isWeak: boolean; readonly version: number }[] {
  return [...header.matchAll(ENTITY_TAG)].flatMap(([, weak, text]) =>
    text !== undefined && /^[1-9]\d{0,15}$/.test(text)
      ? [{ isWeak: weak !== undefined, version: Number(text) }]
      : [],
  );
}

/** The documentation of `If-Match`. */
export const IF_MATCH = z.string().optional().openapi({
  description:
    "Makes the change only while the arrest event has one of these entity tags (RFC 9110, 13.1.1), and answers 412 otherwise. Weak tags never match; `*` matches every version.",
  example: '"1"',
});

/** The documentation of `If-None-Match` in a change. */
export const IF_NONE_MATCH_OF_CHANGE = z.string().optional().openapi({
  description:
    "Makes the change only while the arrest event has none of these entity tags (RFC 9110, 13.1.2), and answers 412 otherwise; `*` matches every version.",
  example: '"7"',
});

/** The documentation of `If-None-Match`. */
export const IF_NONE_MATCH = z.string().optional().openapi({
  description:
    "Answers 304 while the arrest event has one of these entity tags (RFC 9110, 13.1.2); `*` matches every version.",
  example: '"1"',
});

/** The documentation of `ETag`. */
export const ETAG_HEADER = {
  description:
    "The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.",
  required: true,
  schema: { type: "string", pattern: '^"[1-9][0-9]*"$' },
  example: '"1"',
} as const;
