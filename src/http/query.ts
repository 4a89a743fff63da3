import { z } from "@hono/zod-openapi";
import { rule } from "./contract.ts";
import { type InvalidInput, Problem, shortened } from "./problem.ts";

/** The parameters that an operation knows. All are optional: a query without any is one. */
export type Query = z.ZodObject;

/**
 * Refuses a query with parameters that the operation does not know, or with one of them repeatedly that
 * takes one value.
 *
 * @throws Problem `bad-query`
 */
export function checkNames(url: string, query: Query | undefined): void {
  const names = [...new URL(url).searchParams.keys()];
  const errors: InvalidInput[] = [];
  for (const name of new Set(names)) {
    const parameter = shortened(name);
    const known = parameterOf(query, name);
    if (known === undefined) errors.push({ parameter, detail: "is not a parameter here" });
    else if (!isRepeatable(known) && names.indexOf(name) !== names.lastIndexOf(name)) {
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
  const given: Record<string, string | string[] | null> = {};
  if (url.includes("?")) {
    const { searchParams } = new URL(url);
    for (const name of new Set(searchParams.keys())) {
      const known = parameterOf(schema, name);
      given[name] =
        known && isRepeatable(known) ? searchParams.getAll(name) : searchParams.get(name);
    }
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const broken = parsed.error.issues.map(
    ({ path, message }) => [String(path[0]), message] as const,
  );
  // Of several values, each may break the same rule.
  const once = new Map(
    broken.map(([parameter, detail]) => [`${parameter} ${detail}`, { parameter, detail }]),
  );
  throw new Problem("invalid-query", { errors: [...once.values()] });
}

function parameterOf(query: Query | undefined, name: string): z.core.$ZodType | undefined {
  return query !== undefined && Object.hasOwn(query.shape, name) ? query.shape[name] : undefined;
}

function isRepeatable(parameter: z.core.$ZodType): boolean {
  const inner = parameter instanceof z.ZodOptional ? parameter.unwrap() : parameter;
  return inner instanceof z.ZodArray;
}

/** How many values a repeated parameter may have. */
const MAX_VALUES = 100;

/** A parameter that may be given repeatedly, each time with another value. */
export function repeated<T extends z.ZodType>(
  value: T,
  about: string,
  example: readonly z.output<T>[],
) {
  return z
    .array(value)
    .max(MAX_VALUES, { error: rule(`must be given at most ${MAX_VALUES} times`) })
    .optional()
    .openapi({ description: about, example });
}

/** A parameter that is a whole number, written in digits only. */
export function wholeNumber(from: number, to: number, about: string, example: number) {
  const error = rule(`must be a whole number from ${from} to ${to}`);
  return z
    .string()
    .regex(/^(?:0|[1-9]\d{0,15})$/, { error })
    .transform(Number)
    .pipe(z.number({ error }).min(from, { error }).max(to, { error }))
    .openapi({
      type: "integer",
      format: "int64",
      minimum: from,
      maximum: to,
      description: about,
      example,
    });
}

/** How many items a page may have at most. */
export const MAX_LIMIT = 1000;

/** How many the documentation asks for. */
export const EXAMPLE_LIMIT = 100;

const CURSOR = /^[1-9][0-9]{0,15}$/;

/** The parameters that page through a list. */
export function pageParameters(defaultLimit: number, about: string) {
  return {
    limit: wholeNumber(1, MAX_LIMIT, about, EXAMPLE_LIMIT)
      .optional()
      .transform((limit) => limit ?? defaultLimit)
      .openapi({ type: "integer", minimum: 1, maximum: MAX_LIMIT, default: defaultLimit }),
    cursor: z
      .string()
      .regex(CURSOR, { error: rule("must be taken from a Link") })
      .transform(Number)
      .optional()
      .openapi({
        type: "string",
        pattern: CURSOR.source,
        description: "Where to go on: taken from the `Link` of the answer before, not made up.",
        example: "4711",
      }),
  };
}

/** The header that leads to what comes next (RFC 8288); none behind the last. */
export function nextLink(url: string, cursor: number | string | undefined): Record<string, string> {
  const next = new URL(url);
  if (cursor !== undefined) next.searchParams.set("cursor", String(cursor));
  return { Link: `<${next.pathname}${next.search}>; rel="next"` };
}

/** The documentation of {@link nextLink}, with the path and query that it leads to in the example. */
export function linkHeader(example: string) {
  return {
    description: 'Where to go on, as `rel="next"` (RFC 8288); absent behind the last.',
    required: false,
    schema: { type: "string" },
    example: `<${example}>; rel="next"`,
  } as const;
}
