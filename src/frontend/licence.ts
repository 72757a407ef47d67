import type { PretrainedCfg } from "./pretrained-cfg.ts";
import { modelName } from "./registry.ts";

/**
 * What a licence of weights allows, coarsely: anything with attribution; what terms of the publisher's own say, which
 * may allow commercial use; nothing commercial. It is no legal advice.
 */
export type LicenceKind = "permissive" | "own-terms" | "non-commercial" | "unknown";

interface LicensedModel {
  readonly architecture: string;
  readonly tag: string;
  readonly cfg: Pick<PretrainedCfg, "license">;
}

/** The licences of timm's registry. */
const kinds: ReadonlyMap<string, LicenceKind> = new Map<string, LicenceKind>([
  ["apache-2.0", "permissive"],
  ["bsd-3-clause", "permissive"],
  ["mit", "permissive"],
  ["cc-by-4.0", "permissive"],
  ["apple-ascl", "own-terms"],
  ["cvnets-license", "own-terms"],
  ["dinov3-license", "own-terms"],
  ["fastvit-license", "own-terms"],
  ["gemma", "own-terms"],
  ["mobileone-license", "own-terms"],
  ["apple-amlr", "non-commercial"],
  ["cc-by-nc-4.0", "non-commercial"],
  ["fair-noncommercial-research-license", "non-commercial"],
  ["seer-license", "non-commercial"],
  ["unknown", "unknown"],
]);

/** Names that say it themselves: Creative Commons' `nc`, "non-commercial", "research only". */
const saysNonCommercial = /(?:^|[-_ ])nc(?:$|[-_ ])|non-?_? ?commercial|research[-_ ]only/;

/** The kind of a licence, in any case; of one that the registry does not have, what its name says. */
export function licenceKind(licence: string | null): LicenceKind {
  const name = licence?.trim().toLowerCase() ?? "";
  if (name === "") return "unknown";
  return kinds.get(name) ?? (saysNonCommercial.test(name) ? "non-commercial" : "own-terms");
}

/** What a user must hear before the pretrained weights of a model are used; often nothing. */
export function licenceNotices({ architecture, tag, cfg: { license } }: LicensedModel): readonly string[] {
  if (licenceKind(license) !== "non-commercial") return [];
  const name = modelName(architecture, tag);
  return [`the pretrained weights of ${name} are under ${license}, which allows no commercial use`];
}
