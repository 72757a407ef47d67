import { describe, expect, it } from "vitest";
import { costOf } from "../../../src/driver/graph-page/browser/costs.js";
import { levelOf, signatureOf } from "../../../src/driver/graph-page/browser/levels.js";
import { type PageModel, contains, decodePage } from "../../../src/driver/graph-page/browser/model.js";
import { graphPage } from "../../../src/driver/graph-page/graph-page.ts";
import type { PageRequest } from "../../../src/driver/graph-page/page-request.ts";
import { pageHtml } from "../../../src/driver/graph-page/page.ts";
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
        if (choice === undefined) return moduleAt(page, tap.slice("module:".length)).results.map((r) => r.value);
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

  it.each(["test_resnet", "test_vit"])(
    "counts per image whatever the batch, and says the batch of the outputs: %s",
    async (model) => {
      const request = { model, inputSize: undefined, preprocess: true };
      const [dynamic, fixed] = [await pageOf(request), await pageOf({ ...request, batch: 3 })];
      for (const side of ["before", "after"] as const) {
        const same = new Map(dynamic[side].values.map((v) => [v.name, v]));
        for (const { name, runs, macs, bytes } of fixed[side].values)
          if (runs)
            expect({ name, macs, bytes }).toEqual({ name, macs: same.get(name)?.macs, bytes: same.get(name)?.bytes });
      }
      expect(fixed.data.taps.choices.find((c) => c.tap === "logits")?.outputs[0]?.shape).toBe("3,1000");
      expect(fixed.data.command.words).toContain("--batch");
    },
  );

  it("has the types of what modules return as compile gives them", async () => {
    const request = { model: "swin_tiny_patch4_window7_224", inputSize: undefined, batch: 3, weights: "none" } as const;
    const paths = ["layers.0.blocks.0.attn", "layers.1.downsample"];
    const page = await pageOf(request);
    const taps = paths.map((path) => `module:${path}`);
    const { outputs } = await compileTiny(temporary("types"), { ...request, taps });
    const types = paths.map((path) => moduleAt(page, path).results.map((r) => r.type));
    expect(types).toEqual(outputs.map((o) => [`${o.dtype}[${o.shape.join(",")}]`]));
    expect(types[0]).toEqual(["f32[192,49,96]"]);
  });

  it("begins with what was asked for, in its order", async () => {
    const asked = async (request: Partial<PageRequest>) => (await pageOf(request)).data.taps.asked;
    const out_indices = [3, 1];
    expect(await asked({ args: { out_indices }, taps: ["logits", "features"] })).toEqual([
      "logits",
      "features.3",
      "features.1",
    ]);
    const taps = ["module:layer2.0", "features.2", "module:layer1.0.bn1"];
    const page = await pageOf({ taps });
    expect(page.data.taps.asked).toEqual(taps);
    const last = page.data.taps.choices.filter((c) => c.kind === "module");
    expect(last.map((c) => c.outputs.map((o) => o.name))).toEqual([[taps[0]], [taps[2]]]);
  });

  it("keeps what a stranger wrote from being anything but text", async () => {
    const hostile = `</script><img src=x onerror="alert(1)">'&`;
    const { html, data } = await graphPage({
      ...tiny,
      cfg: { classifier: "fc" },
      cacheDir: hostile,
      weights: { file: hostile },
      taps: ["logits"],
    });
    expect(data.command.words).toContain(hostile);
    const json = /<script type="application\/json" id="data">([^<]*)<\/script>/.exec(html)?.[1] ?? "";
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(data)));
    const inspection = (await graphPage(tiny)).inspection;
    const page = pageHtml(decodePage({ ...data, title: hostile, level: hostile }), {
      ...inspection,
      notices: [hostile],
    });
    expect(page).not.toContain("<img");
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).toContain("&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&#39;&amp;");
  });

  it("says that a size is unknown where it is that of one output", async () => {
    const { html, inspection, data } = await graphPage(tiny);
    const choices = data.taps.choices.map((c) => ({ ...c, outputs: c.outputs.map((o) => ({ ...o, bytes: null })) }));
    expect(html).not.toContain('<td class="n">unknown</td>');
    const page = pageHtml(decodePage({ ...data, taps: { ...data.taps, choices } }), inspection);
    expect(page.match(/<td class="n">unknown<\/td>/g)).toHaveLength(choices.length);
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
    for (const taps of [["attn:blocks.1"], ["features.0.prefix", "attn:blocks.0"], ["pre_logits"]]) {
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
  const checkLevels = (page: PageModel, side: "before" | "after"): void => {
    const graph = page[side];
    for (const module of page.modules) {
      if ((graph.facts[module.index]?.ops ?? 0) === 0) continue;
      const { items, edges } = levelOf(graph, module);
      const layout = page.data.layouts[page.data[side].layout[module.index] ?? -1];
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
      checkLevels(page, "before");
      checkLevels(page, "after");
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
