import type { Change, ChangeResult } from "../../writer/client.ts";
import type { Dependencies } from "../dependencies.ts";
import { Problem } from "../problem.ts";

/** The outcomes of a change that a client can do something about, and their problems. */
const PROBLEM_OF = {
  "not-found": "event-not-found",
  "other-version": "precondition-failed",
  "key-reused": "idempotency-key-reused",
} as const;

/** A change of events. */
type EventChange = Extract<Change, { kind: "create" | "create-batch" | "update" | "delete" }>;

/** What came of a change that was made. */
type Made<C extends EventChange> = Extract<
  ChangeResult<C["kind"]>,
  { kind: "done" } | { kind: "created" }
>;

/**
 * Makes a change that the contract has let through.
 *
 * @throws Problem `event-not-found`, `precondition-failed` or `idempotency-key-reused`
 * @throws StoreUnavailableError when the change was not made
 */
export async function makeChange<C extends EventChange>(
  writer: Dependencies["writer"],
  change: C,
): Promise<Made<C>> {
  const result: ChangeResult<EventChange["kind"]> = await writer.change(change);
  switch (result.kind) {
    case "done":
    case "created":
      return result as Made<C>;
    case "failed":
      // The contract lets nothing through that the store refuses, so this is a fault of the service.
      throw new Error(`the store refused a valid change: ${result.message}`);
    default:
      throw new Problem(PROBLEM_OF[result.kind]);
  }
}
