import type { FileKeys } from "./remap.ts";

/**
 * MetaFormer-like code lists the blocks of all stages under `network`, with a downsampling (`proj`) between two stages: the
 * stage of entry i is the number of downsamplings up to it.
 */
export const networkStage = (file: FileKeys, i: number): number =>
  Array.from({ length: i + 1 }, (_, j) => j).filter((j) => file.some(new RegExp(`^network\\.${j}\\.proj\\.`))).length;
