import manifest from "../package.json" with { type: "json" };

/** What `bun run build` puts in the place of these names; in the sources there is nothing. */
declare const ARREST_EVENTS_COMMIT: string | undefined;

/** The version of the service. */
export const VERSION = manifest.version;

/** The commit that the executable was built from, with `-dirty` if not all of it was checked in; none in the sources. */
export const COMMIT = typeof ARREST_EVENTS_COMMIT === "string" ? ARREST_EVENTS_COMMIT : undefined;
