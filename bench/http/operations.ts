/** Every operation of the contract that answers at once, as requests to each side that has it. */
import { toJson } from "../../src/arrest-event.ts";
import { writeCursor } from "../../src/http/arrest-events/cursor.ts";
import { makeEvents } from "../events.ts";
import { NUMBER } from "../load.ts";
import type { SideName } from "./sides.ts";
import {
  addEvents,
  DEPTHS,
  type Depth,
  FILTER,
  LISTS,
  type List,
  PAGE_SIZE,
  type Table,
} from "./table.ts";

/** What a side is asked. */
export interface Ask {
  /** The requests, whole; they are sent in turn. */
  readonly requests: readonly string[];
  /** The status that every answer must have. */
  readonly status: number;
  /** Each request is sent once. */
  readonly once?: boolean;
}

/** An operation that is measured. */
export interface Operation {
  readonly name: string;
  /** Takes long, so that it is asked for on one connection. */
  readonly isLong?: true;
  /** What a side is asked; undefined where it has no such operation. */
  ask(side: SideName, table: Table, path: string): Ask | undefined;
}

const ROOT = "/arrest_events";
const JSON_TYPE = "application/json";

/** The text of a request. */
export function request(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): string {
  const all = {
    Host: "127.0.0.1",
    Accept: "*/*",
    ...(body !== "" && { "Content-Type": JSON_TYPE, "Content-Length": String(body.length) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** Ids all over the table, in an order in which no two neighbours are near. */
function ids(table: Table): number[] {
  const count = Math.min(table.rows, 10_000);
  const stride = Math.max(7919, Math.floor(table.rows * 0.618)) | 1;
  return Array.from({ length: count }, (_, index) => ((index * stride) % table.rows) + 1);
}

const NEW_EVENTS = makeEvents(1000, "rising").map((event) => {
  const { id, ...members } = toJson({ id: 1, ...event });
  return members;
});

/** Requests that create an event each. */
export const POSTS: readonly string[] = NEW_EVENTS.map((event) =>
  request("POST", ROOT, {}, JSON.stringify(event)),
);

/** Requests that read an event each. */
export function gets(table: Table): string[] {
  return ids(table).map((id) => request("GET", `${ROOT}/${id}`));
}

/** How the sides are told where a page begins. */
function pagePath(side: SideName, list: List, depth: Depth, table: Table): string | undefined {
  const { skipped, after } = table.places[list][depth];
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  const sort = list === "arrested_at" ? "arrested_at" : "id";
  if (sort !== "id") query.set("sort", sort);
  if (list === "filter") query.set(FILTER.name, String(FILTER.value));
  switch (side) {
    case "bare":
      // It has no other pages.
      if (list !== "id") return undefined;
      query.set("after", String(after?.id ?? 0));
      break;
    case "fastify":
      if (after === undefined) break;
      query.set("after_id", String(after.id));
      if (sort !== "id") query.set("after_time", String(after.arrestedAt));
      break;
    case "flask":
      query.set("offset", String(skipped));
      break;
    default:
      if (after !== undefined) query.set("cursor", writeCursor({ sort, place: after }));
  }
  return `${ROOT}?${query}`;
}

const LIST_TITLES = { id: "by id", arrested_at: "by time", filter: "with a filter" } as const;

/** The name of the operation that reads a page. */
export function pageName(list: List, depth: Depth): string {
  return `page of ${PAGE_SIZE} ${LIST_TITLES[list]} (${depth})`;
}

function pageOf(list: List, depth: Depth): Operation {
  return {
    name: pageName(list, depth),
    ask: (side, table) => {
      const path = pagePath(side, list, depth, table);
      return path === undefined ? undefined : { requests: [request("GET", path)], status: 200 };
    },
  };
}

/** An operation that is the same for all sides that have it. */
function same(
  name: string,
  sides: readonly SideName[],
  status: number,
  requests: (table: Table) => readonly string[],
): Operation {
  return {
    name,
    ask: (side, table) =>
      sides.includes(side) ? { requests: requests(table), status } : undefined,
  };
}

/** A long read of one path. */
function long(name: string, path: string): Operation {
  const operation = same(name, CHECKED_ALL, 200, () => [request("GET", `${ROOT}${path}`)]);
  return { ...operation, isLong: true };
}

const ALL: readonly SideName[] = ["service", "unchecked", "bare", "fastify", "flask"];
const CHECKED_ALL = ALL.filter((side) => side !== "bare");
const OURS: readonly SideName[] = ["service", "unchecked"];

const READS: readonly Operation[] = [
  same("GET by id", ALL, 200, gets),
  same("conditional GET by id (304)", [...OURS, "fastify"], 304, (table) =>
    ids(table).map((id) => request("GET", `${ROOT}/${id}`, { "If-None-Match": '"1"' })),
  ),
  same("HEAD by id", CHECKED_ALL, 200, (table) =>
    ids(table).map((id) => request("HEAD", `${ROOT}/${id}`)),
  ),
  ...LISTS.flatMap((list) => DEPTHS.map((depth) => pageOf(list, depth))),
  same("history", OURS, 200, (table) =>
    ids(table).map((id) => request("GET", `${ROOT}/${id}/history`)),
  ),
  same("page of 50 dead letters", OURS, 200, () => [request("GET", "/dead_letters?limit=50")]),
  same("openapi.json", ["service"], 200, () => [request("GET", "/openapi.json")]),
  same("problem (404)", CHECKED_ALL, 404, () => [request("GET", `${ROOT}/9007199254740991`)]),
  {
    name: "problem (422)",
    ask: (side) => {
      if (side === "unchecked" || side === "bare") return undefined;
      const body = JSON.stringify({ ...NEW_EVENTS[0], officer_id: 0, arrested_at: "2026-02-30" });
      // What Fastify and Flask answer is 400 by their habit.
      return {
        requests: [request("POST", ROOT, {}, body)],
        status: side === "service" ? 422 : 400,
      };
    },
  },
  long("count", "/count"),
  long("count with a filter", `/count?${FILTER.name}=${FILTER.value}`),
  long("stats by arrest type", "/stats?group_by=arrest_type_id"),
  long("stats by officer", "/stats?group_by=officer_id"),
  long("stats by month", "/stats?group_by=month"),
  long("stats by arrest type and month", "/stats?group_by=arrest_type_id&group_by=month"),
  long("stats by day of an officer", "/stats?group_by=day&officer_id=7"),
];

/** How many events there are to be deleted in a round. */
const DELETES = 15_000;

function updates(method: "PUT" | "PATCH"): Operation {
  return same(method, CHECKED_ALL, 200, (table) =>
    ids(table).map((id, index) => {
      const body = JSON.stringify({ crime_type_id: (index % 60) + 1 });
      return request(method, `${ROOT}/${id}`, {}, body);
    }),
  );
}

const WRITES: readonly Operation[] = [
  same("POST", ALL, 201, () => POSTS),
  same("POST with Idempotency-Key", OURS, 201, () =>
    NEW_EVENTS.map((event) =>
      request("POST", ROOT, { "Idempotency-Key": `"bench-${NUMBER}"` }, JSON.stringify(event)),
    ),
  ),
  {
    name: "batch of 1000",
    isLong: true,
    ask: (side) => {
      if (side === "bare") return undefined;
      const body = JSON.stringify(NEW_EVENTS);
      const requests = [request("POST", `${ROOT}/batch`, {}, body)];
      return { requests, status: 201 };
    },
  },
  updates("PUT"),
  updates("PATCH"),
  {
    name: "DELETE",
    ask: (side, _, path) => {
      if (side === "bare") return undefined;
      const first = addEvents(path, DELETES);
      const requests = Array.from({ length: DELETES }, (_, index) =>
        request("DELETE", `${ROOT}/${first + index}`),
      );
      return { requests, status: 204, once: true };
    },
  },
];

/** All operations that are measured, those that change the table last. */
export const OPERATIONS: readonly Operation[] = [...READS, ...WRITES];
