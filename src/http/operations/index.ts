import type { Api } from "../api.ts";
import type { Dependencies } from "../dependencies.ts";
import { addDocs } from "./docs.ts";
import { addLivez } from "./livez.ts";
import { addMetrics } from "./metrics.ts";
import { addOpenApi } from "./openapi.ts";
import { addProblems } from "./problems.ts";
import { addReadyz } from "./readyz.ts";

/**
 * Adds what is asked about the service itself.
 *
 * @param openApi makes the OpenAPI document of all that the service serves
 */
export function addOperations(api: Api, dependencies: Dependencies, openApi: () => object): void {
  addLivez(api);
  addReadyz(api, dependencies);
  addMetrics(api, dependencies);
  addOpenApi(api, openApi);
  addDocs(api);
  addProblems(api);
}
