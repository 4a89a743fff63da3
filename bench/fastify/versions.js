/** Tells the versions of what the server uses; fails where it cannot be used. */
import { createRequire } from "node:module";
import Database from "better-sqlite3";

const require = createRequire(import.meta.url);
const sqlite = new Database(":memory:").prepare("select sqlite_version() as version").get();
const versions = [
  `Node ${process.versions.node}`,
  `Fastify ${require("fastify/package.json").version}`,
  `better-sqlite3 ${require("better-sqlite3/package.json").version}`,
  `SQLite ${sqlite.version}`,
];
process.stdout.write(versions.join(", "));
