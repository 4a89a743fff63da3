import { z } from "@hono/zod-openapi";
import { formatTimestamp } from "../../arrest-event.ts";
import type { EventGroup, EventGrouping } from "../../store/read.ts";
import { answerToNobody } from "../answer.ts";
import type { Api } from "../api.ts";
import { codedAnswer } from "../coded-answer.ts";
import { ArrestEventSchema, rule } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import { Problem } from "../problem.ts";
import { readQuery } from "../query.ts";
import { writeArray } from "../turns.ts";
import { filterParameters, toFilter } from "./contract.ts";
import { countAll, eventCount } from "./count.ts";

/** What can be grouped by: how the store names it, and how its values are written. */
const GROUPINGS = {
  officer_id: { grouping: "officerId", write: identity },
  arrest_type_id: { grouping: "arrestTypeId", write: identity },
  crime_type_id: { grouping: "crimeTypeId", write: identity },
  hour: { grouping: "hour", write: (start) => `${formatTimestamp(start).slice(0, 16)}Z` },
  day: { grouping: "day", write: (start) => formatTimestamp(start).slice(0, 10) },
  month: { grouping: "month", write: (start) => formatTimestamp(start).slice(0, 7) },
} as const satisfies Record<
  string,
  { grouping: EventGrouping; write(value: number): number | string }
>;

function identity(value: number): number {
  return value;
}

type GroupingName = keyof typeof GROUPINGS;

const NAMES = Object.keys(GROUPINGS) as [GroupingName, ...GroupingName[]];
const TIMES: readonly GroupingName[] = ["hour", "day", "month"];

/** The most groups that an answer has. */
const MAX_GROUPS = 10_000;

/** How many are written before others are served: about a millisecond. */
const GROUPS_AT_ONCE = 1000;

const GROUP_BY_RULE = `must be one or two of ${NAMES.join(", ")}, of which one at most may be a time`;

/** The rule as JSON Schema has it, which the types of OpenAPI here leave out. */
const ONE_TIME_AT_MOST = { contains: { enum: TIMES }, minContains: 0, maxContains: 1 };

const StatsQuery = z.object({
  group_by: z
    .array(z.enum(NAMES, { error: rule(GROUP_BY_RULE) }), { error: rule(GROUP_BY_RULE) })
    .min(1, { error: rule(GROUP_BY_RULE) })
    .max(2, { error: rule(GROUP_BY_RULE) })
    .refine(
      (names) =>
        new Set(names).size === names.length &&
        names.filter((name) => TIMES.includes(name)).length <= 1,
      { error: GROUP_BY_RULE },
    )
    .openapi({
      description:
        "What events must have in common to be counted together. Given twice: both, in this order; `hour`, `day` and `month` go with ids only.",
      uniqueItems: true,
      ...ONE_TIME_AT_MOST,
      example: ["arrest_type_id", "month"],
    }),
  ...filterParameters,
});

const { officer_id, arrest_type_id, crime_type_id } = ArrestEventSchema.shape;

const EventGroupSchema = z
  .strictObject({
    officer_id: officer_id.optional(),
    arrest_type_id: arrest_type_id.optional(),
    crime_type_id: crime_type_id.optional(),
    hour: z.string().optional().openapi({
      description: "The hour in UTC in which the arrests took place, by its beginning.",
      pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:00Z$",
      example: "2026-11-22T13:00Z",
    }),
    day: z.string().optional().openapi({
      format: "date",
      description: "The day in UTC on which the arrests took place.",
      example: "2026-11-22",
    }),
    month: z.string().optional().openapi({
      pattern: "^\\d{4}-\\d{2}$",
      description: "The month in UTC in which the arrests took place.",
      example: "2026-11",
    }),
    count: eventCount,
  } satisfies Record<GroupingName | "count", z.ZodType>)
  .openapi("ArrestEventGroup", {
    description: "Arrest events that have something in common: the members of `group_by`.",
  });

const EXAMPLE: z.infer<typeof EventGroupSchema>[] = [
  { arrest_type_id: 1, month: "2026-10", count: 12 },
  { arrest_type_id: 1, month: "2026-11", count: 17 },
  { arrest_type_id: 2, month: "2026-11", count: 4 },
];

/** Adds `GET /arrest_events/stats`. */
export function addStats(
  api: Api,
  { reader, limits }: Pick<Dependencies, "reader" | "limits">,
): void {
  api.add(
    {
      method: "get",
      path: "/arrest_events/stats",
      operationId: "getArrestEventStats",
      tag: "Arrest events",
      summary: "Count arrest events by what they have in common",
      description: `Counts the arrest events that match all filters by one or two of ${NAMES.map((name) => `\`${name}\``).join(", ")}. Groups without events are left out; the others are in the ascending order of their values, the first of \`group_by\` before the second. Times are those of UTC. There are ${MAX_GROUPS.toLocaleString("en")} groups at most: more answer 422, and want filters.

When it takes longer, other requests are served in between: what is created or changed meanwhile may or may not be counted.`,
      request: { query: StatsQuery },
      responses: {
        200: {
          description: "The groups.",
          content: { "application/json": { schema: z.array(EventGroupSchema), example: EXAMPLE } },
        },
      },
      problems: ["internal-error", "answer-timeout"],
      compresses: true,
    },
    async ({ req }) => {
      const query = readQuery(StatsQuery, req.url);
      const groupings = query.group_by.map((name) => GROUPINGS[name].grouping);
      const counting = reader.counting(toFilter(query), groupings, MAX_GROUPS);
      const until = performance.now() + limits.requestTimeoutMs;
      const outcome = await countAll(counting, req.raw, until);
      if (outcome === "left") return answerToNobody();
      if (outcome === "too-many-groups") {
        const detail = `makes more than ${MAX_GROUPS} groups: filters can leave fewer`;
        throw new Problem("invalid-query", { errors: [{ parameter: "group_by", detail }] });
      }
      const write = (group: EventGroup): string => writeGroup(query.group_by, group);
      const text = await writeArray(req.raw, counting.groups(), GROUPS_AT_ONCE, write, until);
      if (text === undefined) return answerToNobody();
      return codedAnswer(req.raw, "application/json", text);
    },
  );
}

function writeGroup(names: readonly GroupingName[], { values, count }: EventGroup): string {
  const members = names.map((name, place) => [name, GROUPINGS[name].write(values[place] ?? 0)]);
  return JSON.stringify({ ...Object.fromEntries(members), count });
}
