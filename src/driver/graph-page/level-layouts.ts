import type { ELK, ElkExtendedEdge, ElkNode } from "elkjs";
import { type Level, levelOf, signatureOf } from "./browser/levels.js";
import type { GraphModel, ModuleNode } from "./browser/model.js";
import type { LayoutData } from "./page-data.ts";

const padding = 16;
/** Between a box and the one below it. */
const gap = 24;

/** From top to bottom, in straight lines; main paths straight, shortcuts beside them. */
const layoutOptions = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.layered.mergeEdges": "true",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.layered.considerModelOrder.strategy": "PREFER_EDGES",
  "elk.spacing.nodeNode": "28",
  "elk.spacing.edgeNode": "18",
  "elk.spacing.edgeEdge": "12",
  "elk.layered.spacing.nodeNodeBetweenLayers": String(gap),
  "elk.layered.spacing.edgeNodeBetweenLayers": "10",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "10",
  "elk.padding": `[top=${padding},left=${padding},bottom=${padding},right=${padding}]`,
} as const;

/** Lays levels out; those that look the same, such as 24 equal blocks, share one layout. */
export class Layouts {
  readonly layouts: LayoutData[] = [];
  private readonly places = new Map<string, number>();
  private readonly elk: ELK;

  private constructor(elk: ELK) {
    this.elk = elk;
  }

  /** Loads the layouter, which takes a while and is of use to nothing else. */
  static async load(): Promise<Layouts> {
    const { default: elk } = await import("elkjs");
    return new Layouts(new elk.default());
  }

  /** By module: the place of its level's layout, -1 where nothing of it runs. */
  async ofGraph(graph: GraphModel, modules: readonly ModuleNode[]): Promise<number[]> {
    const places: number[] = [];
    for (const module of modules) {
      const runs = (graph.facts[module.index]?.ops ?? 0) > 0;
      places.push(runs ? await this.placeOf(levelOf(graph, module)) : -1);
    }
    return places;
  }

  private async placeOf(level: Level): Promise<number> {
    const signature = signatureOf(level);
    const known = this.places.get(signature);
    if (known !== undefined) return known;
    const place = this.layouts.length;
    this.places.set(signature, place);
    this.layouts.push(isChain(level) ? stacked(level) : placed(await this.elk.layout(problemOf(level))));
    return place;
  }
}

/** Each item follows the one before it, and nothing else: most levels near the leaves. */
const isChain = ({ items, edges }: Level): boolean =>
  edges.length === items.length - 1 && edges.every(([from, to], i) => from === i && to === i + 1);

/** What the layouter makes of a chain, without it. */
function stacked({ items, edges }: Level): LayoutData {
  const width = Math.max(...items.map((item) => item.width)) + 2 * padding;
  let y = padding;
  const boxes = items.map((item) => {
    const box = [(width - item.width) / 2, y, item.width, item.height];
    y += item.height + gap;
    return box;
  });
  const ends = edges.map(([from, to]) => [
    from,
    to,
    width / 2,
    (boxes[to]?.[1] ?? 0) - gap,
    width / 2,
    boxes[to]?.[1] ?? 0,
  ]);
  return { width, height: y - gap + padding, items: boxes, edges: ends };
}

const problemOf = ({ items, edges }: Level): ElkNode => ({
  id: "level",
  layoutOptions: { ...layoutOptions },
  children: items.map(({ width, height, kind }, i) => ({
    id: String(i),
    width,
    height,
    ...(kind === "input" ? { layoutOptions: { "elk.layered.layering.layerConstraint": "FIRST" } } : {}),
    ...(kind === "output" ? { layoutOptions: { "elk.layered.layering.layerConstraint": "LAST" } } : {}),
  })),
  edges: edges.map(([from, to], i): ElkExtendedEdge => ({
    id: `e${i}`,
    sources: [String(from)],
    targets: [String(to)],
  })),
});

const whole = (n: number | undefined): number => Math.round(n ?? 0);

const placed = ({ children = [], edges = [], width, height }: ElkNode): LayoutData => ({
  width: whole(width),
  height: whole(height),
  items: children.map((c) => [whole(c.x), whole(c.y), whole(c.width), whole(c.height)]),
  edges: edges.map((edge) => [Number(edge.sources[0]), Number(edge.targets[0]), ...cornersOf(edge)]),
});

const cornersOf = ({ sections = [] }: ElkExtendedEdge): number[] =>
  sections.flatMap(({ startPoint, bendPoints = [], endPoint }) =>
    [startPoint, ...bendPoints, endPoint].flatMap(({ x, y }) => [whole(x), whole(y)]),
  );
