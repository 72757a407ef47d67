import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/oracle/full/**"],
    globalSetup: ["tests/build.ts"],
    testTimeout: 60_000,
    maxWorkers: 2,
    chaiConfig: { truncateThreshold: 0 },
  },
});
