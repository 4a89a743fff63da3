import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import { ACCEPT_PATCH } from "./body.ts";
import {
  MAX_ERRORS,
  MAX_NAME_LENGTH,
  PROBLEM_NAMES,
  PROBLEMS,
  type ProblemKind,
  type ProblemName,
  problemType,
  RETRY_AFTER_SECONDS,
} from "./problem.ts";
import { REQUEST_ID, REQUEST_ID_HEADER } from "./request-id.ts";

type Registry = OpenAPIHono["openAPIRegistry"];

/**
 * Documents problems as the answers of an operation: a reusable response for those of each status, with
 * an example of each problem.
 */
export function problemResponses(
  registry: Registry,
  names: readonly ProblemName[],
): RouteConfig["responses"] {
  const byStatus = Map.groupBy(names, (name) => PROBLEMS[name].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [status, responseComponent(registry, group)]),
  );
}

function responseComponent(registry: Registry, names: readonly ProblemName[]): { $ref: string } {
  const kinds = names.map((name): ProblemKind => PROBLEMS[name]);
  const forms = [...new Set(names.map(formOf))];
  const schemas = forms.map((form) => schemaComponent(registry, form));
  const headers = kinds.flatMap(({ header }) => (header === undefined ? [] : [header]));
  return component(registry, "responses", names.map(pascalCase).join("Or"), {
    description: kinds.map(({ about }) => about).join("\n\nOr: "),
    headers: {
      ...Object.fromEntries(headers.map((header) => [header, HEADERS[header]])),
      ...requestIdHeader(registry),
    },
    content: {
      "application/problem+json": {
        schema: schemas.length === 1 && schemas[0] ? schemas[0] : { anyOf: schemas },
        examples: Object.fromEntries(
          names.map((name) => [name, { summary: PROBLEMS[name].title, value: exampleOf(name) }]),
        ),
      },
    },
  });
}

/**
 * Documents what the server answers instead of any operation, before the service sees the request.
 */
export function headersTooLarge(registry: Registry): RouteConfig["responses"] {
  const response = component(registry, "responses", "RequestHeaderFieldsTooLarge", {
    description:
      "The address and the headers of the request together are larger than 16 KiB, or there are more than 198 headers. The answer has no body, and none of the usual headers.",
  });
  return { 431: response };
}

/** Adds the header that every answer can have to those of an operation. */
export function withRequestId(
  registry: Registry,
  responses: RouteConfig["responses"],
): RouteConfig["responses"] {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      "$ref" in response
        ? response
        : { ...response, headers: { ...response.headers, ...requestIdHeader(registry) } },
    ]),
  );
}

function requestIdHeader(registry: Registry): { [REQUEST_ID]: { $ref: string } } {
  return { [REQUEST_ID]: component(registry, "headers", "RequestId", REQUEST_ID_HEADER) };
}

/** Registers a component once, and refers to it. */
export function component<K extends Parameters<Registry["registerComponent"]>[0]>(
  registry: Registry,
  type: K,
  name: string,
  content: Parameters<typeof registry.registerComponent<K>>[2],
): { $ref: string } {
  const known = registry.definitions.some(
    (definition) =>
      definition.type === "component" &&
      definition.componentType === type &&
      definition.name === name,
  );
  if (!known) registry.registerComponent(type, name, content);
  return { $ref: `#/components/${type}/${name}` };
}

type Form = NonNullable<ProblemKind["extension"]> | "plain";

function formOf(name: ProblemName): Form {
  const { extension }: ProblemKind = PROBLEMS[name];
  return extension ?? "plain";
}

function schemaComponent(registry: Registry, form: Form): { $ref: string } {
  const { name, description, member } = FORMS[form];
  const common = {
    type: {
      type: "string",
      format: "uri-reference",
      enum: PROBLEM_NAMES.filter((each) => formOf(each) === form).map(problemType),
      description: "The kind of problem: stable, and a link to its documentation.",
    },
    title: { type: "string", description: "What this kind of problem is called." },
    status: {
      type: "integer",
      minimum: 400,
      maximum: 599,
      description: "The status of the answer.",
    },
    detail: { type: "string", description: "What is wrong with this request." },
    instance: {
      type: "string",
      format: "uri-reference",
      description: "The path of the request, without its query.",
    },
  } as const;
  const properties = { ...common, ...member };
  return component(registry, "schemas", name, {
    type: "object",
    description,
    properties,
    required: Object.keys(properties),
  });
}

const FORMS = {
  plain: { name: "Problem", description: "What went wrong (RFC 9457).", member: {} },
  "query-errors": {
    name: "QueryProblem",
    description: "What is wrong with the query (RFC 9457).",
    member: {
      errors: errorList("parameter", {
        type: "string",
        maxLength: MAX_NAME_LENGTH,
        description: `The name of the query parameter, cut off after ${MAX_NAME_LENGTH} characters.`,
      }),
    },
  },
  "body-errors": {
    name: "BodyProblem",
    description: "What is wrong with the body (RFC 9457).",
    member: {
      errors: errorList("pointer", {
        type: "string",
        format: "json-pointer",
        description: `The place in the body as a JSON Pointer (RFC 6901); empty for the body as a whole. A name in it is cut off after ${MAX_NAME_LENGTH} characters.`,
      }),
    },
  },
  id: {
    name: "InternalProblem",
    description: "A failure of the service (RFC 9457).",
    member: {
      id: {
        type: "string",
        format: "uuid",
        description: "The line of the log with the same `id` tells more.",
      },
    },
  },
} as const;

function errorList<const Place extends object>(name: string, place: Place) {
  return {
    type: "array" as const,
    minItems: 1,
    maxItems: MAX_ERRORS,
    description: `What is wrong, one entry for each ${name}.`,
    items: {
      type: "object" as const,
      properties: {
        [name]: place,
        detail: { type: "string" as const, description: "The rule that was broken." },
      },
      required: [name, "detail"],
    },
  };
}

/** The documentation of `Retry-After`, where an answer has it. */
export const RETRY_AFTER_HEADER = {
  description: "After how many seconds to ask again.",
  required: true,
  schema: { type: "integer", minimum: 0 },
  example: RETRY_AFTER_SECONDS,
} as const;

const HEADERS = {
  "Accept-Patch": {
    description: "The media types that a PATCH takes (RFC 5789, 3.1); absent for other methods.",
    required: false,
    schema: { type: "string" },
    example: ACCEPT_PATCH["Accept-Patch"],
  },
  "Retry-After": RETRY_AFTER_HEADER,
} as const;

const EXAMPLE_EXTENSIONS = {
  "query-errors": { errors: [{ parameter: "officer", detail: "is not a parameter here" }] },
  "body-errors": { errors: [{ pointer: "/subject_id", detail: "is required" }] },
  id: { id: "3f0f4a5e-7a39-4c0e-9c5d-6d7d3c1f0b52" },
} as const;

function exampleOf(name: ProblemName) {
  const { status, title, detail, extension }: ProblemKind = PROBLEMS[name];
  return {
    type: problemType(name),
    title,
    status,
    detail,
    instance: "/arrest_events",
    ...(extension && EXAMPLE_EXTENSIONS[extension]),
  };
}

function pascalCase(name: string): string {
  return name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
