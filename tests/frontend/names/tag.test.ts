import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { hasWeights } from "../../../src/frontend/pretrained-cfg.ts";
import { parseTag } from "../../../src/frontend/names/tag.ts";
import { tokenMeaning, tokenTable } from "../../../src/frontend/names/tokens.ts";
import { countBy, entries, weighted } from "./records.ts";

/** How many entries of the registry with weights have each token, by class. */
const counts = {
  labels: "in1k 1298, in22k 153, in12k 114, in21k 93, inw21k 3",
  organisation:
    "fb 163, sail 66, ms 53, apple 44, openai 29, gluon 26, miil 25, pycls 24, tv 23, goog 22, tv2 21, tf 18, " +
    "cvnets 16, bd 12, naver 12, rvgg 11, dm 7, snap 7, mx 6, msft 5, nv 5, nav 5, paddle 4, idstcv 3, timm 2, usi 2, deit 1",
  objective:
    "clip 41, fcmae 26, ssld 23, metaclip 17, mim 16, mae 15, ns 10, pali 9, pali2 8, seer 7, dino 6, eupe 6, mclip2 6, " +
    "swag 6, ssl 6, swsl 6, mclip 5, metaclip2 5, dinov3 4, gemma4 4, tinyclip 4, ijepa 4, indomain 4, wsl 3, " +
    "florence2 2, ogvl 2, gemma3n 1",
  data:
    "webli 60, laion2b 46, lvd1689m 21, datacomp1b 15, jft 10, 2pt5b 10, 400m 6, ig1b 9, laion400m 8, lvd142m 8, " +
    "dfndr2b 6, 6m 6, yfcc15m 6, yfcc100m 6, worldwide 5, altogether 1, laiona 4, merged2b 4, m38m 4, m30m 2, " +
    "datacompxl 4, dfn2b 4, dfn5b 4, i18n 4, sa1b 3, sat493m 3, cc12m 2, docci 2, ocrvqa 2, refcoco 2",
  recipe:
    "sw 78, augreg 46, ra2 38, sbb 31, ra 28, ra4 20, ra3 19, a1h 14, a2 10, sbb2 10, c2ns 10, orig 10, a1 9, a3 9, ap 9, " +
    "aa 8, bt 8, soup 8, c1 7, ch 7, rmsp 6, green 6, lamb 5, ah 5, d1 4, ix 3, nadamuon 3, agc 2, ad 2, pd 2, adv 2, " +
    "c2 2, c3 2, d 2, d1h 2, racm 2, augreg2 2, sam 2, am 1, ram 1, aug 1, a2h 1, b1k 1, b2k 1, d2 1, ens 1, lion 1, " +
    "plus 1, rewind 1",
  distillation: "dist 90, distilled 5, teacher 2",
  mark: "ft 297, pt 27, stage1 7, stage2 7, it 4, lc 3, tiling 2, mix 2, seg 2, ltt 2, lt 1",
  epochs:
    "e3600 21, e200 16, e500 8, e250 5, e32 5, e600 4, e150 3, e230 3, e300 3, e450 3, e180 2, e550 2, e1200 1, e2400 1, " +
    "e3000 1, 300ep 4, 600ep 3, 1200ep 3, 1000ep 1, 300e 5, 450e 5",
  resolution:
    "r224 41, r384 18, r256 16, r160 13, r896 6, r288 4, r448 3, r512 2, r1024 2, r240 1, r320 1, r640 1, " +
    "384 47, 320 6, 448 3, 288 1, 475 1, 512 1",
  number: "v2 32, 2pt1 4, 2pt5 1, 3b 4, 10b 4, 31b 2, e4b 2, s576 3, s39b 1, patch16 1, patch30 1",
};

const parsed = weighted.map((entry) => ({ ...entry, parsed: parseTag(entry.tag) }));
const distinct = [...new Set(weighted.map(({ tag }) => tag))];

describe("every tag of timm's registry", () => {
  it("parses, and no token is unknown", () => {
    expect(weighted).toHaveLength(1722);
    expect(distinct).toHaveLength(298);
    expect(new Set(distinct.flatMap((tag) => tag.split("_"))).size).toBe(202);
    expect(entries.filter(({ tag }) => parseTag(tag).unknown.length > 0)).toEqual([]);
  });

  it.each(Object.entries(counts))("has the tokens of class %s as often as recorded", (kind, list) => {
    const tokens = parsed.flatMap((entry) => entry.parsed.tokens.filter((token) => token.class === kind));
    const expected = list.split(", ").map((item): [string, number] => {
      const [text = "", count] = item.split(" ");
      return [text, Number(count)];
    });
    expect(Object.fromEntries(countBy(tokens.map(({ text }) => text)))).toEqual(Object.fromEntries(expected));
  });

  it("is the text that its tokens give again, each at its place", () => {
    for (const { tag } of entries) {
      const { tokens } = parseTag(tag);
      expect(tokens.map(({ text }) => text).join("_")).toBe(tag);
      expect(tokens.map(({ start, end }) => tag.slice(start, end))).toEqual(tokens.map(({ text }) => text));
    }
  });

  it("names its organisation first", () => {
    const late = parsed.flatMap((e) => e.parsed.tokens.slice(1).filter((token) => token.class === "organisation"));
    expect(late).toEqual([]);
  });

  it("fine-tunes once at most, in as many stages as label sets follow", () => {
    const shapes = countBy(parsed.map((e) => e.parsed.stages.map((stage) => stage.kind).join(" ")));
    expect(Object.fromEntries(shapes)).toEqual({
      pretrain: 1422,
      "pretrain finetune": 255,
      "pretrain finetune finetune": 42,
      "pretrain linear": 3,
    });
    const labels = parsed.map((e) => e.parsed.tokens.filter((token) => token.class === "labels").length);
    expect(Object.fromEntries(countBy(labels))).toEqual({ 0: 302, 1: 1190, 2: 219, 3: 11 });
  });

  it("says untrained exactly where a tag has no weights, but for four", () => {
    const tagged = entries.filter(({ tag }) => tag !== "");
    const untrained = tagged.filter(({ tag }) => parseTag(tag).tokens.some(({ text }) => text === "untrained"));
    expect(untrained).toHaveLength(188);
    expect(untrained.filter(({ cfg }) => hasWeights(cfg))).toEqual([]);
    const others = tagged.filter((entry) => !hasWeights(entry.cfg) && !untrained.includes(entry));
    expect(others.map(({ architecture, tag }) => `${architecture}.${tag}`).toSorted()).toEqual([
      "eva02_enormous_patch14_clip_224.pretrain",
      "test_vit4.r160_in1k",
      "vit_base_patch32_clip_224.openai_ft_in12k_in1k",
      "vit_huge_patch14_clip_336.laion2b_ft_in1k",
    ]);
  });
});

describe("the table of tokens", () => {
  it("holds nothing that no tag has", () => {
    const used = new Set(entries.flatMap(({ tag }) => tag.split("_")));
    expect([...tokenTable.keys()].filter((text) => !used.has(text))).toEqual([]);
  });

  it("has words for every token, and says which nobody has explained", () => {
    const tokens = new Map(parsed.flatMap((e) => e.parsed.tokens.map((token) => [token.text, token] as const)));
    expect([...tokens.values()].filter(({ meaning }) => meaning.length < 4)).toEqual([]);
    expect(
      [...tokens.values()]
        .filter((token) => !token.documented)
        .map(({ text }) => text)
        .toSorted(),
    ).toEqual(["ad", "ix", "pd"]);
  });

  it("takes a bare number for a size at the end alone", () => {
    expect(tokenMeaning("384", true)).toMatchObject({ class: "resolution", value: 384 });
    expect(tokenMeaning("384", false)).toBeUndefined();
    expect(tokenMeaning("e4b", true)).toMatchObject({ class: "number" });
    expect(tokenMeaning("constructor", true)).toBeUndefined();
  });
});

describe("parseTag", () => {
  const stages = (tag: string) => parseTag(tag).stages;

  it("tells stages, data and sizes apart", () => {
    expect(parseTag("clip_laion2b_soup_ft_in12k_in1k_384")).toMatchObject({
      objectives: ["clip"],
      data: ["laion2b"],
      recipes: ["soup"],
      stages: [
        { kind: "pretrain", datasets: ["laion2b"] },
        { kind: "finetune", datasets: ["in12k"] },
        { kind: "finetune", datasets: ["in1k"], resolution: 384 },
      ],
      distilled: false,
      resolution: 384,
    });
    expect(parseTag("sw_e150_r384_in12k_ft_in1k")).toMatchObject({
      recipes: ["sw"],
      epochs: 150,
      resolution: 384,
      stages: [
        { kind: "pretrain", datasets: ["in12k"], resolution: 384 },
        { kind: "finetune", datasets: ["in1k"] },
      ],
    });
  });

  it("reads the tags that follow no order", () => {
    expect(stages("ft_in1k")).toEqual([
      { kind: "pretrain", datasets: [] },
      { kind: "finetune", datasets: ["in1k"] },
    ]);
    expect(stages("in22k_ijepa")).toEqual([{ kind: "pretrain", datasets: ["in22k"] }]);
    expect(stages("ssld_stage1_in22k_in1k")).toEqual([{ kind: "pretrain", datasets: ["in22k", "in1k"] }]);
    expect(stages("ns_jft_in1k_475")).toEqual([{ kind: "pretrain", datasets: ["jft", "in1k"], resolution: 475 }]);
    expect(stages("clip_laion2b_ft_soup_320")).toEqual([
      { kind: "pretrain", datasets: ["laion2b"] },
      { kind: "finetune", datasets: [], resolution: 320 },
    ]);
    expect(stages("swag_lc_in1k")).toEqual([
      { kind: "pretrain", datasets: [] },
      { kind: "linear", datasets: ["in1k"] },
    ]);
    expect(stages("bd_ssld_6m_in1k_384")).toEqual([{ kind: "pretrain", datasets: ["6m", "in1k"], resolution: 384 }]);
    expect(stages("untrained")).toEqual([]);
    expect(parseTag("fb")).toMatchObject({ org: "fb", tokens: [{ class: "organisation" }] });
    expect(parseTag("fb_r896_2pt1")).toMatchObject({ resolution: 896, version: "2.1" });
    expect(parseTag("v2_webli")).toMatchObject({ version: "2", data: ["webli"] });
    expect(parseTag("fb_dist_in1k")).toMatchObject({ distilled: true });
    expect(parseTag("goog_teacher_in21k_ft_in1k")).toMatchObject({ distilled: false });
  });

  it("keeps what it does not know", () => {
    expect(parseTag("a1_mine_in1k")).toMatchObject({
      unknown: ["mine"],
      recipes: ["a1"],
      stages: [{ kind: "pretrain", datasets: ["in1k"] }],
      tokens: [{}, { text: "mine", class: "unknown", documented: false, start: 3, end: 7 }, {}],
    });
    expect(parseTag("")).toMatchObject({ tokens: [], stages: [], unknown: [] });
  });

  it("loses no text, whatever it is", () => {
    const word = oneof(string(), constantFrom(...tokenTable.keys(), "r224", "384", "e300", "", "__proto__"));
    assert(
      property(array(word), (texts) => {
        const tag = texts.join("_");
        const { tokens, unknown } = parseTag(tag);
        expect(tokens.map(({ text }) => text).join("_")).toBe(tag);
        expect(unknown).toEqual(tokens.filter((token) => token.class === "unknown").map(({ text }) => text));
      }),
    );
  });
});
