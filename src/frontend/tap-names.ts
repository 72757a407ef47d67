/** The names of taps and of their forms, for help texts and schemas: nothing else is loaded for them. */
export const plainTaps = ["logits", "pre_logits", "forward_features", "features"] as const;

/** The grammar of --taps. */
export const tapGrammar = `${plainTaps.join(", ")}, features.N, features.N.prefix, module:PATH, attn:PATH`;

/** The axes of features: as the network has them, or one order for all. */
export const tapFormats = ["native", "nchw", "nlc"] as const;
export type TapFormat = (typeof tapFormats)[number];
