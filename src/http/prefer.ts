import { z } from "@hono/zod-openapi";

const PREFERENCE = /^\s*return\s*=\s*"?(minimal|representation)"?\s*(?:;.*)?$/i;

/**
 * What a client would like the answer to a change to hold (RFC 7240, 4.2): nothing, or what was made.
 * Other preferences are not looked at; of one that is there twice the first counts.
 */
export function preferredReturn(headers: Headers): "minimal" | "representation" | undefined {
  for (const preference of headers.get("prefer")?.split(",") ?? []) {
    const value = PREFERENCE.exec(preference)?.[1]?.toLowerCase();
    if (value === "minimal" || value === "representation") return value;
  }
  return undefined;
}

/** The documentation of `Prefer`. */
export const PREFER = z.string().optional().openapi({
  description:
    "`return=minimal` asks for an answer without a body (RFC 7240); other preferences are not looked at.",
  example: "return=representation",
});

/** The documentation of `Preference-Applied`. */
export const PREFERENCE_APPLIED_HEADER = {
  description: "The preference of `Prefer` that the answer follows (RFC 7240, 3).",
  required: false,
  schema: { type: "string", pattern: "^return=(minimal|representation)$" },
  example: "return=minimal",
} as const;
