import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMasker } from "../../src/mask.ts";
import { RunPaths } from "../../src/results/run-paths.ts";
import type { StepContext } from "../../src/steps/context.ts";
import teardown from "../../steps/teardown/run.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-teardown-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A cell with one server process, which has a secret in its environment or none. */
function contextOf(secretEnv: readonly string[], deployments: readonly number[]): StepContext {
  const backend = {
    kind: "process",
    inspect: async () => ({ running: true, restarts: 0 }),
    remove: async () => {},
  };
  return {
    run: { id: "run", paths: new RunPaths(folder), listDeployments: async () => deployments },
    session: () => ({
      cell: { server: { kind: "process", secretEnv } },
      serverKey,
      backend: async () => backend,
    }),
    mask: createMasker(["hf_secret123"]).text,
  } as unknown as StepContext;
}

const serverKey = { runId: "run", cellId: "cell" };

async function log(deployment: number, text: string): Promise<string> {
  const path = new RunPaths(folder).deployment("cell", deployment).log;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

/** A cell whose server is a pod that logged a line. */
function podContext(removed: string[], instance = "pod-1"): StepContext {
  const backend = {
    kind: "kubernetes",
    inspect: async () => ({ running: true, restarts: 0, instance }),
    logs: async () => ["ready"],
    remove: async ({ cellId }: { cellId: string }) => void removed.push(cellId),
  };
  return {
    run: {
      id: "run",
      paths: new RunPaths(folder),
      listDeployments: async () => [1],
      readServer: async () => ({ found: true, value: { instance: "pod-1" } }),
    },
    session: () => ({ cell: { server: { kind: "kubernetes" } }, serverKey, backend: async () => backend }),
    mask: createMasker([]).text,
  } as unknown as StepContext;
}

describe("the end of a cell's server", () => {
  it("leaves no secret in what the server printed, in any of its deployments", async () => {
    // Longer than one read of the file, so that a line is cut by it.
    const filler = `${"x".repeat(99)}\n`.repeat(1000);
    const text = `${filler}token=hf_secret123\r\n${filler}no line end: hf_secret123`;
    const paths = [await log(1, text), await log(3, text)];
    await teardown.run({ cell: "cell", status: "Failed" }, contextOf(["HF_TOKEN"], [1, 2, 3]));
    for (const path of paths) {
      expect(await readFile(path, "utf8")).toBe(text.replaceAll("hf_secret123", "***"));
    }
  });

  it("keeps the log of a pod, which goes with it", async () => {
    await teardown.run({ cell: "cell", status: "Succeeded" }, podContext([]));
    expect(await readFile(new RunPaths(folder).deployment("cell", 1).log, "utf8")).toBe("ready\n");
  });

  it("keeps the log of a pod whose process was started anew with that of its deployment", async () => {
    await teardown.run({ cell: "cell", status: "Succeeded" }, podContext([], "pod-1+2"));
    expect(await readFile(new RunPaths(folder).deployment("cell", 1).log, "utf8")).toBe("ready\n");
  });

  it("keeps the log of a pod that never got ready apart from the log of the one before", async () => {
    const before = await log(1, "of the one before\n");
    await teardown.run({ cell: "cell", status: "Failed" }, podContext([], "pod-2"));
    expect(await readFile(before, "utf8")).toBe("of the one before\n");
    expect(await readFile(new RunPaths(folder).deployment("cell", 2).log, "utf8")).toBe("ready\n");
  });

  it("removes a pod although its log cannot be written, and then says so", async () => {
    const removed: string[] = [];
    // A file where the folder should be stands for a share that takes nothing.
    await writeFile(join(folder, "cells"), "");
    const ended = teardown.run({ cell: "cell", status: "Failed" }, podContext(removed));
    await expect(ended).rejects.toMatchObject({ code: "RUN_FOLDER_UNWRITABLE" });
    expect(removed).toEqual(["cell"]);
  });

  it("leaves a log without secrets as it is", async () => {
    const path = await log(1, "ready\n");
    const { ino } = await stat(path);
    await teardown.run({ cell: "cell", status: "Succeeded" }, contextOf(["HF_TOKEN"], [1]));
    expect((await stat(path)).ino).toBe(ino);
    expect(await readFile(path, "utf8")).toBe("ready\n");
  });
});
