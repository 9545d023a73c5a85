import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { copyFile, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../../pipelines/build.ts";
import { readConfig } from "../../src/config/read-plan.ts";
import { resolveModel } from "../../src/engines/models.ts";
import { bundlesOf } from "../../src/plugins/load-plugins.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { installPackage, runFile } from "../plugins/installed.ts";
import { call, clusterMissing, readWorkflow, troubles, type Workflow } from "./cluster.ts";
import { ownPlace } from "./configs.ts";

const missing = clusterMissing();
const namespace = "llmbench-plugin";
const fixture = fileURLToPath(new URL("../fixtures/plugin-package", import.meta.url));
const share = join(process.env["LLMBENCH_SHARE"] ?? "", "plugin-test");
const cell = "serial--smollm2";

/** A config beside the package that it names: llama.cpp's image, started as the package's engine says. */
const config = `
plugins: [plugin.ts]
cluster:
${ownPlace(namespace, share)}
  pools:
    a10: { nodeSelector: { node.kubernetes.io/instance-type: VM.GPU.A10.2 }, servers: 1 }
  lookBeyondNamespace: true
  deadline: 20m
engines:
  serial:
    kind: serialllama
    image: ${process.env["LLMBENCH_LLAMACPP_IMAGE"]}
    pullPolicy: Never
    settings: { contextLength: 1024, threads: 1 }
    resources: { gpus: 0, cpu: 500m, memory: 1Gi }
    startTimeout: 5m
models: { smollm2: { folder: smollm2-135m } }
load:
  warmup: 1
  blocks: [{ name: two, concurrency: 2, outputTokens: 16, requests: 10 }]
steps: { answers: { questions: 2, maxTokens: 12 } }
failOn: never
`;

async function bringModel(): Promise<void> {
  const model = await resolveModel({ id: "smollm2-135m", package: "smollm2-135m" }, "llamacpp", {
    report: () => {},
  });
  const place = join(share, "models/smollm2-135m");
  mkdirSync(place, { recursive: true });
  await copyFile(model.path as string, join(place, "model.gguf"));
  mkdirSync(join(share, "results"));
  // Steps write there as a user of their own.
  chmodSync(join(share, "results"), 0o777);
}

function removeNamespace(): void {
  call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
  for (const role of ["models", "results"])
    call("kubectl", ["delete", "pv", `${namespace}-llmbench-plugin-test-${role}`, "--ignore-not-found"]);
}

/** The package's own pipeline, from its file to its end. */
async function runPipeline(): Promise<Workflow> {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-pipeline-"));
  await installPackage(folder);
  const given = JSON.stringify({ image: process.env["LLMBENCH_IMAGE"], namespace });
  const [template = "", run = ""] = (await runFile(folder, "pipeline.ts", given)).split(/^---$/m);
  call("kubectl", ["apply", "--server-side", "-f", "-"], template);
  writeFileSync(join(folder, "run.yaml"), run);
  const name = call("argo", ["submit", "-n", namespace, join(folder, "run.yaml"), "-o", "name"]).trim();
  rmSync(folder, { recursive: true });
  call("argo", ["wait", "-n", namespace, name]);
  return readWorkflow(namespace, name);
}

describe.skipIf(missing !== undefined)(
  "an engine and a step of somebody else's package, on a cluster",
  () => {
    let workflow: Workflow;
    let results: Results;
    let left: string;
    let own: Workflow;

    beforeAll(async () => {
      rmSync(share, { recursive: true, force: true });
      await bringModel();
      const folder = mkdtempSync(join(tmpdir(), "llmbench-plugin-"));
      for (const file of await readdir(fixture)) await copyFile(join(fixture, file), join(folder, file));
      writeFileSync(join(folder, "plugin-test.yaml"), config);
      const { plan, plugins } = await readConfig(join(folder, "plugin-test.yaml"), { environment: null });
      rmSync(folder, { recursive: true });
      const { files } = build(plan, bundlesOf(plugins));
      const text = (name: string) => files.find(({ path }) => path === name)?.text as string;
      removeNamespace();
      for (const name of ["access.yaml", "storage.yaml", "config.yaml", "benchmark.yaml"])
        call("kubectl", ["apply", "--server-side", "--force-conflicts", "-f", "-"], text(name));
      writeFileSync(join(share, "run.yaml"), text("run.yaml"));
      const words = ["submit", "-n", namespace, join(share, "run.yaml"), "-o", "name"];
      const name = call("argo", words).trim();
      call("argo", ["wait", "-n", namespace, name]);
      workflow = readWorkflow(namespace, name);
      const file = join(share, "results", name, "results.json");
      results = JSON.parse(readFileSync(file, "utf8")) as Results;
      left = call("kubectl", ["get", "deployments,services", "-n", namespace, "-o", "name"]);
      own = await runPipeline();
    }, 1_800_000);

    afterAll(() => {
      removeNamespace();
      rmSync(share, { recursive: true, force: true });
    }, 300_000);

    it("succeed, every step of the workflow", () => {
      expect(troubles(workflow)).toEqual([]);
      expect(workflow.status.phase).toBe("Succeeded");
    });

    it("measure a server that really runs, started as the package says", () => {
      const [result] = results.cells;
      expect(result).toMatchObject({ id: cell, engine: "serialllama", simulated: false, status: "done" });
      expect(result?.server.deployments[0]?.command).toEqual(
        expect.arrayContaining(["--parallel", "1", "--no-cont-batching"]),
      );
      expect(result?.points.map(({ requests }) => requests.ok)).toEqual([10]);
    });

    it("show what the step found on its node, in the results and in a folder of its own", () => {
      const node = Object.values(workflow.status.nodes ?? {}).find(
        // A step that may be tried again has a node of its own around its pods'.
        ({ templateName, type }) => templateName === "answers" && type === "Pod",
      );
      const shown = Object.fromEntries(
        (node?.outputs?.parameters ?? []).map(({ name, value }) => [name, value]),
      );
      expect(node).toMatchObject({ type: "Pod", phase: "Succeeded" });
      expect(shown).toMatchObject({ asked: "2", answered: "2" });
      const [step] = results.cells[0]?.steps ?? [];
      expect(step).toMatchObject({
        step: "answers",
        simulated: false,
        plugin: { file: "plugin.mjs" },
        outputs: { asked: 2, answered: 2, longest: shown["longest"] },
      });
      const file = join(
        share,
        "results",
        workflow.metadata.name,
        "cells",
        cell,
        "steps/answers/answers.json",
      );
      const answers = JSON.parse(readFileSync(file, "utf8")) as { question: string; answer: string }[];
      expect(answers.map(({ question }) => question)).toContain(shown["longest"]);
      for (const { answer } of answers) expect(answer).not.toBe("");
    });

    it("are joined by a pipeline with a typed patch, which its pod has", () => {
      expect(troubles(own)).toEqual([]);
      const node = Object.values(own.status.nodes ?? {}).find(({ templateName }) => templateName === "look");
      expect(node?.phase).toBe("Succeeded");
      expect(node?.outputs?.parameters).toMatchObject([{ name: "address", value: "10.0.0.7" }]);
    });

    it("leave no server behind", () => {
      expect(left).toBe("");
    });
  },
);
