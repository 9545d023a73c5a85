import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe } from "vitest";
import { bringNsys, nsysMissing } from "../cluster/nsys-share.ts";
import { allow, forbid } from "./admission.ts";
import { onOneNode } from "./fault-config.ts";
import type { FaultRun } from "./fault-run.ts";
import { itHeals } from "./one-cell.ts";
import { missing, share } from "./place.ts";
import { bringModels, realServer } from "./real-model.ts";
import { killStep, stopServer, untilSaid } from "./strikes.ts";
import { unjudged } from "./whole-run.ts";

const goOn = /what to do: .*argo retry/;

describe.skipIf(missing !== undefined)("a step of a cell that fails once", () => {
  afterEach(allow);

  itHeals({
    fault: "deploy refused by a policy of the cluster",
    config: { name: "deploy-refused", cluster: onOneNode },
    strikes: "vllm",
    step: "deploy",
    says: [/CLUSTER_REJECTED/, /during the audit/, /what to do: /],
    before: async (cells) => {
      await forbid({ operation: "CREATE", cell: cells("vllm") });
    },
    cure: allow,
  });

  itHeals({
    fault: "server stopped while it loads",
    config: { name: "load-stopped", cluster: onOneNode, profiles: { vllm: { loadMs: 60_000 } } },
    strikes: "vllm",
    step: "wait-healthy",
    says: [/SERVER_EXITED/, /what to do: /],
    strike: async (run, cell) => {
      await run.untilStep("wait-healthy", cell);
      await stopServer(cell);
    },
  });

  itHeals({
    fault: "server stopped during warm-up",
    config: {
      name: "warmup-stopped",
      cluster: onOneNode,
      load: { warmup: 6 },
      profiles: { vllm: { decodeMs: 250 } },
    },
    strikes: "vllm",
    step: "warmup",
    says: [/what to do: /],
    strike: async (run, cell) => {
      // One that ends before the first request is up again for it: Kubernetes starts it anew.
      const { id } = await run.untilStep("warmup", cell);
      await untilSaid(id, "request 2 of 6");
      await stopServer(cell);
    },
  });

  itHeals({
    fault: "sweep killed",
    config: { name: "sweep-killed", cluster: onOneNode, longSeconds: 15 },
    strikes: "vllm",
    step: "sweep",
    says: [/137/],
    finishedBefore: 1,
    strike: async (run, cell) => {
      await run.untilMeasuring(cell, "long");
      const { id } = await run.untilStep("sweep", cell);
      await killStep(id, "SIGKILL");
    },
  });

  itHeals({
    fault: "sweep told to end, as by a node that shuts down",
    config: { name: "sweep-ended", cluster: onOneNode, longSeconds: 15 },
    strikes: "vllm",
    step: "sweep",
    says: [/INTERRUPTED/, goOn],
    finishedBefore: 1,
    strike: async (run, cell) => {
      await run.untilMeasuring(cell, "long");
      const { id } = await run.untilStep("sweep", cell);
      await killStep(id, "SIGTERM");
    },
  });

  // The other cell is long, so that the policy is gone before the run's end looks for what is left.
  itHeals({
    fault: "teardown refused by a policy of the cluster",
    config: {
      name: "teardown-refused",
      cluster: onOneNode,
      profiles: { sglang: { decodeMs: 400 } },
    },
    strikes: "vllm",
    step: "teardown",
    says: [/CLUSTER_REJECTED/, /during the audit/, /what to do: /],
    finishedBefore: 2,
    before: async (cells) => {
      await forbid({ operation: "DELETE", cell: cells("vllm") });
    },
    afterwards: allow,
  });
});

const profileMissing = missing ?? nsysMissing;
if (missing === undefined && profileMissing !== undefined)
  process.stderr.write(`faults of profiling are skipped: ${profileMissing}\n`);

describe.skipIf(profileMissing !== undefined)("a profile that fails once", () => {
  const models = join(share, "models");
  const broken = join(models, "tools/broken");
  const recorded = {
    cluster: onOneNode,
    models: { m: "m" },
    ...realServer,
    more: {
      ...unjudged,
      profiling: {
        nsys: { share: "tools/nsys" },
        concurrency: 1,
        requests: 4,
        outputTokens: 8,
        allowNoCuda: true,
      },
    },
  };
  beforeAll(async () => {
    await bringModels(["m"]);
    bringNsys(models, "tools/broken");
  });

  itHeals({
    fault: "nsys does not start to record",
    config: { name: "profile-broken", ...recorded },
    strikes: "llamacpp",
    step: "profile",
    says: [/nsys did not start to record/, /what to do: /],
    finishedBefore: 2,
    before: () => writeFileSync(broken, ""),
    cure: () => rmSync(broken),
    putBack: () => rmSync(broken, { force: true }),
  });

  itHeals({
    fault: "the profile's folder belongs to somebody else",
    config: { name: "profile-foreign", ...recorded },
    strikes: "llamacpp",
    step: "copy-profile",
    says: [/RUN_FOLDER_UNWRITABLE/, /what to do: .*argo retry/],
    finishedBefore: 2,
    strike: async (run, cell) => {
      await run.untilStep("profile", cell);
      mkdirSync(profile(run, cell), { mode: 0o755 });
    },
    cure: (run, cell) => rmSync(profile(run, cell), { recursive: true }),
  });
});

const profile = (run: FaultRun, cell: string) => join(run.folder, "cells", cell, "profile");
