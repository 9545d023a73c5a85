import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../../pipelines/build.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { type FakeHub, sha256, startFakeHub, tinyModel, weights } from "../hub/fake-hub.ts";
import { clusterMissing, type Workflow } from "./cluster.ts";

const missing = clusterMissing();
if (missing !== undefined) process.stderr.write(`tests of models on a cluster are skipped: ${missing}\n`);

const namespace = "llmbench-models";
const token = "hf_verysecret";
/** Of the large model alone. */
const first = "large-1.safetensors";
const second = "large-2.safetensors";
/** Of every one. */
const small = "model-00001-of-00002.safetensors";
const sizes = { [first]: 24_000_000, [second]: 16_000_000 };
/** What was on its way when a connection ended, or was sent before the hub noticed, may come twice. */
const onItsWay = 1_000_000;

/** They are the cluster's, and go by their names alone: others use it, too. */
const volumes = ["brought", "wrong", "untold"].flatMap((config) =>
  ["models", "results"].map((role) => `${namespace}-llmbench-${config}-${role}`),
);

/** Not as `call` does it: the hub is in this process, and must go on. */
async function run(program: string, ...words: string[]): Promise<string> {
  return (await promisify(execFile)(program, words, { maxBuffer: 1 << 26 })).stdout;
}

describe.skipIf(missing !== undefined)("The workflow of models on a cluster", () => {
  const share = join(process.env["LLMBENCH_SHARE"] ?? "", "models-test");
  const models = join(share, "models");
  const work = mkdtempSync(join(tmpdir(), "llmbench-models-"));
  let hub: FakeHub;

  /** A config of these models of the hub, built into a folder and applied; the file to submit. */
  async function apply(
    name: string,
    sources: Readonly<Record<string, string>>,
    { secret = "hub", atOnce = 2 } = {},
  ): Promise<string> {
    const lines = [
      `name: ${name}`,
      "engines: { vllm: { simulated: true } }",
      "models:",
      ...Object.entries(sources).map(([folder, repo]) => `  ${folder}: { folder: ${folder}, hub: ${repo} }`),
      "cluster:",
      `  namespace: ${namespace}`,
      "  pools: { a10: }",
      `  storage: { models: { hostPath: ${models} }, results: { hostPath: ${join(share, "results")} } }`,
      `  steps: { image: '${process.env["LLMBENCH_IMAGE"]}', pullPolicy: Never }`,
      `  secrets: { HF_TOKEN: { name: ${secret}, key: token } }`,
      `  hub: { atOnce: ${atOnce}, env: { HF_TOKEN: { secret: HF_TOKEN }, HF_ENDPOINT: '${hub.endpoint}' } }`,
    ];
    const config = join(work, `${name}.yaml`);
    writeFileSync(config, lines.join("\n"));
    const folder = join(work, name);
    mkdirSync(folder);
    const { files } = build(await readPlan(config, { environment: null }));
    for (const { path, text } of files) writeFileSync(join(folder, path), text);
    await run("argo", "lint", "--offline", join(folder, "models.yaml"), join(folder, "run-models.yaml"));
    await run("kubectl", "apply", "-k", folder);
    return join(folder, "run-models.yaml");
  }

  const submit = async (file: string) =>
    (await run("argo", "submit", "-n", namespace, file, "-o", "name")).trim();

  async function read(name: string): Promise<Workflow> {
    return JSON.parse(
      await run("kubectl", "get", "workflow", name, "-n", namespace, "-o", "json"),
    ) as Workflow;
  }

  async function ended(name: string): Promise<Workflow> {
    for (;;) {
      const workflow = await read(name);
      if (/Succeeded|Failed|Error/.test(workflow.status?.phase ?? "")) return workflow;
      await sleep(2000);
    }
  }

  const task = ({ status }: Workflow, name: string) =>
    Object.values(status.nodes ?? {}).find(({ displayName }) => displayName === name);
  const outputsOf = (workflow: Workflow, name: string) =>
    Object.fromEntries(
      (task(workflow, name)?.outputs?.parameters ?? []).map(({ name, value }) => [name, value]),
    );

  /** Content that the hub sent of a file. */
  const sentOf = (path: string) =>
    hub.served
      .filter((one) => one.server === "cdn" && one.path === path)
      .reduce((sum, { sent }) => sum + sent, 0);
  /** Where requests for the large file's content began that were not the first. */
  const ranges = () =>
    hub.served.flatMap(({ server, path, range }) =>
      server === "cdn" && path === first && range !== undefined ? [Number(/\d+/.exec(range))] : [],
    );

  /** The pods that fetch the large model. */
  async function fetching(): Promise<string[]> {
    const pods = await run("kubectl", "get", "pods", "-n", namespace, "-o", "name");
    return pods.split("\n").filter((one) => one.includes("fetch-large"));
  }

  async function until(what: string, holds: () => boolean): Promise<void> {
    for (let seconds = 0; !holds(); seconds++) {
      if (seconds > 300) throw new Error(`five minutes without: ${what}`);
      await sleep(1000);
    }
  }

  beforeAll(async () => {
    await run("kubectl", "delete", "namespace", namespace, "--ignore-not-found", "--wait");
    await run("kubectl", "delete", "pv", "--ignore-not-found", ...volumes);
    rmSync(share, { recursive: true, force: true });
    for (const folder of [models, join(share, "results")]) {
      mkdirSync(folder, { recursive: true });
      chmodSync(folder, 0o777); // pods write there as a user of their own
    }
    const address = await run(
      "kubectl",
      "get",
      "node",
      "cpu-1",
      "-o",
      "jsonpath={.status.addresses[0].address}",
    );
    hub = await startFakeHub({ address, bytesPerSecond: 1_500_000 });
    const large = tinyModel({ [first]: weights(sizes[first], 2), [second]: weights(sizes[second], 3) });
    hub.repos.set("owner/large", large);
    hub.repos.set("owner/gated", { ...tinyModel(), gatedFor: token });
    const wrong = { lfs: { sha256: sha256("other"), size: 300_000, pointerSize: 100 } };
    hub.repos.set("owner/wrong", { ...tinyModel(), claims: { [small]: wrong } });
    await run("kubectl", "create", "namespace", namespace);
    await run(
      "kubectl",
      "create",
      "secret",
      "generic",
      "hub",
      "-n",
      namespace,
      `--from-literal=token=${token}`,
    );
  });

  afterAll(async () => {
    await hub.close();
    await run("kubectl", "delete", "namespace", namespace, "--ignore-not-found", "--wait");
    await run("kubectl", "delete", "pv", "--ignore-not-found", ...volumes);
    for (const folder of [share, work]) rmSync(folder, { recursive: true, force: true });
  });

  let file: string;
  let whole: Workflow;

  it("brings models to the share though the hub hangs up, a pod dies and the workflow is stopped, and fetches nothing twice", async () => {
    hub.faults.set(`cdn ${first}`, [{ kind: "reset", after: 3_000_000 }]);
    file = await apply("brought", { large: "owner/large", gated: "owner/gated" }, { atOnce: 1 });
    const name = await submit(file);

    await until("a connection that was cut and gone on with", () => ranges().length === 1);
    await until("some megabytes more", () => sentOf(first) > 7_000_000);
    await run("kubectl", "delete", "-n", namespace, ...(await fetching()), "--grace-period=0", "--force");

    await until("another pod that goes on", () => ranges().length === 2);
    await until("some megabytes more", () => sentOf(first) > 12_000_000);
    await run("argo", "stop", "-n", namespace, name);
    const stopped = await ended(name);
    expect(stopped.status.phase).toBe("Failed");
    expect(existsSync(join(models, "large", "llmbench-model.json"))).toBe(false);

    // Argo would take the old pod, while it is still ending, for the new one of the same name, and wait for ever.
    const end = "--for=jsonpath={.status.phase}=Failed";
    await run("kubectl", "wait", "-n", namespace, ...(await fetching()), end, "--timeout=2m");
    await run("argo", "retry", "-n", namespace, name);
    whole = await ended(name);
    expect(whole.status.phase, JSON.stringify(whole.status, null, 1)).toBe("Succeeded");
    const froms = ranges();
    expect(froms).toHaveLength(3);
    expect(froms).toEqual([...froms].sort((a, b) => a - b));
    expect(froms[0]).toBeGreaterThan(2_000_000);
    expect(froms[2]).toBeGreaterThan(11_000_000);
    for (const path of [first, second] as const) {
      expect(sentOf(path)).toBeGreaterThanOrEqual(sizes[path]);
      expect(sentOf(path)).toBeLessThanOrEqual(sizes[path] + 3 * onItsWay);
    }
    process.stderr.write(
      `models: ${sentOf(first)} of ${sizes[first]} and ${sentOf(second)} of ${sizes[second]} bytes sent; resumed at ${froms.join(", ")}\n`,
    );
  });

  it("leaves what anybody can check, and no part of anything", async () => {
    for (const [folder, files] of Object.entries({ large: 9, gated: 7 })) {
      const sums = await promisify(execFile)("sha256sum", ["-c", "SHA256SUMS"], {
        cwd: join(models, folder),
      });
      expect(sums.stdout.split("\n").filter((line) => line.endsWith(": OK"))).toHaveLength(files);
      expect(existsSync(join(models, folder, ".llmbench-partial"))).toBe(false);
      expect(statSync(join(models, folder)).mode & 0o002, "for anybody to change").toBe(0);
    }
  });

  it("shows files, bytes and commit of each, and carries the token nowhere", async () => {
    expect(outputsOf(whole, "large")).toMatchObject({ files: "9", revision: tinyModel().commit });
    expect(Number(outputsOf(whole, "large")["bytes"])).toBeGreaterThan(40_000_000);
    expect(JSON.stringify(whole)).not.toContain(token);
  });

  it("skips what is there and right", async () => {
    hub.served.length = 0;
    const again = await ended(await submit(file));
    expect(again.status.phase).toBe("Succeeded");
    expect(outputsOf(again, "large")["receivedBytes"]).toBe("0");
    expect(hub.served.map(({ path }) => path)).toEqual(["api", "api"]);
  });

  it("lets two workflows not write into one folder at a time: the second finds all there", async () => {
    rmSync(join(models, "gated"), { recursive: true });
    hub.served.length = 0;
    const names = await Promise.all([submit(file), submit(file)]);
    const both = await Promise.all(names.map(ended));
    expect(both.map(({ status }) => status.phase)).toEqual(["Succeeded", "Succeeded"]);
    const [one, other] = both.map((workflow) => outputsOf(workflow, "gated"));
    expect([one?.["receivedBytes"], other?.["receivedBytes"]]).toContain("0");
    expect([one?.["receivedBytes"], other?.["receivedBytes"]]).toContain(one?.["bytes"]);
  });

  it("says in words what is wrong with one, and brings the others", async () => {
    const name = await submit(await apply("wrong", { wrong: "owner/wrong", beside: "owner/gated" }));
    const failed = await ended(name);
    expect(failed.status.phase).toBe("Failed");
    expect(task(failed, "beside")?.phase).toBe("Succeeded");
    expect(task(failed, "wrong")?.message).toContain(`${small} does not have the checksum that it names`);
    expect(existsSync(join(models, "wrong", small))).toBe(false);
  });

  it("says so when the Secret of the token is not there", async () => {
    const failed = await ended(
      await submit(await apply("untold", { untold: "owner/gated" }, { secret: "nowhere" })),
    );
    expect(task(failed, "untold")?.message).toMatch(/HF_TOKEN is not set[^]*cluster\.secrets/);
  });

  it("may do nothing in the cluster but hand over its outputs", async () => {
    const can = async (...words: string[]) =>
      run(
        "kubectl",
        "auth",
        "can-i",
        ...words,
        "-n",
        namespace,
        "--as",
        `system:serviceaccount:${namespace}:llmbench-models`,
      )
        .then((answer) => answer.trim())
        .catch(() => "no");
    expect(await can("create", "workflowtaskresults.argoproj.io")).toBe("yes");
    const others = [
      "get pods",
      "list secrets",
      "get configmaps",
      "create deployments",
      "get workflows.argoproj.io",
    ];
    for (const other of others) expect(await can(...other.split(" ")), other).toBe("no");
  });
});
