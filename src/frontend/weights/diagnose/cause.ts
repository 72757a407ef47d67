import { sameShape } from "../../../ir/dim.ts";
import { elements } from "./entry.ts";
import { relateShapes } from "./relation.ts";

/** Which parameters the model's configuration names: what their extents mean is known. */
export interface KnownParts {
  readonly firstConv: readonly string[];
  readonly classifier: readonly string[];
}

/** Why an entry of the right name may have another shape: in words, and where an argument mends it, that argument. */
interface Cause {
  readonly text: string;
  readonly arg: string | null;
}

type Shape = readonly number[];

/** How an argument is given: pretrained weights of other classes than their configuration says need another one. */
export const optionFor = (kind: "pretrained" | "file", arg: string): string =>
  `${kind === "pretrained" && arg.startsWith("num_classes=") ? "--cfg" : "--arg"} ${arg}`;

/** The likely cause of two shapes under one name. `wanted` is the model's. */
export function causeOf(name: string, wanted: Shape, found: Shape, parts: KnownParts): Cause {
  return byPart(name, wanted, found, parts) ?? { text: byShape(name, wanted, found), arg: null };
}

function byPart(name: string, wanted: Shape, found: Shape, { firstConv, classifier }: KnownParts): Cause | undefined {
  const module = name.replace(/\.(?:weight|bias)$/, "");
  if (classifier.includes(module) && sameShape(wanted.slice(1), found.slice(1)) && found[0] !== undefined)
    return { text: `${found[0]} classes, not ${wanted[0]}`, arg: `num_classes=${found[0]}` };
  const [outputs, inputs, ...kernel] = found;
  if (!firstConv.includes(module) || inputs === undefined || found.length !== 4) return undefined;
  if (outputs !== wanted[0] || inputs === wanted[1] || !sameShape(kernel, wanted.slice(2))) return undefined;
  return { text: `${inputs} input channels, not ${wanted[1]}`, arg: `in_chans=${inputs}` };
}

function byShape(name: string, wanted: Shape, found: Shape): string {
  const relation = relateShapes(wanted, found);
  if (relation === "transposed")
    return wanted.length === 2 ? "transposed" : "the axes of TensorFlow and Flax: height, width, inputs, outputs";
  if (relation === "reshaped") return found.length < wanted.length ? "flattened" : "with more axes";
  if (elements(wanted) === elements(found)) return "as many numbers in another shape";
  if (/relative_position|rel_pos|\brpb\b/.test(name)) return "another window or another image size";
  if (/pos_embed|position/.test(name) && wanted.at(-1) === found.at(-1))
    return "positions of another image size or patch size";
  if (wanted.length === 4 && found.length === 4 && sameShape(wanted.slice(0, 2), found.slice(0, 2)))
    return "another kernel or patch size";
  if (wanted.length !== found.length) return "another number of axes: a layer of another kind";
  return "another width";
}
