import { messagesOf } from "../../support/kafka.ts";

/** The offsets of the messages that a partition's log holds now. */
export async function offsetsOf(
  brokers: string,
  topic: string,
  partition: number,
): Promise<number[]> {
  return (await messagesOf(brokers, topic, partition)).map(({ offset }) => offset);
}

/** By their numbers in the attributes of a batch. */
const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"];

/**
 * The codecs that the batches of a segment are compressed with.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch for where things are in a batch
 */
export function codecsOf(segment: Buffer): ReadonlySet<string> {
  const codecs = new Set<string>();
  for (let start = 0; start < segment.length; start += 12 + segment.readInt32BE(start + 8)) {
    const number = segment.readInt16BE(start + 21) & 7;
    codecs.add(CODECS[number] ?? String(number));
  }
  return codecs;
}
