/** Google's .npz files of Big Transfer (timm's _load_weights). */
import type { Remap, Step } from "../remap/remap.ts";
import { flaxKernel, only, rename } from "../remap/steps.ts";

const unit = String.raw`block(\d+)/unit(\d+)`;

/** Blocks and units are counted from 1 there, units with two digits. */
const recount = (rest: string, to: string): Step =>
  rename(
    new RegExp(`^${unit}/${rest}$`),
    ([, stage, index]) => `stages.${Number(stage) - 1}.blocks.${Number(index) - 1}.${to}`,
  );

const branch = (letter: string, index: number): readonly Step[] => [
  recount(`${letter}/standardized_conv2d/kernel`, `conv${index}.weight`),
  recount(`${letter}/group_norm/gamma`, `norm${index}.weight`),
  recount(`${letter}/group_norm/beta`, `norm${index}.bias`),
];

export const remap: Remap = {
  layouts: [
    {
      name: "Big Transfer",
      when: (file) => file.has("resnet/root_block/standardized_conv2d/kernel"),
      steps: [
        only("resnet/"),
        flaxKernel(/^(.*standardized_conv2d)\/kernel$/, "$1/kernel"),
        flaxKernel(/^head\/conv2d\/kernel$/, "head.fc.weight"),
        rename(/^head\/conv2d\/bias$/, "head.fc.bias"),
        rename(/^root_block\/standardized_conv2d\/kernel$/, "stem.conv.weight"),
        rename(/^group_norm\/gamma$/, "norm.weight"),
        rename(/^group_norm\/beta$/, "norm.bias"),
        ...["a", "b", "c"].flatMap((letter, i) => branch(letter, i + 1)),
        recount("a/proj/standardized_conv2d/kernel", "downsample.conv.weight"),
      ],
    },
  ],
  tail: [],
};
