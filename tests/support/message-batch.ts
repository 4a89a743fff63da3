import { type Message, MessageBatch } from "../../src/ingest/message-batch.ts";

/** What a test says of a message; it has nothing of what is left out. */
export type GivenMessage = Partial<Message> & Pick<Message, "partition" | "offset">;

const RECORD_BYTES = 40;

/** A batch of messages of `arrest_event`, as the addon packs them (`native/include/bridge/message-batch.h`). */
export function packMessages(messages: readonly GivenMessage[]): MessageBatch {
  const records = Buffer.alloc(messages.length * RECORD_BYTES);
  const parts: Uint8Array[] = [];
  let start = 0;
  const add = (bytes: Uint8Array | null): number => {
    if (bytes === null) return -1;
    parts.push(bytes);
    start += bytes.length;
    return bytes.length;
  };
  const addWithLength = (bytes: Uint8Array | null): void => {
    const length = Buffer.alloc(4);
    length.writeInt32LE(bytes?.length ?? -1);
    add(length);
    add(bytes);
  };
  for (const [index, message] of messages.entries()) {
    const at = index * RECORD_BYTES;
    records.writeDoubleLE(message.offset, at);
    records.writeDoubleLE(message.timestamp ?? -1, at + 8);
    records.writeInt32LE(message.partition, at + 16);
    records.writeInt32LE(start, at + 20);
    records.writeInt32LE(add(message.value ?? null), at + 24);
    records.writeInt32LE(add(message.key ?? null), at + 28);
    const headersStart = start;
    for (const [name, value] of message.headers ?? []) {
      addWithLength(Buffer.from(name));
      addWithLength(value);
    }
    records.writeInt32LE(start - headersStart, at + 32);
  }
  const { buffer, byteOffset, length } = new Uint8Array(Buffer.concat([records, ...parts]));
  return new MessageBatch(
    "arrest_event",
    buffer.slice(byteOffset, byteOffset + length),
    messages.length,
  );
}
