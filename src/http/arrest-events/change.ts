import type { ArrestEvent } from "../../arrest-event.ts";
import type { Change } from "../../writer/client.ts";
import type { Dependencies } from "../dependencies.ts";
import { Problem } from "../problem.ts";

/**
 * Makes a change that the contract has let through.
 *
 * @returns the event as it is stored now, or was when it was deleted
 * @throws Problem `event-not-found`
 * @throws StoreUnavailableError when the change was not made
 */
export async function makeChange(
  writer: Dependencies["writer"],
  change: Extract<Change, { kind: "create" | "update" | "delete" }>,
): Promise<ArrestEvent> {
  const result = await writer.change(change);
  switch (result.kind) {
    case "done":
      return result.event;
    case "not-found":
      throw new Problem("event-not-found");
    case "failed":
      // The contract lets nothing through that the store refuses, so this is a fault of the service.
      throw new Error(`the store refused a valid change: ${result.message}`);
  }
}
