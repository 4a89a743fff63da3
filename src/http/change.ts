import type { Change, ChangeResult } from "../writer/client.ts";
import type { Dependencies } from "./dependencies.ts";
import { Problem } from "./problem.ts";
import { within } from "./within.ts";

/** The outcomes of a change that a client can do something about, and their problems. */
const PROBLEM_OF = {
  "other-version": "precondition-failed",
  "key-reused": "idempotency-key-reused",
} as const;

/**
 * A writer that answers in time: a change that takes longer is left to itself, and nobody can tell what
 * comes of it. Then the promise rejects with the Problem `outcome-unknown`.
 */
export function inTime(
  writer: Dependencies["writer"],
  limits: Dependencies["limits"],
): Dependencies["writer"] {
  return {
    ...writer,
    change: (change) =>
      within(writer.change(change), limits.requestTimeoutMs, () => new Problem("outcome-unknown")),
  };
}

/** What came of a change that was made. */
type Made<C extends Change> = Exclude<
  ChangeResult<C["kind"]>,
  { kind: "failed" | "not-found" | "refused" | keyof typeof PROBLEM_OF }
>;

/**
 * Makes a change that the contract has let through.
 *
 * @throws Problem `event-not-found` or `dead-letter-not-found`, `precondition-failed`,
 *   `idempotency-key-reused` or `dead-letter-refused`
 * @throws StoreUnavailableError when the change was not made
 */
export async function makeChange<C extends Change>(
  writer: Dependencies["writer"],
  change: C,
): Promise<Made<C>> {
  const result: ChangeResult = await writer.change(change);
  switch (result.kind) {
    case "failed":
      // The contract lets nothing through that the store refuses, so this is a fault of the service.
      throw new Error(`the store refused a valid change: ${result.message}`);
    case "not-found":
      throw new Problem("letterId" in change ? "dead-letter-not-found" : "event-not-found");
    case "refused":
      throw new Problem("dead-letter-refused", { errors: result.refusals });
    case "other-version":
    case "key-reused":
      throw new Problem(PROBLEM_OF[result.kind]);
    default:
      return result as Made<C>;
  }
}
