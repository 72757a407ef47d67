interface Size {
  readonly embed_dim: readonly number[];
  readonly key_dim: number;
  readonly num_heads: readonly number[];
  readonly depth: readonly number[];
  readonly act_layer?: "silu";
  readonly stem_type?: "s8";
}

interface Row extends Size {
  readonly use_conv: boolean;
  readonly distilled: boolean;
  readonly fixed: readonly string[];
}

const size = (
  embed_dim: readonly number[],
  key_dim: number,
  num_heads: readonly number[],
  depth = [4, 4, 4],
): Size => ({
  embed_dim,
  key_dim,
  num_heads,
  depth,
});
const silu = { act_layer: "silu" } as const;
const s8 = { ...silu, stem_type: "s8" } as const;

/** Table 1 of the paper, and timm's wider, deeper and finer ones. */
const distilled: Readonly<Record<string, Size>> = {
  "128s": size([128, 256, 384], 16, [4, 6, 8], [2, 3, 4]),
  "128": size([128, 256, 384], 16, [4, 8, 12]),
  "192": size([192, 288, 384], 32, [3, 5, 6]),
  "256": size([256, 384, 512], 32, [4, 6, 8]),
  "384": size([384, 512, 768], 32, [6, 9, 12]),
  "384_s8": { ...size([384, 512, 768], 32, [6, 9, 12]), ...s8 },
};

const plain: Readonly<Record<string, Size>> = {
  "512_s8": { ...size([512, 640, 896], 64, [8, 10, 14]), ...s8 },
  "512": { ...size([512, 768, 1024], 64, [8, 12, 16]), ...silu },
  "256d": { ...size([256, 384, 512], 32, [4, 6, 8], [4, 8, 6]), ...silu },
  "512d": { ...size([512, 640, 768], 64, [8, 10, 12], [4, 8, 6]), ...silu },
};

const rows = (sizes: Readonly<Record<string, Size>>, hasTeacher: boolean): [string, Row][] =>
  [false, true].flatMap((use_conv) =>
    Object.entries(sizes).map(([name, of]): [string, Row] => [
      `levit_${use_conv ? "conv_" : ""}${name}`,
      {
        ...of,
        use_conv,
        distilled: hasTeacher,
        fixed: [...(use_conv ? ["use_conv"] : []), ...(hasTeacher ? [] : ["distilled"])],
      },
    ]),
  );

/** A row per architecture. */
export const variants: Readonly<Record<string, Row>> = Object.fromEntries([
  ...rows(distilled, true),
  ...rows(plain, false),
]);
