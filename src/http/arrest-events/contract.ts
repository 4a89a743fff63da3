import { z } from "@hono/zod-openapi";
import { MAX_ID } from "../../arrest-event.ts";
import { EVENT_SORTS, type EventFilter } from "../../store/read.ts";
import { EXAMPLE_EVENT, rule, timestamp } from "../contract.ts";
import { EXAMPLE_LIMIT, MAX_LIMIT, repeated, wholeNumber } from "../query.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { FORM_NAMES } from "./forms.ts";

function ids(about: string, first: number, second: number) {
  const id = wholeNumber(1, MAX_ID, about, first);
  return repeated(id, `${about} Given repeatedly: any of these.`, [first, second]);
}

/** The query parameters that say which events are meant. */
export const filterParameters = {
  officer_id: ids("By this officer.", 7, 12),
  subject_id: ids("Of this person.", 1204, 1377),
  arrest_type_id: ids("Of this type of arrest.", 2, 3),
  crime_type_id: ids("Of this type of crime.", 31, 32),
  arrested_from: timestamp("Arrested at this time or later").optional(),
  arrested_to: timestamp("Arrested before this time")
    .optional()
    .openapi({ example: "2026-11-23T14:05:00+01:00" }),
};

/** The filter that the query parameters stand for. */
export function toFilter(query: z.output<z.ZodObject<typeof filterParameters>>): EventFilter {
  return {
    officerId: query.officer_id,
    subjectId: query.subject_id,
    arrestTypeId: query.arrest_type_id,
    crimeTypeId: query.crime_type_id,
    arrestedFrom: query.arrested_from,
    arrestedTo: query.arrested_to,
  };
}

const FROM_A_LINK = "must be taken from a Link, with the sort of that";

// They go together: a cursor holds for one order.
const EXAMPLE_SORT = "-arrested_at";
const EXAMPLE_CURSOR = writeCursor({
  sort: EXAMPLE_SORT,
  place: { arrestedAt: Date.parse(EXAMPLE_EVENT.arrested_at), id: EXAMPLE_EVENT.id },
});

const cursor = z
  .string()
  .transform((text, context) => {
    const found = readCursor(text);
    if (found !== undefined) return found;
    context.addIssue({ code: "custom", message: FROM_A_LINK });
    return z.NEVER;
  })
  .optional()
  .openapi({
    type: "string",
    pattern: "^[A-Za-z0-9_-]+$",
    description:
      "Where to go on: taken from the `Link` of the answer before, not made up. It holds for the `sort` that it was given for.",
    example: EXAMPLE_CURSOR,
  });

/** The query parameters of lists of events. */
export const ListQuery = z
  .object({
    ...filterParameters,
    sort: z
      .enum(EVENT_SORTS, { error: rule(`must be one of ${EVENT_SORTS.join(", ")}`) })
      .default("id")
      .openapi({
        description:
          "The order; `-` reverses it. Events of the same time are in the order of their ids, reversed with the rest.",
        example: EXAMPLE_SORT,
      }),
    limit: wholeNumber(
      1,
      MAX_LIMIT,
      "The most events that the answer has. Without it, all are streamed.",
      EXAMPLE_LIMIT,
    ).optional(),
    cursor,
    format: z
      .enum(FORM_NAMES, { error: rule(`must be one of ${FORM_NAMES.join(", ")}`) })
      .optional()
      .openapi({ description: "The form of the answer, whatever `Accept` says.", example: "csv" }),
  })
  .refine(({ cursor, sort }) => cursor === undefined || cursor.sort === sort, {
    path: ["cursor"],
    error: FROM_A_LINK,
  });
