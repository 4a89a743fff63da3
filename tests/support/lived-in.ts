import { decodeMessage } from "../../src/ingest/message.ts";
import { openWriter } from "../../src/store/write.ts";
import { batch, fields, letter, ofPartition } from "./store.ts";

/** Makes a store in which everything has happened: 31 events are left of 33, and one dead letter. */
export function makeLivedIn(path: string): void {
  const writer = openWriter(path, "kafka", "arrest_event", decodeMessage);
  const events = Array.from({ length: 30 }, (_, n) => fields({ subjectId: n + 1 }));
  writer.ingest(
    batch({
      partitions: [ofPartition(0, events.slice(0, 20)), ofPartition(1, events.slice(20))],
      deadLetters: [letter({ partition: 0, offset: 20 })],
      positions: [
        { partition: 0, nextOffset: 21 },
        { partition: 1, nextOffset: 10 },
      ],
    }),
  );
  writer.setForwarded("dead_letters", 1);
  writer.apply([
    { kind: "create", fields: fields() },
    { kind: "create-batch", events: [fields(), fields({ officerId: 9 })] },
    { kind: "update", id: 3, fields: { crimeTypeId: 77 } },
    { kind: "update", id: 31, fields: { crimeTypeId: 78 } },
    { kind: "delete", id: 4 },
    { kind: "delete", id: 33 },
  ]);
  writer.close();
}
