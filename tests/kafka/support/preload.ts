/** Before the first test: Kafka is fetched and started, or the run ends and says what is missing. */
import { NoKafkaError } from "./jars.ts";
import { sharedKafka } from "./shared.ts";

try {
  await sharedKafka();
} catch (error) {
  if (!(error instanceof NoKafkaError)) throw error;
  process.stderr.write(`test:kafka: ${error.message}\n`);
  process.exit(1);
}
