import * as fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import { stringify } from "yaml";
import { formatPath } from "../../src/config/finding.ts";
import { keysAt } from "../../src/config/json-schema.ts";
import { editDistance, nearest } from "../../src/config/nearest.ts";
import { planOf, problemsOf } from "./problems.ts";

// An engine that a config added stays in its process: the next file has modules of its own.
afterAll(() => void vi.resetModules());

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Between them, every key that there is. */
const configs: { [key: string]: Json }[] = [
  {
    name: "all-keys",
    description: "Every key",
    engines: {
      vllm: {
        kind: "vllm",
        version: "0.6.4",
        settings: {
          contextLength: 4096,
          maxConcurrentRequests: 8,
          threads: 2,
          dtype: "float16",
          tensorParallel: 2,
          gpuMemoryShare: 0.8,
          prefixCache: false,
        },
        args: ["--enforce-eager"],
        env: { WHATEVER: { secret: "SET" } },
        startTimeout: "10m",
        stopTimeout: "30s",
        process: { venv: "~/venv", checkout: "~/vllm", cwd: "~" },
      },
      sglang: {
        process: { command: "python3 -m sglang.launch_server" },
        simulated: {
          loadMs: 1,
          prefillMs: 1,
          prefillMsPerToken: 1,
          decodeMs: 1,
          decodeMsPerSequence: 1,
          maxBatch: 1,
          jitter: 0,
        },
      },
    },
    models: {
      m: { path: "/models/m", servedName: "m", precision: "BF16" },
      n: { package: "smollm2-135m" },
    },
    cells: {
      exclude: [{ engine: "sglang", model: "n" }],
      overrides: [
        {
          engine: "vllm",
          model: "n",
          settings: { dtype: "bfloat16" },
          args: "--x",
          env: { A: "b" },
          startTimeout: "1m",
          stopTimeout: "1m",
          path: "/models/n",
          servedName: "n",
          precision: "F16",
          load: { api: "chat", blocks: [{ name: "o", outputTokens: 8 }] },
        },
      ],
    },
    load: {
      api: "completions",
      prompt: "Hello",
      temperature: 0,
      seed: 2,
      forceOutputLength: true,
      cache: "warm",
      timeout: "1m",
      serverMetrics: "5s",
      warmup: 1,
      repetitions: 2,
      body: { top_p: 1 },
      saveText: true,
      blocks: [
        {
          name: "closed",
          concurrency: [1, 2],
          outputTokens: 8,
          inputTokens: 64,
          requests: { atLeast: 5, perUser: 2 },
          repetitions: 1,
          cache: "cold",
        },
        { name: "open", rate: 2, arrival: "constant", maxConcurrency: 64, duration: "10s" },
        {
          name: "most",
          findCapacity: {
            by: "rate",
            target: 0.9,
            precision: 0.1,
            maxRequests: 5000,
            maxTime: "1h",
            upTo: 64,
            forLoad: 200,
          },
        },
      ],
    },
    slos: { ttft: "500ms", tpot: "50ms", e2e: "10s" },
    failOn: "suspect",
    strict: true,
    errorBars: true,
    workers: 2,
    ab: { pairs: 12, resident: "both" },
    baseline: "vllm",
  },
  {
    engines: { vllm: null },
    models: { m: { path: "/m" } },
    load: { dataset: "prompts.jsonl" },
    cells: { overrides: [{ model: "m", package: "smollm2-135m", load: { prompt: "Hello" } }] },
  },
  {
    engines: {
      vllm: {
        image: "example.com/vllm:v0.6.4",
        command: "vllm serve",
        resources: { gpus: 2, cpu: 8, memory: "64Gi", sharedMemory: "16Gi" },
        user: { uid: 2000, gid: 0 },
        pullPolicy: "Always",
        env: { HF_TOKEN: { secret: "HF" } },
      },
    },
    models: { m: { folder: "llama", hub: { repo: "owner/name", revision: "v1", include: ["*.json"] } } },
    cluster: {
      namespace: "bench",
      pools: {
        a10: {
          nodeSelector: { gpu: "a10" },
          tolerations: [{ key: "gpu", operator: "Equal", value: "yes", effect: "NoSchedule" }],
          runtimeClass: "nvidia",
          gpuResource: "nvidia.com/gpu",
          servers: 2,
        },
      },
      serversPerNode: 1,
      storage: {
        models: {
          ociFss: {
            fileSystem: "ocid1.filesystem.oc1.x",
            mountTarget: "10.0.0.1",
            export: "/llm",
            encryptInTransit: true,
          },
          folder: "models",
          capacity: "1Ti",
        },
        results: { claim: "results" },
      },
      steps: {
        image: "example.com/llmbench:1",
        pullPolicy: "Never",
        uid: 1001,
        gid: 0,
        client: { cpu: "500m", memory: "1Gi" },
        nodeSelector: { role: "client" },
        tolerations: [{ operator: "Exists" }],
      },
      imagePullSecrets: ["ngc"],
      secrets: { HF: { name: "hugging-face", key: "token" } },
      hub: { env: { HF_TOKEN: { secret: "HF" } }, atOnce: 1 },
      artifacts: { configMap: "repositories", key: "reports" },
      lookBeyondNamespace: true,
      readServerUsage: true,
      networkPolicy: true,
      deadline: "10h",
      keep: { succeeded: "24h", failed: "48h" },
    },
    prices: { perGpuHour: 2, pools: { a10: 1 }, currency: "EUR" },
    cells: { pools: ["a10"], overrides: [{ pool: "a10", image: "example.com/vllm:v0.7.0" }] },
    profiling: {
      nsys: { image: "example.com/nsys:1", folder: "/opt/nsys" },
      trace: ["cuda"],
      concurrency: 2,
      outputTokens: 32,
      requests: 8,
      allowNoCuda: true,
    },
    schedule: {
      cron: "0 2 * * 1-5",
      timeZone: "Europe/Berlin",
      suspend: true,
      keepSucceeded: 3,
      keepFailed: 3,
    },
  },
  {
    plugins: ["./engine.mjs"],
    engines: { mine: { simulated: true } },
    models: { m: null },
    cluster: {
      pools: { any: null },
      storage: {
        models: { nfs: "10.0.0.1:/llm", mountOptions: ["noatime"] },
        results: { hostPath: "/mnt/results" },
      },
      steps: { image: "example.com/llmbench:1" },
    },
    profiling: { nsys: { share: "tools/nsys" } },
  },
];
const files = {
  "prompts.jsonl": '{"prompt":"Hello"}\n',
  "engine.mjs": 'export default { kind: "mine", args: () => [] };\n',
};

interface Place {
  readonly config: { [key: string]: Json };
  readonly path: readonly (string | number)[];
  readonly key: string;
}

function placesIn(config: { [key: string]: Json }): Place[] {
  const visit = (value: Json, path: readonly (string | number)[]): Place[] => {
    if (Array.isArray(value)) return value.flatMap((item, i) => visit(item, [...path, i]));
    if (value === null || typeof value !== "object") return [];
    const known = keysAt(path);
    return Object.entries(value).flatMap(([key, below]) => [
      ...(known.includes(key) ? [{ config, path, key }] : []),
      ...visit(below, [...path, key]),
    ]);
  };
  return visit(config, []);
}
const places = configs.flatMap((config) => placesIn(config));

/** The config with one key spelt otherwise, its place among the keys unchanged. */
function misspell({ config, path, key }: Place, typo: string): Json {
  const rename = (value: Json, depth: number): Json => {
    const step = path[depth];
    if (Array.isArray(value)) return value.map((item, i) => (i === step ? rename(item, depth + 1) : item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, below]): [string, Json] => {
        if (step === undefined) return [name === key ? typo : name, below];
        return [name, name === step ? rename(below, depth + 1) : below];
      }),
    );
  };
  return rename(config, 0);
}

const letter = fc.constantFrom(...Array.from("abcdefghijklmnopqrstuvwxyz"));
const typos = fc
  .record({
    place: fc.constantFrom(...places),
    at: fc.nat(),
    with: letter,
    edit: fc.constantFrom("drop", "add", "change", "swap"),
  })
  .map(({ place, at, with: other, edit }) => {
    const { key } = place;
    const i = at % key.length;
    const [before, after] = [key.slice(0, i), key.slice(i + 1)];
    if (edit === "drop") return { place, typo: before + after };
    if (edit === "add") return { place, typo: before + other + key.slice(i) };
    if (edit === "change") return { place, typo: before + other + after };
    return { place, typo: before + after.slice(0, 1) + key.charAt(i) + after.slice(1) };
  })
  .filter(({ place, typo }) => typo !== place.key);

const distance = (a: string, b: string) => editDistance(a.toLowerCase(), b.toLowerCase());

describe("A misspelt key", () => {
  it("is looked for in configs that are valid and use every key that there is", async () => {
    for (const config of configs) await planOf(stringify(config), files);
    const used = new Set(places.map(({ key }) => key));
    const known = new Set(places.flatMap(({ path }) => keysAt(path)));
    expect([...known].filter((key) => !used.has(key))).toEqual([]);
    expect(places.length).toBeGreaterThan(140);
  });

  it("is found wherever it is, and the key that was meant is named", async () => {
    await fc.assert(
      fc.asyncProperty(typos, async ({ place, typo }) => {
        const rivals = keysAt(place.path).filter((key) => distance(typo, key) <= distance(typo, place.key));
        // Another key that is as near may be named as well; a key of two letters is near everything.
        fc.pre(rivals.length === 1 && place.key.length > 2);
        const { problems } = await problemsOf(stringify(misspell(place, typo)), files);
        const path = formatPath([...place.path, typo]);
        expect(problems.map((line) => line.replace(/^\S+ /, ""))).toContain(
          `${path}: unknown key; did you mean "${place.key}"?`,
        );
      }),
      { numRuns: 250 },
    );
  });
});

describe("The nearest name", () => {
  it.each([
    ["setings", "settings"],
    ["max_concurrency", "maxConcurrency"],
    ["OUTPUT-TOKENS", "outputTokens"],
    ["modle", "model"],
    ["x", undefined],
    ["temperature", undefined],
  ])("to %s is %s", (word, meant) => {
    expect(nearest(word, ["settings", "maxConcurrency", "outputTokens", "model", "kind"])).toBe(meant);
  });

  it("counts one swap of neighbours as one mistake", () => {
    expect(editDistance("ab", "ba")).toBe(1);
    expect(editDistance("ca", "abc")).toBe(3); // optimal string alignment: no part is edited twice
    expect(editDistance("", "abc")).toBe(3);
    expect(editDistance("kitten", "sitting")).toBe(3);
  });

  it("is a distance: zero for the same word only, and the same both ways", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
