import { describe, expect, it } from "vitest";
import { problemsOf } from "./problems.ts";

/** A valid config, line by line; the tests spoil a line of it. */
const valid = {
  engines: "engines: { vllm: { version: '0.6.4' } }",
  models: "models: { m: { folder: llama } }",
  cluster: "cluster:",
  pools: "  pools: { a10: { nodeSelector: { gpu: a10 } } }",
  storage: "  storage: { models: { nfs: '10.0.0.1:/m' }, results: { claim: results } }",
  steps: "  steps: { image: example.com/llmbench:1 }",
  more: "",
};

const noImage =
  "missing, and there is no images.lock.json; expected the name of an image, or push it: npm run images -- --push REGISTRY";

/** What is said of the config with these lines in place of its own: place and text of each finding. */
async function findings(lines: Partial<typeof valid>): Promise<string[]> {
  const { problems } = await problemsOf(Object.values({ ...valid, ...lines }));
  return problems
    .filter((line) => line.startsWith("x.yaml:"))
    .map((line) => line.replace(/^x\.yaml:\S+ /, ""));
}

describe("A cluster config", () => {
  it("that the tests spoil is valid", async () => {
    expect(await findings({})).toEqual([]);
  });

  it("shows where a mistake is, as any config does", async () => {
    const { problems } = await problemsOf(
      Object.values({ ...valid, pools: "  pools: { a10: { server: 2 } }" }),
    );
    expect(problems).toEqual([
      'x.yaml:4:19 cluster.pools.a10.server: unknown key; did you mean "servers"?',
      "  4 |   pools: { a10: { server: 2 } }",
      "    |                   ^^^^^^",
    ]);
  });

  it.each<[string, Partial<typeof valid>, string[]]>([
    [
      "with nothing in it",
      { pools: "", storage: "", steps: "  namespace: bench" },
      [
        "cluster.pools: missing; expected a mapping of pool names to nodes",
        "cluster.storage: missing; expected a mapping with models and results",
        `cluster.steps.image: ${noImage}`,
      ],
    ],
    ["without pools", { pools: "  pools: {}" }, ["cluster.pools: expected at least one pool; found none"]],
    [
      "whose pool has a name that cannot be part of a cell's",
      { pools: "  pools: { a--b: }" },
      ["cluster.pools.a--b: -- separates variant, model and pool in the name of a cell; use one -"],
    ],
    [
      "with pools that differ in case only",
      { pools: "  pools: { a: , A: }" },
      ['cluster.pools.A: differs from "a" in case only, and names become folders'],
    ],
    [
      "whose namespace is none",
      { more: "  namespace: LLM_bench" },
      [
        'cluster.namespace: expected a name of Kubernetes (lower-case letters, digits and -, at most 63); found "LLM_bench"',
      ],
    ],
    [
      "with a label that no node can have",
      { pools: "  pools: { a: { nodeSelector: { nvidia.com/gpu.product: NVIDIA A10 } } }" },
      [
        'cluster.pools.a.nodeSelector["nvidia.com/gpu.product"]: no label of Kubernetes has such a value: letters and digits, between them also . _ -, at most 63',
      ],
    ],
    [
      "with a label's key that is none",
      { pools: "  pools: { a: { nodeSelector: { a/b/c: x } } }" },
      [
        'cluster.pools.a.nodeSelector["a/b/c"]: no label of Kubernetes has such a key: a name of at most 63, perhaps after domain/',
      ],
    ],
    [
      "with a toleration that contradicts itself",
      { pools: "  pools: { a: { tolerations: [{ key: k, operator: Exists, value: v }] } }" },
      ["cluster.pools.a.tolerations[0].value: Exists asks for no value; remove it, or write operator: Equal"],
    ],
    [
      "with a toleration of a value without a key",
      { pools: "  pools: { a: { tolerations: [{ value: v }] } }" },
      ["cluster.pools.a.tolerations[0]: a value needs the key of its taint; add key"],
    ],
    [
      "with a GPU resource that is no name",
      { pools: "  pools: { a: { gpuResource: two gpus } }" },
      ["cluster.pools.a.gpuResource: expected the name of a resource, such as nvidia.com/gpu"],
    ],
    [
      "with a share that is nowhere",
      { storage: "  storage: { models: { folder: m }, results: { claim: r } }" },
      ["cluster.storage.models: expected one of claim, nfs, ociFss, hostPath"],
    ],
    [
      "with a share in two places",
      { storage: "  storage: { models: { nfs: 'a:/b', hostPath: /c }, results: { claim: r } }" },
      ["cluster.storage.models.hostPath: give nfs or hostPath, not both"],
    ],
    [
      "with an NFS export that is none",
      { storage: "  storage: { models: { nfs: /exports/m }, results: { claim: r } }" },
      [
        'cluster.storage.models.nfs: expected server:/path, such as "10.0.10.24:/llm" (an IPv6 address in brackets)',
      ],
    ],
    [
      "with a folder that leaves its share",
      { storage: "  storage: { models: { claim: m, folder: ../other }, results: { claim: r } }" },
      [
        'cluster.storage.models.folder: expected a path below the share, such as "models/llama"; found "../other"',
      ],
    ],
    [
      "with mount options for a claim",
      { storage: "  storage: { models: { claim: m, mountOptions: [ro] }, results: { claim: r } }" },
      ["cluster.storage.models.mountOptions: only an NFS mount has options"],
    ],
    [
      "with a capacity for a claim",
      { storage: "  storage: { models: { claim: m, capacity: 1Ti }, results: { claim: r } }" },
      ["cluster.storage.models.capacity: a claim that is there has its size already"],
    ],
    [
      "with File Storage that has nothing under it",
      { storage: "  storage: { models: { ociFss: }, results: { claim: r } }" },
      ["cluster.storage.models.ociFss: expected fileSystem, mountTarget and export"],
    ],
    [
      "with one file system that is encrypted on its way in one place alone",
      {
        storage: [
          "  storage:",
          "    models: { ociFss: { fileSystem: ocid1.f, mountTarget: 10.0.0.4, export: /llm }, folder: m }",
          "    results:",
          "      ociFss: { fileSystem: ocid1.f, mountTarget: 10.0.0.4, export: /llm, encryptInTransit: true }",
        ].join("\n"),
      },
      [
        "cluster.storage.results.ociFss: it is the models' file system: say encryptInTransit of both shares, or of neither",
      ],
    ],
    [
      "with an amount of memory that has no unit",
      { engines: "engines: { vllm: { version: '0.6.4', resources: { memory: 64 } } }" },
      ['engines.vllm.resources.memory: expected a size such as "16Gi"; found 64'],
    ],
    [
      "with fewer GPUs than share a model",
      { engines: "engines: { vllm: { settings: { tensorParallel: 4 }, resources: { gpus: 2 } } }" },
      ["engines.vllm.resources.gpus: too few: settings.tensorParallel is 4"],
    ],
    [
      "with what is on this machine",
      {
        engines: "engines: { vllm: { process: { command: serve } } }",
        models: "models: { m: { path: /m }, n: { package: smollm2-135m } }",
      },
      [
        "engines.vllm.process: a cluster does not see this machine; use image and command",
        "models.m.path: a cluster does not see this machine; use folder, below storage.models",
        "models.n.package: a cluster does not see this machine; use folder, below storage.models",
      ],
    ],
    [
      "whose model is nowhere on the share",
      { models: "models: { m: }" },
      ['models.m: add folder: where below the models share "vllm" finds it'],
    ],
    [
      "whose model is one file of it",
      { models: "models: { m: { folder: llama/model.safetensors } }" },
      ["models.m.folder: vLLM reads a model's folder; found .safetensors"],
    ],
    [
      "with a NIM that has no image for every model",
      { engines: "engines: { nim: { version: '1.8.4' } }" },
      [
        "engines.nim: add image: NVIDIA NIM 1.8.4 has none that serves every model, so perhaps in cells.overrides",
      ],
    ],
    [
      "with an image that does not say its version",
      { engines: "engines: { vllm: { image: 'example.com/vllm:latest' } }" },
      ["engines.vllm.image: its tag begins with no version, and vLLM is asked by version; add version"],
    ],
    [
      "with a secret that the cluster section does not have",
      {
        engines: "engines: { vllm: { version: '0.6.4', env: { HF_TOKEN: { secret: HF_TOKN } } } }",
        more: "  secrets: { HF_TOKEN: { name: hf } }",
      },
      [
        'engines.vllm.env.HF_TOKEN: cluster.secrets has no "HF_TOKN"; it has HF_TOKEN; did you mean "HF_TOKEN"?',
      ],
    ],
    [
      "with a secret that has a default",
      {
        engines: "engines: { vllm: { version: '0.6.4', env: { HF_TOKEN: '${HF_TOKEN:-x}' } } }",
        more: "  secrets: { HF_TOKEN: { name: hf } }",
      },
      [
        "engines.vllm.env.HF_TOKEN: a cluster's secret is one value and has no default; write {secret: HF_TOKEN}",
      ],
    ],
    [
      "with a secret's value",
      { engines: "engines: { vllm: { version: '0.6.4', env: { HF_TOKEN: hf_abc } } }" },
      [
        "engines.vllm.env.HF_TOKEN: named a secret, so its value does not belong in a config: write ${HF_TOKEN} here",
      ],
    ],
    [
      "whose model has no name on the hub",
      { models: "models: { m: { folder: m, hub: 'https://huggingface.co/owner/name' } }" },
      [
        'models.m.hub: expected a model\'s name on the hub, such as mistralai/Mistral-7B-Instruct-v0.3; found "https://huggingface.co/owner/name"',
      ],
    ],
    [
      "with a misspelt source of a model",
      { models: "models: { m: { folder: m, hub: { repo: a/b, revison: v1 } } }" },
      ['models.m.hub.revison: unknown key; did you mean "revision"?'],
    ],
    [
      "whose model of a hub is to lie nowhere",
      { models: "models: { m: { hub: owner/name } }" },
      ["models.m.hub: add folder: where below the models share it is to lie"],
    ],
    [
      "whose model of a hub is to lie among all others",
      {
        engines: "engines: { llamacpp: { image: 'example.com/llamacpp:1' } }",
        models: "models: { m: { folder: m.gguf, hub: owner/name } }",
      },
      ["models.m.folder: a model of a hub needs a folder of its own; write m/m.gguf"],
    ],
    [
      "with two models of a hub in one folder",
      {
        models: "models: { m: { folder: a, hub: o/m }, n: { folder: a/, hub: { repo: o/m, revision: v2 } } }",
      },
      ["models.n.hub: a gets what models.m.hub says; give this one another folder"],
    ],
    [
      "with a model of a hub inside another",
      { models: "models: { m: { folder: a, hub: o/m }, n: { folder: a/b, hub: o/n } }" },
      ["models.n.hub: a/b and a (models.m.hub) lie in each other; move one"],
    ],
    [
      "with a hub's secret that the cluster section does not have, and an address that is none",
      { more: "  hub: { env: { HF_TOKEN: { secret: HF }, HF_ENDPOINT: huggingface.co } }" },
      [
        'cluster.hub.env.HF_TOKEN: cluster.secrets has no "HF"; it is empty',
        "cluster.hub.env.HF_ENDPOINT: expected the address of a hub, such as https://huggingface.co",
      ],
    ],
    [
      "with a hub's token in it",
      { more: "  hub: { env: { HF_TOKEN: hf_abc } }" },
      [
        "cluster.hub.env.HF_TOKEN: named a secret, so its value does not belong in a config: write ${HF_TOKEN} here",
      ],
    ],
    [
      "with pools that are none",
      { more: "cells: { pools: [a1O, a10, a10], exclude: [{ pool: h100, model: m }] }" },
      [
        'cells.pools[0]: cluster.pools has no "a1O"; it has a10; did you mean "a10"?',
        'cells.pools[2]: "a10" is in the list already',
        'cells.exclude[0].pool: cluster.pools has no "h100"; it has a10',
      ],
    ],
    [
      "with a data set of this machine",
      { more: "load: { dataset: ~/prompts.jsonl }" },
      ["load.dataset: a cluster reads it from its models share; expected a path below storage.models"],
    ],
    [
      "with a profile from two places",
      { more: "profiling: { nsys: { share: tools, image: x } }" },
      ["profiling.nsys.image: give share or image, not both"],
    ],
    [
      "with profiling of an image that has no nsys",
      { more: "profiling: on" },
      ["profiling: the image of vllm has no nsys; add nsys with share or image"],
    ],
    ["with nsys from nowhere", { more: "profiling: { nsys: {} }" }, ["profiling.nsys: give share or image"]],
    [
      "with a trace that a server's container has no right to",
      { more: "profiling: { nsys: { share: tools }, trace: [osrt, syscall] }" },
      [
        "profiling.trace[1]: nsys needs CAP_BPF and CAP_PERFMON for it, which no server's container is given; use osrt",
      ],
    ],
    [
      "with profiling that is neither on nor off",
      { more: "profiling: true" },
      ["profiling: expected off, on or a mapping; found true"],
    ],
    [
      "with a schedule that cron does not know",
      { more: "schedule: { cron: '0 24 * * *' }" },
      ['schedule.cron: expected for the hour a number from 0 to 23, or *; found "24"'],
    ],
    [
      "with a schedule in words",
      { more: "schedule: { cron: '@daily' }" },
      ["schedule.cron: expected five fields: minute, hour, day of month, month, day of week; found 1"],
    ],
    [
      "with a time zone that is none",
      { more: "schedule: { cron: '0 2 * * *', timeZone: Europe/Berln }" },
      [
        'schedule.timeZone: no time zone has this name; expected one such as Europe/Berlin; did you mean "Europe/Berlin"?',
      ],
    ],
  ])("%s is told of it", async (_, lines, expected) => {
    expect(await findings(lines)).toEqual(expected);
  });

  it("that lacks a part is not taken for a config of this machine", async () => {
    const found = await findings({
      steps: "",
      engines: "engines: { vllm: { image: 'example.com/vllm:v0.6.4' }, tgi: }",
      more: "cells: { overrides: [{ pool: a10, resources: { gpus: 2 } }] }",
    });
    expect(found).toEqual([`cluster.steps.image: ${noImage}`]);
  });
});

describe("A config of this machine", () => {
  it("is told of what only a cluster has", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: { image: x, resources: { gpus: 1 } } }",
      "models: { m: { path: m.gguf, folder: m, hub: owner/name } }",
      "cells: { pools: [a10], overrides: [{ pool: a10, user: { uid: 1 } }] }",
      "schedule: { cron: '0 2 * * *' }",
      "profiling: { nsys: { share: tools } }",
    ]);
    expect(
      problems.filter((line) => line.startsWith("x.yaml:")).map((line) => line.replace(/^x\.yaml:\S+ /, "")),
    ).toEqual([
      "engines.llamacpp.image: only a config with a cluster has it; this machine runs no images",
      "engines.llamacpp.resources: only a config with a cluster has it; this machine gives a server what it has",
      "models.m.folder: only a config with a cluster has it; use path",
      "models.m.hub: only a config with a cluster has it; bring the model here with `llmbench models fetch`, and use path",
      "cells.pools: only a config with a cluster has it",
      "cells.overrides[0].pool: only a config with a cluster has it; this machine is the only pool",
      "cells.overrides[0].user: only a config with a cluster has it; servers run as you",
      "schedule: only a cluster runs by the clock; add cluster, or use cron on this machine",
      "profiling.nsys: on this machine nsys is taken from PATH; remove this, or add cluster",
    ]);
  });

  it("may be profiled", async () => {
    const { plan } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "profiling: on",
    ]);
    expect(plan?.profiling).toMatchObject({ source: { kind: "path" }, allowNoCuda: false });
  });
});
