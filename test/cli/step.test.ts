import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPlan } from "../../src/config/read-plan.ts";
import { programPath } from "../program/program.ts";
import { llmbench } from "./llmbench.ts";

let folder: string;
const run = "nightly-1";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-step-"));
  await writeFile(
    join(folder, "config.yaml"),
    [
      "engines: { vllm: { simulated: { loadMs: 50, prefillMs: 2, decodeMs: 1 } } }",
      "models: { tiny: {} }",
      "load: { warmup: 1, blocks: [{ name: small, concurrency: [1, 2], outputTokens: 8, requests: 12 }] }",
      "failOn: never",
    ].join("\n"),
  );
  const plan = await readPlan(join(folder, "config.yaml"));
  await writeFile(join(folder, "plan.json"), JSON.stringify(plan));
});
afterAll(async () => {
  await llmbench(["clean"], { cwd: folder });
  await rm(folder, { recursive: true, force: true });
});

/** A step as its container runs it; its outputs as a workflow reads them. */
async function step(
  name: string,
  params: Readonly<Record<string, string>> = {},
  more: readonly string[] = [],
  stopWhen?: () => boolean,
) {
  const outputs = join(folder, "outputs", name);
  const words = Object.entries(params).flatMap(([key, value]) => ["--param", `${key}=${value}`]);
  const ended = await llmbench(
    ["step", name, "--run", run, "--out", "runs", "--outputs", outputs, ...words, ...more],
    {
      cwd: folder,
      env: { ARGO_PROGRESS_FILE: join(folder, "progress") },
      program: await programPath(),
      ...(stopWhen === undefined ? {} : { stopWhen }),
    },
  );
  const names = existsSync(outputs) ? await readdir(outputs) : [];
  const texts = await Promise.all(names.map((file) => readFile(join(outputs, file), "utf8")));
  return { ...ended, outputs: Object.fromEntries(names.map((file, k) => [file, texts[k] as string])) };
}

describe("the steps of a cell, each in a process of its own", () => {
  const plan = () => ["--plan", join(folder, "plan.json")];

  it("run one after the other, each with what the one before put out", { timeout: 120_000 }, async () => {
    const prepared = await step("prepare", {}, plan());
    expect(prepared).toMatchObject({ status: 0, outputs: { run, cells: '["vllm--tiny"]' } });
    // A workflow that is retried prepares again.
    expect((await step("prepare", {}, plan())).status).toBe(0);

    const deployed = await step("deploy", { cell: "vllm--tiny" });
    expect(deployed.status).toBe(0);
    const server = deployed.outputs["server"] as string;
    expect(JSON.parse(server)).toMatchObject({ cell: "vllm--tiny", deployment: 1 });

    const healthy = await step("wait-healthy", { server });
    expect(healthy.status).toBe(0);
    const warm = await step("warmup", { server: healthy.outputs["server"] as string });
    expect(warm).toMatchObject({ status: 0, outputs: { requests: "1" } });

    const swept = await step("sweep", { server: warm.outputs["server"] as string });
    expect(swept).toMatchObject({ status: 0, outputs: { measured: "2", kept: "0" } });
    expect(Number(swept.outputs["outputTokensPerSecond"])).toBeGreaterThan(0);
    expect(await readFile(join(folder, "progress"), "utf8")).toBe("200/200\n");
    expect(JSON.parse(swept.stdout)).toMatchObject({ measured: 2 });

    const again = await step("sweep", { server: warm.outputs["server"] as string });
    expect(again).toMatchObject({ status: 0, outputs: { measured: "0", kept: "2" } });

    const status = async () =>
      JSON.parse(await readFile(join(folder, "runs", run, "cells/vllm--tiny/status.json"), "utf8")) as object;
    expect(await status()).toMatchObject({ status: "running", step: "sweep" });
    const ended = (how: string) =>
      step("teardown", { cell: "vllm--tiny", status: how }, ["--fail-unless-succeeded", how]);
    expect(await ended("Failed")).toMatchObject({
      status: 75,
      stderr: expect.stringMatching(
        /vllm--tiny ended Failed once sweep had begun, without a word: .*CELL_NOT_SUCCEEDED/s,
      ) as string,
    });
    expect(await status()).toMatchObject({ status: "failed", step: "sweep" });
    expect(await ended("Succeeded")).toMatchObject({ status: 0 });
    expect(await status()).toMatchObject({ status: "done" });
    const copy = join(folder, "report.html");
    const finished = await step("finish", {}, ["--copy", `report=${copy}`]);
    expect(finished).toMatchObject({ status: 0, outputs: { leftovers: "[]" } });
    expect(await readFile(copy, "utf8")).toBe(await readFile(finished.outputs["report"] as string, "utf8"));
  });

  it("say that they were told to end, whatever that broke off", { timeout: 120_000 }, async () => {
    await writeFile(
      join(folder, "slow.yaml"),
      "engines: { vllm: { simulated: { loadMs: 600000 } } }\nmodels: { tiny: {} }",
    );
    await writeFile(join(folder, "slow.json"), JSON.stringify(await readPlan(join(folder, "slow.yaml"))));
    const slow = ["--run", "slow"];
    await step("prepare", {}, [...slow, "--plan", join(folder, "slow.json")]);
    const { outputs } = await step("deploy", { cell: "vllm--tiny" }, slow);
    const status = join(folder, "runs/slow/cells/vllm--tiny/status.json");
    const waits = () => existsSync(status) && readFileSync(status, "utf8").includes("wait-healthy");
    const stopped = await step("wait-healthy", { server: outputs["server"] as string }, slow, waits);
    expect(stopped.status).toBe(130);
    expect(stopped.stderr).toContain("(INTERRUPTED)");
    expect(JSON.parse(await readFile(status, "utf8"))).toMatchObject({ status: "interrupted" });
    await step("teardown", { cell: "vllm--tiny", status: "Failed" }, slow);
  });

  it("leave a headline of a cell that broke off", { timeout: 120_000 }, async () => {
    await writeFile(
      join(folder, "long.yaml"),
      "engines: { vllm: { simulated: { loadMs: 0 } } }\nmodels: { tiny: {} }\nload: { warmup: 1, blocks: [ { name: a, outputTokens: 64, requests: 5000 } ] }",
    );
    await writeFile(join(folder, "long.json"), JSON.stringify(await readPlan(join(folder, "long.yaml"))));
    const long = ["--run", "long"];
    await step("prepare", {}, [...long, "--plan", join(folder, "long.json")]);
    const { outputs } = await step("deploy", { cell: "vllm--tiny" }, long);
    await rm(join(folder, "outputs/sweep"), { recursive: true, force: true });
    await rm(join(folder, "progress"), { force: true });
    const isMeasuring = () => existsSync(join(folder, "progress"));
    const stopped = await step("sweep", { server: outputs["server"] as string }, long, isMeasuring);
    expect(stopped).toMatchObject({ status: 130, outputs: { headline: "INTERRUPTED; nothing finished" } });
    await step("teardown", { cell: "vllm--tiny", status: "Failed" }, long);
  });

  it("refuse a run that was started from another config", async () => {
    const other = JSON.parse(await readFile(join(folder, "plan.json"), "utf8")) as { seed: number };
    await writeFile(join(folder, "other.json"), JSON.stringify({ ...other, seed: other.seed + 1 }));
    await step("prepare", {}, plan());
    const refused = await step("prepare", {}, ["--plan", join(folder, "other.json")]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("RUN_OTHER_PLAN");
  });

  it("say that there is nothing to report where prepare could not start the run", async () => {
    const finished = await step("finish", {}, ["--run", "never", ...plan()]);
    expect(finished.status).toBe(1);
    expect(finished.stderr).toMatch(/Run never was not started: its prepare failed.*RUN_NOT_STARTED/s);
  });

  it("say what an input should look like", async () => {
    await step("prepare", {}, plan());
    expect(await step("deploy", { cel: "vllm--tiny" })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("STEP_INPUT_INVALID") as string,
    });
    expect(await step("deploy", {}, ["--param", "cell"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--param wants name=value") as string,
    });
    expect(await step("finish", {}, ["--copy", "report"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--copy wants name=value") as string,
    });
  });
});
