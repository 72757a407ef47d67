import { Command } from "commander";
import { certificateFailure, certificateLines } from "../certificate-text.ts";
import { cacheDirOption, hubAccessOf, jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";

interface VerifyCommandOptions {
  readonly model?: string;
  readonly weights?: string;
  readonly calibration?: string;
  readonly cacheDir?: string;
  readonly json?: boolean;
}

export const verifyCommand = (shell: Shell): Command =>
  new Command("verify")
    .description("run an artifact against the unoptimised graph on several inputs, every output, and certify it")
    .argument("<DIR>", "an artifact folder, from timmc compile")
    .option("--model <REF>", "the local folder that it was compiled from: local-dir:FOLDER")
    .option("--weights <FILE>", "the weight file that it was compiled from")
    .option("--calibration <FILE>", "the calibration file that it was compiled with")
    .addOption(cacheDirOption())
    .addOption(jsonOption("the certificate"))
    .action(async (dir: string, { json, ...source }: VerifyCommandOptions) => {
      const { verify } = await import("../../driver/verify.ts");
      const certificate = await verify(dir, { ...source, ...hubAccessOf(shell, source) });
      if (json === true) shell.json(certificate);
      else shell.print(certificateLines(certificate, shell.colors).join("\n"));
      if (!certificate.passed) throw certificateFailure(dir, certificate);
    });
