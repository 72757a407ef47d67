import { defineConfig } from "vitest/config";

export default defineConfig({
  // Packages name source maps that they do not have.
  logLevel: "error",
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/oracle/full/**"],
    globalSetup: ["tests/build.ts"],
    testTimeout: 60_000,
    // No test asks the Hub; those of the downloads have one of their own on the loopback.
    env: { HF_HUB_OFFLINE: "1" },
    maxWorkers: 2,
    // It imports JSON as bundlers take it, and Node does not.
    server: { deps: { inline: [/@actions\//] } },
    chaiConfig: { truncateThreshold: 0 },
  },
});
