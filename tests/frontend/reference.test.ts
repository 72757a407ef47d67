import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatReference, parseReference } from "../../src/frontend/reference.ts";
import { TimmcError } from "../../src/ir/error.ts";

const refusal = (text: string): TimmcError => {
  try {
    parseReference(text);
  } catch (error) {
    if (error instanceof TimmcError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
};

const lettersOf = (alphabet: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });

describe("parseReference", () => {
  it.each([
    ["resnet50", { kind: "timm", architecture: "resnet50", tag: undefined }],
    ["resnet50.a1_in1k", { kind: "timm", architecture: "resnet50", tag: "a1_in1k" }],
    ["resnet50.", { kind: "timm", architecture: "resnet50", tag: undefined }],
    ["resnet50.a.b", { kind: "timm", architecture: "resnet50", tag: "a.b" }],
    ["hf-hub:timm/resnet50.a1_in1k", { kind: "hf-hub", repo: "timm/resnet50.a1_in1k", revision: "main" }],
    ["HF_Hub:timm/resnet50@refs/pr/1", { kind: "hf-hub", repo: "timm/resnet50", revision: "refs/pr/1" }],
    ["hf-hub:gpt2", { kind: "hf-hub", repo: "gpt2", revision: "main" }],
    ["local-dir:a/b c#d?e@f:g", { kind: "local-dir", path: "a/b c#d?e@f:g" }],
    ["local:C:\\models\\x", { kind: "local-dir", path: "C:\\models\\x" }],
    ["LOCAL-DIR:\\\\server\\share", { kind: "local-dir", path: "\\\\server\\share" }],
  ])("reads %s", (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });

  it.each([
    ["timm/resnet50", true],
    ["timm/resnet50@v1", true],
    ["models\\resnet50", false],
    ["C:\\models", false],
    ["./resnet50", false],
    ["a/b/c", false],
    ["timm/resnet50@a@b", false],
    ["a:b", false],
  ])("refuses the plain name %s and suggests the schemes that read it", (text, isHubId) => {
    const error = refusal(text);
    expect(error.code).toBe("usage");
    const suggested = [...(error.hint?.matchAll(/"(?:[^"\\]|\\.)*"/g) ?? [])].map(
      ([quoted]) => JSON.parse(quoted) as string,
    );
    expect(suggested).toEqual([...(isHubId ? [`hf-hub:${text}`] : []), `local-dir:${text}`]);
    for (const reference of suggested) expect(() => parseReference(reference)).not.toThrow();
  });

  it.each(["./x/model.safetensors", "/srv/a.pth.tar", "x/model.safetensors.index.json"])(
    "sends the weight file %s to --weights",
    (text) => expect(refusal(text).hint).toMatch(/--weights FILE/),
  );

  it.each([
    ["", "no architecture"],
    [".a1_in1k", "no architecture"],
    ["hub:x/y", 'unknown scheme "hub"'],
    ["https://huggingface.co/timm/resnet50", 'unknown scheme "https"'],
    ["hf-hub:", "nothing follows"],
    ["local-dir:", "nothing follows"],
    ["local:", "nothing follows"],
    ["local:a\0b", "zero byte"],
    ["hf-hub:a@b@c", 'only one "@"'],
    ["hf-hub:a/b@", "after"],
    ["hf-hub:a/b@../../x", "after"],
    ["hf-hub:a/b@x y", "after"],
    ["hf-hub:a/b/c", "not a Hub id"],
    ["hf-hub:../x", "not a Hub id"],
    ["hf-hub:a--b", "not a Hub id"],
    ["hf-hub:a/b..c", "not a Hub id"],
    ["hf-hub:a/b.git", "not a Hub id"],
    ["hf-hub:-a", "not a Hub id"],
    ["hf-hub:a/", "not a Hub id"],
    [`hf-hub:a/${"b".repeat(97)}`, "not a Hub id"],
  ])("refuses %j", (text, part) => {
    const error = refusal(text);
    expect(error.code).toBe("usage");
    expect(error.message).toContain(part);
  });

  it("reads back what it formats", () => {
    const word = lettersOf("abz019_", 1, 12);
    const reference = fc.oneof(
      fc.record({ kind: fc.constant("timm"), architecture: word, tag: fc.option(word, { nil: undefined }) }),
      fc.record({
        kind: fc.constant("hf-hub"),
        repo: fc.tuple(word, word).map((parts) => parts.join("/")),
        revision: fc.oneof(fc.constant("main"), word),
      }),
      fc.record({ kind: fc.constant("local-dir"), path: lettersOf("ab/\\:.@#? é", 1, 20) }),
    );
    fc.assert(
      fc.property(reference, (value) => {
        const parsed = parseReference(formatReference(value as Parameters<typeof formatReference>[0]));
        expect(parsed).toEqual(value);
      }),
    );
  });

  it("answers any text with a reference or a usage error", () => {
    const text = fc.oneof(fc.string(), lettersOf("ahf-ublocdir:@/.\\ ", 0, 24));
    fc.assert(
      fc.property(text, (value) => {
        try {
          const parsed = parseReference(value);
          if (parsed.kind === "timm") expect(parsed.architecture).not.toMatch(/[/\\:.]/);
          if (parsed.kind === "local-dir") expect(value.endsWith(parsed.path)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(TimmcError);
          expect(error).toMatchObject({ code: "usage" });
        }
      }),
    );
  });

  it("refuses a very long Hub id at once", () => {
    const start = performance.now();
    refusal(`hf-hub:${"a-".repeat(200_000)}/`);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
