import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { access, clusterRights, rights } from "../../pipelines/access.ts";
import { build as buildPlan } from "../../pipelines/build.ts";
import { clusterRun } from "../../pipelines/names.ts";
import type { SharePlan as Share } from "../../src/config/cluster-plan.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { shareClaim } from "../../src/config/share-claims.ts";
import { schemaErrors } from "../argo/schemas.ts";

const configs = ["a10", "cluster-test", "k3s"];

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly namespace?: string };
  readonly spec?: {
    readonly templates?: readonly Template[];
    readonly artifactRepositoryRef?: object;
    readonly synchronization?: Locks;
  };
  readonly data?: Readonly<Record<string, string>>;
}
interface Locks {
  readonly mutexes?: unknown;
  readonly semaphores?: readonly {
    readonly configMapKeyRef: { readonly name: string; readonly key: string };
  }[];
}
interface Template {
  readonly name: string;
  readonly synchronization?: Locks;
  readonly dag?: { readonly tasks: readonly { readonly name: string; readonly hooks?: unknown }[] };
  readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[];
  readonly container?: {
    readonly args: readonly string[];
    readonly volumeMounts: readonly { readonly name: string }[];
  };
  readonly outputs?: { readonly artifacts?: readonly object[] };
}

async function build(config: string) {
  const plan = await readPlan(fileURLToPath(new URL(`../../configs/${config}.yaml`, import.meta.url)), {
    environment: null,
  });
  const { files, warnings } = buildPlan(plan);
  const objects = files
    .filter(({ path }) => path.endsWith(".yaml"))
    .flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS() as Manifest));
  return { plan, files, objects, warnings };
}

describe.each(configs)("what %s becomes", (config) => {
  it("is what Argo's schemas take", async () => {
    const { objects } = await build(config);
    const argo = objects.filter(({ kind }) => /Workflow/.test(kind));
    expect(argo.map(({ kind }) => kind)).toContain("WorkflowTemplate");
    expect(argo.flatMap((object) => schemaErrors(object))).toEqual([]);
  });

  it("has a task with a teardown for each cell, and no other", async () => {
    const { plan, objects } = await build(config);
    const template = objects.find(
      ({ kind, metadata }) => kind === "WorkflowTemplate" && metadata.name === `llmbench-${plan.name}`,
    );
    const tasks = template?.spec?.templates?.find(({ name }) => name === "benchmark")?.dag?.tasks ?? [];
    expect(tasks.map(({ name, hooks }) => [name, hooks !== undefined])).toEqual([
      ["prepare", false],
      ...plan.cells.map(({ id }) => [id.replaceAll(".", "-"), true]),
    ]);
  });

  it("holds semaphores alone: Argo 4.1.2 breaks off the retry of a run that also holds a mutex", async () => {
    const { plan, objects } = await build(config);
    const template = objects.find(
      ({ kind, metadata }) => kind === "WorkflowTemplate" && metadata.name === `llmbench-${plan.name}`,
    );
    const cell = template?.spec?.templates?.find(({ name }) => name === "cell");
    const locks = [template?.spec?.synchronization, cell?.synchronization];
    expect(locks.map((lock) => lock?.mutexes)).toEqual([undefined, undefined]);
    const [runs] = template?.spec?.synchronization?.semaphores ?? [];
    const limits = objects.find(
      ({ kind, metadata }) => kind === "ConfigMap" && metadata.name === runs?.configMapKeyRef.name,
    );
    expect(limits?.data?.[runs?.configMapKeyRef.key ?? ""]).toBe("1");
    expect(cell?.synchronization?.semaphores).toHaveLength(1);
  });

  it("is nothing that the lint has a word to say about", async () => {
    expect((await build(config)).warnings).toEqual([]);
  });

  it("is the same each time, and has a name and a namespace for everything", async () => {
    const { plan, files, objects } = await build(config);
    expect((await build(config)).files).toEqual(files);
    for (const { kind, metadata } of objects) {
      if (kind === "Kustomization" || kind === "Workflow") continue;
      expect(metadata.name, kind).toMatch(/^[a-z0-9.-]{1,63}$/);
      if (/^(?:Namespace|PersistentVolume|ClusterRole|ClusterRoleBinding)$/.test(kind)) continue;
      expect(metadata.namespace, `${kind} ${metadata.name}`).toBe(plan.cluster?.namespace);
    }
  });
});

describe("a config", () => {
  it("without a cluster is not built", async () => {
    await expect(build("local")).rejects.toMatchObject({ code: "BUILD_NO_CLUSTER" });
  });
});

describe("the index of what was made", () => {
  it("names the Secrets that have to be there, and numbers what is to be done", async () => {
    const index = async (config: string) =>
      (await build(config)).files.find(({ path }) => path === "README.md")?.text ?? "";
    const a10 = await index("a10");
    expect(a10).toContain(
      "`ngc-registry` (of kind docker-registry), `ngc-api` with the key `NGC_API_KEY`, `hugging-face` with the key `token`.",
    );
    expect(a10.match(/^\d\. \w+/gm)).toEqual(["1. Apply", "2. Make", "3. Bring", "4. Submit"]);
    expect((await index("k3s")).match(/^\d\. \w+/gm)).toEqual(["1. Apply", "2. Submit"]);
  });

  it("says how to remove it, and names what belongs to no namespace", async () => {
    const { files } = await build("a10");
    const text = files.find(({ path }) => path === "README.md")?.text ?? "";
    expect(text).toContain("kubectl delete --ignore-not-found -k .");
    expect(text).toContain(
      "ClusterRole `llmbench-look-llm-bench`, ClusterRoleBinding `llmbench-look-llm-bench`, PersistentVolume `llm-bench-llmbench-a10-share`",
    );
    expect(text).toContain("kubectl delete -f storage.yaml -f models.yaml -f benchmark.yaml`");
    // Not the lock that all configs of the namespace run by.
    expect(text).toMatch(
      /kubectl delete -n llm-bench resourcequota\/llmbench-a10 configmap\/llmbench-a10-[0-9a-f]+ configmap\/llmbench-a10-slots`/,
    );
    expect(text).not.toContain("llmbench-runs");
  });
});

describe("the quota", () => {
  it("says nothing of GPUs where no server has one: they may be another config's of the namespace", async () => {
    const { plan } = await build("cluster-test");
    const quotaOf = (cells: typeof plan.cells) =>
      buildPlan({ ...plan, cells })
        .files.flatMap(({ objects }) => objects)
        .find(({ kind }) => kind === "ResourceQuota");
    expect(quotaOf(plan.cells)).toMatchObject({ spec: { hard: { "requests.nvidia.com/gpu": "4" } } });
    const without = plan.cells.filter(({ variant }) => variant === "llamacpp");
    expect(quotaOf(without)).toMatchObject({ spec: { hard: { "count/deployments.apps": "4" } } });
    expect(quotaOf(without)).not.toHaveProperty(["spec", "hard", "requests.nvidia.com/gpu"]);
  });
});

describe("models and results that are folders of one share", () => {
  const shares: Readonly<Record<string, Share>> = {
    "a file system of OCI": {
      kind: "oci-fss",
      fileSystem: "ocid1.filesystem.oc1.x",
      mountTarget: "10.0.10.24",
      exportPath: "/llm",
      encryptInTransit: false,
      capacity: "1Ti",
    },
    "an NFS export": { kind: "nfs", server: "10.0.10.24", path: "/llm", mountOptions: [], capacity: "1Ti" },
    "a claim": { kind: "claim", claim: "llm" },
  };

  it.each(Object.entries(shares))(
    "%s: are mounted by one claim, in each pod by one volume",
    async (_, share) => {
      const { plan } = await build("a10");
      const { cluster } = clusterRun(plan);
      const storage = { models: { ...share, subPath: "m" }, results: { ...share, subPath: "r" } };
      const built = buildPlan({ ...plan, cluster: { ...cluster, storage } });
      const objects = built.files.flatMap((file) => file.objects);
      const claims = objects.filter(({ kind }) => kind === "PersistentVolumeClaim");
      const volumes = objects.filter(({ kind }) => kind === "PersistentVolume");
      expect([claims.length, volumes.length]).toEqual(share.kind === "claim" ? [0, 0] : [1, 1]);
      const claim = share.kind === "claim" ? share.claim : claims[0]?.metadata?.name;
      const text = built.files.find(({ path }) => path === "benchmark.yaml")?.text ?? "";
      const pods = ((parse(text) as Manifest).spec?.templates ?? []).filter(({ dag }) => dag === undefined);
      expect(pods).toHaveLength(7);
      for (const pod of pods) {
        expect(pod.volumes?.flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? [])).toEqual([
          claim,
        ]);
        expect(pod.container?.volumeMounts.filter(({ name }) => name === "share")).toEqual([
          { name: "share", mountPath: "/results", subPath: "r" },
          { name: "share", mountPath: "/models", subPath: "m", readOnly: true },
        ]);
      }
      // Servers mount the same one.
      expect(shareClaim(plan.name, "models", storage)).toBe(claim);
    },
  );

  it("are two where the shares are two", async () => {
    const { objects } = await build("cluster-test");
    expect(
      objects.filter(({ kind }) => kind === "PersistentVolumeClaim").map(({ metadata }) => metadata.name),
    ).toEqual(["llmbench-cluster-test-models", "llmbench-cluster-test-results"]);
  });
});

describe("the report as an artifact", () => {
  const finishOf = async (artifacts: { configMap?: string; key?: string } | undefined) => {
    const { plan } = await build("cluster-test");
    const { cluster } = clusterRun(plan);
    const { files, warnings } = buildPlan({ ...plan, cluster: { ...cluster, artifacts } });
    const text = files.find(({ path }) => path === "benchmark.yaml")?.text ?? "";
    const template = parse(text) as Manifest;
    const { spec } = template;
    expect(warnings).toEqual([]);
    expect(schemaErrors(template)).toEqual([]);
    return { spec, finish: spec?.templates?.find(({ name }) => name === "finish") };
  };

  it("is there where the config asks for it: one file as it is, whose name says that it is a page", async () => {
    const { spec, finish } = await finishOf({});
    const path = "/tmp/report.html";
    expect(finish?.outputs?.artifacts).toEqual([
      { name: "report", path, archive: { none: {} }, optional: true },
    ]);
    expect(finish?.container?.args.slice(-2)).toEqual(["--copy", `report=${path}`]);
    expect(spec?.artifactRepositoryRef).toBeUndefined();
  });

  it("goes to the repository that the config names", async () => {
    const repository = { configMap: "artifact-repositories", key: "reports" };
    expect((await finishOf(repository)).spec?.artifactRepositoryRef).toEqual(repository);
    expect((await finishOf({ key: "reports" })).spec?.artifactRepositoryRef).toEqual({ key: "reports" });
  });

  it("is not there otherwise: Argo fails a pod whose artifact has nowhere to go", async () => {
    const { spec, finish } = await finishOf(undefined);
    expect([finish?.outputs, spec?.artifactRepositoryRef]).toEqual([undefined, undefined]);
    expect(finish?.container?.args).not.toContain("--copy");
  });
});

describe("a config of 450 cells", () => {
  it("becomes three templates, none with more tasks than Argo takes, that run into one folder", async () => {
    const { plan } = await build("cluster-test");
    const [cell] = plan.cells;
    const cells = Array.from({ length: 450 }, (_, k) => ({ ...cell, id: `vllm--m${k}` }));
    const { files } = buildPlan({ ...plan, cells: cells as typeof plan.cells });
    const counts = files
      .filter(({ path }) => path.startsWith("benchmark"))
      .map(({ path, text }) => [path, text.match(/template: cell$/gm)?.length]);
    expect(counts).toEqual([
      ["benchmark.yaml", 199],
      ["benchmark-2.yaml", 199],
      ["benchmark-3.yaml", 52],
    ]);
    expect(files.find(({ path }) => path === "README.md")?.text).toContain("run-3.yaml -p run=NAME");
  });
});

describe("a schedule", () => {
  it("is refused for more cells than one workflow takes: nobody would start the others", async () => {
    const { plan } = await build("cluster-test");
    const schedule = { cron: "30 1 * * *", timeZone: "UTC", keepSucceeded: 3, keepFailed: 9, suspend: false };
    const buildOf = (count: number) =>
      buildPlan({
        ...plan,
        schedule,
        cells: Array.from({ length: count }, (_, k) => ({
          ...plan.cells[0],
          id: `c${k}`,
        })) as typeof plan.cells,
      });
    expect(buildOf(199).files.map(({ path }) => path)).toContain("nightly.yaml");
    expect(() => buildOf(200)).toThrow(expect.objectContaining({ code: "BUILD_TOO_LARGE" }));
  });
});

describe("the rights of each account", () => {
  it("let the steps that measure run commands beside servers only where the config asks for it", async () => {
    const { plan } = await build("cluster-test");
    const who = (readServerUsage: boolean) =>
      access(clusterRun({ ...plan, cluster: { ...clusterRun(plan).cluster, readServerUsage } }))
        .filter(({ kind, ...rest }) => kind === "Role" && JSON.stringify(rest).includes("pods/exec"))
        .map(({ metadata }) => metadata?.name);
    expect(who(false)).toEqual(["llmbench-profile"]);
    expect(who(true)).toEqual(["llmbench-server", "llmbench-profile"]);
  });

  it("are these and no more", () => {
    const words = Object.fromEntries(
      Object.entries({ ...rights, "beyond the namespace": clusterRights }).map(([account, rules]) => [
        account,
        rules.flatMap(({ apiGroups, resources, verbs }) =>
          resources.map(
            (resource) => `${[resource, apiGroups[0]].filter(Boolean).join(".")}: ${verbs.join(" ")}`,
          ),
        ),
      ]),
    );
    expect(words).toMatchInlineSnapshot(`
      {
        "beyond the namespace": [
          "nodes: get list watch",
          "pods: list",
        ],
        "models": [
          "workflowtaskresults.argoproj.io: create patch",
        ],
        "prepare": [
          "workflowtaskresults.argoproj.io: create patch",
          "deployments.apps: get list watch",
          "services: get list watch",
          "pods: get list watch",
          "events: get list watch",
          "pods/log: get",
          "deployments.apps: delete",
          "services: delete",
          "pods: delete",
          "workflows.argoproj.io: get list",
        ],
        "profile": [
          "workflowtaskresults.argoproj.io: create patch",
          "deployments.apps: get list watch",
          "services: get list watch",
          "pods: get list watch",
          "events: get list watch",
          "pods/log: get",
          "deployments.apps: create patch",
          "services: create patch",
          "deployments.apps: delete",
          "services: delete",
          "pods: delete",
          "pods/exec: create get",
        ],
        "server": [
          "workflowtaskresults.argoproj.io: create patch",
          "deployments.apps: get list watch",
          "services: get list watch",
          "pods: get list watch",
          "events: get list watch",
          "pods/log: get",
          "deployments.apps: create patch",
          "services: create patch",
          "deployments.apps: delete",
          "services: delete",
          "pods: delete",
        ],
        "teardown": [
          "workflowtaskresults.argoproj.io: create patch",
          "deployments.apps: get list watch",
          "services: get list watch",
          "pods: get list watch",
          "events: get list watch",
          "pods/log: get",
          "deployments.apps: delete",
          "services: delete",
          "pods: delete",
        ],
      }
    `);
  });
});
