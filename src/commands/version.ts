import { EX_SOFTWARE } from "../exit-codes.ts";
import { COMMIT, VERSION } from "../version.ts";

/** The command `--version`: what the executable is built of, a line each; 70 when its Kafka client cannot be loaded. */
export async function version(): Promise<number> {
  const { bun = "", sqlite = "" } = process.versions;
  process.stdout.write(
    `arrest-events ${VERSION}\ncommit ${COMMIT ?? "(sources)"}\nBun ${bun}\nSQLite ${sqlite}\n`,
  );
  try {
    // Only here, because it brings the Kafka client into this thread.
    const { librdkafkaVersion, features } = await import("@confluentinc/kafka-javascript");
    process.stdout.write(`librdkafka ${librdkafkaVersion} (${features.join(" ")})\n`);
    return 0;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stdout.write(`librdkafka cannot be loaded: ${reason}\n`);
    return EX_SOFTWARE;
  }
}
