/**
 * Writes the database of this version, as a test of later ones has it: `tests/store/fixtures/VERSION.sqlite.gz`, and
 * in `VERSION.json` what the service of this version answers of it. Run it before a release; what has been released
 * is never written again.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { ServiceProcess } from "../tests/promises/support.ts";
import { makeLivedIn } from "../tests/support/lived-in.ts";

const root = join(import.meta.dir, "..");

/** Where the databases of all releases are. */
export const FIXTURES = join(root, "tests/store/fixtures");

/** What a service answers of all that a lived-in store holds, by path. */
export async function answersOf(path: string): Promise<Record<string, unknown>> {
  await using service = await ServiceProcess.start({ DATABASE_PATH: path, KAFKA_BROKERS: "none" });
  const paths = [
    "/arrest_events",
    "/arrest_events/count?crime_type_id=31",
    "/dead_letters",
    "/dead_letters/1",
    ...[3, 4, 31, 33].map((id) => `/arrest_events/${id}/history`),
  ];
  const answers: Record<string, unknown> = {};
  for (const each of paths) answers[each] = await service.json(each);
  return answers;
}

async function main(): Promise<void> {
  const { version } = manifest;
  const fixture = join(FIXTURES, `${version}.sqlite.gz`);
  const isReleased = readFileSync(join(root, "CHANGELOG.md"), "utf8").includes(`## [${version}]`);
  if (isReleased && existsSync(fixture)) {
    throw new Error(`${version} has been released: its database is never made again`);
  }
  const directory = mkdtempSync(join(tmpdir(), "arrest-events-fixture-"));
  try {
    const path = join(directory, "fixture.sqlite");
    makeLivedIn(path);
    writeFileSync(fixture, Bun.gzipSync(readFileSync(path), { level: 9 }));
    const answers = await answersOf(path);
    writeFileSync(join(FIXTURES, `${version}.json`), `${JSON.stringify(answers, null, 2)}\n`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
