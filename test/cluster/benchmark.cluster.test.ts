import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../../pipelines/build.ts";
import type { Plan } from "../../src/config/plan.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { resolveModel } from "../../src/engines/models.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { call, clusterMissing, readWorkflow, troubles, type Workflow } from "./cluster.ts";

const missing = clusterMissing();
if (missing !== undefined) process.stderr.write(`cluster tests are skipped: ${missing}\n`);

const namespace = "llmbench-test";
const config = fileURLToPath(new URL("../../configs/cluster-test.yaml", import.meta.url));

/** configs/cluster-test.yaml with the images and the share of this cluster in place of the example's. */
async function testPlan(share: string): Promise<Plan> {
  const text = readFileSync(config, "utf8")
    .replaceAll("localhost/llmbench:test", process.env["LLMBENCH_IMAGE"] as string)
    .replaceAll("localhost/llmbench-llamacpp:test", process.env["LLMBENCH_LLAMACPP_IMAGE"] as string)
    .replaceAll("/var/lib/llmbench-cluster/storage", share);
  const folder = mkdtempSync(join(tmpdir(), "llmbench-cluster-"));
  const file = join(folder, "cluster-test.yaml");
  writeFileSync(file, text);
  return await readPlan(file, { environment: null });
}

async function bringModels(share: string, plan: Plan): Promise<void> {
  const model = await resolveModel({ id: "smollm2-135m", package: "smollm2-135m" }, "llamacpp", {
    report: () => {},
  });
  for (const { folder = "" } of plan.cells.map((cell) => cell.model)) {
    const place = join(share, "models", folder);
    mkdirSync(place, { recursive: true });
    copyFileSync(model.path as string, join(place, "model.gguf"));
  }
}

describe.skipIf(missing !== undefined)("configs/cluster-test.yaml on a cluster", () => {
  const share = join(process.env["LLMBENCH_SHARE"] ?? "", "cluster-test");
  let plan: Plan;
  let workflow: Workflow;
  let results: Results;

  beforeAll(async () => {
    rmSync(share, { recursive: true, force: true });
    plan = await testPlan(share);
    await bringModels(share, plan);
    mkdirSync(join(share, "results"));
    // Steps write there as a user of their own.
    chmodSync(join(share, "results"), 0o777);
    const { files } = build(plan);
    const text = (name: string) => files.find(({ path }) => path === name)?.text as string;
    call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
    call("kubectl", ["delete", "pv", "-l", "app.kubernetes.io/managed-by=llmbench", "--wait"]);
    for (const name of ["access.yaml", "storage.yaml", "config.yaml", "benchmark.yaml"])
      call("kubectl", ["apply", "--server-side", "--force-conflicts", "-f", "-"], text(name));
    const runFile = join(share, "run.yaml");
    writeFileSync(runFile, text("run.yaml"));
    const name = call("argo", ["submit", "-n", namespace, runFile, "-o", "name"]).trim();
    call("argo", ["wait", "-n", namespace, name]);
    workflow = readWorkflow(namespace, name);
    results = JSON.parse(readFileSync(join(share, "results", name, "results.json"), "utf8")) as Results;
  }, 1_800_000);

  afterAll(() => {
    rmSync(share, { recursive: true, force: true });
  });

  it("succeeds, every step of it", () => {
    expect(troubles(workflow)).toEqual([]);
    expect(workflow.status.phase).toBe("Succeeded");
  });

  it("measures every request of every point of every cell", () => {
    const counts = results.cells.flatMap(({ id, points }) =>
      points.map(({ id: point, requests }) => [id, point, requests.planned, requests.ok]),
    );
    expect(counts).toEqual(
      plan.cells.flatMap(({ id, points }) => points.map((point) => [id, point.id, 20, 20])),
    );
  });

  it("keeps what each server logged, and says which node and image it had", () => {
    for (const { id, server } of results.cells) {
      const [deployment] = server.deployments;
      expect(deployment?.node, id).toMatch(/^gpu-/);
    }
  });

  it("says that simulated engines are, and that llama.cpp is not", () => {
    expect(results.cells.map(({ variant, simulated }) => [variant, simulated])).toEqual(
      plan.cells.map(({ variant }) => [variant, variant !== "llamacpp"]),
    );
  });

  it("shows the headline of each cell on its node", () => {
    const cells = Object.values(workflow.status.nodes ?? {}).filter(
      ({ templateName }) => templateName === "cell",
    );
    expect(cells).toHaveLength(plan.cells.length);
    for (const { displayName, outputs } of cells) {
      const headline = Object.fromEntries(
        (outputs?.parameters ?? []).map(({ name, value }) => [name, value]),
      );
      expect(Number(headline["outputTokensPerSecond"]), displayName).toBeGreaterThan(0);
      expect(Number(headline["ttftMs"]), displayName).toBeGreaterThan(0);
      expect(["valid", "suspect"], displayName).toContain(headline["verdict"]);
    }
  });

  it("leaves no server behind, in any namespace", () => {
    const ours = "app.kubernetes.io/managed-by=llmbench";
    const words = `get deployments,services,pods --all-namespaces -o name -l ${ours}`;
    const left = call("kubectl", words.split(" "));
    expect(left).toBe("");
  });
});
