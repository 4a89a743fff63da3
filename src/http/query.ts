import { z } from "@hono/zod-openapi";
import { rule } from "./contract.ts";
import { type InvalidInput, Problem, shortened } from "./problem.ts";

/** The parameters that an operation knows. All are optional: a query without any is one. */
export type Query = z.ZodObject;

/**
 * Refuses a query with parameters that the operation does not know, or with one of them twice.
 *
 * @throws Problem `bad-query`
 */
export function checkNames(url: string, known: readonly string[]): void {
  const names = [...new URL(url).searchParams.keys()];
  const errors: InvalidInput[] = [];
  for (const name of new Set(names)) {
    const parameter = shortened(name);
    if (!known.includes(name)) errors.push({ parameter, detail: "is not a parameter here" });
    else if (names.indexOf(name) !== names.lastIndexOf(name)) {
      errors.push({ parameter, detail: "must be given only once" });
    }
  }
  if (errors.length > 0) throw new Problem("bad-query", { errors });
}

/**
 * Reads the values of a query whose names have been checked.
 *
 * @throws Problem `invalid-query` with every rule that the values break
 */
export function readQuery<T extends Query>(schema: T, url: string): z.output<T> {
  const parsed = schema.safeParse(Object.fromEntries(new URL(url).searchParams));
  if (parsed.success) return parsed.data;
  throw new Problem("invalid-query", {
    errors: parsed.error.issues.map(({ path, message }) => ({
      parameter: String(path[0]),
      detail: message,
    })),
  });
}

/** A parameter that is a whole number, written in digits only. */
export function wholeNumber(from: number, to: number, about: string) {
  const error = rule(`must be a whole number from ${from} to ${to}`);
  return z
    .string()
    .regex(/^(?:0|[1-9]\d{0,15})$/, { error })
    .transform(Number)
    .pipe(z.number({ error }).min(from, { error }).max(to, { error }))
    .openapi({ type: "integer", format: "int64", minimum: from, maximum: to, description: about });
}

/** How many items an answer may have at most. */
const MAX_LIMIT = 1000;

/** The parameters that page through a list. */
export function pageParameters(defaultLimit: number, about: string) {
  return {
    limit: wholeNumber(1, MAX_LIMIT, about)
      .optional()
      .transform((limit) => limit ?? defaultLimit)
      .openapi({ type: "integer", minimum: 1, maximum: MAX_LIMIT, default: defaultLimit }),
    cursor: z
      .string()
      .regex(/^[1-9]\d{0,15}$/, { error: rule("must be taken from a Link") })
      .transform(Number)
      .optional()
      .openapi({
        type: "string",
        description: "Where to go on: taken from the `Link` of the answer before, not made up.",
      }),
  };
}

/** The header that leads to what comes next (RFC 8288); none behind the last. */
export function nextLink(url: string, cursor: number | undefined): Record<string, string> {
  const next = new URL(url);
  if (cursor !== undefined) next.searchParams.set("cursor", String(cursor));
  return { Link: `<${next.pathname}${next.search}>; rel="next"` };
}

/** The documentation of {@link nextLink}. */
export const LINK_HEADER = {
  description: 'Where to go on, as `rel="next"` (RFC 8288); absent behind the last.',
  required: false,
  schema: { type: "string" },
  example: '</dead_letters?limit=100&cursor=4711>; rel="next"',
} as const;
