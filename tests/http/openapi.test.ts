import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { DOCUMENT_PATH, TYPES_PATH, writeDocument, writeTypes } from "../../scripts/openapi.ts";
import { PROBLEM_NAMES } from "../../src/http/problem.ts";
import { type Service, startService } from "../support/http-service.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JsonObject = { [name: string]: Json };

let service: Service;
let document: JsonObject;

beforeAll(async () => {
  service = await startService();
  document = (await service.ask("/openapi.json")).json;
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

/** Every object in the document, with the names that lead to it. */
function* objects(value: Json, path: string[] = []): Generator<[string[], JsonObject]> {
  if (value === null || typeof value !== "object") return;
  if (!Array.isArray(value)) yield [path, value];
  for (const [name, member] of Object.entries(value)) yield* objects(member, [...path, name]);
}

/** The object at some names; empty when there is none. */
function at(...names: string[]): JsonObject {
  let found: Json = document;
  for (const name of names) found = ((found as JsonObject)[name] as Json | undefined) ?? {};
  return found as JsonObject;
}

function operations(): JsonObject[] {
  return Object.values(at("paths")).flatMap((methods) =>
    Object.values(methods as JsonObject),
  ) as JsonObject[];
}

test("the document is OpenAPI 3.1 for the default address and the version of the service", () => {
  expect(document["openapi"]).toBe("3.1.0");
  expect(at("info")["version"]).toBe("1.2.3");
  const [{ url, variables }] = document["servers"] as [
    { url: string; variables: Record<string, { default: string }> },
  ];
  const byDefault = url.replaceAll(/\{(\w+)\}/g, (_, name) => `${variables[name]?.default}`);
  expect(byDefault).toBe("http://localhost:5100");
});

test("generated clients get methods with good names", () => {
  expect(operations().map(({ operationId }) => operationId)).toEqual([
    "listArrestEvents",
    "createArrestEvent",
    "createArrestEvents",
    "countArrestEvents",
    "getArrestEventStats",
    "getArrestEvent",
    "updateArrestEvent",
    "patchArrestEvent",
    "deleteArrestEvent",
    "getArrestEventHistory",
    "listDeadLetters",
    "deleteDeadLetters",
    "replayDeadLetters",
    "getDeadLetter",
    "deleteDeadLetter",
    "replayDeadLetter",
    "getLiveness",
    "getReadiness",
    "getMetrics",
    "getOpenApiDocument",
    "getDocs",
    "getDocsFile",
    "getProblem",
  ]);
});

test("every operation has a summary, a description and a tag that is described", () => {
  const tags = (document["tags"] as JsonObject[]).map(({ name }) => name);
  for (const { summary, description, tags: own } of operations()) {
    expect(summary).toBeString();
    expect(description).toBeString();
    expect(tags).toContain((own as Json[])[0] as string);
  }
});

test("every reference leads somewhere, and no component is without use", () => {
  const references = new Set<string>();
  for (const [, { $ref }] of objects(document)) {
    if (typeof $ref !== "string") continue;
    references.add($ref);
    expect(at(...$ref.replace("#/", "").split("/"))).not.toEqual({});
  }
  const components = Object.entries(at("components")).flatMap(([kind, named]) =>
    Object.keys(named as JsonObject).map((name) => `#/components/${kind}/${name}`),
  );
  expect(components.filter((component) => !references.has(component))).toEqual([]);
});

test("no schema allows anything at all", () => {
  for (const [path, schema] of objects(document)) {
    const isSchema =
      ["schema", "items"].includes(`${path.at(-1)}`) ||
      (path.at(-2) === "properties" && !path.includes("example"));
    if (!isSchema) continue;
    const says = ["type", "$ref", "anyOf", "enum", "allOf"].some((name) => name in schema);
    expect({ path: path.join("/"), says }).toEqual({ path: path.join("/"), says: true });
  }
});

test("every member of every schema is described", () => {
  for (const [path, { properties }] of objects(at("components", "schemas"))) {
    for (const [name, member] of Object.entries((properties ?? {}) as JsonObject)) {
      const { description, $ref, const: only, enum: some } = member as JsonObject;
      const described = [description, $ref, only, some].some((value) => value !== undefined);
      expect({ path, name, described }).toEqual({ path, name, described: true });
    }
  }
});

test("every example keeps to its schema", () => {
  let examples = 0;
  for (const [, { schema, example, examples: named }] of objects(document)) {
    if (typeof schema !== "object" || schema === null) continue;
    const values = Object.values((named ?? {}) as JsonObject).map(
      (each) => (each as JsonObject)["value"],
    );
    for (const value of example === undefined ? values : [...values, example]) {
      service.declared.validate(schema, value);
      examples++;
    }
  }
  expect(examples).toBeGreaterThan(20);
});

test("every parameter has an example, which keeps to its schema", () => {
  const without: string[] = [];
  for (const { operationId, parameters } of operations()) {
    for (const given of (parameters ?? []) as JsonObject[]) {
      const reference = given["$ref"] as string | undefined;
      const parameter = reference ? at(...reference.replace("#/", "").split("/")) : given;
      const schema = parameter["schema"] as JsonObject;
      const example = parameter["example"] ?? schema["example"];
      if (example === undefined)
        without.push(`${operationId}: ${parameter["in"]} ${parameter["name"]}`);
      else service.declared.validate(schema, example);
    }
  }
  expect(without).toEqual([]);
});

test("the examples of a query's parameters can be asked together", async () => {
  let asked = 0;
  for (const [path, methods] of Object.entries(at("paths"))) {
    const { parameters } = ((methods as JsonObject)["get"] ?? {}) as JsonObject;
    const query = new URLSearchParams();
    for (const parameter of (parameters ?? []) as JsonObject[]) {
      if (parameter["in"] !== "query") continue;
      for (const value of [(parameter["schema"] as JsonObject)["example"]].flat()) {
        query.append(`${parameter["name"]}`, `${value}`);
      }
    }
    if (query.size === 0 || path.includes("{")) continue;
    expect([path, (await service.ask(`${path}?${query}`)).status]).toEqual([path, 200]);
    asked++;
  }
  expect(asked).toBe(4);
});

test("every problem has an example, but for the one that no operation answers with, which is described", () => {
  const text = JSON.stringify(at("components", "responses"));
  const examples = PROBLEM_NAMES.filter((name) => text.includes(`"type":"/problems/${name}"`));
  expect(PROBLEM_NAMES.filter((name) => !examples.includes(name))).toEqual(["method-not-allowed"]);
  expect(at("info")["description"]).toContain("`/problems/method-not-allowed`");
});

test("every request and every answer with a body has an example", () => {
  for (const [path, { content }] of objects(document)) {
    for (const [type, described] of Object.entries((content ?? {}) as JsonObject)) {
      const { example, examples } = described as JsonObject;
      const place = [...path, type].join(" ");
      expect({ place, has: example !== undefined || examples !== undefined }).toEqual({
        place,
        has: true,
      });
    }
  }
});

test("every header of an answer says whether it is always there", () => {
  for (const [path, { headers }] of objects(document)) {
    if (path.at(-2) !== "responses") continue;
    for (const [name, header] of Object.entries((headers ?? {}) as JsonObject)) {
      const { $ref, required } = header as JsonObject;
      const says = $ref !== undefined || typeof required === "boolean";
      expect({ path, name, says }).toEqual({ path, name, says: true });
    }
  }
  for (const header of Object.values(at("components", "headers"))) {
    expect((header as JsonObject)["required"]).toBeBoolean();
  }
});

test("every link leads to an operation, and gives it parameters that it has", () => {
  const parametersOf = new Map(
    operations().map(({ operationId, parameters }) => [
      operationId,
      ((parameters ?? []) as JsonObject[]).map(({ name }) => name),
    ]),
  );
  let links = 0;
  for (const [path, { operationId, parameters }] of objects(document)) {
    if (path.at(-2) !== "links") continue;
    for (const name of Object.keys(parameters as JsonObject)) {
      expect(parametersOf.get(operationId as string)).toContain(name);
      links++;
    }
  }
  expect(links).toBeGreaterThan(20);
});

test("the checked-in document and the types of it are those of the code, and what is served", async () => {
  // When it fails: bun run openapi.
  const made = service.app.openApi();
  const ofRelease = { ...made, info: { ...made.info, version: manifest.version } };
  expect(await Bun.file(DOCUMENT_PATH).text()).toBe(writeDocument(ofRelease));
  expect(await Bun.file(TYPES_PATH).text()).toBe(await writeTypes(ofRelease));
  expect(writeDocument(document)).toBe(writeDocument(made));
});

describe("the schema of an event", () => {
  for (const name of ["ArrestEvent", "NewArrestEvent", "ArrestEventChanges"]) {
    test(`${name} tells the limits, and that there are no other members`, () => {
      const schema = at("components", "schemas", name);
      expect(schema["additionalProperties"]).toBe(false);
      expect(schema["properties"]).toMatchObject({
        officer_id: { type: "integer", minimum: 1, maximum: 2 ** 53 - 1 },
        arrested_at: { type: "string", format: "date-time" },
      });
    });
  }

  test("ArrestEventChanges asks for at least one member, NewArrestEvent for all", () => {
    const changes = at("components", "schemas", "ArrestEventChanges");
    const whole = at("components", "schemas", "NewArrestEvent");
    expect([changes["minProperties"], changes["required"]]).toEqual([1, undefined]);
    expect(whole["required"]).toBeArrayOfSize(5);
  });
});
