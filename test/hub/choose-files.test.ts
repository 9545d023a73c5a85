import { expect, it } from "vitest";
import type { LlmbenchError } from "../../src/error.ts";
import { chooseFiles } from "../../src/hub/choose-files.ts";

function choose(paths: readonly string[], include?: readonly string[]): string[] {
  const files = paths.map((path) => ({
    path,
    size: 1,
    digest: { kind: "sha256", hex: "a".repeat(64) } as const,
  }));
  return chooseFiles(files, include, "owner/name")
    .map(({ path }) => path)
    .sort();
}

function refusal(paths: readonly string[], include?: readonly string[]): LlmbenchError {
  try {
    choose(paths, include);
  } catch (error) {
    return error as LlmbenchError;
  }
  throw new Error("it chose something");
}

// What meta-llama/Meta-Llama-3-8B-Instruct holds: `original/` has the same weights again, 16 GB of them.
const llama = [
  ".gitattributes",
  "LICENSE",
  "README.md",
  "USE_POLICY.md",
  "config.json",
  "generation_config.json",
  "model-00001-of-00004.safetensors",
  "model-00002-of-00004.safetensors",
  "model-00003-of-00004.safetensors",
  "model-00004-of-00004.safetensors",
  "model.safetensors.index.json",
  "original/consolidated.00.pth",
  "original/params.json",
  "original/tokenizer.model",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

// What mistralai/Mistral-7B-Instruct-v0.3 holds: consolidated.safetensors is the model again, 14.5 GB.
const mistral = [
  ".gitattributes",
  "README.md",
  "config.json",
  "consolidated.safetensors",
  "generation_config.json",
  "model-00001-of-00003.safetensors",
  "model-00002-of-00003.safetensors",
  "model-00003-of-00003.safetensors",
  "model.safetensors.index.json",
  "params.json",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer.model.v3",
  "tokenizer_config.json",
];

it("takes of Llama 3 all but what git and readers need and the weights in Meta's own format", () => {
  const left = [".gitattributes", "README.md"];
  expect(choose(llama)).toEqual(
    llama.filter((path) => !left.includes(path) && !path.startsWith("original/")).sort(),
  );
});

it("takes of Mistral the weights once", () => {
  const left = [".gitattributes", "README.md", "consolidated.safetensors", "params.json"];
  expect(choose(mistral)).toEqual(mistral.filter((path) => !left.includes(path)).sort());
});

it("takes Mistral's own format where there is no other", () => {
  const files = ["consolidated.safetensors", "params.json", "tekken.json", "pytorch_model.bin.index.json"];
  expect(choose(files)).toEqual(files.slice(0, 3));
});

it("takes PyTorch's weights only where there are no safetensors, each with its own index", () => {
  const bin = ["config.json", "pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"];
  expect(choose([...bin, "training_args.bin", "optimizer.bin"])).toEqual(bin);
  const both = [...bin, "model.safetensors", "model.safetensors.index.json"];
  expect(choose(both)).toEqual(["config.json", "model.safetensors", "model.safetensors.index.json"]);
});

it("takes templates that lie in their own folder, and no other folder", () => {
  const files = ["model.safetensors", "additional_chat_templates/tools.jinja"];
  expect(choose([...files, "onnx/model.onnx", "onnx/config.json"])).toEqual([...files].sort());
});

it("takes a GGUF model, whole, where it is the only one, and asks where there are several", () => {
  const split = ["m-Q4-00001-of-00002.gguf", "m-Q4-00002-of-00002.gguf"];
  expect(choose([...split, "README.md"])).toEqual(split);
  const several = refusal([...split, "m-Q8.gguf"]);
  expect([several.code, several.details]).toEqual(["HUB_CHOOSE_FILES", [...split, "m-Q8.gguf"]]);
});

it("says what there is where there are no weights", () => {
  expect(refusal(["a/model.safetensors", "config.json"])).toMatchObject({
    code: "HUB_NO_WEIGHTS",
    details: ["a/model.safetensors", "config.json"],
  });
});

it("takes what the patterns say instead, folders and all, and names those that match nothing", () => {
  expect(choose(llama, ["original/", "config.jso?"])).toEqual([
    "config.json",
    "original/consolidated.00.pth",
    "original/params.json",
    "original/tokenizer.model",
  ]);
  expect(choose(llama, ["*.model"])).toEqual(["original/tokenizer.model"]);
  expect(refusal(llama, ["*.json", "*.ggml", "config.jso."])).toMatchObject({
    code: "HUB_NO_MATCH",
    message: 'No file of owner/name matches "*.ggml" nor "config.jso.".',
  });
});

it("never takes what llmbench writes itself, nor what hides", () => {
  const files = ["SHA256SUMS", "llmbench-model.json", ".llmbench-partial/lock", "config.json"];
  expect(choose(files, ["*"])).toEqual(["config.json"]);
});
