import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished, vi } from "vitest";
import { startRun } from "../../src/cli/execute-run.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import type { LlmbenchError } from "../../src/error.ts";
import type { RunFolder } from "../../src/results/run-folder.ts";
import { Results } from "../../src/results/schema/results.ts";
import { runCells } from "../../src/runner/run-cells.ts";
import { createContext } from "../../src/steps/create-context.ts";
import { programPath } from "../program/program.ts";

const fakeNsys = fileURLToPath(new URL("fake-nsys.sh", import.meta.url));

/** Engines and models of a config with one cell. */
const simulatedCell = `
engines: { vllm: { simulated: { loadMs: 0, prefillMs: 1, decodeMs: 1 } } }
models: { m: }
failOn: never
load: { warmup: 1, blocks: [ { name: a, outputTokens: 4, requests: 3 } ] }
`;

export interface ProfiledRun {
  readonly run: RunFolder;
  readonly cell: string;
  /** Runs what is not finished. */
  readonly go: () => Promise<{ results: Results; errors: readonly LlmbenchError[]; report: string }>;
}

/**
 * A run with `profiling` in its config, in a folder and with a list of servers of its own; with `config`, what that
 * installs stays in the user's cache.
 */
export async function makeProfiledRun(profiling: string, config?: string): Promise<ProfiledRun> {
  const folder = makeFolder();
  if (config === undefined) vi.stubEnv("LLMBENCH_CACHE", join(folder, "cache"));
  onTestFinished(() => void vi.unstubAllEnvs());
  const file = join(folder, "profiled.yaml");
  writeFileSync(file, `${config ?? simulatedCell}\nprofiling: ${profiling}\n`);
  const run = await startRun(await readPlan(file), join(folder, "runs"), "local");
  const cell = run.record.plan.cells[0]?.id ?? "";
  return {
    run,
    cell,
    go: async () => {
      const context = createContext({
        run,
        hardware: run.record.hardware,
        selfCommand: [process.execPath, await programPath()],
        progress: () => {},
        signal: new AbortController().signal,
        mask: (text) => text,
      });
      onTestFinished(() => context.killNow());
      const errors: LlmbenchError[] = [];
      const outcome = await runCells(context, [], (error) => errors.push(error));
      const stored = await run.readResults();
      if (!stored.found) throw new Error(stored.why);
      return { results: Results.parse(stored.value), errors, report: outcome.report };
    },
  };
}

/** Puts an nsys on PATH that does what FAKE_NSYS says. */
export function useFakeNsys(wrong = ""): void {
  const folder = makeFolder();
  mkdirSync(join(folder, "bin"));
  symlinkSync(fakeNsys, join(folder, "bin", "nsys"));
  vi.stubEnv("PATH", `${join(folder, "bin")}:${process.env["PATH"]}`);
  vi.stubEnv("FAKE_NSYS", wrong);
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-profiled-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
