import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { ID_RULE, TIMESTAMP_RULE } from "../../src/arrest-event.ts";
import { PROBLEM_NAMES, PROBLEMS, type ProblemName } from "../../src/http/problem.ts";
import { DEAD_LETTER_REASONS } from "../../src/store/schema.ts";
import {
  type Faults,
  HEALTHY,
  type Service,
  sendJson,
  startService,
  VALID_MEMBERS,
} from "../support/http-service.ts";
import { letter } from "../support/store.ts";
import { until } from "../support/until.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

type Ask = readonly [path: string, init?: RequestInit];
type Place = readonly [place: string, detail: string];

let service: Service;

beforeAll(async () => {
  service = await startService("silent");
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

const ALL = "/arrest_events";
const BATCH = "/arrest_events/batch";
const HISTORY = ":one/history";
const COUNT = `${ALL}/count`;
const STATS = `${ALL}/stats`;
const LETTERS = "/dead_letters";
let one = "";
let deadLetter = "";

beforeEach(async () => {
  const created = await service.ask(...post(VALID_MEMBERS));
  one = `${created.headers.get("Location")}`;
  service.refuse([letter({ topic: `topic-${one.split("/").at(-1)}` })]);
  const { json } = await service.ask(`${LETTERS}?topic=topic-${one.split("/").at(-1)}`);
  deadLetter = `${LETTERS}/${json[0].id}`;
});

function resolve(path: string): string {
  return path.replace(":one", one).replace(":letter", deadLetter);
}

/** Each request of a table gets this status. `:one` in a path is an event that exists, `:letter` a dead letter. */
function answers(status: number, table: Record<string, Ask>): void {
  describe(`${status} answers`, () => {
    for (const [name, [path, init]] of Object.entries(table)) {
      test(name, async () => {
        expect((await service.ask(resolve(path), init)).status).toBe(status);
      });
    }
  });
}

/** What says more of a request than the table of problems does. */
const DETAILED: readonly ProblemName[] = [
  "malformed-body",
  "not-acceptable",
  "body-too-large",
  "unsupported-media-type",
];

/** Each request of a table is refused with this problem. */
function refuses(problem: ProblemName, table: Record<string, Ask>, fault?: keyof Faults): void {
  describe(`${problem}${fault ? ` (${fault})` : ""} answers`, () => {
    for (const [name, ask] of Object.entries(table)) {
      test(name, async () => {
        const answer = await refusal(problem, ask, fault);
        if (!DETAILED.includes(problem)) {
          expect(answer.detail).toBe(PROBLEMS[problem].detail);
        }
      });
    }
  });
}

/** Each request of a table is refused with this problem and exactly these errors. */
function names(
  problem:
    | "bad-query"
    | "invalid-query"
    | "invalid-event"
    | "invalid-batch"
    | "dead-letter-refused",
  table: Record<string, readonly [Ask, ...Place[]]>,
): void {
  const key = problem.endsWith("-query") ? "parameter" : "pointer";
  describe(`${problem} names what is wrong with`, () => {
    for (const [name, [ask, ...places]] of Object.entries(table)) {
      test(name, async () => {
        const { errors } = await refusal(problem, ask);
        expect(errors).toEqual(places.map(([place, detail]) => ({ [key]: place, detail })));
      });
    }
  });
}

async function refusal(problem: ProblemName, [path, init]: Ask, fault?: keyof Faults) {
  if (fault) service.faults[fault] = true;
  try {
    const url = resolve(path);
    const { status, headers, json } = await service.ask(url, init);
    const { title, status: expected } = PROBLEMS[problem];
    expect({ status, ...json }).toMatchObject({
      type: `/problems/${problem}`,
      title,
      status: expected,
      instance: new URL(url, service.url).pathname,
    });
    expect(headers.get("Content-Type")).toBe("application/problem+json");
    expect(status).toBe(expected);
    expect(headers.get("Retry-After")).toBe(expected === 503 ? "5" : null);
    return json;
  } finally {
    if (fault) service.faults[fault] = false;
  }
}

function get(path: string, headers: Record<string, string> = {}): Ask {
  return [path, { headers }];
}

function ask(method: string, path: string, headers: Record<string, string> = {}): Ask {
  return [path, { method, headers }];
}

function post(body: unknown, headers: Record<string, string> = {}, path = ALL): Ask {
  const init = sendJson("POST", body);
  return [path, { ...init, headers: { "Content-Type": "application/json", ...headers } }];
}

function put(body: unknown, path = ":one", headers: Record<string, string> = {}): Ask {
  const init = sendJson("PUT", body);
  return [path, { ...init, headers: { "Content-Type": "application/json", ...headers } }];
}

function patch(body: unknown, headers: Record<string, string> = {}): Ask {
  const init = sendJson("PATCH", body);
  return [":one", { ...init, headers: { ...MERGE_PATCH, ...headers } }];
}

function postBytes(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>): Ask {
  return [ALL, { method: "POST", headers, body: Buffer.from(body) }];
}

/** A row for each of some values. */
function each<T, R>(values: readonly T[], row: (value: T) => R): Record<string, R> {
  return Object.fromEntries(
    values.map((value) => [JSON.stringify(value).slice(0, 40), row(value)]),
  );
}

const VALID = JSON.stringify(VALID_MEMBERS);
const MEMBERS = Object.keys(VALID_MEMBERS) as (keyof typeof VALID_MEMBERS)[];
const JSON_TYPE = { "Content-Type": "application/json" };
const MERGE_PATCH = { "Content-Type": "application/merge-patch+json" };
const NDJSON = { "Content-Type": "application/x-ndjson" };
const NOT_A_MEMBER = "is not a member that can be given";
const NOT_A_PARAMETER = "is not a parameter here";

answers(200, {
  "all events": get(ALL),
  "an event": get(":one"),
  "a change": put({ officer_id: 8 }),
  "a patch": patch({ officer_id: 8 }),
  "a change of the version that there is": put({ officer_id: 8 }, ":one", { "If-Match": '"1"' }),
  "a history": get(HISTORY),
  "the head of a history": ask("HEAD", HISTORY),
  "an empty query": get(`${ALL}?`),
  "the head of all events": ask("HEAD", ALL),
  "the head of an event": ask("HEAD", ":one"),
  "a page in another form": get(`${ALL}?limit=1&format=csv`),
  "a filter of a hundred values": get(
    `${ALL}?${"officer_id=9007199254740991&".repeat(100)}limit=1`,
  ),
  "a count": get(COUNT),
  "the head of a count": ask("HEAD", COUNT),
  groups: get(`${STATS}?group_by=officer_id&group_by=hour`),
  liveness: get("/livez"),
  "dead letters": get(LETTERS),
  "a dead letter": get(":letter"),
  "a replay of dead letters": ask("POST", `${LETTERS}/replay?topic=none`),
  "a delete of dead letters": ask("DELETE", `${LETTERS}?topic=none`),
  readiness: get("/readyz"),
  metrics: get("/metrics"),
  "the OpenAPI document": get("/openapi.json"),
  "the page": get("/docs"),
  "a file of the page": get("/docs/initializer.js"),
  ...Object.fromEntries(PROBLEM_NAMES.map((name) => [name, get(`/problems/${name}`)])),
  ...each(
    [
      "application/*",
      "*/*;q=0.1",
      "text/html, application/json;q=0.5",
      "APPLICATION/JSON",
      "application/json;charset=utf-8",
      "",
      ",",
    ],
    (Accept) => get(":one", { Accept }),
  ),
});

answers(201, {
  "a new event": post(VALID),
  "a batch": post([VALID_MEMBERS], {}, BATCH),
  "a batch of lines": post(`${VALID}\n${VALID}\n`, NDJSON, BATCH),
  "a new event of which nothing is told": post(VALID, { Prefer: "return=minimal" }),
  "a charset": post(VALID, { "Content-Type": "application/json; charset=utf-8" }),
  "a quoted charset": post(VALID, { "Content-Type": 'Application/JSON;charset="UTF-8"' }),
  "an identity coding": post(VALID, { "Content-Encoding": "identity" }),
  "a byte order mark": post(`\uFEFF${VALID}`),
  "an integer with an exponent": post(VALID.replace("1204", "1.204e3")),
  "the greatest id": post({ ...VALID_MEMBERS, subject_id: 2 ** 53 - 1 }),
  "a replay of a corrected event": post(VALID, {}, ":letter/replay"),
  "exactly 1 MiB": post(VALID.padEnd(1_048_576)),
});

answers(204, {
  "a delete": ask("DELETE", ":one"),
  "a change of which nothing is told": put({ officer_id: 8 }, ":one", { Prefer: "return=minimal" }),
  "a patch of which nothing is told": patch({ officer_id: 8 }, { Prefer: "return=minimal" }),
  "a delete that accepts no JSON": ask("DELETE", ":one", { Accept: "text/plain" }),
  "a delete of a dead letter": ask("DELETE", ":letter"),
  "the options of all events": ask("OPTIONS", ALL),
  "the options of the page": ask("OPTIONS", "/docs"),
  "the options of a count": ask("OPTIONS", COUNT),
});

answers(304, {
  "an event that is known": get(":one", { "If-None-Match": '"1"' }),
  "any file that is kept": get("/docs/initializer.js", { "If-None-Match": "*" }),
});

describe("a slash at the end", () => {
  test.each([
    ["GET", `${ALL}/?limit=1&sort=-id`, `${ALL}?limit=1&sort=-id`],
    ["POST", `${ALL}/`, ALL],
    ["DELETE", `${ALL}/7/`, `${ALL}/7`],
    ["HEAD", `${HISTORY}/`, HISTORY],
    ["GET", "/docs/", "/docs"],
    ["PROPFIND", "/livez/", "/livez"],
  ])("leads %s %s on to the path without it, with the query", async (method, path, location) => {
    const { status, headers, text } = await service.ask(resolve(path), { method });
    expect({ status, text }).toEqual({ status: 308, text: "" });
    expect(headers.get("Location")).toBe(resolve(location));
  });

  test("leads to no other host", async () => {
    for (const path of ["//example.org/", "//example.org/arrest_events/", "/\\example.org/"]) {
      const { status, headers } = await fetch(`${service.url}${path}`, { redirect: "manual" });
      expect({ path, status, to: headers.get("Location") }).toEqual({
        path,
        status: 404,
        to: null,
      });
    }
  });
});

refuses("not-found", {
  "the root": get("/"),
  "an unknown path": get("/arrests"),
  "a path below an event": get(":one/officer"),
  "a slash at the end of an unknown path": get("/arrests/"),
  "two slashes at the end": get(`${ALL}//`),
  "an unknown file of the page": get("/docs/index.html"),
  "a file outside of the page": get("/docs/..%2fpackage.json"),
  "an unknown problem": get("/problems/toString"),
});

refuses("event-not-found", {
  ...each(
    ["0", "-1", "+1", "01", "1.0", "1e3", "0x1", "%20", "%201", "1%00", "abc", "%ff", "١"],
    (id) => get(`${ALL}/${id}`),
  ),
  "an id that no event has": get(`${ALL}/9007199254740991`),
  "an id beyond all ids": get(`${ALL}/9007199254740992`),
  "an id of many digits": get(`${ALL}/${"1".repeat(400)}`),
  "a change of no event": put({ officer_id: 8 }, `${ALL}/9007199254740991`),
  "a change of no id": put("{", `${ALL}/x`),
  "a delete of no event": ask("DELETE", `${ALL}/9007199254740991`),
  "a patch of no event": [`${ALL}/9007199254740991`, sendJson("PATCH", { officer_id: 8 })],
  "a history of no event": get(`${ALL}/9007199254740991/history`),
  "a history of no id": get(`${ALL}/x/history`),
});

refuses("dead-letter-not-found", {
  ...each(["0", "01", "abc"], (id) => get(`${LETTERS}/${id}`)),
  "a letter that is not there": get(`${LETTERS}/9007199254740991`),
  "a delete of no letter": ask("DELETE", `${LETTERS}/9007199254740991`),
  "a replay of no letter": post(VALID, {}, `${LETTERS}/9007199254740991/replay`),
});

refuses("method-not-allowed", {
  "a delete of everything": ask("DELETE", ALL),
  "a patch of everything": ask("PATCH", ALL),
  "a method that few know": ask("PROPFIND", ":one"),
  "a post to liveness": ask("POST", "/livez"),
  "a change of the count, which is no event": put({ officer_id: 8 }, COUNT),
  "a delete of the groups, which are no event": ask("DELETE", STATS),
  "a get of the batch, which is no event": get(BATCH),
});

names("bad-query", {
  "a parameter": [get(`${ALL}?officer=1`), ["officer", NOT_A_PARAMETER]],
  "two parameters, one of them twice": [
    get(":one?b=1&a&b=2"),
    ["b", NOT_A_PARAMETER],
    ["a", NOT_A_PARAMETER],
  ],
  "a parameter without a name": [get(`${ALL}?=1`), ["", NOT_A_PARAMETER]],
  "a long name": [get(`${ALL}?${"n".repeat(500)}`), ["n".repeat(100), NOT_A_PARAMETER]],
  "a hundred parameters and one": [
    get(`${ALL}?${Array.from({ length: 101 }, (_, index) => `p${index}`).join("&")}`),
    ...Array.from({ length: 100 }, (_, index) => [`p${index}`, NOT_A_PARAMETER] as const),
  ],
});

names("bad-query", {
  "what takes one value, given twice": [
    get(
      `${ALL}?limit=1&officer_id=1&officer_id=2&arrested_to=2026-01-01T00:00&sort=id&limit=1&sort=id`,
    ),
    ["limit", "must be given only once"],
    ["sort", "must be given only once"],
  ],
  "pages and an order of a count": [
    get(`${COUNT}?limit=1&sort=id&officer_id=1`),
    ["limit", NOT_A_PARAMETER],
    ["sort", NOT_A_PARAMETER],
  ],
  "a form of groups": [get(`${STATS}?group_by=day&format=csv`), ["format", NOT_A_PARAMETER]],
  "a parameter that only a prototype has": [
    get(`${ALL}?constructor=1&__proto__=1`),
    ["constructor", NOT_A_PARAMETER],
    ["__proto__", NOT_A_PARAMETER],
  ],
  "a filter given twice": [
    get(`${LETTERS}?topic=a&partition=1&topic=b`),
    ["topic", "must be given only once"],
  ],
  "a filter that is misspelt": [get(`${LETTERS}?topics=a`), ["topics", NOT_A_PARAMETER]],
  "a page of a delete": [ask("DELETE", `${LETTERS}?topic=a&cursor=1`), ["cursor", NOT_A_PARAMETER]],
});

const LIMIT_RULE = "must be a whole number from 1 to 1000";
const FROM_A_LINK = "must be taken from a Link, with the sort of that";
const GROUP_BY_RULE =
  "must be one or two of officer_id, arrest_type_id, crime_type_id, hour, day, month, of which one at most may be a time";
const PARTITION_RULE = "must be a whole number from 0 to 2147483647";

names("invalid-query", {
  ...each(["", "0", "1001", "-1", "1.5", "1e1", "+1", "007", " 1", "9".repeat(30)], (limit) => [
    get(`${LETTERS}?limit=${encodeURIComponent(limit)}`),
    ["limit", LIMIT_RULE],
  ]),
  "a partition beyond all": [get(`${LETTERS}?partition=2147483648`), ["partition", PARTITION_RULE]],
  "a topic without a name": [get(`${LETTERS}?topic=`), ["topic", "must be the name of a topic"]],
  "a reason that does not exist": [
    get(`${LETTERS}?reason=bad`),
    ["reason", `must be one of ${DEAD_LETTER_REASONS.join(", ")}`],
  ],
  "times that are none": [
    get(`${LETTERS}?refused_from=yesterday&refused_to=2026-02-30T00:00Z`),
    ["refused_from", TIMESTAMP_RULE],
    ["refused_to", TIMESTAMP_RULE],
  ],
  "a cursor that is made up": [
    get(`${LETTERS}?cursor=first`),
    ["cursor", "must be taken from a Link"],
  ],
  ...each(["", "0", "1001", "-1", "1.5", "1e1", " 1"], (limit) => [
    get(`${ALL}?limit=${encodeURIComponent(limit)}`),
    ["limit", LIMIT_RULE],
  ]),
  ...each(["", "0", "-1", "abc", "1.0", "01", "9007199254740992", "1,2"], (id) => [
    get(`${COUNT}?subject_id=7&subject_id=${id}&subject_id=${id}`),
    ["subject_id", "must be a whole number from 1 to 9007199254740991"],
  ]),
  "more values than a filter takes": [
    get(`${ALL}?${"officer_id=1&".repeat(101)}`),
    ["officer_id", "must be given at most 100 times"],
  ],
  "all that a list takes": [
    get(`${ALL}?officer_id=x&arrested_from=today&arrested_to=&sort=time&format=xml&cursor=a`),
    ["officer_id", "must be a whole number from 1 to 9007199254740991"],
    ["arrested_from", TIMESTAMP_RULE],
    ["arrested_to", TIMESTAMP_RULE],
    ["sort", "must be one of id, -id, arrested_at, -arrested_at"],
    ["cursor", FROM_A_LINK],
    ["format", "must be one of json, ndjson, csv"],
  ],
  ...each(
    [
      "",
      "4711",
      "id:4711",
      Buffer.from("id:0").toString("base64url"),
      Buffer.from("id:04711").toString("base64url"),
      Buffer.from("id:1:2").toString("base64url"),
      Buffer.from("arrested_at:5").toString("base64url"),
      Buffer.from("arrested_at:999999999999999:5").toString("base64url"),
      Buffer.from("time:5:5").toString("base64url"),
      `${Buffer.from("id:4711").toString("base64url")}=`,
      "%00",
    ],
    (cursor) => [get(`${ALL}?limit=1&cursor=${cursor}`), ["cursor", FROM_A_LINK]],
  ),
  "a cursor of another sort": [
    get(`${ALL}?limit=1&sort=-id&cursor=${Buffer.from("id:4711").toString("base64url")}`),
    ["cursor", FROM_A_LINK],
  ],
  ...each(
    [
      "group_by=",
      "group_by=subject_id",
      "group_by=day,month",
      "group_by=day&group_by=day",
      "group_by=day&group_by=month",
      "group_by=day&group_by=officer_id&group_by=crime_type_id",
    ],
    (query) => [get(`${STATS}?${query}`), ["group_by", GROUP_BY_RULE]],
  ),
  "groups by nothing": [get(STATS), ["group_by", "is required"]],
  "groups of what is no filter": [
    get(`${STATS}?group_by=day&officer_id=0`),
    ["officer_id", "must be a whole number from 1 to 9007199254740991"],
  ],
  "a replay of many": [ask("POST", `${LETTERS}/replay?limit=0`), ["limit", LIMIT_RULE]],
  "a delete of all": [
    ask("DELETE", LETTERS),
    ["topic", "is required, or another filter: without one all would be deleted"],
  ],
});

names("invalid-query", {
  "a page of a history": [get(`${HISTORY}?limit=0`), ["limit", LIMIT_RULE]],
});

refuses("bad-idempotency-key", {
  "a new event": post(VALID, { "Idempotency-Key": "" }),
  "a batch": post([VALID_MEMBERS], { "Idempotency-Key": "" }, BATCH),
});

const OTHER_VERSION = { "If-Match": '"9"' };

refuses("precondition-failed", {
  "a change": put({ officer_id: 8 }, ":one", OTHER_VERSION),
  "a patch": patch({ officer_id: 8 }, OTHER_VERSION),
  "a delete": ask("DELETE", ":one", OTHER_VERSION),
});

names("dead-letter-refused", {
  "a replay of what still is not JSON": [ask("POST", ":letter/replay"), ["", "must be JSON"]],
});

refuses("bad-query", {
  "a dead letter": get(":letter?x=1"),
  "a delete of a dead letter": ask("DELETE", ":letter?x=1"),
  "a replay of a dead letter": ask("POST", ":letter/replay?x=1"),
  "a replay of dead letters": ask("POST", `${LETTERS}/replay?x=1`),
  ...each(
    [
      "/livez",
      "/readyz",
      "/metrics",
      "/openapi.json",
      "/docs",
      "/docs/initializer.js",
      "/problems/stopping",
    ],
    (path) => get(`${path}?x=1`),
  ),
  "a new event": [`${ALL}?x=1`, sendJson("POST", VALID)],
  "a change": put({ officer_id: 8 }, ":one?x=1"),
  "a delete": ask("DELETE", ":one?x=1"),
  "a batch": post([VALID_MEMBERS], {}, `${BATCH}?x=1`),
  "a patch": [":one?x=1", sendJson("PATCH", { officer_id: 8 })],
  "a history": get(`${HISTORY}?x=1`),
});

refuses("not-acceptable", {
  ...each(
    [
      "text/csv",
      "application/json;q=0",
      "*/*, application/json;q=0",
      "application/*;q=0, */*",
      "application/xml, text/*",
      "application/problem+json",
    ],
    (Accept) => get(":one", { Accept }),
  ),
  ...each(
    [
      HISTORY,
      COUNT,
      `${STATS}?group_by=day`,
      LETTERS,
      ":letter",
      "/livez",
      "/readyz",
      "/openapi.json",
      "/problems/stopping",
    ],
    (path) => get(path, { Accept: "text/xml" }),
  ),
  "a new event": post(VALID, { Accept: "text/xml" }),
  "a change": put({ officer_id: 8 }, ":one", { Accept: "text/xml" }),
  "a patch": patch({ officer_id: 8 }, { Accept: "text/xml" }),
  "a batch": post([VALID_MEMBERS], { Accept: "text/xml" }, BATCH),
  "a replay": post(VALID, { Accept: "text/xml" }, ":letter/replay"),
  "a replay of dead letters": ask("POST", `${LETTERS}/replay`, { Accept: "text/xml" }),
  "a delete of dead letters": ask("DELETE", `${LETTERS}?topic=a`, { Accept: "text/xml" }),
});

test("a list that is not acceptable says which forms there are", async () => {
  const { detail } = await refusal("not-acceptable", get(ALL, { Accept: "text/xml" }));
  expect(detail).toBe(
    "The answer is application/json, application/x-ndjson or text/csv, which the Accept header excludes.",
  );
});

/** What no answer can be written as. */
const NO_CODING = { "Accept-Encoding": "br, identity;q=0" };

refuses("not-acceptable", {
  ...each(
    [
      ALL,
      `${ALL}?limit=1`,
      HISTORY,
      `${STATS}?group_by=day`,
      LETTERS,
      ":letter",
      "/metrics",
      "/openapi.json",
      "/docs/swagger-ui.css",
    ],
    (path) => get(path, NO_CODING),
  ),
});

refuses("unsupported-media-type", {
  ...each(
    [
      "text/plain",
      "application/vnd.api+json",
      "application/jsonp",
      "application/json; charset=latin1",
      "application/json, text/plain",
      "application/x-www-form-urlencoded",
    ],
    (type) => post(VALID, { "Content-Type": type }),
  ),
  "a body without a type": postBytes(VALID, {}),
  "a compressed body": postBytes(Bun.gzipSync(VALID), { ...JSON_TYPE, "Content-Encoding": "gzip" }),
  "a replay without a type": [":letter/replay", { method: "POST", body: Buffer.from(VALID) }],
  "a change without a type": [":one", { method: "PUT", body: Buffer.from("{}") }],
  "a change that is a merge patch": put({ officer_id: 8 }, ":one", MERGE_PATCH),
  "a patch without a type": [":one", { method: "PATCH", body: Buffer.from("{}") }],
  "a batch without a type": [BATCH, { method: "POST", body: Buffer.from(VALID) }],
  "a new event that is lines": post(VALID, NDJSON),
});

refuses("body-too-large", {
  "1 MiB and a byte": post(VALID.padEnd(1_048_577)),
  "a correction of 1 MiB and a byte": post(VALID.padEnd(1_048_577), {}, ":letter/replay"),
  "a change of 1 MiB and a byte": put("{}".padEnd(1_048_577)),
  "a patch of 1 MiB and a byte": patch("{}".padEnd(1_048_577)),
  "a batch of 8 MiB and a byte": post("[]".padEnd(8_388_609), {}, BATCH),
  "lines of 8 MiB and a byte": post("\n".repeat(8_388_609), NDJSON, BATCH),
});

refuses("malformed-body", {
  "an empty body": post(""),
  "no body": ask("POST", ALL, JSON_TYPE),
  "bytes that are not UTF-8": postBytes(new Uint8Array([0x22, 0xff, 0x22]), JSON_TYPE),
  "a surrogate in UTF-8": postBytes(new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), JSON_TYPE),
  "UTF-16": postBytes(new Uint8Array(Buffer.from(VALID, "utf16le")), JSON_TYPE),
  ...each(
    ["{", "nul", "{'a':1}", '{"a":1,}', "NaN", '{"a":01}', "{} {}", '"\n"', "// {}", " "],
    (body) => post(body),
  ),
  "arrays without an end": post("[".repeat(1_000_000)),
  "more members than any event": post(`{${"1".repeat(6000).replaceAll("1", '"a":1,')}"b":1}`),
  "a batch of an item with more members than any event": post(
    `[[${"1,".repeat(6000)}1]]`,
    {},
    BATCH,
  ),
  "a change that is not JSON": put("{"),
  "a patch that is not JSON": patch("{"),
  "a batch that is not JSON": post("[", {}, BATCH),
  "a correction that is not JSON": post("{", {}, ":letter/replay"),
});

/** A body that begins and does not end. */
function endless(type: string, text = "{"): RequestInit {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from(text)),
  });
  return { headers: { "Content-Type": type }, body };
}

describe("a body that does not arrive in time", () => {
  for (const [name, path, init] of [
    ["a new event", ALL, { method: "POST", ...endless("application/json") }],
    ["a change", ":one", { method: "PUT", ...endless("application/json") }],
    ["a patch", ":one", { method: "PATCH", ...endless("application/json") }],
    ["a batch", BATCH, { method: "POST", ...endless("application/json", "[") }],
    ["lines", BATCH, { method: "POST", ...endless("application/x-ndjson", `${VALID}\n`) }],
    ["a correction", ":letter/replay", { method: "POST", ...endless("application/json") }],
  ] as const) {
    test(`is refused: ${name}`, async () => {
      service.limits.requestTimeoutMs = 20;
      try {
        await refusal("body-timeout", [path, init]);
      } finally {
        service.limits.requestTimeoutMs = 30_000;
      }
    });
  }
});

names("invalid-event", {
  ...each(["null", "true", "1", '"text"', "[]", `[${VALID}]`], (body) => [
    post(body),
    ["", "must be a JSON object"],
  ]),
  "arrays in arrays": [post("[".repeat(2000) + "]".repeat(2000)), ["", "must be a JSON object"]],
  "an event without members": [
    post({}),
    ...MEMBERS.map((name) => [`/${name}`, "is required"] as const),
  ],
  ...each(MEMBERS, (member) => {
    const { [member]: _, ...others } = VALID_MEMBERS;
    return [post(others), [`/${member}`, "is required"]];
  }),
  ...each(
    ["0", "-0", "-1", "1.5", "9007199254740992", "1e999", '"1"', "null", "[1]", "{}"],
    (id) => [post(VALID.replace('"officer_id":7', `"officer_id":${id}`)), ["/officer_id", ID_RULE]],
  ),
  ...each(
    [
      "",
      "2026-11-22",
      "2026-02-29T00:00Z",
      "2026-11-22T24:00Z",
      "0000-01-01T00:00Z",
      "10000-01-01T00:00Z",
      "22.11.2026 13:05",
      " 2026-11-22T13:05Z",
      1_763_816_700,
      false,
      {},
    ],
    (arrested_at) => [post({ ...VALID_MEMBERS, arrested_at }), ["/arrested_at", TIMESTAMP_RULE]],
  ),
  "every member": [
    post({ officer_id: 0, subject_id: "x", arrest_type_id: null, arrested_at: "now" }),
    ["/officer_id", ID_RULE],
    ["/subject_id", ID_RULE],
    ["/arrest_type_id", ID_RULE],
    ["/crime_type_id", "is required"],
    ["/arrested_at", TIMESTAMP_RULE],
  ],
  "an id in the body": [post({ id: 5, ...VALID_MEMBERS }), ["/id", NOT_A_MEMBER]],
  "a misspelt member": [post({ ...VALID_MEMBERS, oficer_id: 5 }), ["/oficer_id", NOT_A_MEMBER]],
  "a name that a pointer escapes": [
    post({ ...VALID_MEMBERS, "a/b~c": 5 }),
    ["/a~1b~0c", NOT_A_MEMBER],
  ],
  "a member without a name": [post({ ...VALID_MEMBERS, "": 5 }), ["/", NOT_A_MEMBER]],
  "a long name": [
    post({ ...VALID_MEMBERS, ["n".repeat(5000)]: 5 }),
    [`/${"n".repeat(100)}`, NOT_A_MEMBER],
  ],
  "half a character as a name": [
    post(`${VALID.slice(0, -1)},"\\ud83d":1}`),
    ["/\uFFFD", NOT_A_MEMBER],
  ],
  ...each(["__proto__", "constructor", "toString"], (member) => [
    post(`${VALID.slice(0, -1)},"${member}":{"officer_id":1}}`),
    [`/${member}`, NOT_A_MEMBER],
  ]),
  "members that only a prototype has": [
    post(`{"__proto__":${VALID}}`),
    ...MEMBERS.map((name) => [`/${name}`, "is required"] as const),
    ["/__proto__", NOT_A_MEMBER],
  ],
  "a member given twice": [
    post(`{"officer_id":1,${VALID.slice(1)}`),
    ["/officer_id", "must be given only once"],
  ],
  "a member given twice, once in escapes": [
    post(`{"officer\\u005fid":[{"x":"\\\\\\"","x":","}],${VALID.slice(1)}`),
    ["/officer_id", "must be given only once"],
  ],
  "a hundred unknown members and one": [
    post({
      ...VALID_MEMBERS,
      ...Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`m${index}`, 1])),
    }),
    ...Array.from({ length: 100 }, (_, index) => [`/m${index}`, NOT_A_MEMBER] as const),
  ],
  "a change of nothing": [
    put({}),
    ["", `must have at least one of the members ${MEMBERS.join(", ")}`],
  ],
  "a correction": [post({ ...VALID_MEMBERS, id: 1 }, {}, ":letter/replay"), ["/id", NOT_A_MEMBER]],
  "a patch of nothing": [
    patch({}),
    ["", `must have at least one of the members ${MEMBERS.join(", ")}`],
  ],
  "a patch to null": [patch({ officer_id: null }), ["/officer_id", ID_RULE]],
  "a patch that is no object": [patch("[]"), ["", "must be a JSON object"]],
  "a change to null": [put({ officer_id: null }), ["/officer_id", ID_RULE]],
  "a change of the id": [put({ id: 2 }), ["/id", NOT_A_MEMBER]],
  "a change given twice": [
    put('{"officer_id":1,"officer_id":2}'),
    ["/officer_id", "must be given only once"],
  ],
});

names("invalid-batch", {
  "an item": [
    post([VALID_MEMBERS, { ...VALID_MEMBERS, officer_id: 0 }], {}, BATCH),
    ["/1/officer_id", ID_RULE],
  ],
  "a line": [post(`${VALID}\nnul`, NDJSON, BATCH), ["/1", "must be JSON"]],
  "no array": [post(VALID, {}, BATCH), ["", "must be a JSON array"]],
});

describe("a request with the key of another", () => {
  test.each([
    ["an event", ALL, VALID_MEMBERS],
    ["a batch", BATCH, [VALID_MEMBERS]],
  ])(
    "of %s is refused while that is under way, and when it asks for something else",
    async (_, path, body) => {
      const key = { "Idempotency-Key": crypto.randomUUID() };
      const held = service.held;
      const letGo = service.hold();
      const first = service.ask(...post(body, key, path));
      await until("the first is under way", () => service.held > held);
      await refusal("request-under-way", post(body, key, path));
      letGo();
      expect((await first).status).toBe(201);
      await refusal("idempotency-key-reused", post({ ...VALID_MEMBERS, officer_id: 8 }, key));
    },
  );
});

const CHANGES = {
  "a patch": patch({ officer_id: 8 }),
  "a batch": post([VALID_MEMBERS], {}, BATCH),
  "a new event": post(VALID),
  "a change": put({ officer_id: 8 }),
  "a delete": ask("DELETE", ":one"),
  "a replay": post(VALID, {}, ":letter/replay"),
  "a delete of a dead letter": ask("DELETE", ":letter"),
  "a replay of dead letters": ask("POST", `${LETTERS}/replay`),
  "a delete of dead letters": ask("DELETE", `${LETTERS}?topic=a`),
};
const READS = {
  "a history": get(HISTORY),
  "an event": get(":one"),
  "all events": get(ALL),
  "a page of events": get(`${ALL}?limit=1`),
  "a count": get(COUNT),
  groups: get(`${STATS}?group_by=day`),
  "a dead letter": get(":letter"),
  "dead letters": get(LETTERS),
};

refuses("store-unavailable", CHANGES, "unwritable");

describe("a store that does not answer in time", () => {
  for (const [name, change] of Object.entries(CHANGES)) {
    test(`leaves unknown what comes of ${name}`, async () => {
      const letGo = service.hold();
      service.limits.requestTimeoutMs = 50;
      try {
        await refusal("outcome-unknown", change);
      } finally {
        service.limits.requestTimeoutMs = 30_000;
        letGo();
      }
    });
  }
});

refuses(
  "cross-site",
  Object.fromEntries(
    Object.entries<Ask>(CHANGES).map(([name, [path, init = {}]]) => [
      name,
      [path, { ...init, headers: { ...init.headers, "Sec-Fetch-Site": "cross-site" } }],
    ]),
  ),
);

refuses("internal-error", CHANGES, "refusesChanges");
refuses("internal-error", READS, "unreadable");
refuses(
  "stopping",
  {
    ...CHANGES,
    ...READS,
    ...each(["/openapi.json", "/docs", "/docs/initializer.js", "/problems/stopping"], get),
  },
  "stopping",
);

describe("a failure", () => {
  test("is told to the client by an id alone", async () => {
    const answer = await refusal("internal-error", get(ALL), "unreadable");
    expect(Object.keys(answer)).toEqual(["type", "title", "status", "detail", "instance", "id"]);
    expect(JSON.stringify(answer)).not.toContain("secret");
  });

  test("of the store's writing leaves reading alone", async () => {
    service.faults.unwritable = true;
    const { status } = await service.ask(one);
    service.faults.unwritable = false;
    expect(status).toBe(200);
  });
});

describe("the methods of a path", () => {
  for (const [path, allow] of Object.entries({
    [ALL]: "GET, POST, HEAD, OPTIONS",
    ":one": "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
    [HISTORY]: "GET, HEAD, OPTIONS",
    [LETTERS]: "GET, DELETE, HEAD, OPTIONS",
    [BATCH]: "POST, OPTIONS",
    [COUNT]: "GET, HEAD, OPTIONS",
    [STATS]: "GET, HEAD, OPTIONS",
    ":letter/replay": "POST, OPTIONS",
    "/livez": "GET, HEAD, OPTIONS",
  })) {
    for (const method of ["OPTIONS", "PROPFIND"]) {
      test(`${path} are in Allow for ${method}`, async () => {
        const { headers } = await service.ask(resolve(path), { method });
        expect(headers.get("Allow")).toBe(allow);
      });
    }
  }
});

describe("a request with headers of more than 16 KiB is answered 431", () => {
  for (const [path, methods] of Object.entries({
    [ALL]: ["GET", "POST"],
    [BATCH]: ["POST"],
    [COUNT]: ["GET"],
    [STATS]: ["GET"],
    ":one": ["GET", "PUT", "PATCH", "DELETE"],
    [HISTORY]: ["GET"],
    [LETTERS]: ["GET", "DELETE"],
    [`${LETTERS}/replay`]: ["POST"],
    ":letter": ["GET", "DELETE"],
    ":letter/replay": ["POST"],
    "/livez": ["GET"],
    "/readyz": ["GET"],
    "/metrics": ["GET"],
    "/openapi.json": ["GET"],
    "/docs": ["GET"],
    "/docs/initializer.js": ["GET"],
    "/problems/stopping": ["GET"],
  })) {
    for (const method of methods) {
      test(`${method} ${path}`, async () => {
        const headers = { "X-Long": "x".repeat(16_384) };
        const { status, text } = await service.ask(resolve(path), { method, headers });
        expect([status, text]).toEqual([431, ""]);
      });
    }
  }
});

describe("the OpenAPI document and the answers", () => {
  test("agree: whatever is declared was met above", async () => {
    service.state.status = { ...HEALTHY, store: { writable: false } };
    await service.ask("/readyz");
    service.state.status = HEALTHY;
    const met = new Set(service.met.map(({ operationId, status }) => `${operationId} ${status}`));
    expect(service.declared.answers.filter((answer) => !met.has(answer))).toEqual([]);
  });

  test("know no problem that cannot be met", () => {
    const met = new Set(service.met.map(({ problem }) => problem));
    expect(PROBLEM_NAMES.filter((name) => !met.has(name))).toEqual([]);
  });
});
