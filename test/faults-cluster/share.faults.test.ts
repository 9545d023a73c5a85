import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { until } from "./cluster-client.ts";
import { onOneNode } from "./fault-config.ts";
import type { FaultRun } from "./fault-run.ts";
import { itHeals } from "./one-cell.ts";
import { missing, share } from "./place.ts";
import { bringModels, realServer } from "./real-model.ts";

const goOn = /what to do: .*argo retry/;

/** A file system of its own as the results share: a real one that is full, or mounted read-only. */
const small = join(share, "small");
const filler = join(small, "of-somebody-else");

function mount(...words: string[]): void {
  const { status, stderr } = spawnSync("mount", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`mount ${words.join(" ")}: ${stderr}`);
}

/** Not while a file of it is being written: then the kernel says that it is busy. */
function remount(how: "ro" | "rw"): boolean {
  return spawnSync("mount", ["-o", `remount,${how}`, small]).status === 0;
}

const results = { hostPath: small };
const cluster = { ...onOneNode, storage: { models: { hostPath: join(share, "models") }, results } };

describe.skipIf(missing !== undefined)("a results share that takes nothing", () => {
  beforeAll(() => {
    mkdirSync(small);
    mount("-t", "tmpfs", "-o", "size=8m,mode=0777", "llmbench-faults", small);
  });
  afterAll(() => {
    spawnSync("umount", ["--lazy", small]);
  });

  itHeals({
    fault: "results share full during a point",
    config: { name: "share-full", cluster, longSeconds: 20 },
    step: "sweep",
    says: [/(RECORD_WRITE|RUN_FOLDER_FULL)/, /no space/i, goOn],
    finishedBefore: 1,
    strike: async (run, cell) => {
      await run.untilMeasuring(cell, "long");
      fill();
    },
    cure: () => rmSync(filler),
    putBack: () => rmSync(filler, { force: true }),
  });

  itHeals({
    fault: "results share read-only from the warm-up on",
    config: {
      name: "share-read-only",
      cluster,
      load: { warmup: 12 },
      profiles: { vllm: { decodeMs: 400 }, sglang: { decodeMs: 400 } },
    },
    step: "warmup",
    says: [/RUN_FOLDER_UNWRITABLE/, /read-only/, goOn],
    strike: async (run, cell) => {
      await run.untilStep("warmup", cell);
      await until("the share to be read-only", () => remount("ro") || undefined);
    },
    cure: () => void remount("rw"),
    putBack: () => void remount("rw"),
  });
});

/** Takes what room there is. */
function fill(): void {
  const { bavail, bsize } = statfsSync(small);
  writeFileSync(filler, Buffer.alloc(bavail * bsize));
}

describe.skipIf(missing !== undefined)("a share without what a run needs", () => {
  itHeals({
    fault: "prepare: the results share belongs to somebody else",
    config: { name: "share-foreign", cluster: onOneNode },
    step: "prepare",
    says: [/RUN_FOLDER_UNWRITABLE/, /what to do: .*cluster\.steps\.uid/],
    before: () => chmodSync(join(share, "results"), 0o755),
    cure: () => chmodSync(join(share, "results"), 0o777),
    putBack: () => chmodSync(join(share, "results"), 0o777),
  });

  itHeals({
    fault: "finish: the report's folder belongs to somebody else",
    config: { name: "report-foreign", cluster: onOneNode, longSeconds: 5 },
    step: "finish",
    says: [/RUN_FOLDER_UNWRITABLE/, goOn],
    finishedBefore: 2,
    strike: async (run, cell) => {
      await run.untilMeasuring(cell, "long");
      mkdirSync(report(run), { mode: 0o755 });
    },
    cure: (run) => rmSync(report(run), { recursive: true }),
  });

  const models = { here: "here", gone: "gone" };
  const folder = join(share, "models", "gone");
  const away = join(share, "gone");
  itHeals({
    fault: "model folder missing on the share",
    config: { name: "model-missing", cluster: onOneNode, models, ...realServer },
    step: "prepare",
    says: [/MODEL_NOT_FOUND/, /gone/, /what to do: Bring gone to the models share/],
    before: async () => {
      await bringModels(Object.values(models));
      renameSync(folder, away);
    },
    cure: () => renameSync(away, folder),
  });
});

const report = (run: FaultRun) => join(run.folder, "report");
