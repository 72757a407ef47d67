/** Engines whose files `timmc plan` writes. */
export const planFormats = ["ninja", "github-actions", "kubernetes"] as const;
export type PlanFormat = (typeof planFormats)[number];
