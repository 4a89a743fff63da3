import { type ArrestEvent, FIELD_NAMES, toJson } from "../../arrest-event.ts";
import { preferredType } from "../accept.ts";
import { Problem } from "../problem.ts";

/** A form in which events are answered: text that can be written a part at a time. */
export interface EventForm {
  readonly mediaType: string;
  /** The media type with its parameters. */
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What comes before all events, between two parts that have some, and after all. */
  readonly begin: string;
  readonly between: string;
  readonly end: string;
  /** Writes events of a part. */
  write(events: readonly ArrestEvent[]): string;
}

/** The names of the forms, as `format` has them. */
export const FORM_NAMES = ["json", "ndjson", "csv"] as const;

/** The name of a form. */
export type FormName = (typeof FORM_NAMES)[number];

const VARY = { Vary: "Accept" };

/** The forms in which events are answered, the usual one first. */
export const FORMS: Readonly<Record<FormName, EventForm>> = {
  json: {
    mediaType: "application/json",
    contentType: "application/json",
    headers: VARY,
    begin: "[",
    between: ",",
    end: "]",
    write: (events) => JSON.stringify(events.map(toJson)).slice(1, -1),
  },
  ndjson: {
    mediaType: "application/x-ndjson",
    contentType: "application/x-ndjson",
    headers: VARY,
    begin: "",
    between: "",
    end: "",
    write: (events) => events.map((event) => `${JSON.stringify(toJson(event))}\n`).join(""),
  },
  // RFC 4180. Numbers and times need no quotes, and none begins as a spreadsheet's formulas do.
  csv: {
    mediaType: "text/csv",
    contentType: "text/csv; charset=utf-8",
    headers: {
      ...VARY,
      "Content-Disposition": 'attachment; filename="arrest_events.csv"',
    },
    begin: `${["id", ...Object.values(FIELD_NAMES)].join()}\r\n`,
    between: "",
    end: "",
    write: (events) => events.map((event) => `${Object.values(toJson(event)).join()}\r\n`).join(""),
  },
};

const MEDIA_TYPES = FORM_NAMES.map((name) => FORMS[name].mediaType);

/**
 * The form that a request asks for: by its name, else by its `Accept` header.
 *
 * @throws Problem `not-acceptable`
 */
export function chooseForm(name: FormName | undefined, accept: string | null): EventForm {
  if (name !== undefined) return FORMS[name];
  const preferred = preferredType(accept, MEDIA_TYPES);
  const found = FORM_NAMES.find((each) => FORMS[each].mediaType === preferred);
  if (found !== undefined) return FORMS[found];
  const all = new Intl.ListFormat("en-GB", { type: "disjunction" }).format(MEDIA_TYPES);
  const detail = `The answer is ${all}, which the Accept header excludes.`;
  throw new Problem("not-acceptable", { detail, headers: VARY });
}
