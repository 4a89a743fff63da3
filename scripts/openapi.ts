/**
 * Writes `docs/openapi.json`, which the service serves, and the types that openapi-typescript makes of it, with
 * which the client in the tests is compiled.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plugin } from "bun";
import type { OpenAPI3 } from "openapi-typescript";
import manifest from "../package.json" with { type: "json" };
import { parseConfig } from "../src/config.ts";
import { startService } from "../src/service.ts";
import { openLog } from "../src/telemetry/log.ts";

const root = join(import.meta.dir, "..");

/** Where the document is checked in. */
export const DOCUMENT_PATH = join(root, "docs/openapi.json");

/** Where the types are checked in. */
export const TYPES_PATH = join(root, "tests/http/client/openapi.ts");

/** Writes a document as it is checked in: a line for each member, so that a change shows as what it is. */
export function writeDocument(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Writes the types of a document as they are checked in. */
export async function writeTypes(document: object): Promise<string> {
  // openapi-typescript writes with the compiler's JavaScript interface, which ended with TypeScript 5.
  plugin({
    name: "typescript 5",
    setup: (build) => {
      build.module("typescript", async () => ({
        exports: await import("typescript-5"),
        loader: "object",
      }));
    },
  });
  const { default: openapiTS, astToString } = await import("openapi-typescript");
  return astToString(await openapiTS(document as OpenAPI3));
}

/** The document of a service of the default settings, with a store of its own and without Kafka. */
async function makeDocument(): Promise<object> {
  const directory = mkdtempSync(join(tmpdir(), "arrest-events-openapi-"));
  const config = parseConfig(
    {
      PORT: "0",
      KAFKA_BROKERS: "none",
      DATABASE_PATH: join(directory, "events.sqlite"),
      LOG_LEVEL: "warn",
    },
    false,
  );
  const service = await startService(config, openLog(config.log), manifest.version);
  try {
    return service.openApi();
  } finally {
    await service.stop();
    rmSync(directory, { recursive: true });
  }
}

if (import.meta.main) {
  const document = await makeDocument();
  await Bun.write(DOCUMENT_PATH, writeDocument(document));
  await Bun.write(TYPES_PATH, await writeTypes(document));
}
