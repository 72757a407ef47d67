import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { weightNames } from "../../../src/frontend/hub/model.ts";
import { hubSettings } from "../../../src/frontend/hub/settings.ts";
import { TimmcError } from "../../../src/ir/error.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "timmc-settings-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the cache", () => {
  it.each<[Record<string, string>, string]>([
    [{}, join(homedir(), ".cache/huggingface/hub")],
    [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/x", HF_HOME: "/h" }, "/h/hub"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/c" }, "/c"],
    [{ HF_HUB_CACHE: "~/c" }, join(homedir(), "c")],
    [{ HF_HUB_CACHE: "$ROOT/${PART}/$none", ROOT: "/r", PART: "p" }, "/r/p/$none"],
    [{ HF_HUB_CACHE: "", HF_HOME: "/h" }, "/h/hub"],
  ])("of %j is %s", (env, cache) => {
    expect(hubSettings(undefined, { HF_TOKEN_PATH: folder + "/none", ...env }).cache).toBe(resolve(cache));
  });

  it("of the caller goes before them all", () => {
    expect(hubSettings("here", { HF_HUB_CACHE: "/c", HF_HOME: folder }).cache).toBe(resolve("here"));
  });
});

describe("the token", () => {
  const sent = (env: Record<string, string>): string | undefined =>
    hubSettings(undefined, { HF_HOME: folder, ...env }).authorization();

  it("is HF_TOKEN, the older name, or the file, trimmed", () => {
    expect(sent({})).toBeUndefined();
    writeFileSync(join(folder, "token"), "hf_file\r\n");
    expect(sent({})).toBe("Bearer hf_file");
    writeFileSync(join(folder, "other"), "hf_other");
    expect(sent({ HF_TOKEN_PATH: join(folder, "other") })).toBe("Bearer hf_other");
    expect(sent({ HUGGING_FACE_HUB_TOKEN: "hf_old" })).toBe("Bearer hf_old");
    expect(sent({ HUGGING_FACE_HUB_TOKEN: "hf_old", HF_TOKEN: " hf_new\n" })).toBe("Bearer hf_new");
    expect(sent({ HF_TOKEN: "hf_new", HF_HUB_DISABLE_IMPLICIT_TOKEN: "yes" })).toBeUndefined();
  });

  it("with characters that no header has is refused without repeating it", () => {
    const bad = "hf_secret\nX-Header: 1";
    try {
      sent({ HF_TOKEN: bad });
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof TimmcError)) throw error;
      expect(error.code).toBe("usage");
      expect(`${error.describe()} ${error.stack}`).not.toContain("hf_secret");
    }
  });
});

describe("the endpoint", () => {
  it("loses its slash and keeps its path", () => {
    expect(hubSettings(folder, { HF_HOME: folder }).endpoint).toBe("https://huggingface.co");
    expect(hubSettings(folder, { HF_HOME: folder, HF_ENDPOINT: "http://mirror:8080/hub//" }).endpoint).toBe(
      "http://mirror:8080/hub",
    );
  });

  it.each(["huggingface.co", "file:///x", "https://user:hf_secret@host", "https://host/?a=hf_secret"])(
    "%s is refused",
    (text) => {
      const error = (() => {
        try {
          return hubSettings(folder, { HF_HOME: folder, HF_ENDPOINT: text });
        } catch (e) {
          return e;
        }
      })();
      expect(error).toBeInstanceOf(TimmcError);
      expect(String(error)).not.toContain("hf_secret");
    },
  );
});

it.each([
  ["HF_HUB_OFFLINE", "1", true],
  ["HF_HUB_OFFLINE", "True", true],
  ["TRANSFORMERS_OFFLINE", "on", true],
  ["HF_HUB_OFFLINE", "0", false],
  ["HF_HUB_OFFLINE", "", false],
])("%s=%s: offline is %s", (name, value, offline) => {
  expect(hubSettings(folder, { HF_HOME: folder, [name]: value }).offline).toBe(offline);
});

it("timeouts and links", () => {
  const env = {
    HF_HOME: folder,
    HF_HUB_ETAG_TIMEOUT: "2.5",
    HF_HUB_DOWNLOAD_TIMEOUT: "x",
    HF_HUB_DISABLE_SYMLINKS: "1",
  };
  expect(hubSettings(folder, env)).toMatchObject({ headTimeout: 2500, bodyTimeout: 10_000, links: false });
});

it.each([
  [null, ["model.safetensors", "pytorch_model.bin"]],
  ["open_clip_pytorch_model.bin", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]],
  ["x/weights.bin", ["x/weights.safetensors", "x/weights.bin"]],
  ["weights.safetensors", ["weights.safetensors"]],
  ["weights.pth", ["weights.pth"]],
])("hf_hub_filename %j: %j", (filename, names) => {
  expect(weightNames(filename)).toEqual(names);
});
