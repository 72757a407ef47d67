import { describe, expect, it } from "vitest";
import { costOf } from "../../../src/driver/graph-page/browser/costs.js";
import { levelOf, signatureOf } from "../../../src/driver/graph-page/browser/levels.js";
import { type GraphModel, type PageModel, contains, decodePage } from "../../../src/driver/graph-page/browser/model.js";
import { type PageRequest, graphPage } from "../../../src/driver/graph-page/graph-page.ts";
import { inspect } from "../../../src/driver/inspect.ts";
import { compileTiny, temporaryFolder } from "../workspace.ts";

const tiny: PageRequest = { model: "test_resnet", inputSize: [3, 64, 64], weights: "synthetic" };
const pageOf = async (request: Partial<PageRequest> = {}): Promise<PageModel> =>
  decodePage((await graphPage({ ...tiny, ...request })).data);
const moduleAt = ({ modules }: PageModel, path: string) => {
  const found = modules.find((m) => m.path === path);
  if (found === undefined) throw new Error(`no module ${path}`);
  return found;
};

describe("the data of a page", () => {
  const temporary = temporaryFolder();

  it("has the cost of everything together as compile counts it", async () => {
    const page = await pageOf();
    const { choices } = page.data.taps;
    // Beside each other, one behind the other, and both.
    const cases = [
      ["features.2"],
      ["features.1", "features.3"],
      ["logits", "features.0"],
      ["module:layer2.0.downsample", "module:layer2.0.conv1"],
      ["module:layer3.0.downsample", "features.2", "module:layer1.0.bn1"],
    ];
    for (const taps of cases) {
      const values = taps.flatMap((tap) => {
        const choice = choices.find((c) => c.tap === tap);
        if (choice === undefined) return moduleAt(page, tap.slice("module:".length)).results;
        return choice.outputs.flatMap(({ row }) => page.before.values[row] ?? []);
      });
      const { macs, params, weightBytes } = costOf(values);
      const manifest = await compileTiny(temporary(taps.join("+").replaceAll(":", "-")), { taps });
      expect(macs, taps.join()).toBe(manifest.macs);
      expect(weightBytes, taps.join()).toBe(manifest.graph.weight_bytes.before);
      expect(params).toBeGreaterThanOrEqual(Math.max(...manifest.outputs.map((o) => o.params)));
      const chosen = choices.flatMap((c) => (taps.includes(c.tap) ? c.outputs : []));
      for (const { row: _, shape, ...output } of chosen)
        expect(manifest.outputs).toContainEqual(expect.objectContaining({ ...output, shape: dims(shape) }));
    }
  });

  const dims = (shape: string) => shape.split(",").map((d) => (/^\d+$/.test(d) ? Number(d) : d));

  it("has the stages and the sums that inspect prints", async () => {
    for (const model of ["test_resnet", "test_vit", "test_efficientnet", "test_convnext"]) {
      const report = await inspect({ model });
      const page = await pageOf({ model, inputSize: undefined });
      const [facts] = page.before.facts;
      expect(facts?.params, model).toBe(report.params);
      expect(facts?.macs, model).toBe(report.macs);
      for (const stage of report.features) {
        const choice = page.data.taps.choices.find((c) => c.tap === `features.${stage.index}`);
        const [output] = choice?.outputs ?? [];
        expect(output).toMatchObject({ module: stage.module, channels: stage.channels, reduction: stage.reduction });
        expect(choice?.isDefault ?? false).toBe(stage.default);
        const { macs, params } = costOf(page.before.values.filter((v) => v.row === output?.row));
        expect({ macs, params }).toEqual({ macs: stage.macs, params: stage.params });
      }
    }
  });

  it("counts per image whatever the batch, and says the batch of the outputs", async () => {
    const [dynamic, fixed] = [await pageOf(), await pageOf({ batch: 3 })];
    for (const side of ["before", "after"] as const)
      expect(fixed[side].facts[0]?.macs).toBe(dynamic[side].facts[0]?.macs);
    expect(fixed.data.taps.choices.find((c) => c.tap === "logits")?.outputs[0]?.shape).toBe("3,1000");
    expect(fixed.data.command.words).toContain("--batch");
  });

  it("draws what runs for the outputs asked for, and knows the rest of the network", async () => {
    const page = await pageOf({ taps: ["features.1"] });
    expect(page.before.facts[moduleAt(page, "fc").index]).toMatchObject({ ops: 0, macs: 0 });
    expect(page.before.facts[moduleAt(page, "fc").index]?.params).toBeGreaterThan(0);
    const logits = page.data.taps.choices.find((c) => c.tap === "logits")?.outputs[0]?.row;
    expect(costOf(page.before.values.filter((v) => v.row === logits)).macs).toBe((await inspect(tiny)).macs);
  });

  it("keeps the reason of a tap that the network refuses", async () => {
    const page = await pageOf({
      model: "test_vit",
      inputSize: undefined,
      softmax: true,
      args: { num_classes: 0, global_pool: "" },
      taps: ["pre_logits"],
    });
    expect(page.data.taps.choices.find((c) => c.tap === "logits")?.refused).toContain("softmax needs");
  });

  it("stops after the pass that was asked for", async () => {
    const passes = async (request: Partial<PageRequest>) => (await pageOf(request)).data.passes.map((p) => p.pass);
    expect((await passes({ after: "fold-batch-norm" })).at(-1)).toBe("fold-batch-norm");
    expect(await passes({ passes: [] })).toEqual([]);
    expect(await passes({ optimization: "O0" })).toEqual(["dead-code"]);
  });

  it("is the same bytes for the same request", async () => {
    const [a, b] = [await graphPage(tiny), await graphPage(tiny)];
    expect(a.html === b.html).toBe(true);
  });
});

describe("the data of a transformer's page", () => {
  const temporary = temporaryFolder();

  it("has the cost of attention maps and of tokens as compile counts it", async () => {
    const page = await pageOf({ model: "test_vit", inputSize: undefined });
    for (const taps of [["attn:blocks.1.attn"], ["features.0.prefix", "attn:blocks.0.attn"], ["pre_logits"]]) {
      const outputs = page.data.taps.choices.filter((c) => taps.includes(c.tap)).flatMap((c) => c.outputs);
      const { macs, weightBytes } = costOf(outputs.flatMap(({ row }) => page.before.values[row] ?? []));
      const out = temporary(taps.join("+").replaceAll(":", "-"));
      const manifest = await compileTiny(out, { model: "test_vit", inputSize: undefined, weights: "none", taps });
      expect({ macs, bytes: weightBytes }).toEqual({ macs: manifest.macs, bytes: manifest.graph.weight_bytes.before });
      expect(outputs.map((o) => o.name)).toEqual(manifest.outputs.map((o) => o.name));
    }
  });
});

describe("levels", () => {
  const checkLevels = (page: PageModel, graph: GraphModel): void => {
    for (const module of page.modules) {
      if ((graph.facts[module.index]?.ops ?? 0) === 0) continue;
      const { items, edges } = levelOf(graph, module);
      const layout = page.data.layouts[graph.layout[module.index] ?? -1];
      expect(
        layout?.items.map((box) => box.slice(2)),
        module.path,
      ).toEqual(items.map((i) => [i.width, i.height]));
      expect(layout?.edges.map(([from, to]) => [from, to])).toEqual(edges);
      const inside = items.filter((i) => i.kind === "op" || i.kind === "module");
      for (const item of inside) expect(contains(module, item.value.module)).toBe(true);
      for (const child of module.children)
        if ((graph.facts[child.index]?.ops ?? 0) > 0) expect(items.filter((i) => i.module === child)).toHaveLength(1);
      for (const item of items.filter((i) => i.kind === "input"))
        expect(contains(module, item.value.module)).toBe(false);
    }
  };

  it("have every child and every value once, and a layout of these sizes and edges", async () => {
    for (const model of ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"]) {
      const page = await pageOf({ model, inputSize: undefined });
      checkLevels(page, page.before);
      checkLevels(page, page.after);
    }
  });

  it("put no box upon another, and end their edges at boxes", async () => {
    const { data } = await pageOf({ model: "swin_tiny_patch4_window7_224", inputSize: undefined });
    for (const { items, edges } of data.layouts) {
      const boxes = items.map(([x = 0, y = 0, width = 0, height = 0]) => ({
        x,
        y,
        right: x + width,
        bottom: y + height,
      }));
      boxes.forEach((a, i) => {
        for (const b of boxes.slice(i + 1))
          expect(a.x < b.right && b.x < a.right && a.y < b.bottom && b.y < a.bottom).toBe(false);
      });
      for (const [from = -1, to = -1, x = 0, y = 0, ...rest] of edges) {
        const [source, target] = [boxes[from], boxes[to]];
        expect([source?.bottom, source?.y].some((edge) => Math.abs((edge ?? NaN) - y) <= 1)).toBe(true);
        expect(x >= (source?.x ?? NaN) && x <= (source?.right ?? NaN)).toBe(true);
        expect([target?.y, target?.bottom].some((edge) => Math.abs((edge ?? NaN) - (rest.at(-1) ?? 0)) <= 1)).toBe(
          true,
        );
      }
    }
  });

  it("of equal blocks are laid out once", async () => {
    const page = await pageOf({ model: "vit_tiny_patch16_224", inputSize: undefined });
    const middle = page.modules.filter((m) => /^blocks\.([1-9]|10)$/.test(m.path));
    expect(new Set(middle.map((m) => signatureOf(levelOf(page.before, m)))).size).toBe(1);
    const deep = await pageOf({ model: "vit_tiny_patch16_224", inputSize: undefined, args: { depth: 40 } });
    expect(deep.data.layouts.length - page.data.layouts.length).toBeLessThanOrEqual(4);
  });
});
