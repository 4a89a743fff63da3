import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Service, startService } from "../support/http-service.ts";

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

/** What the page loads, as paths of the service. */
async function links(): Promise<string[]> {
  const { text } = await service.ask("/docs");
  return [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => {
    const url = new URL(`${link}`, `${service.url}/docs`);
    expect(url.origin).toBe(service.url);
    return url.pathname;
  });
}

test("the page loads only what the service serves", async () => {
  const paths = await links();
  expect(paths).toContain("/docs/swagger-ui.css");
  expect(paths).toContain("/docs/swagger-ui-bundle.js");
  for (const path of paths) {
    const { status, text } = await service.ask(path);
    expect({ path, status, empty: text === "" }).toEqual({ path, status: 200, empty: false });
  }
});

test("the page may load nothing from elsewhere", async () => {
  const policy = (await service.ask("/docs")).headers.get("Content-Security-Policy");
  expect(policy).toStartWith("default-src 'self'; ");
  expect(policy).not.toMatch(/https?:|\*|script-src|unsafe-eval/);
});

test("the page has no script of its own, which the policy would refuse", async () => {
  const { text } = await service.ask("/docs");
  expect(text).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
});

test("the initializer shows the document and asks no validator", async () => {
  const { text } = await service.ask("/docs/initializer.js");
  expect(text).toContain('"openapi.json"');
  expect(text).toContain("validatorUrl: null");
  expect(() => new Bun.Transpiler({ loader: "js" }).transformSync(text)).not.toThrow();
});

test("the initializer asks the service that served it, and fills in only what a request needs", async () => {
  const { text } = await service.ask("/docs/initializer.js");
  // biome-ignore lint/suspicious/noExplicitAny: the document as Swagger UI gets it.
  let shown: any;
  const AsyncFunction = (async () => undefined).constructor as FunctionConstructor;
  const run = new AsyncFunction("location", "SwaggerUIBundle", text);
  await run({ href: `${service.url}/docs` }, (given: unknown) => {
    shown = given;
  });
  expect(shown.spec.servers).toEqual([{ url: service.url }]);
  const { parameters } = shown.spec.paths["/arrest_events"].get;
  expect(parameters.length).toBeGreaterThan(5);
  expect(JSON.stringify(parameters)).not.toContain('"example"');
  const id = shown.spec.paths["/arrest_events/{id}"].get.parameters.find(
    ({ name }: { name?: string }) => name === "id",
  );
  expect([id.required, id.schema.example]).toEqual([true, 12]);
  expect(JSON.stringify(shown.spec.components.parameters)).not.toContain('"example"');
});

test("a file is sent anew only when it has changed", async () => {
  for (const path of (await links()).filter((link) => link.startsWith("/docs/"))) {
    const { headers } = await service.ask(path);
    const tag = `${headers.get("ETag")}`;
    expect(headers.get("Cache-Control")).toBe("public, max-age=86400");
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const answer = await service.ask(path, { headers: { "If-None-Match": known } });
      expect({ known, status: answer.status }).toEqual({ known, status: 304 });
      expect(answer.headers.get("ETag")).toBe(tag);
    }
    const other = await service.ask(path, { headers: { "If-None-Match": '"other"' } });
    expect(other.status).toBe(200);
  }
});
