import type { Api } from "../api.ts";
import type { Dependencies } from "../dependencies.ts";
import { addDelete } from "./delete.ts";
import { addGet } from "./get.ts";
import { addGetAll } from "./get-all.ts";
import { addPost } from "./post.ts";
import { addPut } from "./put.ts";

/** Adds what can be asked of arrest events. */
export function addArrestEvents(api: Api, dependencies: Dependencies): void {
  addGetAll(api, dependencies);
  addPost(api, dependencies);
  addGet(api, dependencies);
  addPut(api, dependencies);
  addDelete(api, dependencies);
}
