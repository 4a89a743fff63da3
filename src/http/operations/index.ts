import type { Api } from "../api.ts";
import type { Dependencies } from "../dependencies.ts";
import { addDocs } from "./docs.ts";
import { addLivez } from "./livez.ts";
import { addMetrics } from "./metrics.ts";
import { addOpenApi } from "./openapi.ts";
import { addProblems } from "./problems.ts";
import { addReadyz } from "./readyz.ts";

/** Adds what is asked about the service itself. */
export function addOperations(api: Api, dependencies: Dependencies): void {
  addLivez(api);
  addReadyz(api, dependencies);
  addMetrics(api, dependencies);
  addOpenApi(api, dependencies);
  addDocs(api);
  addProblems(api);
}
