import { features } from "@confluentinc/kafka-javascript";
import { SERVICE_COMMAND } from "../../promises/support.ts";

function ofExecutable(): readonly string[] {
  const { stdout } = Bun.spawnSync([...SERVICE_COMMAND, "--version"]);
  const list = /librdkafka \S+ \((.*)\)/.exec(stdout.toString())?.[1];
  if (list === undefined) throw new Error(`no features are told by ${SERVICE_COMMAND[0]}`);
  return list.split(" ");
}

/** What librdkafka can do in the service that is tested: an executable may be built of more than the tests are. */
export const serviceFeatures: readonly string[] =
  process.env["ARREST_EVENTS_EXECUTABLE"] === undefined ? features : ofExecutable();
