import type { Api } from "../api.ts";
import { PATCH_TYPES } from "../body.ts";
import type { Dependencies } from "../dependencies.ts";
import { addUpdate } from "./put.ts";

/** Adds `PATCH /arrest_events/{id}`. */
export function addPatch(api: Api, dependencies: Pick<Dependencies, "writer" | "limits">): void {
  addUpdate(api, dependencies, PATCH_TYPES, {
    method: "patch",
    operationId: "patchArrestEvent",
    summary: "Patch an arrest event",
    description:
      "Changes the members that the merge patch (RFC 7396) has, at least one, and answers the whole arrest event. No member can be null: all of them are required. The change is on the disk when the answer is sent. With `If-Match` it is made only while nobody else has changed the event.",
  });
}
