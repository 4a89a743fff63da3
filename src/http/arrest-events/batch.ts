import { z } from "@hono/zod-openapi";
import { type ArrestEventFields, MAX_ID } from "../../arrest-event.ts";
import type { Api } from "../api.ts";
import { mediaTypeOf, parseLine, readItems, readLines } from "../body.ts";
import { makeChange } from "../change.ts";
import { type BodyError, checkNewEvent, EXAMPLE_NEW_EVENT, NewArrestEvent } from "../contract.ts";
import type { Dependencies } from "../dependencies.ts";
import type { JsonBody } from "../json.ts";
import { PREFER, PREFERENCE_APPLIED_HEADER } from "../prefer.ts";
import { MAX_ERRORS, Problem } from "../problem.ts";
import { nextTurn } from "../turns.ts";
import { preferredAnswer } from "./answer.ts";
import { IDEMPOTENCY_KEY, idempotencyKey, type RequestsUnderWay } from "./idempotency.ts";

/** The most events of a batch. */
const MAX_EVENTS = 10_000;

/** The largest batch in bytes: 8 MiB. */
const MAX_BYTES = 8_388_608;

/** After how many items others are served: they take about a millisecond. */
const ITEMS_AT_ONCE = 500;

const NewArrestEvents = z.array(NewArrestEvent).min(1).max(MAX_EVENTS).openapi("NewArrestEvents", {
  description: "Arrest events without their ids.",
});

const CreatedArrestEvents = z
  .strictObject({
    ids: z
      .array(z.int().openapi({ format: "int64", minimum: 1, maximum: MAX_ID }))
      .openapi({ description: "The ids of the arrest events, in the order of the items." }),
  })
  .openapi("CreatedArrestEvents", { description: "What became of a batch." });

/** Adds `POST /arrest_events/batch`. */
export function addBatch(
  api: Api,
  { writer, limits }: Pick<Dependencies, "writer" | "limits">,
  underWay: RequestsUnderWay,
): void {
  api.add(
    {
      method: "post",
      path: "/arrest_events/batch",
      operationId: "createArrestEvents",
      tag: "Arrest events",
      summary: "Create many arrest events",
      description:
        "Creates up to 10,000 arrest events, all of them or none, and answers their ids. They are on the disk when the answer is sent. Each item keeps to the rules of a single arrest event; those that do not are named by their index, from 0. With an `Idempotency-Key` the request can be sent again until it is answered, and creates the events once.",
      request: {
        headers: z.object({ "Idempotency-Key": IDEMPOTENCY_KEY, Prefer: PREFER }),
        body: {
          description:
            "The arrest events, as a JSON array or as lines of JSON (NDJSON), up to 8 MiB. Empty lines are passed over, but have an index.",
          required: true,
          content: {
            "application/json": { schema: NewArrestEvents, example: [EXAMPLE_NEW_EVENT] },
            "application/x-ndjson": {
              schema: z.string().openapi({ description: "An arrest event on each line." }),
              example: `${JSON.stringify(EXAMPLE_NEW_EVENT)}\n`,
            },
          },
        },
      },
      responses: {
        201: {
          description:
            "All of the arrest events are stored; without a body where the client prefers `return=minimal`.",
          headers: { "Preference-Applied": PREFERENCE_APPLIED_HEADER },
          content: {
            "application/json": { schema: CreatedArrestEvents, example: { ids: [12, 13, 14] } },
          },
        },
      },
      problems: [
        "bad-idempotency-key",
        "malformed-body",
        "request-under-way",
        "body-too-large",
        "unsupported-media-type",
        "invalid-batch",
        "idempotency-key-reused",
        "internal-error",
        "store-unavailable",
      ],
    },
    async ({ req, env }) => {
      const key = idempotencyKey(req.raw.headers);
      const events = await readBatch(req.raw, limits.requestTimeoutMs);
      const { firstId } = await underWay.make(key, "create-batch", events, (idempotency) =>
        makeChange(writer, { kind: "create-batch", events, ...idempotency, ...env }),
      );
      const ids = (): z.infer<typeof CreatedArrestEvents> => ({
        ids: events.map((_, index) => firstId + index),
      });
      return preferredAnswer(req.raw, () => JSON.stringify(ids()), true);
    },
  );
}

/**
 * Reads a batch, and gives way to other requests while it checks it.
 *
 * @throws Problem `invalid-batch` with the rules that its items break, or what reading a body throws
 */
async function readBatch(request: Request, withinMs: number): Promise<ArrestEventFields[]> {
  const batch = new Batch(request);
  switch (mediaTypeOf(request.headers, ["application/json", "application/x-ndjson"])) {
    case "application/x-ndjson":
      for await (const line of readLines(request, MAX_BYTES, withinMs)) await batch.addLine(line);
      break;
    default: {
      const items = await readItems(request, MAX_BYTES, withinMs);
      if (items === undefined) throw invalid([{ pointer: "", detail: "must be a JSON array" }]);
      for (const item of await allOf(items, request)) await batch.add(item);
    }
  }
  return batch.events();
}

/** Reads all items, since one that is no JSON is told before what others are. */
async function allOf(items: Iterable<JsonBody>, request: Request): Promise<JsonBody[]> {
  const all: JsonBody[] = [];
  for (const item of items) {
    if (all.push(item) > MAX_EVENTS) throw tooMany();
    if (all.length % ITEMS_AT_ONCE === 0) await nextTurn(request);
  }
  return all;
}

/** The items of a batch, as they are read. */
class Batch {
  readonly #request: Request;
  readonly #events: ArrestEventFields[] = [];
  readonly #errors: BodyError[] = [];
  /** How many items or lines there have been. */
  #items = 0;

  constructor(request: Request) {
    this.#request = request;
  }

  async addLine(line: string): Promise<void> {
    if (line.trim() === "") {
      await this.#next();
      return;
    }
    const body = parseLine(line);
    if (body !== undefined) {
      await this.add(body);
      return;
    }
    this.refuse({ pointer: `/${this.#items}`, detail: "must be JSON" });
    await this.#next();
  }

  async add(body: JsonBody): Promise<void> {
    const checked = checkNewEvent(body);
    if (Array.isArray(checked)) {
      for (const { pointer, detail } of checked as readonly BodyError[]) {
        this.refuse({ pointer: `/${this.#items}${pointer}`, detail });
      }
    } else {
      this.#events.push(checked as ArrestEventFields);
      if (this.#events.length > MAX_EVENTS) throw tooMany();
    }
    await this.#next();
  }

  async #next(): Promise<void> {
    this.#items++;
    if (this.#items % ITEMS_AT_ONCE === 0) await nextTurn(this.#request);
  }

  /** @throws Problem `invalid-batch` when that is as much as an answer tells */
  refuse(error: BodyError): void {
    this.#errors.push(error);
    if (this.#errors.length === MAX_ERRORS) throw invalid(this.#errors);
  }

  /** @throws Problem `invalid-batch` unless there are some and all of them are valid */
  events(): ArrestEventFields[] {
    if (this.#errors.length > 0) throw invalid(this.#errors);
    if (this.#events.length === 0) throw wrongNumber("must have at least one arrest event");
    return this.#events;
  }
}

function tooMany(): Problem {
  return wrongNumber(`must have at most ${MAX_EVENTS} arrest events`);
}

function wrongNumber(detail: string): Problem {
  return invalid([{ pointer: "", detail }]);
}

function invalid(errors: readonly BodyError[]): Problem {
  return new Problem("invalid-batch", { errors });
}
