import type { OptimizationLevel } from "../../passes/presets.ts";
import type { FormRequest } from "../forms.ts";
import type { LowerRequest } from "../lower-request.ts";
import type { WeightsChoice } from "../weights.ts";

/** What a page is of: the same as `compile` takes, but for where it writes. */
export interface PageRequest extends LowerRequest, FormRequest {
  /** Said in the commands of the page; the page itself reads no weights. */
  readonly weights?: WeightsChoice | undefined;
  readonly optimization?: OptimizationLevel | undefined;
  readonly passes?: readonly string[] | undefined;
  /** The drawn graph is the one after the last run of this pass. */
  readonly after?: string | undefined;
  readonly cacheDir?: string | undefined;
}
