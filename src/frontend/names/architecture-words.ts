import type { ArchitectureKind } from "./architecture.ts";

export interface ArchitectureWord {
  readonly kind: ArchitectureKind;
  readonly meaning: string;
  /** May stand before the model line. */
  readonly prefix?: boolean;
}

const sizeWords = [
  "zepto",
  "atto",
  "femto",
  "pico",
  "nano",
  "xxtiny",
  "xtiny",
  "tiny",
  "mini",
  "wee",
  "pwee",
  "dwee",
  "dpwee",
  "little",
  "dlittle",
  "xsmall",
  "small",
  "betwixt",
  "medium",
  "mediumd",
  "base",
  "large",
  "large2",
  "xlarge",
  "xxlarge",
  "huge",
  "giant",
  "giantopt",
  "gigantic",
  "enormous",
  "xxs",
  "xs",
  "ti",
  "s",
  "m",
  "l",
  "xl",
  "xxl",
] as const;

const entries: Readonly<Record<string, ArchitectureWord>> = {
  tf: { kind: "origin", meaning: "TensorFlow's padding (SAME) and batch norm epsilon (0.001)", prefix: true },
  dm: { kind: "origin", meaning: "DeepMind's definition", prefix: true },
  test: { kind: "origin", meaning: "timm's small network for tests", prefix: true },
  legacy: { kind: "origin", meaning: "an older definition, kept for its weights", prefix: true },
  tv: { kind: "origin", meaning: "torchvision's definition" },
  jx: { kind: "origin", meaning: "as the JAX original pads (SAME)" },
  rw: { kind: "origin", meaning: "timm's author's variant" },
  eca: { kind: "variant", meaning: "efficient channel attention", prefix: true },
  ese: { kind: "variant", meaning: "effective squeeze-and-excitation", prefix: true },
  se: { kind: "variant", meaning: "squeeze-and-excitation", prefix: true },
  gc: { kind: "variant", meaning: "global context attention", prefix: true },
  bat: { kind: "variant", meaning: "bilinear attention transform", prefix: true },
  nf: { kind: "variant", meaning: "without norms", prefix: true },
  lambda: { kind: "variant", meaning: "lambda layers in place of attention", prefix: true },
  wide: { kind: "variant", meaning: "wider layers", prefix: true },
  sk: { kind: "variant", meaning: "selective kernels" },
  gap: { kind: "pool", meaning: "pools by the average of all tokens" },
  map: { kind: "pool", meaning: "pools by attention" },
  cls: { kind: "pool", meaning: "pools by the class token" },
  token: { kind: "pool", meaning: "pools by the class token" },
  clsgap: { kind: "pool", meaning: "a class token and the average of all tokens" },
  rope: { kind: "position", meaning: "rotary position embedding" },
  mixed: { kind: "position", meaning: "rotary frequencies learnt for both axes together" },
  ape: { kind: "position", meaning: "absolute position embedding as well" },
  relpos: { kind: "position", meaning: "relative position bias" },
  srelpos: { kind: "position", meaning: "relative position bias shared by all blocks" },
  rmlp: { kind: "position", meaning: "relative position bias from an MLP" },
  clip: { kind: "objective", meaning: "CLIP's variant, for images matched with texts" },
  siglip: { kind: "objective", meaning: "SigLIP's variant, for images matched with texts" },
  mci: { kind: "objective", meaning: "MobileCLIP's image encoder" },
  dinov2: { kind: "objective", meaning: "DINOv2's variant, self-distillation without labels" },
  dinov3: { kind: "objective", meaning: "DINOv3's variant, self-distillation without labels" },
  pe: { kind: "objective", meaning: "Perception Encoder" },
  quickgelu: { kind: "variant", meaning: "activation x * sigmoid(1.702 x) in place of GELU" },
  qkvb: { kind: "variant", meaning: "biases on queries, keys and values" },
  cr: { kind: "variant", meaning: "another reading of the paper, by timm's author" },
  abswin: { kind: "variant", meaning: "absolute position embedding made from windows" },
  hybrid: { kind: "variant", meaning: "convolutions and attention" },
  bit: { kind: "variant", meaning: "Big Transfer: group norm and standardised weights" },
  core: { kind: "variant", meaning: "Perception Encoder for images and texts" },
  lang: { kind: "variant", meaning: "Perception Encoder for language models" },
  spatial: { kind: "variant", meaning: "Perception Encoder for dense tasks" },
  lrf: { kind: "variant", meaning: "large receptive field" },
  srf: { kind: "variant", meaning: "small receptive field" },
  minimal: { kind: "variant", meaning: "without squeeze-and-excitation, hard swish and large kernels" },
  vit: { kind: "line", meaning: "model line" },
  hiera: { kind: "line", meaning: "model line" },
  next: { kind: "line", meaning: "model line, next version" },
  conv: { kind: "variant", meaning: "convolutions alone" },
  cc: { kind: "variant", meaning: "convolutions conditioned on the input" },
  ols: { kind: "variant", meaning: "overlapping stem" },
  dagger: { kind: "variant", meaning: "the paper's variant with a convolutional patch embedding" },
  edgetpu: { kind: "variant", meaning: "made for the Edge TPU" },
  plus: { kind: "variant", meaning: "larger variant" },
  enc: { kind: "variant", meaning: "image encoder alone" },
  bn: { kind: "norm", meaning: "batch norm" },
  gn: { kind: "norm", meaning: "group norm" },
  ln: { kind: "norm", meaning: "layer norm" },
  evos: { kind: "norm", meaning: "EvoNorm-S" },
  frn: { kind: "norm", meaning: "filter response norm" },
  rms: { kind: "norm", meaning: "RMS norm" },
  rpn: { kind: "norm", meaning: "norms behind the residual branches" },
  pruned: { kind: "pruned", meaning: "channels pruned after training" },
  distilled: { kind: "distilled", meaning: "an extra output for a teacher's answer" },
};

/** Endings of a line with a depth, such as the `d` of `resnet50d`. */
export const stems: ReadonlyMap<string, string> = new Map(
  Object.entries({
    c: "stem of three 3 x 3 convolutions, 32 channels wide",
    d: "deep stem, and average pooling in shortcuts",
    s: "stem of three 3 x 3 convolutions, 64 channels wide",
    t: "deep stem of growing width",
    ts: "deep stem of growing width, SiLU activations",
  }),
);

/** Words of names. */
export const words: ReadonlyMap<string, ArchitectureWord> = new Map<string, ArchitectureWord>([
  ...sizeWords.map((text) => [text, { kind: "size", meaning: "size within the line" }] as const),
  ...Object.entries(entries),
]);

interface WordPattern {
  readonly pattern: RegExp;
  readonly kind: ArchitectureKind;
  readonly meaning: (found: RegExpExecArray) => string;
  /** Holds only where a ViT stands on a convolutional backbone. */
  readonly hybridOnly?: boolean;
}

/** Words with numbers; the first that fits holds. */
export const patterns: readonly WordPattern[] = [
  { pattern: /^patch(\d+)$/, kind: "patch", meaning: ([, n]) => `patches of ${n} x ${n} pixels` },
  { pattern: /^p(\d+)$/, kind: "patch", meaning: ([, n]) => `patches of ${n} x ${n} pixels` },
  {
    pattern: /^window(?:(\d+)to)?(\d+)$/,
    kind: "window",
    meaning: ([, from, n]) =>
      from === undefined
        ? `windows of ${n} x ${n} tokens`
        : `windows of ${n} x ${n} tokens, ${from} x ${from} in pretraining`,
  },
  {
    pattern: /^reg(\d+)$/,
    kind: "registers",
    meaning: ([, n]) => (n === "1" ? "1 register token" : `${n} register tokens`),
  },
  { pattern: /^so(\d+)m(\d*)$/, kind: "size", meaning: ([, n]) => `shape optimised for ${n} million parameters` },
  {
    pattern: /^(\d+)([mb])$/,
    kind: "size",
    meaning: ([, n, unit]) => `about ${n} ${unit === "m" ? "million" : "billion"} parameters`,
  },
  { pattern: /^(\d+)x(\d+)d$/, kind: "cardinality", meaning: ([, n, m]) => `${n} groups of ${m} channels` },
  { pattern: /^s(\d+)$/, kind: "stride", meaning: ([, n]) => `stride ${n} of the backbone`, hybridOnly: true },
  {
    pattern: /^r(\d*)$/,
    kind: "backbone",
    meaning: ([, n]) => (n === "" ? "ResNet backbone" : `ResNet backbone of ${n} layers`),
    hybridOnly: true,
  },
  {
    pattern: /^resnet(\d+)d?$/,
    kind: "backbone",
    meaning: ([, n]) => `ResNet backbone of ${n} layers`,
    hybridOnly: true,
  },
  { pattern: /^[bf]\d$/, kind: "size", meaning: () => "step of the line's scaling" },
  { pattern: /^v(\d)$/, kind: "variant", meaning: ([, n]) => `version ${n}` },
  { pattern: /^(\d+)w$/, kind: "cardinality", meaning: ([, n]) => `${n} channels in each split` },
  { pattern: /^(\d+)s$/, kind: "cardinality", meaning: ([, n]) => `${n} splits` },
  { pattern: /^(\d+)e$/, kind: "variant", meaning: ([, n]) => `${n} experts` },
  { pattern: /^lite(\d)$/, kind: "size", meaning: ([, n]) => `lite variant, step ${n} of the scaling` },
  { pattern: /^fl(\d)$/, kind: "variant", meaning: ([, n]) => `${n} focal levels` },
];

/** A line that ends in a depth, with the blocks' variant before it and the stem's letters behind. */
export const depthLine =
  /^(se|eca|gc|sk)?((?:resnet|resnext|resnest|res2net|res2next|resnetaa|resnextaa|resnetblur|resnetrs|densenet|densenetblur|vgg|dpn|vovnet|darknet|darknetaa|xception|senet|botnet|botnext|halonet|halonext))(\d{2,3})([a-z]{0,2})$/;

/** Lines whose three digits are a width in hundredths. */
const widthLine =
  /^(?:fbnetc|ghostnet|lcnet|(?:se|sp)?(?:mnasnet|nasnet)|mobilenetv[1-4]|mobilevitv2|repghostnet|rexnet)/;

/** What a bare number behind a line says that has no size of the input in its name. */
export function numberWord(line: string, text: string): ArchitectureWord | undefined {
  const digits = /^\d{3,4}$/.test(text) ? Number(text) : undefined;
  if (digits !== undefined && widthLine.test(line)) return { kind: "size", meaning: `width times ${digits / 100}` };
  if (digits !== undefined && line.startsWith("regnet")) return { kind: "size", meaning: `about ${digits / 10} GMACs` };
  if (line !== "resnetv2") return undefined;
  const [, depth, width] = /^(\d{2,3})[a-z]?(?:x(\d))?$/.exec(text) ?? [];
  if (depth === undefined) return undefined;
  return {
    kind: "depth",
    meaning: width === undefined ? `${depth} layers` : `${depth} layers, ${width} times as wide`,
  };
}
