import { defineConfig } from "vitest/config";

// `fast` uses the simulator only; `slow` adds real engines, the browser and the large fuzz runs.
const globalSetup = "test/program/folder.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: [
            "test/**/*.slow.test.ts",
            "test/cluster/**",
            "test/faults-cluster/**",
            "test/statistics/**",
          ],
          globalSetup,
          // Files share what they import, which is most of the time they took; a test leaves nothing behind it.
          isolate: false,
          restoreMocks: true,
          unstubEnvs: true,
          testTimeout: 30_000,
          // One file of a run bundles the program for all: a second or two, much more where others have the processors.
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "slow",
          include: ["test/**/*.slow.test.ts"],
          globalSetup,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "statistics",
          include: ["test/statistics/**/*.statistics.test.ts"],
          testTimeout: 600_000,
        },
      },
      {
        test: {
          name: "cluster",
          globalSetup: [globalSetup, "test/cluster/set-up.ts"],
          include: ["test/cluster/**/*.cluster.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "faults",
          include: ["test/faults-cluster/**/*.faults.test.ts"],
          globalSetup: [globalSetup, "test/faults-cluster/set-up.ts"],
          // A run and its retry, on nodes that others use too.
          testTimeout: 1_800_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
