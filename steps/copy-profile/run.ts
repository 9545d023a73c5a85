import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { LlmbenchError } from "../../src/error.ts";
import { summariseProfile } from "../../src/profiling/summary.ts";
import { type StatsReport, statsReports } from "../../src/profiling/tables.ts";
import { publishProfile, readCapture, readProfile } from "../../src/results/profile-folder.ts";
import type { ProfileSummary } from "../../src/results/schema/profile.ts";
import { defineStep } from "../../src/steps/step.ts";
import { copyProfile } from "./contract.ts";

export default defineStep(copyProfile, async ({ report: { cell, deployment } }, { run }) => {
  const { folder } = run.paths.profile(cell);
  const stored = await readProfile(run, cell);
  if (stored.found && stored.value.deployment === deployment) return outcome(stored.value);

  const capture = await readCapture(run, cell, deployment);
  const { capture: captured } = run.paths.deployment(cell, deployment);
  if (!capture.found) {
    throw new LlmbenchError("PROFILE_NOT_FOUND", `${cell}: the recording in ${captured} ${capture.why}`, {
      hint: "run the step profile again",
    });
  }
  const tables = new Map<StatsReport["id"], string>();
  for (const { id } of statsReports) {
    const name = `${id}.csv`;
    if (!capture.value.files.some((file) => file.name === name)) continue;
    // Where an earlier try was cut short, some files have moved already.
    const text = await readFile(join(captured, name), "utf8").catch(() =>
      readFile(join(folder, name), "utf8"),
    );
    tables.set(id, text);
  }
  const summary = summariseProfile(capture.value, tables);
  await publishProfile(run, summary);
  return outcome(summary);

  function outcome({ gpus, kernels }: ProfileSummary) {
    const shares = gpus.map(({ busyShare }) => busyShare);
    return {
      folder: relative(run.path, folder),
      gpuBusyShare:
        shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length,
      topKernel: kernels?.rows[0]?.name ?? null,
    };
  }
});
