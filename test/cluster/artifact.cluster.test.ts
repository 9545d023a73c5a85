import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { build } from "../../pipelines/build.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { configObjectName } from "../../src/servers/kubernetes-names.ts";
import { call, readWorkflow, troubles, type Workflow } from "./cluster.ts";
import { ownPlace } from "./configs.ts";

const namespace = "llmbench-artifact";
const port = 9055;

/** A small server that speaks S3: `go install github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0`. */
const s3Server = process.env["LLMBENCH_S3_SERVER"] ?? "gofakes3";

function whyMissing(): string | undefined {
  for (const name of ["KUBECONFIG", "LLMBENCH_IMAGE", "LLMBENCH_SHARE"])
    if (process.env[name] === undefined) return `${name} is not set`;
  if (spawnSync("argo", ["version"], { stdio: "ignore" }).status !== 0) return "argo is not on PATH";
  if (spawnSync(s3Server, ["-h"], { stdio: "ignore" }).error !== undefined)
    return `there is no S3 server (${s3Server} on PATH, or LLMBENCH_S3_SERVER)`;
  return undefined;
}

const missing = whyMissing();
if (missing !== undefined) process.stderr.write(`the artifact's cluster test is skipped: ${missing}\n`);

/** One simulated cell; what `artifacts` says is the test's. */
const configOf = (share: string, artifacts: string) => `
cluster:
${ownPlace(namespace, share, "{ cpu: 100m, memory: 256Mi }")}
  pools: { any: { nodeSelector: { kubernetes.io/os: linux } } }
  artifacts: ${artifacts}
  serversPerNode: 8 # a measurement is not what this is about
  deadline: 20m
engines: { vllm: { simulated: true, resources: { gpus: 0, cpu: 50m, memory: 256Mi }, startTimeout: 3m } }
models: { tiny: {} }
load: { warmup: 1, blocks: [{ name: small, outputTokens: 8, requests: 10 }] }
failOn: never
`;

/** Where the nodes' pods reach a process of this machine. */
function addressOfNode(): string {
  const words = `get nodes -o jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`;
  return call("kubectl", words.split(" "));
}

describe.skipIf(missing !== undefined)("the report in an artifact repository", () => {
  const share = join(process.env["LLMBENCH_SHARE"] ?? "", "artifact-test");
  const folder = mkdtempSync(join(tmpdir(), "llmbench-artifact-"));
  let server: ChildProcess | undefined;
  let endpoint = "";

  /** Runs the config with these artifacts to its end. */
  async function run(artifacts: string): Promise<Workflow> {
    const file = join(folder, "artifact-test.yaml");
    writeFileSync(file, configOf(share, artifacts));
    const { files } = build(await readPlan(file, { environment: null }));
    for (const { text } of files.filter(({ path }) => /^(?:access|storage|config|benchmark)\./.test(path)))
      call("kubectl", ["apply", "--server-side", "--force-conflicts", "-f", "-"], text);
    writeFileSync(join(folder, "run.yaml"), files.find(({ path }) => path === "run.yaml")?.text ?? "");
    const name = call("argo", ["submit", "-n", namespace, join(folder, "run.yaml"), "-o", "name"]).trim();
    spawnSync("argo", ["wait", "-n", namespace, name]);
    return readWorkflow(namespace, name);
  }

  beforeAll(async () => {
    rmSync(share, { recursive: true, force: true });
    for (const name of ["models", "results"]) mkdirSync(join(share, name), { recursive: true });
    // Steps write there as a user of their own.
    chmodSync(join(share, "results"), 0o777);
    server = spawn(
      s3Server,
      ["-backend", "memory", "-host", `:${port}`, "-initialbucket", "reports", "-quiet"],
      { stdio: "ignore" },
    );
    endpoint = `${addressOfNode()}:${port}`;
    await vi.waitFor(async () => (await fetch(`http://${endpoint}/reports`)).text(), {
      timeout: 60_000,
      interval: 500,
    });
    call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
    call("kubectl", ["delete", "pv", "--ignore-not-found", ...volumes]);
    call("kubectl", ["create", "namespace", namespace]);
    call("kubectl", ["apply", "-f", "-"], repository(endpoint));
  }, 300_000);

  afterAll(() => {
    server?.kill();
    call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
    call("kubectl", ["delete", "pv", "--ignore-not-found", ...volumes]);
    for (const path of [share, folder]) rmSync(path, { recursive: true, force: true });
  }, 300_000);

  it("is uploaded as it is, under a name that the Argo UI shows in place", async () => {
    const workflow = await run("{ key: reports }");
    expect(troubles(workflow)).toEqual([]);
    expect(workflow.status.phase).toBe("Succeeded");
    const finish = Object.values(workflow.status.nodes ?? {}).find(
      ({ templateName }) => templateName === "finish",
    );
    const [artifact] = finish?.outputs?.artifacts ?? [];
    expect(artifact).toMatchObject({ name: "report", archive: { none: {} } });
    const key = artifact?.s3?.key ?? "";
    expect(key).toMatch(/\/report\.html$/);
    const uploaded = Buffer.from(await (await fetch(`http://${endpoint}/reports/${key}`)).arrayBuffer());
    const written = readFileSync(join(share, "results", workflow.metadata.name, "report/index.html"));
    expect(uploaded.equals(written)).toBe(true);
    expect(written.toString()).toContain("<!DOCTYPE html>");
  }, 1_500_000);

  it("fails the run at once where the repository that the config names is not there", async () => {
    const workflow = await run("{ key: elsewhere }");
    expect(workflow.status.phase).toBe("Error");
    expect(workflow.status.message).toContain("failed to find any artifact repository");
  });
});

const volumes = ["models", "results"].map(
  (role) => `${namespace}-${configObjectName("artifact-test", role)}`,
);

/** As Argo's documentation has it; the server checks no signature. */
const repository = (endpoint: string) => `
apiVersion: v1
kind: Secret
metadata: { name: s3, namespace: ${namespace} }
stringData: { accessKey: test, secretKey: test }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: artifact-repositories, namespace: ${namespace} }
data:
  reports: |
    s3:
      endpoint: ${endpoint}
      insecure: true
      bucket: reports
      accessKeySecret: { name: s3, key: accessKey }
      secretKeySecret: { name: s3, key: secretKey }
`;
