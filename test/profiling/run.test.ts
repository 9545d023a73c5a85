import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { renderMarkdown } from "../../src/report/render-markdown.ts";
import { makeProfiledRun, useFakeNsys } from "./profiled-run.ts";

/** Whole runs of a simulated server under a stand-in for nsys; test/profiling/nsys.slow.test.ts has the real one. */
describe("a run with profiling", () => {
  it("profiles each server after its sweep, apart from what is measured", async () => {
    useFakeNsys();
    const { run, cell, go } = await makeProfiledRun("{ concurrency: 2, requests: 4, outputTokens: 3 }");
    const { results, errors, report } = await go();
    expect(errors).toEqual([]);
    const [result] = results.cells;
    const profile = result?.profile;
    expect(profile).toMatchObject({
      simulated: true,
      cuda: true,
      deployment: 2,
      specHash: result?.server.specHash,
      tool: { name: "nsys", version: "2024.6.2.225-246235244400v0" },
      load: { concurrency: 2, outputTokens: 3, planned: 4, ok: 4, failed: 0 },
      gpus: [{ device: "NVIDIA A10 (0)", busyShare: expect.closeTo(1.995 / 4) }],
      memory: { rows: [{ megabytes: 36 }, { megabytes: 9.5 }, {}] },
      nvtx: { names: 2 },
    });
    expect(profile?.kernels?.names).toBe(7);

    const [measured, profiled] = result?.server.deployments ?? [];
    expect(measured?.profiler).toBeUndefined();
    expect(profiled?.profiler).toBe("nsys");
    expect(profiled?.command).toContain("launch");
    expect(profiled?.specHash).not.toBe(measured?.specHash);
    expect(result?.startup).toEqual(measured?.startup);
    const measurements = result?.points.flatMap((point) => point.measurements) ?? [];
    expect(measurements.map(({ deployment }) => deployment)).toEqual([1]);
    expect(result?.points.map(({ requests }) => requests.ok)).toEqual([3]);

    const { folder } = run.paths.profile(cell);
    expect(readdirSync(folder).sort()).toEqual(
      [...(profile?.files.map(({ name }) => name) ?? []), "summary.json"].sort(),
    );
    expect(profile?.files.map(({ name }) => name)).toContain("server.nsys-rep");
    expect(readdirSync(run.paths.deployment(cell, 2).capture)).toEqual(["capture.json"]);

    const page = readFileSync(report, "utf8");
    expect(page).toContain('id="profile"');
    expect(page).toContain("flash::flash_fwd_splitkv_kernel");
    const markdown = renderMarkdown(results);
    expect(markdown).toContain("NVIDIA A10 (0) was busy 49.9 %");
    expect(markdown).toContain(
      "| host to GPU \\[CUDA memcpy Host-to-Device\\] | 60.0 | 3.00 | 200 | 36.0 | 12.0 |",
    );
  });

  it("keeps the profile that is there when it is run again", async () => {
    useFakeNsys();
    const { run, cell, go } = await makeProfiledRun("{ requests: 2, outputTokens: 2 }");
    const first = await go();
    const again = await go();
    expect(again.errors).toEqual([]);
    expect(again.results.cells[0]?.profile).toEqual(first.results.cells[0]?.profile);
    expect(again.results.cells[0]?.server.deployments.map(({ profiler }) => profiler)).toEqual([
      undefined,
      "nsys",
      undefined,
    ]);
    expect(readdirSync(run.paths.profile(cell).folder)).not.toContain("attempt-1");
  });

  it("keeps secrets of this shell from the server, from nsys and so from the report", async () => {
    useFakeNsys();
    vi.stubEnv("SOME_API_KEY", "sk-of-this-shell");
    const { run, cell, go } = await makeProfiledRun("{ requests: 2, outputTokens: 2 }");
    const { results, errors } = await go();
    expect(errors).toEqual([]);
    expect(results.cells[0]?.profile?.withheld).toContain("SOME_API_KEY");
    const report = readFileSync(join(run.paths.profile(cell).folder, "server.nsys-rep"), "utf8");
    expect(report).toContain("PATH");
    expect(report).not.toContain("sk-of-this-shell");
  });

  it("passes without CUDA data only where the config allows it, and says so", async () => {
    useFakeNsys("no-cuda");
    const { go } = await makeProfiledRun("{ requests: 2, outputTokens: 2, allowNoCuda: true }");
    const { results, errors, report } = await go();
    expect(errors).toEqual([]);
    expect(results.cells[0]?.profile).toMatchObject({ cuda: false, kernels: null, gpus: [] });
    expect(results.cells[0]?.profile?.systemCalls?.rows[0]?.name).toBe("pthread_cond_wait");
    expect(readFileSync(report, "utf8")).toContain("No CUDA data");
  });

  it("fails where nothing at all was recorded, whatever the config allows, and keeps the report", async () => {
    useFakeNsys("nothing");
    const { run, cell, go } = await makeProfiledRun("{ requests: 2, trace: [cuda], allowNoCuda: true }");
    const { errors } = await go();
    expect(errors).toMatchObject([
      {
        code: "PROFILE_EMPTY",
        message: `${cell}: the profile is empty: nsys saw nothing of what it was to trace (cuda)`,
        hint: expect.stringContaining("add osrt"),
      },
    ]);
    expect(readdirSync(run.paths.deployment(cell, 2).capture)).toEqual(["server.nsys-rep"]);
    expect(existsSync(run.paths.profile(cell).summary)).toBe(false);
  });

  it.each([
    ["no-cuda", "PROFILE_EMPTY"],
    ["no-report", "PROFILE_NOT_WRITTEN"],
    ["silent", "PROFILE_UNREADABLE"],
    ["start", "PROFILE_NOT_STARTED"],
    ["no-session", "PROFILE_NOT_STARTED"],
    ["launch", "PROFILE_SERVER_FAILED"],
    ["secret", "PROFILE_HOLDS_SECRET"],
  ])("fails the cell and keeps what was measured when nsys does wrong: %s is %s", async (wrong, code) => {
    useFakeNsys(wrong);
    vi.stubEnv("SOME_API_KEY", "sk-of-this-shell");
    const { run, cell, go } = await makeProfiledRun("{ requests: 2, outputTokens: 2 }");
    const { results, errors } = await go();
    expect(errors.map((error) => error.code)).toEqual([code]);
    expect(errors[0]?.hint).toBeDefined();
    expect(results.cells[0]).toMatchObject({ status: "failed", error: { code } });
    expect(results.cells[0]?.points).toHaveLength(1);
    expect(results.cells[0]?.profile).toBeUndefined();
    expect(existsSync(run.paths.profile(cell).summary)).toBe(false);
  });

  it("says before the first server starts that there is no nsys", async () => {
    vi.stubEnv("PATH", "/usr/nothing");
    const { run, go } = await makeProfiledRun("{ requests: 2, outputTokens: 2 }");
    await expect(go()).rejects.toMatchObject({ code: "PROFILER_NOT_FOUND" });
    expect(await run.listDeployments("vllm--m")).toEqual([]);
  });

  it("says before the first server starts that a cluster's share has no nsys", async () => {
    const cluster = `
engines: { vllm: { simulated: true } }
models: { m: }
cluster:
  pools: { a10: { nodeSelector: { gpu: a10 } } }
  storage: { models: { claim: models }, results: { claim: results } }
  steps: { image: llmbench }
`;
    const { run, go } = await makeProfiledRun("{ nsys: { share: no/such/nsys } }", cluster);
    await expect(go()).rejects.toMatchObject({
      code: "PROFILER_NOT_FOUND",
      message: expect.stringContaining('"/models/no/such/nsys/bin/nsys"'),
    });
    expect(await run.listDeployments(run.record.plan.cells[0]?.id ?? "")).toEqual([]);
  });
});
