import type { Family } from "./family.ts";

/** Families that can be lowered; each is imported when one of its architectures is asked for. */
const loaders: Readonly<Record<string, () => Promise<{ readonly default: Family }>>> = {
  beit: () => import("./beit/beit.ts"),
  byoanet: () => import("./byoanet/byoanet.ts"),
  byobnet: () => import("./byobnet/byobnet.ts"),
  cait: () => import("./cait/cait.ts"),
  coat: () => import("./coat/coat.ts"),
  convit: () => import("./convit/convit.ts"),
  convnext: () => import("./convnext/convnext.ts"),
  crossvit: () => import("./crossvit/crossvit.ts"),
  cspnet: () => import("./cspnet/cspnet.ts"),
  deit: () => import("./deit/deit.ts"),
  densenet: () => import("./densenet/densenet.ts"),
  dla: () => import("./dla/dla.ts"),
  dpn: () => import("./dpn/dpn.ts"),
  efficientformer: () => import("./efficientformer/efficientformer.ts"),
  efficientnet: () => import("./efficientnet/efficientnet.ts"),
  efficientvit_mit: () => import("./efficientvit-mit/efficientvit-mit.ts"),
  efficientvit_msra: () => import("./efficientvit-msra/efficientvit-msra.ts"),
  eva: () => import("./eva/eva.ts"),
  fastvit: () => import("./fastvit/fastvit.ts"),
  ghostnet: () => import("./ghostnet/ghostnet.ts"),
  hardcorenas: () => import("./hardcorenas/hardcorenas.ts"),
  hgnet: () => import("./hgnet/hgnet.ts"),
  levit: () => import("./levit/levit.ts"),
  mlp_mixer: () => import("./mlp-mixer/mlp-mixer.ts"),
  mobilenetv3: () => import("./mobilenetv3/mobilenetv3.ts"),
  mobilenetv5: () => import("./mobilenetv5/mobilenetv5.ts"),
  mobilevit: () => import("./mobilevit/mobilevit.ts"),
  nfnet: () => import("./nfnet/nfnet.ts"),
  pit: () => import("./pit/pit.ts"),
  regnet: () => import("./regnet/regnet.ts"),
  repghost: () => import("./repghost/repghost.ts"),
  repvit: () => import("./repvit/repvit.ts"),
  res2net: () => import("./res2net/res2net.ts"),
  resnest: () => import("./resnest/resnest.ts"),
  resnet: () => import("./resnet/resnet.ts"),
  resnetv2: () => import("./resnetv2/resnetv2.ts"),
  rexnet: () => import("./rexnet/rexnet.ts"),
  selecsls: () => import("./selecsls/selecsls.ts"),
  senet: () => import("./senet/senet.ts"),
  shvit: () => import("./shvit/shvit.ts"),
  sknet: () => import("./sknet/sknet.ts"),
  swin_transformer: () => import("./swin-transformer/swin-transformer.ts"),
  tiny_vit: () => import("./tiny-vit/tiny-vit.ts"),
  tresnet: () => import("./tresnet/tresnet.ts"),
  vgg: () => import("./vgg/vgg.ts"),
  vision_transformer: () => import("./vision-transformer/vision-transformer.ts"),
  vision_transformer_relpos: () => import("./vision-transformer-relpos/vision-transformer-relpos.ts"),
  vision_transformer_sam: () => import("./vision-transformer-sam/vision-transformer-sam.ts"),
  vitamin: () => import("./vitamin/vitamin.ts"),
  vovnet: () => import("./vovnet/vovnet.ts"),
  xcit: () => import("./xcit/xcit.ts"),
};

export const supportedFamilies: readonly string[] = Object.keys(loaders);

export const isSupported = (family: string): boolean => Object.hasOwn(loaders, family);

/** The definition of a family, or undefined where none is written yet. */
export const loadFamily = async (family: string): Promise<Family | undefined> => (await loaders[family]?.())?.default;
