import { afterEach, expect, it, vi } from "vitest";
import { type Model, WebGpuError, loadModel, needsOf, requestDevice } from "../../../src/runtime/webgpu/index.ts";
import { describeOnGpu, testGpu } from "../../webgpu-device.ts";
import { tiny, tinyInput, tinyOutputs, tinyPlan, tinyShaders, tinyWeights } from "./tiny.ts";

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof WebGpuError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "no refusal";
}

const device = (): Promise<GPUDevice> => requestDevice(needsOf(tinyPlan), testGpu());

const open: Model[] = [];
async function load(...given: Parameters<typeof tiny>): Promise<Model> {
  const model = await loadModel(tiny({ gpu: testGpu(), ...given[0] }));
  open.push(model);
  return model;
}
afterEach(() => {
  for (const model of open.splice(0)) model.dispose();
});

describeOnGpu("a model", () => {
  it("runs: orders and element types are the caller's", async () => {
    expect(await (await load()).run(tinyInput)).toEqual(tinyOutputs);
  });

  it("answers runs in turn", async () => {
    const model = await load();
    const inputs = Array.from({ length: 6 }, (_, n) => new Uint8Array(6).fill(n));
    const sums = await Promise.all(
      inputs.map(async (data) => (await model.run({ dims: [2, 3], data }))["sum"]?.data[0]),
    );
    expect(sums).toEqual([0, 6, 12, 18, 24, 30]);
  });

  it("shares a device with others, also while they load", async () => {
    const on = await device();
    const doubled = tinyWeights().slice();
    new Float32Array(doubled.buffer)[0] = 1;
    const models = await Promise.all([
      load({ device: on }),
      load({ device: on, weights: doubled }),
      refusal(load({ device: on, shaders: ["nonsense", tinyShaders[1] ?? ""] })),
    ]);
    expect(models[2]).toMatch(/^shader: /);
    const results = await Promise.all(models.slice(0, 2).map((m) => (m as Model).run(tinyInput)));
    expect(results.map((r) => r["y"]?.data[0])).toEqual([1, 2]);
    // A device that was given stays.
    (models[0] as Model).dispose();
    expect((await (models[1] as Model).run(tinyInput))["y"]?.data[0]).toBe(2);
    on.destroy();
  });

  it("takes its weights as they come, and says how far it is", async () => {
    const bytes = tinyWeights();
    const parts = [bytes.subarray(0, 1), bytes.subarray(1, 7), bytes.subarray(7, 250), bytes.subarray(250)];
    const done: number[] = [];
    const weights = ReadableStream.from(parts) as ReadableStream<Uint8Array>;
    const model = await load({ weights, progress: (n, all) => done.push(n / all) });
    expect(await model.run(tinyInput)).toEqual(tinyOutputs);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.at(-1)).toBe(1);
    const whole = await load({ weights: bytes.slice().buffer });
    expect(await whole.run(tinyInput)).toEqual(tinyOutputs);
  });

  it.each([0, 100, 255, 257, 1000])("refuses weights of %i bytes", async (length) => {
    expect(await refusal(load({ weights: new Uint8Array(length) }))).toMatch(
      /^artifact: the weights have .* says 256$/,
    );
    const stream = ReadableStream.from([new Uint8Array(length)]) as ReadableStream<Uint8Array>;
    expect(await refusal(load({ weights: stream }))).toMatch(/^artifact: the weights have .* says 256$/);
  });

  it("hands outputs over by whatever name they have", async () => {
    const outputs = tinyPlan.outputs.map((o, i) => ({ ...o, name: ["__proto__", "constructor"][i] ?? "" }));
    const values = await (await load({ plan: { ...tinyPlan, outputs } })).run(tinyInput);
    expect(Object.entries(values)).toEqual([
      ["__proto__", tinyOutputs.y],
      ["constructor", tinyOutputs.sum],
    ]);
  });

  it("refuses a shader that may write weights, although its text is one", async () => {
    const [scale = "", sum = ""] = tinyShaders;
    const writing = scale.replace("<storage, read>", "<storage, read_write>").replace("y[i] =", "w[i] = 0.0; y[i] =");
    expect(await refusal(load({ shaders: [writing, sum] }))).toMatch(/^shader: /);
  });

  it("ends the upload before it gives memory back, where a shader is refused", async () => {
    const on = await device();
    const destroyed = vi.spyOn(GPUBuffer.prototype, "destroy");
    let cancelled = -1;
    // Without end, and slower than shaders are compiled.
    const weights = new ReadableStream<Uint8Array>({
      pull: (to) => new Promise((done) => setTimeout(done, 5)).then(() => to.enqueue(new Uint8Array(0))),
      cancel: () => {
        cancelled = destroyed.mock.calls.length;
      },
    });
    try {
      expect(await refusal(load({ device: on, shaders: ["", ""], weights }))).toMatch(/^shader: /);
      expect([cancelled, destroyed.mock.calls.length]).toEqual([0, 3]);
    } finally {
      destroyed.mockRestore();
      on.destroy();
    }
  });

  it("refuses inputs of another type or shape", async () => {
    const model = await load();
    for (const input of [
      { dims: [3, 2], data: new Uint8Array(6) },
      { dims: [6], data: new Uint8Array(6) },
      { dims: [2, 3], data: new Uint8Array(5) },
      { dims: [2, 3], data: new Float32Array(6) },
    ])
      expect(await refusal(model.run(input))).toMatch(/^input: the input is .* the model takes Uint8Array\[2,3\]$/);
    expect(await model.run(tinyInput)).toEqual(tinyOutputs);
  });

  it("names what is wrong in a shader", async () => {
    const [scale = "", sum = ""] = tinyShaders;
    expect(await refusal(load({ shaders: [scale.replace("w[i]", "v[i]"), sum] }))).toMatch(
      /^shader: the device does not take a shader: line \d+, column \d+: .*'v'/,
    );
    expect(await refusal(load({ shaders: [scale.replace("workgroup_size(6)", "workgroup_size(6000)"), sum] }))).toMatch(
      /^shader: /,
    );
  });

  it("gives its memory back, however often it is loaded, and when it does not load", async () => {
    const on = await device();
    const made = vi.spyOn(on, "createBuffer");
    const destroyed = vi.spyOn(GPUBuffer.prototype, "destroy");
    try {
      for (let n = 0; n < 8; n++) {
        const model = await loadModel(tiny({ device: on }));
        await model.run(tinyInput);
        model.dispose();
        model.dispose();
      }
      await refusal(loadModel(tiny({ device: on, weights: new Uint8Array(3) })));
      await refusal(loadModel(tiny({ device: on, shaders: ["", ""] })));
      await new Promise((done) => setTimeout(done, 0));
      expect(made.mock.calls.length).toBe(30);
      expect(destroyed.mock.calls.length).toBe(30);
    } finally {
      destroyed.mockRestore();
      on.destroy();
    }
  });

  it("ends what has begun when it is disposed of, and refuses what comes after", async () => {
    const model = await load();
    const running = model.run(tinyInput);
    model.dispose();
    expect(await running).toEqual(tinyOutputs);
    expect(await refusal(model.run(tinyInput))).toBe("disposed: the model was disposed of");
    expect((await model.device.lost).reason).toBe("destroyed");
  });

  it("says that the device is lost", async () => {
    const on = await device();
    const model = await load({ device: on });
    on.destroy();
    await on.lost;
    expect(await refusal(model.run(tinyInput))).toMatch(/^device-lost: the device is gone: /);
    expect(await refusal(load({ device: on }))).toMatch(/^device-lost: /);
  });

  it("says where the time goes", async () => {
    const model = await load();
    const times = await model.profile(tinyInput);
    if (!model.device.features.has("timestamp-query")) return expect(times).toBeUndefined();
    expect(times?.map(({ name }) => name)).toEqual(["scale", "sum"]);
    expect(times?.every(({ ms }) => ms >= 0)).toBe(true);
    return undefined;
  });

  it("says what does not fit on the device", async () => {
    const huge = { ...tinyPlan, arena: 2 ** 39 };
    expect(await refusal(load({ plan: huge }))).toMatch(/^too-large: the model needs a buffer of 549755813888 bytes/);
    expect(await refusal(load({ plan: huge, device: await device() }))).toMatch(/^too-large: .* this device has /);
  });
});

it("cancels a stream of weights that it has no use for", async () => {
  const cancel = vi.fn();
  const none = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
  await refusal(loadModel(tiny({ plan: {}, weights: new ReadableStream({ cancel }) })));
  await refusal(loadModel(tiny({ gpu: none, weights: new ReadableStream({ cancel }) })));
  expect(cancel).toHaveBeenCalledTimes(2);
});

it("says that there is no WebGPU", async () => {
  const none = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
  expect(await refusal(loadModel(tiny({ gpu: none })))).toMatch(/^no-webgpu: there is no WebGPU adapter/);
  expect(await refusal(requestDevice({ buffer: 1, binding: 1 }, none))).toMatch(/^no-webgpu: /);
});
