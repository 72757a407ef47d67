import { defineConfig } from "vitest/config";

/** `npm run test:oracle`: every record of timm's results. Two workers, an hour at most on two cores. */
export default defineConfig({
  test: {
    include: ["tests/oracle/structure.test.ts", "tests/oracle/full/*.test.ts"],
    testTimeout: 600_000,
    maxWorkers: 2,
    chaiConfig: { truncateThreshold: 0 },
  },
});
