import { createHash } from "node:crypto";
import { identities } from "../../ir/identity.ts";
import type { EmittedInitializer, EmittedModel } from "./emit.ts";
import { type Initializer, isLarge, placeExternally } from "./writer.ts";

/** A model that is going to share its tensors. */
interface SharingModel extends EmittedModel {
  /** What the values of a parameter are made of: equal ones of one name and type are equal values in every model. */
  readonly parameterIdentity: (name: string) => string;
}

/** The tensors of several models. */
export interface SharedTensors {
  /** Each once, in the order in which the models first have them. */
  readonly tensors: readonly EmittedInitializer[];
  /** Those of each model: which of `tensors`, and under which name. */
  readonly members: readonly (readonly Member[])[];
}

interface Member {
  readonly name: string;
  readonly index: number;
}

/**
 * Shares the tensors of several models by what they are, not by their bytes, of which nothing is read: tensors of one
 * expression over the same parameters are one.
 */
export function shareTensors(models: readonly SharingModel[]): SharedTensors {
  const tensors: EmittedInitializer[] = [];
  const indices = new Map<string, number>();
  const members = models.map(({ initializers, parameterIdentity }) => {
    const identityOf = identities(parameterIdentity);
    return initializers.map((tensor): Member => {
      const identity = tensor.weight === undefined ? identityOfConstant(tensor) : identityOf(tensor.weight);
      const index = indices.get(identity) ?? tensors.push(tensor) - 1;
      indices.set(identity, index);
      return { name: tensor.header.name, index };
    });
  });
  return { tensors, members };
}

/** Of numbers that the emission has at hand. */
function identityOfConstant(tensor: EmittedInitializer): string {
  const { dtype, dims } = tensor.header;
  return createHash("sha256")
    .update(`${dtype}[${dims.join(",")}]`)
    .update(tensor.bytes())
    .digest("hex");
}

/** Shared tensors with their places. */
interface PlacedTensors {
  /** What `externalData` writes. */
  readonly data: readonly Initializer[];
  /** Of each model, under its own names. */
  readonly initializers: readonly (readonly Initializer[])[];
}

/**
 * Gives shared tensors their places: those that `leaves` names in the data file `location`, beside the models, the others
 * in each model. Each is evaluated once however many files are written, since the bytes of those in the models, which are
 * small, are kept.
 */
export function placeShared(
  { tensors, members }: SharedTensors,
  location: string,
  leaves: (tensor: EmittedInitializer) => boolean = isLarge,
): PlacedTensors {
  const once = tensors.map((tensor) => (leaves(tensor) ? tensor : kept(tensor)));
  const data = placeExternally(once, location, leaves);
  const initializers = members.map((all) =>
    all.flatMap(({ name, index }): Initializer[] => {
      const placed = data[index];
      return placed === undefined ? [] : [{ header: { ...placed.header, name }, bytes: () => placed.bytes() }];
    }),
  );
  return { data, initializers };
}

/** The same tensor, which is evaluated once. */
function kept(tensor: EmittedInitializer): EmittedInitializer {
  let bytes: Uint8Array | undefined;
  return { ...tensor, bytes: () => (bytes ??= tensor.bytes()) };
}
