import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { calibrate } from "../../src/driver/calibrate/calibrate.ts";
import { readCalibration } from "../../src/driver/calibrate/read-calibration.ts";
import { compile } from "../../src/driver/compile.ts";
import { ownNumbers } from "../../src/driver/verify-precision.ts";
import { verify } from "../../src/driver/verify.ts";
import { pictures, refusal, shapesModel, temporaryFolder } from "./workspace.ts";

const place = temporaryFolder();
const model = `local-dir:${shapesModel}`;

it("a last batch that is not full counts its own pictures alone, and what is missing to verify is said at once", async () => {
  const [file, out] = [place("fp16.json"), place("out")];
  await calibrate({ model, pictures: [pictures], precision: "fp16", out: file });
  const calibration = readCalibration(file);
  expect(calibration.pictures.length).toBe(4);
  await compile({ model, out, batch: 3, precision: "fp16", calibration });
  const certificate = await verify(out, { model, calibration: file });
  expect(certificate.agreement).toMatchObject({ inputs: "pictures", images: 4 });
  expect(certificate.inputs.map(({ name }) => name)).toEqual(["pictures 0 to 2", "pictures 3 to 3"]);
  const missing = await refusal(verify(out));
  expect(missing).toContain("a local folder and a calibration file");
  expect(missing).toContain("--model local-dir:FOLDER --calibration FILE");
  expect(await refusal(verify(out, { calibration: file }))).toMatch(/--model local-dir:FOLDER$/);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ precision: "fp16" });
  const eight = compile({ model, out: place("eight"), precision: "int8", calibration });
  expect(await refusal(eight)).toMatch(/^config: .*made for fp16[^]*--precision int8/);
});

it.each([
  [[6, 5], 3, 3, 30],
  [[6, 5], 1, 3, 10],
  [[3, 7], 2, 3, 14],
  [[4, 7], 3, 3, 28],
  [[4, 7], 2, 3, 0],
])("of an output %j, %i pictures of a batch of %i have %i numbers", (shape, rows, batch, numbers) => {
  expect(ownNumbers(shape, rows, batch)).toBe(numbers);
});
