import type { Api } from "../api.ts";
import type { Dependencies } from "../dependencies.ts";
import { addDelete } from "./delete.ts";
import { addDeleteAll } from "./delete-all.ts";
import { addGet } from "./get.ts";
import { addGetAll } from "./get-all.ts";
import { addReplay } from "./replay.ts";
import { addReplayAll } from "./replay-all.ts";

/** Adds what can be asked of dead letters. */
export function addDeadLetters(api: Api, dependencies: Dependencies): void {
  addGetAll(api, dependencies);
  addDeleteAll(api, dependencies);
  addReplayAll(api, dependencies);
  addGet(api, dependencies);
  addDelete(api, dependencies);
  addReplay(api, dependencies);
}
