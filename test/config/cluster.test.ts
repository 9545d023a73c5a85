import { describe, expect, it } from "vitest";
import { cronProblem } from "../../src/config/cron.ts";
import type { CellPlan, ServerPlan } from "../../src/config/plan.ts";
import { splitNfs } from "../../src/config/resolve-cluster.ts";
import { versionOfImage } from "../../src/config/resolve-container.ts";
import { defaultProfile } from "../../src/simulator/profiles.ts";
import { planOf, problemsOf } from "./problems.ts";

const cluster = [
  "cluster:",
  "  pools: { a10: }",
  "  storage: { models: { nfs: '10.0.0.1:/m' }, results: { claim: results } }",
  "  steps: { image: example.com/llmbench:1 }",
];
const model = "models: { m: { folder: llama } }";

function containerOf(cell: CellPlan | undefined): Extract<ServerPlan, { kind: "kubernetes" }> {
  if (cell?.server.kind !== "kubernetes") throw new Error("no container");
  return cell.server;
}
const serverOf = async (engine: string, ...more: string[]) =>
  containerOf((await planOf([`engines: { ${engine} }`, model, ...cluster, ...more])).cells[0]);

describe("The cluster of a plan", () => {
  it("has good defaults for all that the config leaves out", async () => {
    const plan = await planOf(["engines: { vllm: }", model, ...cluster]);
    const gpus = { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" };
    expect(plan.cluster).toEqual({
      namespace: "llmbench",
      pools: { a10: { nodeSelector: {}, tolerations: [gpus], gpuResource: "nvidia.com/gpu", servers: 1 } },
      serversPerNode: 1,
      storage: {
        models: { kind: "nfs", server: "10.0.0.1", path: "/m", mountOptions: [], capacity: "1Ti" },
        results: { kind: "claim", claim: "results" },
      },
      steps: {
        image: "example.com/llmbench:1",
        pullPolicy: "IfNotPresent",
        uid: 1000,
        gid: 1000,
        clientResources: { cpu: "2", memory: "2Gi" },
        nodeSelector: {},
        // Where every node has a GPU, the steps have to run there too.
        tolerations: [gpus],
      },
      imagePullSecrets: [],
      secrets: {},
      hub: { env: {}, secretEnv: [], atOnce: 2 },
      lookBeyondNamespace: false,
      networkPolicy: false,
      deadlineSeconds: 86_400,
      keepSeconds: { succeeded: 259_200, failed: 604_800 },
    });
    expect(plan).not.toHaveProperty("profiling");
    expect(plan).not.toHaveProperty("schedule");
  });

  it("has the image of the steps that was pushed last, by its digest, where the config names none", async () => {
    const pinned = `registry.example.com/llmbench@sha256:${"0a".repeat(32)}`;
    const lock = { "images.lock.json": JSON.stringify({ llmbench: pinned, simulator: pinned }) };
    const withoutSteps = ["engines: { vllm: }", model, ...cluster.slice(0, -1)];
    expect((await planOf(withoutSteps, lock)).cluster?.steps.image).toBe(pinned);
    expect((await planOf([...withoutSteps, "  steps: { uid: 7 }"], lock)).cluster?.steps).toMatchObject({
      image: pinned,
      uid: 7,
    });
    const named = await planOf(["engines: { vllm: }", model, ...cluster], lock);
    expect(named.cluster?.steps.image).toBe("example.com/llmbench:1");
  });

  it.each<[string, string, string]>([
    [
      "without a digest",
      '{ "llmbench": "registry.example.com/llmbench:1" }',
      "expected REGISTRY/NAME@sha256:DIGEST",
    ],
    ["without that image", "{}", "images.lock.json has no llmbench"],
    ["that is torn", '{ "llmbench": ', "images.lock.json cannot be read: "],
  ])("does not take it from a lock file %s", async (_, text, words) => {
    const lines = ["engines: { vllm: }", model, ...cluster.slice(0, -1)];
    const { error, problems } = await problemsOf(lines, { "images.lock.json": text });
    expect(error?.code).toBe("CONFIG_INVALID");
    expect(problems.join("\n")).toContain("cluster.steps.image: missing, and ");
    expect(problems.join("\n")).toContain(words);
  });

  it("has labels as Kubernetes wants them: text, as the file spells it", async () => {
    const plan = await planOf([
      "engines: { vllm: }",
      model,
      cluster[0] ?? "",
      "  pools: { a10: { nodeSelector: { nvidia.com/gpu.present: true, zone: 007 } } }",
      ...cluster.slice(2),
    ]);
    expect(plan.cluster?.pools["a10"]?.nodeSelector).toEqual({
      "nvidia.com/gpu.present": "true",
      zone: "007",
    });
  });

  it.each([
    [
      "{ nfs: 'fs.example.com:/a/b', folder: x }",
      { kind: "nfs", server: "fs.example.com", path: "/a/b", subPath: "x" },
    ],
    ["{ nfs: '[fd00::1]:/a' }", { kind: "nfs", server: "fd00::1", path: "/a" }],
    ["{ hostPath: /mnt/llm, capacity: 2Ti }", { kind: "host-path", path: "/mnt/llm", capacity: "2Ti" }],
    [
      "{ ociFss: { fileSystem: ocid1.fs, mountTarget: 10.0.0.1, export: /llm } }",
      {
        kind: "oci-fss",
        fileSystem: "ocid1.fs",
        mountTarget: "10.0.0.1",
        exportPath: "/llm",
        encryptInTransit: false,
        capacity: "1Ti",
      },
    ],
  ])("has a share for %s", async (share, expected) => {
    const plan = await planOf([
      "engines: { vllm: }",
      model,
      ...cluster.slice(0, 2),
      `  storage: { models: ${share}, results: { claim: r } }`,
      cluster[3] ?? "",
    ]);
    expect(plan.cluster?.storage.models).toMatchObject(expected);
  });

  it("knows a Secret's key by the name that the config has for it", async () => {
    const plan = await planOf([
      "engines: { vllm: }",
      model,
      ...cluster,
      "  secrets: { HF_TOKEN: { name: hf }, NGC: { name: ngc, key: api } }",
    ]);
    expect(plan.cluster?.secrets).toEqual({
      HF_TOKEN: { name: "hf", key: "HF_TOKEN" },
      NGC: { name: "ngc", key: "api" },
    });
  });

  it("comes with a profile and a schedule where the config asks for them", async () => {
    const plan = await planOf([
      "engines: { vllm: }",
      model,
      ...cluster,
      "profiling: { nsys: { image: example.com/nsys:1 }, requests: 8 }",
      "schedule: { cron: '0 2 * * *', timeZone: Europe/Berlin }",
    ]);
    expect(plan.profiling).toEqual({
      tool: "nsys",
      source: { kind: "image", image: "example.com/nsys:1", folder: "/nsys" },
      trace: ["cuda", "nvtx", "osrt", "cublas", "cudnn"],
      concurrency: 4,
      outputTokens: 64,
      requests: 8,
      allowNoCuda: false,
    });
    expect(plan.schedule).toEqual({
      cron: "0 2 * * *",
      timeZone: "Europe/Berlin",
      suspend: false,
      keepSucceeded: 7,
      keepFailed: 7,
    });
  });
});

describe("The report's artifact repository", () => {
  it.each([
    ["off", undefined],
    ["on", {}],
    ["{ key: reports }", { key: "reports" }],
    ["{ configMap: repositories, key: reports }", { configMap: "repositories", key: "reports" }],
  ])("of artifacts: %s", async (artifacts, expected) => {
    const plan = await planOf(["engines: { vllm: }", model, ...cluster, `  artifacts: ${artifacts}`]);
    expect(plan.cluster?.artifacts).toEqual(expected);
  });
});

describe("A cell of a cluster", () => {
  it("is its engine's image of that version, with what it needs", async () => {
    expect(await serverOf("vllm: { version: '0.6.4' }")).toEqual({
      kind: "kubernetes",
      pool: "a10",
      image: "docker.io/vllm/vllm-openai:v0.6.4",
      pullPolicy: "IfNotPresent",
      args: [],
      env: {},
      secretEnv: [],
      resources: { gpus: 1, cpu: "4", memory: "24Gi", sharedMemory: "16Gi" },
      settings: {},
      startTimeoutSeconds: 1800,
      stopTimeoutSeconds: 30,
    });
  });

  it("has as many GPUs as share its model, and as much of the rest", async () => {
    const two = await serverOf("vllm: { settings: { tensorParallel: 2 }, resources: { memory: 100Gi } }");
    expect(two.resources).toEqual({ gpus: 2, cpu: "8", memory: "100Gi", sharedMemory: "16Gi" });
    expect((await serverOf("llamacpp: { resources: { gpus: 0, cpu: 500m } }")).resources).toEqual({
      gpus: 0,
      cpu: "500m",
      memory: "8Gi",
    });
  });

  it("takes its version from the tag of an image, which decides how it is asked", async () => {
    const versions = async (engine: string) =>
      (await planOf([`engines: { ${engine} }`, model, ...cluster])).cells[0]?.version;
    expect(await versions("vllm: { image: 'registry.example.com/vllm:v0.6.4-patched' }")).toBe("0.6.4");
    expect(await versions("vllm: { version: v0.7.0, image: 'registry.example.com/vllm:latest' }")).toBe(
      "0.7.0",
    );
    expect(await versions("vllm:")).toBe("0.33.0");
    expect(await versions("vllm: { simulated: true }")).toBeUndefined();
  });

  it("keeps secrets as references and looks nothing up here", async () => {
    const server = await serverOf(
      "vllm: { env: { HF_TOKEN: '${HF}', LICENCE: { secret: HF }, PLAIN: 1 } }",
      "  secrets: { HF: { name: hf } }",
    );
    expect(server).toMatchObject({
      env: { HF_TOKEN: "${HF}", LICENCE: "${HF}", PLAIN: "1" },
      secretEnv: ["HF_TOKEN", "LICENCE"],
    });
  });

  it("leaves ~ alone: this machine's home is no place there", async () => {
    expect((await serverOf("vllm: { command: ~/serve --x, args: [~/y] }")).command).toEqual([
      "~/serve",
      "--x",
    ]);
  });

  it("is the simulator in the image of the steps where the engine is simulated", async () => {
    const server = await serverOf("sglang: { simulated: { decodeMs: 5 }, resources: { cpu: 2 } }");
    expect(server).toMatchObject({
      image: "example.com/llmbench:1",
      resources: { gpus: 1, cpu: "2", memory: "512Mi" },
      user: { uid: 1000, gid: 1000 },
      simulated: { profile: { ...defaultProfile("sglang"), decodeMs: 5 } },
    });
  });

  it("is named as on one machine, and has the pool in its name where there are several", async () => {
    const ids = async (cells: string) =>
      (
        await planOf([
          "engines: { vllm: , sglang: }",
          model,
          "cluster:",
          "  pools: { a10: , h100: }",
          ...cluster.slice(2),
          `cells: ${cells}`,
        ])
      ).cells.map(({ id }) => id);
    expect(await ids("{}")).toEqual(["vllm--m--a10", "sglang--m--a10", "vllm--m--h100", "sglang--m--h100"]);
    expect(await ids("{ pools: [h100] }")).toEqual(["vllm--m", "sglang--m"]);
    expect(await ids("{ exclude: [{ engine: vllm, pool: a10 }] }")).toEqual([
      "sglang--m--a10",
      "vllm--m--h100",
      "sglang--m--h100",
    ]);
  });

  it("can be another one in another pool", async () => {
    const plan = await planOf([
      "engines: { vllm: { resources: { cpu: 2 } } }",
      model,
      "cluster:",
      "  pools: { a10: , h100: }",
      ...cluster.slice(2),
      "cells:",
      "  overrides:",
      "    - pool: h100",
      "      folder: llama-70b",
      "      settings: { tensorParallel: 4 }",
      "      resources: { memory: 200Gi }",
    ]);
    const [a10, h100] = plan.cells;
    expect(containerOf(a10).resources).toMatchObject({ gpus: 1, cpu: "2", memory: "24Gi" });
    expect(containerOf(h100).resources).toMatchObject({ gpus: 4, cpu: "2", memory: "200Gi" });
    expect([a10?.model.folder, h100?.model.folder]).toEqual(["llama", "llama-70b"]);
  });

  it("reads its data set from the models share", async () => {
    const plan = await planOf([
      "engines: { vllm: }",
      model,
      ...cluster,
      "load: { dataset: data/chat.jsonl }",
    ]);
    expect(plan.cells[0]?.request.prompt).toEqual({ kind: "dataset", path: "/models/data/chat.jsonl" });
  });
});

describe("A model of a hub", () => {
  const modelsOf = async (...lines: string[]) =>
    (await planOf(["engines: { vllm: , sglang: }", ...lines, ...cluster])).cells.map(({ model }) => model);

  it("is named alone, or with revision and files", async () => {
    const [a, , b] = await modelsOf(
      "models:",
      "  a: { folder: a, hub: owner/name }",
      "  b: { folder: b, hub: { repo: owner/name, revision: v1, include: ['*.gguf'] } }",
    );
    expect(a?.hub).toEqual({ repo: "owner/name", revision: "main" });
    expect(b?.hub).toEqual({ repo: "owner/name", revision: "v1", include: ["*.gguf"] });
  });

  it("is that of its folder: one with another folder has its own or none", async () => {
    const hubs = async (override: string) =>
      (
        await modelsOf(
          "models: { a: { folder: a, hub: owner/name } }",
          `cells: { overrides: [{ engine: sglang, ${override} }] }`,
        )
      ).map(({ folder, hub }) => [folder, hub?.repo]);
    expect(await hubs("folder: b")).toEqual([
      ["a", "owner/name"],
      ["b", undefined],
    ]);
    expect(await hubs("folder: b, hub: owner/other")).toEqual([
      ["a", "owner/name"],
      ["b", "owner/other"],
    ]);
    expect(await hubs("servedName: x")).toEqual([
      ["a", "owner/name"],
      ["a", "owner/name"],
    ]);
  });

  it("is fetched with the environment that the cluster has for it", async () => {
    const plan = await planOf([
      "engines: { vllm: }",
      model,
      ...cluster,
      "  secrets: { HF: { name: hf } }",
      "  hub: { atOnce: 1, env: { HF_TOKEN: { secret: HF }, HF_ENDPOINT: 'https://mirror.example.com' } }",
    ]);
    expect(plan.cluster?.hub).toEqual({
      env: { HF_TOKEN: "${HF}", HF_ENDPOINT: "https://mirror.example.com" },
      secretEnv: ["HF_TOKEN"],
      atOnce: 1,
    });
  });
});

describe("The version in a tag", () => {
  it.each([
    ["lmsysorg/sglang:v0.4.7-cu124", "0.4.7"],
    ["vllm/vllm-openai:v0.6.4.post1", "0.6.4.post1"],
    ["nvcr.io/nvidia/tensorrt-llm/release:1.3.0rc5", "1.3.0rc5"],
    ["registry:5000/vllm", undefined],
    ["registry:5000/vllm:0.6.4@sha256:0000", "0.6.4"],
    ["vllm@sha256:0000", undefined],
    ["vllm:latest", undefined],
    ["llama.cpp:server-cuda-b4823", undefined],
  ])("of %s is %s", (image, version) => {
    expect(versionOfImage(image)).toBe(version);
  });
});

describe("An NFS export", () => {
  it.each([["no-colon"], [":/a"], ["a:b"], ["fd00::1:/a"], ["a b:/c"]])("is not %j", (text) => {
    expect(splitNfs(text)).toBeUndefined();
  });
});

describe("A schedule", () => {
  it.each(["* * * * *", "*/5 0-6 1,15 jan-mar MON", "0 2 * * 1-5", "0 0 ? * 0/2", "59 23 31 12 6"])(
    "may be %s",
    (cron) => expect(cronProblem(cron)).toBeUndefined(),
  );

  it.each([
    "",
    "* * * *",
    "60 * * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 7",
    "*/0 * * * *",
    "5-1 * * * *",
    "x * * * *",
    "1- * * * *",
  ])("may not be %j", (cron) => expect(cronProblem(cron)).toMatch(/^expected /));
});
