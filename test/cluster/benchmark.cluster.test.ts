import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Plan } from "../../src/config/plan.ts";
import { resolveModel } from "../../src/engines/models.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { call, clusterMissing, readWorkflow, troubles, type Workflow, waitForEnd } from "./cluster.ts";
import { fileOf, testPlan } from "./configs.ts";
import { objectsLabelled, objectsOfNamespace } from "./objects.ts";
import { countedByLog, countedByResults } from "./server-log.ts";

const missing = clusterMissing();
if (missing !== undefined) process.stderr.write(`cluster tests are skipped: ${missing}\n`);

const namespace = "llmbench-test";

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

const applied = ["access.yaml", "storage.yaml", "config.yaml", "benchmark.yaml"];
const managed = "app.kubernetes.io/managed-by=llmbench";

/** Volumes are the cluster's: they stay when the namespace goes. */
function removeVolumes(): void {
  const volumes = call("kubectl", ["get", "pv", "-l", managed, "-o", "name"]).split("\n");
  const ours = volumes.filter((name) => name.startsWith(`persistentvolume/${namespace}-`));
  if (ours.length > 0) call("kubectl", ["delete", "--wait", ...ours]);
}

/** `kind/name` as kubectl prints it, of everything that is applied. */
function objectsOf(plan: Plan): string[] {
  const objects = applied.flatMap((name) =>
    parseAllDocuments(fileOf(plan, name)).map(
      (document) => document.toJS() as { apiVersion: string; kind: string; metadata: { name: string } },
    ),
  );
  return objects.map(({ apiVersion, kind, metadata }) => {
    const group = apiVersion.includes("/") ? `.${apiVersion.split("/")[0]}` : "";
    return `${kind.toLowerCase()}${group}/${metadata.name}`;
  });
}

describe.skipIf(missing !== undefined)("configs/cluster-test.yaml on a cluster", () => {
  const share = join(process.env["LLMBENCH_SHARE"] ?? "", "cluster-test");
  let plan: Plan;
  let workflow: Workflow;
  let results: Results;
  const runFolder = () => join(share, "results", workflow.metadata.name);

  beforeAll(async () => {
    rmSync(share, { recursive: true, force: true });
    // What is shown and counted is tested, not whether this machine was quiet.
    plan = { ...(await testPlan(share)), failOn: "never" };
    await bringModels(share, plan);
    mkdirSync(join(share, "results"));
    // Steps write there as a user of their own.
    chmodSync(join(share, "results"), 0o777);
    call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
    removeVolumes();
    for (const name of applied)
      call("kubectl", ["apply", "--server-side", "--force-conflicts", "-f", "-"], fileOf(plan, name));
    const runFile = join(share, "run.yaml");
    writeFileSync(runFile, fileOf(plan, "run.yaml"));
    const name = call("argo", ["submit", "-n", namespace, runFile, "-o", "name"]).trim();
    waitForEnd(namespace, name);
    workflow = readWorkflow(namespace, name);
    results = JSON.parse(readFileSync(join(runFolder(), "results.json"), "utf8")) as Results;
  }, 1_800_000);

  afterAll(() => {
    call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
    removeVolumes();
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

  it("has the requests, tokens and chunks of each cell that its server logged itself", () => {
    const counted = results.cells.map(countedByResults);
    expect(counted).toEqual(results.cells.map((cell) => countedByLog(runFolder(), cell)));
    expect(counted.map(({ ok }) => ok)).toEqual(plan.cells.map(() => 40));
  });

  it("says which node and image each server had", () => {
    for (const { id, server } of results.cells) {
      const [deployment] = server.deployments;
      expect(deployment?.node, id).toMatch(/^gpu-/);
      expect(deployment?.imageDigest, id).toMatch(/^sha256:[0-9a-f]{64}$/);
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
      expect(["valid", "suspect", "invalid"], displayName).toContain(headline["verdict"]);
    }
  });

  it("shows in argo get what each cell is called and its headline", () => {
    const text = call("argo", ["get", "-n", namespace, workflow.metadata.name, "--no-color"]);
    for (const { id } of plan.cells) {
      expect(text).toMatch(
        new RegExp(
          `^ *${id}: +[\\d.]+ tok/s, TTFT \\d+ ms, (?:valid|suspect|invalid)(?:; \\d+ of \\d+ (?:suspect|invalid))?$`,
          "m",
        ),
      );
      expect(text).toMatch(new RegExp(`✔ ${id} +cell `));
    }
    for (const step of ["deploy", "wait-healthy", "warmup", "sweep"])
      expect(text.match(new RegExp(`✔ ${step}\\(\\d\\) +${step} `, "g")), step).toHaveLength(
        plan.cells.length,
      );
  });

  it("leaves no object with the run's label in any namespace, and of llmbench only what was applied", async () => {
    // Slices of a Service go a moment after it.
    await expect
      .poll(() => objectsLabelled(`llmbench.dev/run=${workflow.metadata.name}`), { timeout: 30_000 })
      .toEqual([]);
    expect(objectsOfNamespace(managed, namespace)).toEqual(objectsOf(plan).sort());
  });
});
