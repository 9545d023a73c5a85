import { expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { build } from "../../pipelines/build.ts";
import { schemaErrors } from "../argo/schemas.ts";
import { planOf } from "../config/problems.ts";

const config = [
  "name: m",
  "engines: { vllm: , llamacpp: { image: 'example.com/llamacpp:1' } }",
  "models:",
  "  mistral: { folder: mistral/, hub: mistralai/Mistral-7B-Instruct-v0.3 }",
  "  again: { folder: mistral, hub: mistralai/Mistral-7B-Instruct-v0.3, servedName: other }",
  "  there: { folder: there }",
  "cells:",
  "  exclude: [{ engine: llamacpp, model: again }, { engine: llamacpp, model: there }]",
  "  overrides:",
  "    - engine: llamacpp",
  "      folder: mistral-gguf/Q4.gguf",
  "      hub: { repo: maker/Mistral-GGUF, revision: v1, include: ['*Q4*', config.json] }",
  "cluster:",
  "  namespace: bench",
  "  pools: { a10: }",
  "  storage: { models: { nfs: '10.0.0.1:/llm', folder: models }, results: { claim: results } }",
  "  steps: { image: example.com/llmbench:1, uid: 2000 }",
  "  secrets: { HF: { name: hugging-face, key: token }, PROXY: { name: proxy } }",
  "  hub:",
  "    env:",
  "      HF_TOKEN: { secret: HF }",
  "      HTTPS_PROXY: { secret: PROXY }",
  "      HF_ENDPOINT: https://mirror.example.com",
  "    atOnce: 3",
];

interface Pod {
  readonly name: string;
  readonly container?: Readonly<Record<string, unknown>> & {
    readonly args: readonly string[];
    readonly volumeMounts: readonly Readonly<Record<string, unknown>>[];
  };
  readonly synchronization?: { readonly mutexes: readonly { readonly name: string }[] };
}
interface Documents {
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly generateName?: string };
  readonly spec: { readonly templates: readonly Pod[] };
}

async function built(lines: readonly string[] = config) {
  const { files, warnings } = build(await planOf(lines));
  const text = (name: string) => files.find(({ path }) => path === name)?.text ?? "";
  const documents = (name: string) =>
    parseAllDocuments(text(name)).map((document) => document.toJS() as Documents);
  return { files, warnings, text, documents };
}

it("brings each folder's model once, with words that could be typed", async () => {
  const { documents } = await built();
  const [template] = documents("models.yaml");
  const words = template?.spec.templates.flatMap(({ container }) =>
    container === undefined ? [] : [container.args.join(" ")],
  );
  expect(words).toEqual([
    "models fetch mistralai/Mistral-7B-Instruct-v0.3 --revision main --to /models/mistral --check {{inputs.parameters.check}} --outputs /tmp/outputs --token-env HF_TOKEN",
    "models fetch maker/Mistral-GGUF --revision v1 --to /models/mistral-gguf --check {{inputs.parameters.check}} --outputs /tmp/outputs --token-env HF_TOKEN --include *Q4* config.json",
  ]);
});

it("is a workflow that Argo's schema takes and the lint has nothing to say about", async () => {
  const { documents, warnings, text } = await built();
  expect(warnings).toEqual([]);
  expect([...documents("models.yaml"), ...documents("run-models.yaml")].flatMap(schemaErrors)).toEqual([]);
  await expect(text("models.yaml")).toMatchFileSnapshot("../fixtures/models-workflow/models.yaml");
  await expect(text("run-models.yaml")).toMatchFileSnapshot("../fixtures/models-workflow/run-models.yaml");
});

it("mounts the models share writable, and no other pod of the config does", async () => {
  const { documents } = await built();
  const mounts = (name: string) =>
    documents(name)
      .flatMap(({ spec }) => spec.templates)
      .flatMap(({ container }) => container?.volumeMounts ?? [])
      .filter(({ mountPath }) => mountPath === "/models");
  expect(
    new Set(mounts("models.yaml").map(({ readOnly, subPath }) => [readOnly ?? false, subPath].join())),
  ).toEqual(new Set(["false,models"]));
  const elsewhere = mounts("benchmark.yaml");
  expect(elsewhere.length).toBeGreaterThan(3);
  expect(elsewhere.every(({ readOnly }) => readOnly === true)).toBe(true);
});

it("locks a folder under the same name for every config that has the share, however it is written", async () => {
  const locks = async (lines: readonly string[]) =>
    (await built(lines))
      .documents("models.yaml")
      .flatMap(({ spec }) =>
        spec.templates.flatMap(
          ({ synchronization }) => synchronization?.mutexes.map(({ name }) => name) ?? [],
        ),
      );
  const mine = await locks(config);
  expect(new Set(mine).size).toBe(2);
  const other = config.map((line) => (line === "name: m" ? "name: other" : line));
  expect(await locks(other)).toEqual(mine);
  const elsewhere = config.map((line) => line.replace("folder: models", "folder: more"));
  expect((await locks(elsewhere)).filter((name) => mine.includes(name))).toEqual([]);
});

it("is nothing that `llmbench submit` would create as a run", async () => {
  const { files, documents } = await built();
  const kinds = files.flatMap(({ objects }) =>
    objects.flatMap(({ kind, metadata }) => (kind === "Workflow" ? [metadata] : [])),
  );
  expect(kinds.map((metadata) => "generateName" in metadata && metadata.generateName)).toEqual([
    "llmbench-m-",
  ]);
  expect(documents("run-models.yaml")[0]?.metadata).toMatchObject({
    labels: { "llmbench.dev/models": "llmbench-m" },
  });
});

it("never carries a token, only where it is", async () => {
  const { text } = await built();
  expect(text("models.yaml")).toContain("secretKeyRef:");
  expect(text("models.yaml")).not.toContain("${");
});

it("comes before the first run in the index, and is not there where no model names a hub", async () => {
  const { text } = await built();
  const index = text("README.md");
  expect(index.indexOf("run-models.yaml --watch")).toBeGreaterThan(index.indexOf("`models.yaml`"));
  expect(index.indexOf("run.yaml --watch")).toBeGreaterThan(index.indexOf("run-models.yaml --watch"));
  expect(text("kustomization.yaml")).toContain("- models.yaml");
  expect(text("kustomization.yaml")).not.toContain("run-models.yaml");
  const without = await built([
    "name: m",
    "engines: { vllm: }",
    "models: { there: { folder: there } }",
    ...config.slice(config.indexOf("cluster:")),
  ]);
  expect(without.files.map(({ path }) => path).filter((path) => path.includes("models"))).toEqual([]);
  expect(without.text("access.yaml")).not.toContain("llmbench-models");
});
