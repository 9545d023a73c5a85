import { defineConfig } from "vitest/config";

// `fast` uses the simulator only; `slow` adds real engines, the browser and the large fuzz runs.
export default defineConfig({
  test: {
    // CI runs on a shared machine: a test that needs a second try there is shown as such.
    retry: process.env["CI"] === undefined ? 0 : 2,
    projects: [
      {
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.slow.test.ts", "test/cluster/**"],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: "slow",
          include: ["test/**/*.slow.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
