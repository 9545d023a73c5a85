import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { findProgram } from "../../src/servers/find-program.ts";
import { hasInEnvironment, listProcesses } from "../../src/servers/process-table.ts";
import { makeProfiledRun } from "./profiled-run.ts";

// Without a GPU: what CUDA adds is tested with recorded tables.
const installed = findProgram("nsys") !== undefined;
if (!installed) {
  console.warn(
    "Nsight Systems is not installed: its tests are skipped (docs/profiling.md says where it comes from)",
  );
}

const llamacpp = `
engines: { llamacpp: { settings: { contextLength: 1024, maxConcurrentRequests: 2 } } }
models: { smollm2-135m: { package: smollm2-135m } }
failOn: never
load: { warmup: 1, blocks: [ { name: a, outputTokens: 8, requests: 3 } ] }
`;

/** All that a report says, uncompressed, and its bytes as they are. */
function readReport(path: string): string {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-report-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const database = join(folder, "report.sqlite");
  execFileSync("nsys", ["export", "--type=sqlite", `--output=${database}`, path], { stdio: "ignore" });
  return readFileSync(path, "latin1") + readFileSync(database, "latin1");
}

describe.skipIf(!installed)("the real nsys", () => {
  it("records the process of a real llama.cpp, and nothing else that runs here", async () => {
    vi.stubEnv("SOME_API_KEY", "sk-of-this-shell");
    vi.stubEnv("STARTED_BY", "this-test");
    const stranger = spawn("sleep", ["600"], { env: { NOTE: "environment-of-a-stranger" }, stdio: "ignore" });
    onTestFinished(() => void stranger.kill());
    const { run, cell, go } = await makeProfiledRun(
      "{ concurrency: 2, requests: 6, outputTokens: 16, trace: [cuda, nvtx, osrt], allowNoCuda: true }",
      llamacpp,
    );
    const { results, errors } = await go();
    expect(errors).toEqual([]);
    const profile = results.cells[0]?.profile;
    expect(profile).toMatchObject({
      simulated: false,
      cuda: false,
      isolated: true,
      gpus: [],
      load: { planned: 6, ok: 6 },
      tool: { version: expect.stringMatching(/^20\d\d\.\d/) },
    });
    expect(profile?.withheld).toContain("SOME_API_KEY");
    expect(profile?.systemCalls?.rows.map(({ name }) => name)).toContain("pthread_cond_wait");

    const report = readReport(join(run.paths.profile(cell).folder, "server.nsys-rep"));
    expect(report).toMatch(/llama-server|llama_server/);
    expect(report).not.toContain("SOME_API_KEY");
    expect(report).not.toContain("sk-of-this-shell");
    expect(report).not.toContain("environment-of-a-stranger");
    await expect
      .poll(() => listProcesses().filter(({ pid }) => hasInEnvironment(pid, "STARTED_BY=this-test")))
      .toEqual([]);
  });

  it("leaves a recording without CUDA data to be looked at, and fails the cell", async () => {
    const { run, cell, go } = await makeProfiledRun("{ requests: 2, outputTokens: 4, trace: [cuda, osrt] }");
    const { errors } = await go();
    expect(errors.map(({ code }) => code)).toEqual(["PROFILE_EMPTY"]);
    const { capture } = run.paths.deployment(cell, 2);
    expect(errors[0]?.details.join()).toContain(join(capture, "server.nsys-rep"));
    expect(readReport(join(capture, "server.nsys-rep"))).toContain("simulate");
  });
});
