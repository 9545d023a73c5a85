import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunStatus } from "../../src/workflows/run-status.ts";
import { llmbench } from "../cli/llmbench.ts";
import { programPath } from "../program/program.ts";
import { call, clusterMissing } from "./cluster.ts";
import { ownPlace } from "./configs.ts";

const missing = clusterMissing();
if (missing !== undefined) process.stderr.write(`cluster tests of the commands are skipped: ${missing}\n`);

const namespace = "llmbench-cli-test";

/** Two simulated cells; a server of the first is deleted while it is measured. */
const configText = (share: string): string => `
description: two simulated cells, to try the commands
cluster:
${ownPlace(namespace, share, "{ cpu: 100m, memory: 256Mi }")}
  pools:
    a10:
      nodeSelector: { node.kubernetes.io/instance-type: VM.GPU.A10.2 }
      servers: 2
  deadline: 30m
engines:
  vllm: &simulated
    simulated: true
    resources: { cpu: 100m, memory: 256Mi }
    startTimeout: 2m
  tgi: *simulated
models:
  tiny: { folder: tiny }
load:
  warmup: 1
  blocks:
    - { name: batching, concurrency: [1], outputTokens: 64, requests: 150 }
`;

describe.skipIf(missing !== undefined)("llmbench's commands on a cluster", () => {
  const share = join(process.env["LLMBENCH_SHARE"] ?? "", "cli-test");
  let cwd: string;
  let run: string;
  let watched: { status: number | null; stdout: string; stderr: string };
  const here = (...words: string[]) => llmbench(words, { cwd });
  const statusOf = async () =>
    JSON.parse((await here("status", run, "-n", namespace, "--json")).stdout) as RunStatus;

  /** Starts `llmbench submit --watch` and resolves once stdout names the run. */
  async function submit(): Promise<{ child: ChildProcess; ended: Promise<typeof watched> }> {
    const words = ["submit", "demo.yaml", "--apply", "--watch"];
    const child = spawn(process.execPath, [await programPath(), ...words], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve)).then(
      async (status) => ({ status, stdout: await stdout, stderr: await stderr }),
    );
    await new Promise<void>((resolve) => {
      child.stdout.once("data", (part: Buffer) => {
        run = part.toString().split("\n")[0] ?? "";
        resolve();
      });
    });
    return { child, ended };
  }

  beforeAll(async () => {
    call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
    call("kubectl", [
      "delete",
      "pv",
      "--ignore-not-found",
      ...["models", "results"].map((role) => `${namespace}-llmbench-demo-${role}`),
    ]);
    rmSync(share, { recursive: true, force: true });
    mkdirSync(join(share, "models", "tiny"), { recursive: true });
    writeFileSync(join(share, "models", "tiny", "config.json"), "{}");
    mkdirSync(join(share, "results"));
    // Steps write there as a user of their own.
    chmodSync(join(share, "results"), 0o777);
    cwd = mkdtempSync(join(tmpdir(), "llmbench-cli-"));
    writeFileSync(join(cwd, "demo.yaml"), configText(share));
  }, 1_800_000);

  afterAll(() => {
    call("kubectl", ["delete", "namespace", namespace, "--wait=false"]);
    rmSync(share, { recursive: true, force: true });
    rmSync(cwd, { recursive: true, force: true });
  });

  it("submit applies, names the run and watches it to its end, with a local run's exit status", async () => {
    const { ended } = await submit();
    await expect
      .poll(async () => (await statusOf()).cells.find(({ cell }) => cell === "vllm--tiny")?.progress, {
        timeout: 300_000,
        interval: 2000,
      })
      .toSatisfy((progress) => Number(progress) > 0);
    call("kubectl", ["delete", "deployment", "-n", namespace, "-l", "llmbench.dev/cell=vllm--tiny"]);
    watched = await ended;
    expect(watched.stderr).toContain("made      WorkflowTemplate llmbench-demo (benchmark.yaml)");
    expect(watched.stderr).toContain("tgi--tiny: sweep");
    expect(watched.stderr).toMatch(/✓ tgi--tiny .* tok\/s, TTFT/);
    expect(watched.stderr).toContain("✗ vllm--tiny");
    expect(watched.status).toBe(1);
  }, 1_800_000);

  it("status says what failed, in the step's own words", async () => {
    const { stdout } = await here("status", run, "-n", namespace);
    expect(stdout).toContain("✗ vllm--tiny  failed: sweep");
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("its Deployment was deleted");
    const listed = (await here("status", "--config", "demo.yaml")).stdout;
    expect(listed).toMatch(new RegExp(`^${run} +Failed +1/2, 1 failed`, "m"));
  });

  it("logs shows a pod that is there, and what a server that is gone wrote", async () => {
    const step = await here("logs", run, "-n", namespace, "--cell", "vllm--tiny", "--step", "sweep");
    expect(step.stdout).toContain('"step":"sweep"');
    const server = await here("logs", run, "-n", namespace, "--cell", "tgi--tiny", "--step", "server");
    expect(server.stdout).toContain("simulated tgi: ready");
  });

  it("retry runs the failed cell again and makes no finished measurement twice", async () => {
    const finished = join(share, "results", run, "cells/tgi--tiny/points/batching-c1-out64/1/summary.json");
    const before = readFileSync(finished, "utf8");
    const retried = await here("retry", run, "-n", namespace, "--cell", "vllm--tiny");
    expect(retried.stderr).toContain("vllm--tiny runs again from deploy");
    expect(retried.status).toBe(0);
    const again = await here("status", run, "-n", namespace, "--watch");
    expect(again.stdout).toContain("✓ vllm--tiny  done");
    expect(again.status).toBe(0);
    expect(readFileSync(finished, "utf8")).toBe(before);
  }, 1_800_000);

  it("fetch brings the run's folder as it is on the share, and leaves no pod", async () => {
    const fetched = await here("fetch", run, "-n", namespace);
    expect(fetched.stdout).toBe(`runs/${run}\n`);
    for (const name of ["run.json", "results.json", "report/index.html"])
      expect(readFileSync(join(cwd, "runs", run, name))).toEqual(
        readFileSync(join(share, "results", run, name)),
      );
    expect((await here("show", run)).status).toBe(0);
    const pods = ["get", "pods", "-n", namespace, "-o", "name", "-l", "app.kubernetes.io/component=fetch"];
    await expect.poll(() => call("kubectl", pods), { timeout: 30_000 }).toBe("");
  });

  it("fetch that is interrupted removes its pod and ends with 130", async () => {
    const child = spawn(
      process.execPath,
      [await programPath(), "fetch", run, "-n", namespace, "--to", "other"],
      {
        cwd,
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const pods = ["get", "pods", "-n", namespace, "-o", "name", "-l", "app.kubernetes.io/component=fetch"];
    await expect.poll(() => call("kubectl", pods), { timeout: 60_000, interval: 100 }).not.toBe("");
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    await expect.poll(() => call("kubectl", pods), { timeout: 30_000 }).toBe("");
    expect(existsSync(join(cwd, "other", run, "results.json"))).toBe(false);
  });
});
