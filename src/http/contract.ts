import { z } from "@hono/zod-openapi";
import {
  type ArrestEventFields,
  type ArrestEventJson,
  FIELD_NAMES,
  formatTimestamp,
  ID_RULE,
  isId,
  MAX_ID,
  MAX_TIMESTAMP,
  MIN_TIMESTAMP,
  parseTimestamp,
  TIMESTAMP_PATTERN,
  TIMESTAMP_RULE,
} from "../arrest-event.ts";
import type { JsonBody } from "./json.ts";
import { type InvalidInput, MAX_ERRORS, Problem, pointerTo } from "./problem.ts";

const REQUIRED = "is required";

/** What is said of a member that is there twice. */
export const GIVEN_TWICE = "must be given only once";

/** Tells what a member must be. zod's own messages would repeat what was sent. */
export function rule(text: string) {
  return ({ input }: { readonly input?: unknown }) => (input === undefined ? REQUIRED : text);
}

function idMember(description: string, example: number) {
  return z.custom<number>(isId, { error: rule(ID_RULE) }).openapi({
    type: "integer",
    format: "int64",
    minimum: 1,
    maximum: MAX_ID,
    description,
    example,
  });
}

/** A date and time as it is sent: milliseconds since 1970 once it is read. */
export function timestamp(about: string) {
  return z
    .string({ error: rule(TIMESTAMP_RULE) })
    .transform((text, context) => {
      const milliseconds = parseTimestamp(text);
      if (milliseconds !== undefined) return milliseconds;
      context.addIssue({ code: "custom", message: TIMESTAMP_RULE });
      return z.NEVER;
    })
    .openapi({
      type: "string",
      format: "date-time",
      pattern: TIMESTAMP_PATTERN,
      description: `${about}: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which \`date-time\` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off.`,
      example: "2026-11-22T14:05:00+01:00",
    });
}

const suppliedMembers = {
  officer_id: idMember("The arresting officer.", 7),
  subject_id: idMember("The arrested person.", 1204),
  arrest_type_id: idMember("The type of the arrest.", 2),
  crime_type_id: idMember("The type of the crime.", 31),
  arrested_at: timestamp("When the arrest took place"),
} satisfies Record<Exclude<keyof ArrestEventJson, "id">, z.ZodType>;

/** The body of a request that creates an event. */
export const NewArrestEvent = z
  .strictObject(suppliedMembers)
  .openapi("NewArrestEvent", { description: "An arrest event without its id." });

/** The body of a request that changes an event. */
export const ArrestEventChanges = z
  .strictObject(suppliedMembers)
  .partial()
  .openapi("ArrestEventChanges", {
    description: "The members of an arrest event that are to change; the others stay as they are.",
    minProperties: 1,
  });

const eventId = idMember("Assigned by the service, never used again after a delete.", 12);

/** An event as it is answered. */
export const ArrestEventSchema = z
  .strictObject({
    id: eventId,
    officer_id: suppliedMembers.officer_id,
    subject_id: suppliedMembers.subject_id,
    arrest_type_id: suppliedMembers.arrest_type_id,
    crime_type_id: suppliedMembers.crime_type_id,
    arrested_at: z.string().openapi({
      format: "date-time",
      pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$",
      description: "When the arrest took place, in UTC, with milliseconds.",
      example: "2026-11-22T13:05:00.000Z",
    }),
  } satisfies Record<keyof ArrestEventJson, z.ZodType>)
  .openapi("ArrestEvent", { description: "The arrest of one person by one officer." });

/** What the documentation shows as a new event. */
export const EXAMPLE_NEW_EVENT: Omit<ArrestEventJson, "id"> = {
  officer_id: 7,
  subject_id: 1204,
  arrest_type_id: 2,
  crime_type_id: 31,
  arrested_at: "2026-11-22T13:05:00.000Z",
};

/** What the documentation shows as an event. */
export const EXAMPLE_EVENT: ArrestEventJson = { id: 12, ...EXAMPLE_NEW_EVENT };

/** The content of an answer that is one event. */
export const EVENT_CONTENT = {
  "application/json": { schema: ArrestEventSchema, example: EXAMPLE_EVENT },
};

/** Writes a time of Kafka's (milliseconds), where producers can write any: null outside of the years 0001 to 9999. */
export function kafkaTime(milliseconds: number | null): string | null {
  if (milliseconds === null || milliseconds < MIN_TIMESTAMP || milliseconds > MAX_TIMESTAMP) {
    return null;
  }
  return formatTimestamp(milliseconds);
}

/** What can be asked next of an event that an answer holds. */
export const EVENT_LINKS = linksById("The arrest event", [
  "getArrestEvent",
  "updateArrestEvent",
  "patchArrestEvent",
  "deleteArrestEvent",
  "getArrestEventHistory",
]);

/** The documentation of operations that can follow an answer, by the id in its body. */
export function linksById(what: string, operationIds: readonly string[]) {
  const parameters = { id: "$response.body#/id" };
  return Object.fromEntries(
    operationIds.map((operationId) => [
      operationId,
      { operationId, description: `${what} of this answer, by its \`id\`.`, parameters },
    ]),
  );
}

/** The header that leads to an event that was created. */
export const LOCATION_HEADER = {
  description: "Where the arrest event can be read.",
  required: true,
  schema: { type: "string", format: "uri-reference" },
  example: "/arrest_events/12",
} as const;

/** The path parameters of one event. */
export const EventPath = z.object({
  id: eventId.openapi({
    param: { name: "id", in: "path", description: "The id of the arrest event." },
  }),
});

/**
 * Reads an id in a path: digits without a sign or leading zeros.
 *
 * @throws Problem of the given kind for anything that nothing can have as its id
 */
export function parseId(
  text: string | undefined,
  notFound: "event-not-found" | "dead-letter-not-found",
): number {
  const id = text !== undefined && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
  if (!isId(id)) throw new Problem(notFound);
  return id;
}

/**
 * Reads a whole event from a body.
 *
 * @throws Problem `invalid-event` with every rule that the body breaks
 */
export function parseNewEvent(body: JsonBody): ArrestEventFields {
  return toFields(validate(NewArrestEvent, body)) as ArrestEventFields;
}

/** What is wrong with one member of a body. */
export type BodyError = Extract<InvalidInput, { readonly pointer: string }>;

/** Reads one event of several. Returns every rule that it breaks, with places in the event. */
export function checkNewEvent(body: JsonBody): ArrestEventFields | readonly BodyError[] {
  const checked = check(NewArrestEvent, body);
  return "errors" in checked ? checked.errors : (toFields(checked.data) as ArrestEventFields);
}

/**
 * Reads the changes of an event from a body.
 *
 * @throws Problem `invalid-event` with every rule that the body breaks
 */
export function parseChanges(body: JsonBody): Partial<ArrestEventFields> {
  const fields = toFields(validate(ArrestEventChanges, body));
  if (Object.keys(fields).length > 0) return fields;
  const names = Object.values(FIELD_NAMES).join(", ");
  throw invalid([{ pointer: "", detail: `must have at least one of the members ${names}` }]);
}

function validate<T>(schema: z.ZodType<T>, body: JsonBody): T {
  const checked = check(schema, body);
  if ("errors" in checked) throw invalid(checked.errors);
  return checked.data;
}

function check<T>(
  schema: z.ZodType<T>,
  { value, repeated }: JsonBody,
): { readonly data: T } | { readonly errors: readonly BodyError[] } {
  const parsed = schema.safeParse(value);
  const errors = (parsed.error?.issues ?? []).flatMap(describeIssue);
  for (const pointer of repeated) errors.push({ pointer, detail: GIVEN_TWICE });
  return !parsed.success || errors.length > 0 ? { errors } : { data: parsed.data };
}

function describeIssue(issue: z.core.$ZodIssue): BodyError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, MAX_ERRORS).map((key) => ({
      pointer: pointerTo(key),
      detail: "is not a member that can be given",
    }));
  }
  if (issue.path.length === 0) return [{ pointer: "", detail: "must be a JSON object" }];
  return [{ pointer: pointerTo(String(issue.path[0])), detail: issue.message }];
}

function invalid(errors: readonly BodyError[]): Problem {
  return new Problem("invalid-event", { errors });
}

function toFields(members: z.output<typeof ArrestEventChanges>): Partial<ArrestEventFields> {
  const fields: Partial<Record<keyof ArrestEventFields, number>> = {};
  for (const field of Object.keys(FIELD_NAMES) as (keyof ArrestEventFields)[]) {
    const value = members[FIELD_NAMES[field]];
    if (value !== undefined) fields[field] = value;
  }
  return fields;
}
