import { TimmcError } from "../ir/error.ts";
import type { Artifact } from "./artifact.ts";
import { type SizedManifest, manifestSizes } from "./manifest-sizes.ts";
import { type Many, mapMany } from "./many.ts";
import { type Size, sizeName } from "./sizes.ts";

/** An artifact as one of its sizes alone. */
export type SizedArtifact = Artifact & SizedManifest;

/** An artifact size by size; one that has but one size, itself. */
export const artifactSizes = (artifact: Artifact): Many<SizedArtifact> =>
  mapMany(manifestSizes(artifact.manifest), (sized) => ({ ...artifact, ...sized }));

/**
 * An artifact at the size that is asked for, or at its first; one whose height and width are open is prepared for it.
 * Throws `usage` with the sizes that it has.
 */
export function artifactAt(artifact: Artifact, size: Size | undefined): SizedArtifact {
  const sizes = artifactSizes(artifact);
  if (size === undefined) return sizes[0];
  const { dynamic_size: multiple } = artifact.manifest.request;
  if (multiple !== undefined) return preparedFor(artifact, size, multiple);
  const found = sizes.find((sized) => sizeName(sized.size) === sizeName(size));
  if (found !== undefined) return found;
  const names = sizes.map((sized) => sizeName(sized.size));
  throw new TimmcError("usage", `the artifact has no graph for ${sizeName(size)}`, {
    trail: [artifact.folder],
    hint:
      names.length === 1
        ? `It takes ${names.join()} alone. timmc compile --sizes makes one for several.`
        : `Its sizes are ${names.join(", ")}.`,
  });
}

/** Whether `artifactAt` has this size. */
export function hasSize(artifact: Artifact, size: Size): boolean {
  const { dynamic_size: multiple } = artifact.manifest.request;
  return multiple === undefined
    ? artifactSizes(artifact).some((sized) => sizeName(sized.size) === sizeName(size))
    : size.every((side) => side % multiple === 0);
}

function preparedFor(artifact: Artifact, size: Size, multiple: number): SizedArtifact {
  if (size.some((side) => side % multiple !== 0))
    throw new TimmcError("usage", `the artifact takes multiples of ${multiple}, and not ${sizeName(size)}`, {
      trail: [artifact.folder],
    });
  const { manifest } = artifact;
  const [channels] = manifest.request.input_size;
  const request = { ...manifest.request, input_size: [channels, ...size] as const };
  return { ...artifact, manifest: { ...manifest, request }, size, place: undefined };
}
