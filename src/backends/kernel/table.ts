/**
 * What kernels do, as far as it decides how they are cut: sums of products by what they read again and again, rows that are passed
 * several times, and sums without products.
 */
export const shapeClasses = [
  "pointwise",
  "window",
  "stem",
  "grouped",
  "depthwise",
  "linear",
  "vector",
  "matmul",
  "attention",
  "rows",
  "pool",
  "reduction",
  "elements",
] as const;
export type ShapeClass = (typeof shapeClasses)[number];

/** How a kernel is cut. Columns are its last axis, rows the others; where an axis is too short for it, a number is less. */
export interface Tile {
  /** Vectors of columns that a thread has, and how many threads lie side by side along them. */
  readonly columns: number;
  readonly columnThreads: number;
  /** Rows that a thread has, of attention keys that it takes at a time, and how many threads lie along rows. */
  readonly rows: number;
  readonly rowThreads: number;
  /** Threads that share a sum. */
  readonly split: number;
  /** How many axes of a window, from the innermost on, are passed without a loop. */
  readonly unroll: number;
  /** Vectors of the depth of a product that a thread passes at a time. */
  readonly depth: number;
  /** Whether factors come through the workgroup's memory: 1, or 0 where each thread reads for itself. */
  readonly stages: number;
}

/** The largest tile of a class, of which a kernel gets as much as keeps the device busy. */
interface ClassTile extends Omit<Tile, "rowThreads"> {
  /** Threads of a workgroup. */
  readonly workgroup: number;
  /** Terms of a sum that a thread has at least, where it is shared. */
  readonly share: number;
}

/** Tiles for a kind of device, and those that were measured on one, by the key of a shape. */
export interface Table {
  /** Threads from which on a device is busy. */
  readonly busy: number;
  /** Threads from which on it has others to run while those of a workgroup wait for each other. */
  readonly crowded: number;
  readonly classes: Readonly<Record<ShapeClass, ClassTile>>;
  readonly measured?: Readonly<Record<string, Tile>>;
}

const product: ClassTile = {
  columns: 2,
  columnThreads: 16,
  rows: 8,
  split: 16,
  unroll: 0,
  depth: 2,
  stages: 1,
  workgroup: 64,
  share: 32,
};
const plain: ClassTile = { ...product, columns: 1, rows: 1, split: 1, depth: 1, stages: 0 };

/**
 * For GPUs. A product reads (rows + 4 columns) vectors for 4 rows columns multiplications of vectors, so that larger tiles read
 * less; what a device of some ten thousand resident threads lacks in work is made up by smaller tiles, then by sharing sums.
 */
export const gpuTable: Table = {
  busy: 6144,
  crowded: 24_576,
  classes: {
    pointwise: product,
    window: product,
    stem: { ...product, rows: 4, unroll: 1, depth: 1, stages: 0 },
    grouped: { ...product, depth: 1, stages: 0 },
    depthwise: { ...plain, rows: 4, unroll: 2 },
    linear: product,
    vector: { ...plain, split: 32, workgroup: 256, share: 8 },
    matmul: product,
    attention: { ...plain, rows: 4, columnThreads: 1, stages: 1 },
    rows: { ...plain, split: 32, share: 8 },
    pool: { ...plain, split: 64, share: 16, workgroup: 128 },
    reduction: { ...plain, split: 64, share: 4, workgroup: 128 },
    elements: { ...plain, columnThreads: 64 },
  },
};
