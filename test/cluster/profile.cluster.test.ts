import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../../pipelines/build.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { resolveModel } from "../../src/engines/models.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { call, clusterMissing, readWorkflow, troubles, type Workflow } from "./cluster.ts";
import { ownPlace } from "./configs.ts";
import { bringNsys, nsysMissing } from "./nsys-share.ts";

const missing = clusterMissing() ?? nsysMissing;
if (missing !== undefined) process.stderr.write(`cluster tests of profiling are skipped: ${missing}\n`);

const namespace = "llmbench-profile";
const cell = "llamacpp--smollm2-135m";
const share = join(process.env["LLMBENCH_SHARE"] ?? "", "profile-test");
/** As long as it is there, nsys does not start to record. */
const broken = "tools/broken";

/** The real llama.cpp on the CPU, recorded with the real nsys; only the two nodes say that they have GPUs. */
function config(profiling: string): string {
  return `
cluster:
${ownPlace(namespace, share)}
  pools: { a10: { nodeSelector: { node.kubernetes.io/instance-type: VM.GPU.A10.2 } } }
  deadline: 30m
engines:
  llamacpp:
    image: ${process.env["LLMBENCH_LLAMACPP_IMAGE"]}
    pullPolicy: Never
    settings: { contextLength: 1024, maxConcurrentRequests: 2 }
    resources: { gpus: 0, cpu: 1, memory: 1Gi }
    startTimeout: 5m
models: { smollm2-135m: { folder: smollm2-135m } }
load: { warmup: 1, blocks: [{ name: a, outputTokens: 8, requests: 5 }] }
failOn: never
profiling: ${profiling}
`;
}

/** Also the volumes, which are the cluster's and remember a claim that is gone. */
function removeAll(): void {
  call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
  const volumes = ["models", "results"].map((role) => `${namespace}-llmbench-profiled-${role}`);
  call("kubectl", ["delete", "pv", ...volumes, "--ignore-not-found", "--wait"]);
}

/** Applies what a config becomes and runs it; the workflow when it is over. */
async function submit(profiling: string): Promise<Workflow> {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-cluster-"));
  try {
    const file = join(folder, "profiled.yaml");
    writeFileSync(file, config(profiling));
    const { files } = build(await readPlan(file, { environment: null }));
    const text = (name: string) => files.find(({ path }) => path === name)?.text as string;
    for (const name of ["access.yaml", "storage.yaml", "config.yaml", "benchmark.yaml"])
      call("kubectl", ["apply", "--server-side", "--force-conflicts", "-f", "-"], text(name));
    const runFile = join(folder, "run.yaml");
    writeFileSync(runFile, text("run.yaml"));
    const name = call("argo", ["submit", "-n", namespace, runFile, "-o", "name"]).trim();
    return wait(name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function wait(name: string): Workflow {
  // Its exit status is the workflow's, which is looked at.
  call("kubectl", [
    "wait",
    "-n",
    namespace,
    `workflow/${name}`,
    "--for=condition=Completed",
    "--timeout=20m",
  ]);
  return readWorkflow(namespace, name);
}

const runFolder = (workflow: Workflow, ...path: string[]) =>
  join(share, "results", workflow.metadata.name, ...path);
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8")) as unknown;
const resultsOf = (workflow: Workflow) => readJson(runFolder(workflow, "results.json")) as Results;

/** Every file of the measurements, by its content. */
function measured(workflow: Workflow): string[] {
  const points = runFolder(workflow, "cells", cell, "points");
  return readdirSync(points, { recursive: true, encoding: "utf8" })
    .filter((path) => /requests\.ndjson\.gz$|summary\.json$/.test(path))
    .map(
      (path) =>
        `${path} ${createHash("sha256")
          .update(readFileSync(join(points, path)))
          .digest("hex")}`,
    )
    .sort();
}

/** Threads of a report that called the operating system, with the name of their process, by nsys's own export. */
function recordedProcesses(report: string): { name: string; calls: number }[] {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-report-"));
  try {
    const database = join(folder, "report.sqlite");
    execFileSync("nsys", ["export", "--type=sqlite", `--output=${database}`, report], { stdio: "ignore" });
    const query = `
import sqlite3, sys, json
rows = sqlite3.connect(sys.argv[1]).execute("""
  SELECT processes.name, count(*) FROM OSRT_API
  JOIN PROCESSES processes ON processes.globalPid >> 24 = OSRT_API.globalTid >> 24
  GROUP BY processes.globalPid""").fetchall()
print(json.dumps([{"name": name, "calls": calls} for name, calls in rows]))`;
    const said = execFileSync("python3", ["-c", query, database], { encoding: "utf8" });
    return JSON.parse(said) as { name: string; calls: number }[];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(missing !== undefined)("profiling on a cluster", () => {
  beforeAll(async () => {
    rmSync(share, { recursive: true, force: true });
    const model = await resolveModel({ id: "smollm2-135m", package: "smollm2-135m" }, "llamacpp", {
      report: () => {},
    });
    mkdirSync(join(share, "models/smollm2-135m"), { recursive: true });
    copyFileSync(model.path as string, join(share, "models/smollm2-135m/model.gguf"));
    mkdirSync(join(share, "results"));
    // Steps write there as a user of their own.
    chmodSync(join(share, "results"), 0o777);
    removeAll();
  });

  afterAll(() => {
    removeAll();
    rmSync(share, { recursive: true, force: true });
  });

  it("says before anything is measured that the share has no nsys", async () => {
    const workflow = await submit("{ nsys: { share: tools/nsys }, requests: 2 }");
    expect(workflow.status.phase).toBe("Failed");
    expect(troubles(workflow).join("\n")).toMatch(/prepare\(0\) Failed: .*\/models\/tools\/nsys\/bin\/nsys/);
    expect(existsSync(runFolder(workflow, "cells", cell, "deployments"))).toBe(false);
  });

  describe("with nsys on the share", () => {
    let failed: Workflow;
    let before: string[];
    let workflow: Workflow;
    let results: Results;

    beforeAll(async () => {
      bringNsys(join(share, "models"), broken);
      writeFileSync(join(share, "models", broken), "");
      failed = await submit(
        "{ nsys: { share: tools/nsys }, concurrency: 2, requests: 6, outputTokens: 16, allowNoCuda: true }",
      );
      before = measured(failed);
      rmSync(join(share, "models", broken));
      call("argo", ["retry", "-n", namespace, failed.metadata.name]);
      workflow = wait(failed.metadata.name);
      results = resultsOf(workflow);
    });

    it("a profile that fails says why on its node, and the server goes", () => {
      expect(failed.status.phase).toBe("Failed");
      const [teardown, profile, ...others] = troubles(failed).sort();
      expect(profile).toMatch(/profile\(0\) Failed: .*nsys did not start to record/);
      expect(teardown).toMatch(/onExit Failed: .*CELL_NOT_SUCCEEDED/s);
      expect(others).toEqual([]);
    });

    it("a retry of the profile alone succeeds, and no measurement is made again", () => {
      expect(troubles(workflow)).toEqual([]);
      expect(workflow.status.phase).toBe("Succeeded");
      expect(before).not.toEqual([]);
      expect(measured(workflow)).toEqual(before);
      const measurements = results.cells[0]?.points.flatMap((point) => point.measurements) ?? [];
      expect(measurements.map(({ deployment }) => deployment)).toEqual([1]);
    });

    it("the tables of the recording are in results.json and its report says that there is no CUDA data", () => {
      const [result] = results.cells;
      expect(result?.profile).toMatchObject({
        simulated: false,
        cuda: false,
        kernels: null,
        isolated: true,
        load: { planned: 6, ok: 6, failed: 0 },
        specHash: result?.server.specHash,
        tool: { name: "nsys", version: expect.stringMatching(/^20\d\d\.\d/) },
      });
      const calls = result?.profile?.systemCalls;
      expect(calls?.rows.map(({ name }) => name)).toContain("pthread_cond_wait");
      expect(calls?.totalMs).toBeGreaterThan(0);
      const page = readFileSync(runFolder(workflow, "report/index.html"), "utf8");
      expect(page).toContain("No CUDA data");
      expect(page).toContain("pthread_cond_wait");
    });

    it("the .nsys-rep on the share is of the server's process and of nothing else", () => {
      const folder = runFolder(workflow, "cells", cell, "profile");
      expect(readdirSync(folder).sort()).toEqual(["osrt_sum.csv", "server.nsys-rep", "summary.json"]);
      const processes = recordedProcesses(join(folder, "server.nsys-rep"));
      expect(processes.map(({ name }) => name)).toEqual(["/app/llama-server"]);
      expect(readFileSync(join(folder, "osrt_sum.csv"), "utf8")).toContain("pthread_cond_wait");
    });

    it("the server that was recorded is another than the measured one, in the same place", () => {
      const deployments = results.cells[0]?.server.deployments ?? [];
      const [first] = deployments;
      const last = deployments.at(-1);
      expect(first?.profiler).toBeUndefined();
      expect(last?.profiler).toBe("nsys");
      expect(last?.command.slice(0, 2)).toEqual(["/models/tools/nsys/bin/nsys", "launch"]);
      expect(last?.instance).not.toBe(first?.instance);
      expect(last?.imageDigest).toBe(first?.imageDigest);
    });

    it("nothing but the profile's account may run a command in a server's pod", () => {
      const may = ["prepare", "server", "profile", "teardown"].filter((account) => {
        const user = `system:serviceaccount:${namespace}:llmbench-${account}`;
        const asked = "auth can-i create pods --subresource=exec -n"
          .split(" ")
          .concat(namespace, `--as=${user}`);
        try {
          return call("kubectl", asked).trim() === "yes";
        } catch {
          return false;
        }
      });
      expect(may).toEqual(["profile"]);
    });
  });

  it("a recording with nothing in it fails the step, whatever the config allows", async () => {
    const workflow = await submit(
      "{ nsys: { share: tools/nsys }, requests: 2, outputTokens: 4, trace: [cuda], allowNoCuda: true }",
    );
    expect(workflow.status.phase).toBe("Failed");
    expect(troubles(workflow).join("\n")).toMatch(
      /profile\(0\) Failed: .*the profile is empty: nsys saw nothing of what it was to trace \(cuda\)/,
    );
    const [result] = resultsOf(workflow).cells;
    expect(result).toMatchObject({ status: "failed", error: { code: "PROFILE_EMPTY" } });
    expect(result?.points.map(({ requests }) => requests.ok)).toEqual([5]);
    expect(result?.profile).toBeUndefined();
  });

  it("leaves no server behind", () => {
    const ours = "app.kubernetes.io/managed-by=llmbench";
    const words = `get deployments,services,pods -n ${namespace} -o name -l ${ours}`;
    expect(call("kubectl", words.split(" "))).toBe("");
  });
});
