import type { Api } from "../api.ts";
import type { Dependencies } from "../dependencies.ts";
import type { Streams } from "../streams.ts";
import { addBatch } from "./batch.ts";
import { addCount } from "./count.ts";
import { addDelete } from "./delete.ts";
import { addGet } from "./get.ts";
import { addGetAll } from "./get-all.ts";
import { addHistory } from "./history.ts";
import { RequestsUnderWay } from "./idempotency.ts";
import { addPatch } from "./patch.ts";
import { addPost } from "./post.ts";
import { addPut } from "./put.ts";
import { addStats } from "./stats.ts";

/**
 * Adds what can be asked of arrest events.
 *
 * @param streams those that are under way
 */
export function addArrestEvents(api: Api, dependencies: Dependencies, streams: Streams): void {
  addGetAll(api, dependencies, streams);
  // One for both: a key is of one request, whichever.
  const underWay = new RequestsUnderWay();
  addPost(api, dependencies, underWay);
  addBatch(api, dependencies, underWay);
  addCount(api, dependencies);
  addStats(api, dependencies);
  addGet(api, dependencies);
  addPut(api, dependencies);
  addPatch(api, dependencies);
  addDelete(api, dependencies);
  addHistory(api, dependencies);
}
