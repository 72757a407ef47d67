/**
 * The classes of a pretrained tag's tokens. A token has one class, except a bare number of three or four digits, which
 * is a resolution only at the end of a tag.
 */
const tokenClasses = [
  "labels",
  "organisation",
  "objective",
  "data",
  "recipe",
  "distillation",
  "mark",
  "epochs",
  "resolution",
  "number",
] as const;
export type TokenClass = (typeof tokenClasses)[number];

/** What one token of a tag says. */
export interface TokenMeaning {
  readonly class: TokenClass;
  /** In words. */
  readonly meaning: string;
  /** False where nothing public says what the token stands for; `meaning` then says so. */
  readonly documented: boolean;
  /** Pixels, epochs, or what else the token counts. */
  readonly value?: number;
  /** The release that the token names, such as "2.1". */
  readonly version?: string;
}

type Words = Readonly<Record<string, string>>;

const labels: Words = {
  in1k: "ImageNet-1k, 1,000 classes",
  in12k: "ImageNet-12k, timm's 11,821 classes of ImageNet-22k",
  in21k: "ImageNet-21k, 21,843 classes (11,221 in MIIL's cleaned set)",
  in22k: "ImageNet-22k, 21,841 classes",
  inw21k: "ImageNet-21k, winter release, 19,168 classes",
};

const organisations: Words = {
  apple: "Apple",
  bd: "ByteDance",
  cvnets: "Apple's CVNets library",
  deit: "DeiT's authors (Facebook AI)",
  dm: "DeepMind",
  fb: "Meta AI (Facebook)",
  gluon: "Gluon CV (MXNet)",
  goog: "Google",
  idstcv: "Alibaba's IDST computer vision group",
  miil: "Alibaba's MIIL group",
  ms: "Microsoft",
  msft: "Microsoft",
  mx: "MXNet",
  nav: "RexNet's author (Naver)",
  naver: "Naver AI",
  nv: "NVIDIA",
  openai: "OpenAI",
  paddle: "PaddlePaddle (Baidu)",
  pycls: "Facebook's pycls library",
  rvgg: "RepVGG's authors",
  sail: "Sea AI Lab",
  snap: "Snap",
  tf: "TensorFlow weights, converted",
  timm: "timm's author",
  tv: "torchvision, first recipe",
  tv2: "torchvision, second recipe",
  usi: "Alibaba's USI, one training scheme for any backbone",
};

const objectives: Words = {
  clip: "CLIP, images matched with texts",
  dino: "DINO, self-distillation without labels",
  dinov3: "DINOv3, self-distillation without labels",
  eupe: "EUPE, one encoder distilled from several teachers",
  fcmae: "FCMAE, masked patches restored by a convolutional autoencoder (ConvNeXt V2)",
  florence2: "Florence-2's vision tower",
  gemma3n: "Gemma 3n's vision tower",
  gemma4: "Gemma 4's vision tower",
  ijepa: "I-JEPA, representations of hidden regions predicted",
  indomain: "BEiT-3, in-domain pretraining",
  mae: "MAE, masked patches restored",
  mclip: "MobileCLIP, images matched with texts",
  mclip2: "MobileCLIP 2, images matched with texts",
  metaclip: "MetaCLIP, images matched with curated texts",
  metaclip2: "MetaCLIP 2, images matched with texts of all languages",
  mim: "masked image modelling",
  ns: "noisy student, trained on its own labels for unlabelled images",
  ogvl: "OpenGVLab's InternViT",
  pali: "PaliGemma's vision tower",
  pali2: "PaliGemma 2's vision tower",
  seer: "SEER, self-supervised on uncurated images",
  ssl: "semi-supervised: labels by a teacher",
  ssld: "SSLD, semi-supervised label distillation (PaddlePaddle)",
  swag: "SWAG, weakly supervised by hashtags",
  swsl: "semi-weakly supervised: hashtags and labels by a teacher",
  tinyclip: "TinyCLIP, distilled from a larger CLIP",
  wsl: "weakly supervised by hashtags",
};

const data: Words = {
  "2pt5b": "2.5 billion image-text pairs (MetaCLIP)",
  "400m": "400 million image-text pairs (MetaCLIP)",
  "6m": "6 million images (SSLD)",
  altogether: "image-text pairs with re-aligned captions (Altogether)",
  cc12m: "Conceptual 12M, image-text pairs",
  datacomp1b: "DataComp-1B, image-text pairs",
  datacompxl: "DataComp at scale xlarge, image-text pairs",
  dfn2b: "DFN-2B, filtered image-text pairs",
  dfn5b: "DFN-5B, filtered image-text pairs",
  dfndr2b: "DFNDR-2B, filtered image-text pairs with stored teacher outputs (MobileCLIP 2)",
  docci: "DOCCI, detailed captions",
  i18n: "WebLI in many languages",
  ig1b: "Instagram, about 1 billion images",
  jft: "JFT, Google's internal images",
  laion2b: "LAION-2B, image-text pairs",
  laion400m: "LAION-400M, image-text pairs",
  laiona: "LAION-Aesthetic, image-text pairs",
  lvd142m: "LVD-142M, curated images (DINOv2)",
  lvd1689m: "LVD-1689M, curated images (DINOv3)",
  m30m: "merged set of about 30 million images (EVA)",
  m38m: "merged set of about 38 million images (EVA-02)",
  merged2b: "Merged-2B, LAION-2B and COYO pairs (EVA-CLIP)",
  ocrvqa: "OCR-VQA, questions about text in pictures",
  refcoco: "RefCOCO, described regions",
  sa1b: "SA-1B, Segment Anything's images",
  sat493m: "SAT-493M, satellite images (DINOv3)",
  webli: "WebLI, Google's image-text pairs",
  worldwide: "image-text pairs of all languages (MetaCLIP 2)",
  yfcc100m: "YFCC100M, Flickr images",
  yfcc15m: "YFCC15M, Flickr images with texts",
};

const recipes: Words = {
  a1: "ResNet Strikes Back A1: LAMB, binary cross-entropy, 600 epochs",
  a1h: "A1 with stronger regularisation: LAMB",
  a2: "ResNet Strikes Back A2: LAMB, binary cross-entropy, 300 epochs",
  a2h: "A2 with stronger regularisation: LAMB",
  a3: "ResNet Strikes Back A3: LAMB, binary cross-entropy, 100 epochs at 160 pixels",
  aa: "AutoAugment",
  adv: "adversarial training",
  agc: "SGD with adaptive gradient clipping",
  ah: "variant of the A recipes: LAMB",
  am: "AugMix: SGD",
  ap: "AdvProp, adversarial examples with norms of their own",
  aug: "extra augmentation",
  augreg: 'augmentation and regularisation of "How to train your ViT"',
  augreg2: 'second recipe with the augmentation and regularisation of "How to train your ViT"',
  b1k: "variant of the B recipe: RMSProp, step decay",
  b2k: "variant of the B recipe: RMSProp, step decay",
  bt: "bag of tricks: SGD, cosine decay",
  c1: "C recipe, variant 1: SGD, adaptive gradient clipping",
  c2: "C recipe, variant 2: SGD, adaptive gradient clipping",
  c2ns: "C recipe, variant 2ns: SGD, adaptive gradient clipping",
  c3: "C recipe, variant 3: SGD, adaptive gradient clipping",
  ch: "variant of the C recipes: SGD, adaptive gradient clipping",
  d: "D recipe: AdamW, binary cross-entropy",
  d1: "D recipe, variant 1: AdamW, binary cross-entropy",
  d1h: "D recipe, variant 1 with stronger regularisation: AdamW, binary cross-entropy",
  d2: "D recipe, variant 2: AdamW, binary cross-entropy",
  ens: "ensemble adversarial training",
  green: "MIIL's recipe for HardCoRe-NAS",
  lamb: "LAMB optimiser",
  lion: "Lion optimiser",
  nadamuon: "NAdaMuon optimiser",
  orig: "the paper's original weights",
  plus: 'the model\'s "plus" weights',
  ra: "RandAugment: RMSProp, step decay",
  ra2: "RandAugment, second recipe: RMSProp, step decay, averaged weights",
  ra3: "RandAugment, third recipe: RMSProp, step decay, averaged weights",
  ra4: "RandAugment, fourth recipe (MobileNet-V4)",
  racm: "RandAugment and CutMix: RMSProp",
  ram: "RandAugment and AugMix: SGD",
  rewind: "last part of the training repeated from an earlier state",
  rmsp: "RMSProp without RandAugment",
  sam: "the optimiser SAM, sharpness-aware minimisation (not Segment Anything)",
  sbb: "timm's search for a better baseline (small ViTs)",
  sbb2: "timm's second search for a better baseline (small ViTs)",
  soup: "model soup, weights of several runs averaged",
  sw: "Swin-like: AdamW, gradient clipping, averaged weights",
};

/** They tell training variants apart, and nobody has said which. */
const undocumentedRecipes = ["ad", "ix", "pd"] as const;

const distillation: Words = {
  dist: "distilled from a teacher",
  distilled: "distilled from a teacher",
  teacher: "the teacher of a distillation",
};

const marks: Words = {
  ft: "fine-tuned on what follows",
  it: "instruction tuned",
  lc: "linear classifier, the backbone frozen",
  lt: "long training",
  ltt: "locked text tuning",
  mix: "mixture of tasks",
  pretrain: "pretrained, without published weights",
  pt: "pretrained only",
  seg: "segmentation",
  stage1: "first stage of the training",
  stage2: "second stage of the training",
  tiling: "for tiled images",
  untrained: "no weights",
};

const numbers: Readonly<Record<string, Omit<TokenMeaning, "class" | "documented">>> = {
  "10b": { meaning: "language model of 10 billion parameters", value: 10e9 },
  "31b": { meaning: "language model of 31 billion parameters", value: 31e9 },
  "3b": { meaning: "language model of 3 billion parameters", value: 3e9 },
  e4b: { meaning: "language model of 4 billion effective parameters", value: 4e9 },
  "2pt1": { meaning: "release 2.1 (SAM 2.1)", version: "2.1" },
  "2pt5": { meaning: "release 2.5 (InternViT 2.5)", version: "2.5" },
  patch16: { meaning: "teacher with patches of 16 pixels (FlexiViT)", value: 16 },
  patch30: { meaning: "teacher with patches of 30 pixels (FlexiViT)", value: 30 },
  s39b: { meaning: "39 billion samples seen", value: 39e9 },
  s576: { meaning: "sequences of up to 576 tokens", value: 576 },
  v2: { meaning: "second version (SigLIP 2)", version: "2" },
};

const worded: readonly (readonly [TokenClass, Words])[] = [
  ["labels", labels],
  ["organisation", organisations],
  ["objective", objectives],
  ["data", data],
  ["recipe", recipes],
  ["distillation", distillation],
  ["mark", marks],
];

/** Every token that has an entry of its own; sizes and epoch counts follow patterns instead. */
export const tokenTable: ReadonlyMap<string, TokenMeaning> = new Map<string, TokenMeaning>([
  ...worded.flatMap(([kind, words]) =>
    Object.entries(words).map(([text, meaning]) => [text, { class: kind, meaning, documented: true }] as const),
  ),
  ...undocumentedRecipes.map(
    (text) => [text, { class: "recipe", meaning: "unknown variant, not documented", documented: false }] as const,
  ),
  ...Object.entries(numbers).map(([text, entry]) => [text, { class: "number", documented: true, ...entry }] as const),
]);

/** 224 -> "224 x 224 pixels" */
export const pixels = (side: number): string => `${side} x ${side} pixels`;

/**
 * What a token says; `isLast` is its place in the tag, where alone a bare number is a size. Undefined for a token that is
 * neither in the table nor follows a pattern.
 */
export function tokenMeaning(text: string, isLast: boolean): TokenMeaning | undefined {
  const known = tokenTable.get(text);
  if (known !== undefined) return known;
  const side = /^r([1-9]\d{1,3})$/.exec(text)?.[1] ?? (isLast ? /^[1-9]\d{2,3}$/.exec(text)?.[0] : undefined);
  if (side !== undefined)
    return { class: "resolution", meaning: pixels(Number(side)), documented: true, value: Number(side) };
  const epochs = /^(?:e([1-9]\d{0,3})|([1-9]\d{0,3})(?:e|ep))$/.exec(text);
  const count = epochs?.[1] ?? epochs?.[2];
  if (count === undefined) return undefined;
  return { class: "epochs", meaning: `${count} epochs`, documented: true, value: Number(count) };
}
