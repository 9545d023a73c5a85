import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readGgufHeader } from "../../src/engines/gguf.ts";
import { inspectModel, precisionOfType } from "../../src/engines/model-files.ts";
import { resolveModel } from "../../src/engines/models.ts";
import { makeFolder } from "./folders.ts";

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string) => Buffer.concat([u64(value.length), Buffer.from(value)]);
const stringPair = (key: string, value: string) => Buffer.concat([text(key), u32(8), text(value)]);

/** A GGUF file: its header is as in the specification, its weights are left out. */
function gguf(options: { fileType?: number; tensorTypes?: number[]; tokens?: number }): Buffer {
  const pairs = [
    stringPair("general.architecture", "llama"),
    // An array of strings, as a tokenizer's, and one of numbers.
    Buffer.concat([
      text("tokenizer.ggml.tokens"),
      u32(9),
      u32(8),
      u64(options.tokens ?? 3),
      ...Array.from({ length: options.tokens ?? 3 }, (_, i) => text(`token ${i}`)),
    ]),
    Buffer.concat([text("tokenizer.ggml.scores"), u32(9), u32(6), u64(2), u64(0)]),
    Buffer.concat([text("llama.rope.freq_base"), u32(6), u32(0)]),
    stringPair("general.name", "Tiny"),
    ...(options.fileType === undefined
      ? []
      : [Buffer.concat([text("general.file_type"), u32(4), u32(options.fileType)])]),
  ];
  const tensors = (options.tensorTypes ?? []).map((type, i) =>
    Buffer.concat([text(`t${i}`), u32(2), u64(8), u64(i + 1), u32(type), u64(0)]),
  );
  return Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(pairs.length),
    ...pairs,
    ...tensors,
  ]);
}

function write(name: string, content: string | Buffer, folder = makeFolder()): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A folder in Hugging Face format with these files. */
function hfFolder(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = makeFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

const config = (fields: object) => JSON.stringify({ architectures: ["LlamaForCausalLM"], ...fields });

test("a GGUF file says its precision", () => {
  const path = write("m.gguf", gguf({ fileType: 15 }));
  expect(readGgufHeader(path)).toEqual({
    version: 3,
    architecture: "llama",
    name: "Tiny",
    precision: "Q4_K_M",
  });
  expect(inspectModel(path)).toMatchObject({ path, form: "gguf", precision: "Q4_K_M" });
});

test("without a file type the type of most weights counts", () => {
  // 8 weights of F32 and 16 of BF16.
  expect(readGgufHeader(write("m.gguf", gguf({ tensorTypes: [0, 30] }))).precision).toBe("BF16");
});

test("a header longer than the first read is read to its end", () => {
  const path = write("m.gguf", gguf({ fileType: 3, tokens: 50_000 }));
  expect(readGgufHeader(path).precision).toBe("Q4_1");
});

test.each([
  ["garbage", "MODEL_NOT_A_MODEL", "not a GGUF file"],
  [gguf({ fileType: 3 }).subarray(0, 90), "MODEL_NOT_A_MODEL", "cut short"],
])("a file that is no model is said to be none (%#)", (content, code, why) => {
  const path = write("m.gguf", content);
  expect(() => inspectModel(path)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(why) }),
  );
});

test("a folder with one GGUF file means that file, with several it is asked which", () => {
  const folder = makeFolder();
  write("README.md", "", folder);
  const path = write("big-00001-of-00002.gguf", gguf({ fileType: 7 }), folder);
  write("big-00002-of-00002.gguf", gguf({}), folder);
  expect(inspectModel(folder)).toMatchObject({ path, precision: "Q8_0" });
  write("other.gguf", gguf({ fileType: 7 }), folder);
  expect(() => inspectModel(folder)).toThrow(
    expect.objectContaining({
      code: "MODEL_SEVERAL_FILES",
      details: ["big-00001-of-00002.gguf", "other.gguf"],
    }),
  );
});

test("a path with nothing there, and a folder that is no model, are told apart", () => {
  expect(() => inspectModel("/no/such/model")).toThrow(expect.objectContaining({ code: "MODEL_NOT_FOUND" }));
  expect(() => inspectModel(makeFolder())).toThrow(expect.objectContaining({ code: "MODEL_NOT_A_MODEL" }));
  expect(() => inspectModel(hfFolder({ "config.json": "{" }))).toThrow(
    expect.objectContaining({ code: "MODEL_NOT_A_MODEL" }),
  );
});

test.each([
  [{ torch_dtype: "bfloat16" }, "BF16"],
  [{ dtype: "float16" }, "F16"],
  [{ text_config: { dtype: "bfloat16" } }, "BF16"],
  [{ torch_dtype: "float16", quantization_config: { quant_method: "awq", bits: 4 } }, "AWQ 4-bit"],
  [{ quantization_config: { quant_method: "fp8" } }, "FP8"],
])("a folder with config %j is %s", (fields, precision) => {
  expect(inspectModel(hfFolder({ "config.json": config(fields) }))).toMatchObject({ form: "hf", precision });
});

test("where the config does not say, the weights do", () => {
  const header = JSON.stringify({
    __metadata__: { format: "pt" },
    a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    b: { dtype: "BF16", shape: [8], data_offsets: [8, 24] },
  });
  const weights = Buffer.concat([u64(header.length), Buffer.from(header), Buffer.alloc(24)]);
  expect(inspectModel(hfFolder({ "config.json": config({}), "model.safetensors": weights }))).toMatchObject({
    precision: "BF16",
  });
  expect(inspectModel(hfFolder({ "config.json": config({}) })).precision).toBeUndefined();
  expect(precisionOfType("auto")).toBeUndefined();
});

test("a model's hash changes with its files' names, sizes and descriptions, not with its place", () => {
  const files = { "config.json": config({}), "tokenizer.json": "{}", "model.safetensors": "weights" };
  const { hash } = inspectModel(hfFolder(files));
  const hashWith = (more: object) => inspectModel(hfFolder({ ...files, ...more })).hash;
  expect(hashWith({})).toBe(hash);
  expect(hashWith({ "tokenizer.json": "[]" })).not.toBe(hash);
  expect(hashWith({ "model.safetensors": "weight" })).not.toBe(hash);
  expect(hashWith({ "chat_template.jinja": "x" })).not.toBe(hash);
  // Bytes of the same size go unseen unless the sums say them.
  expect(hashWith({ "model.safetensors": "WEIGHTS" })).toBe(hash);
  const summed = { SHA256SUMS: "aa  model.safetensors\n" };
  expect(hashWith({ ...summed, SHA256SUMS: "bb  model.safetensors\n" })).not.toBe(hashWith(summed));
  // When a model was fetched, and from which hub, makes it no other model.
  expect(hashWith({ ...summed, "llmbench-model.json": "{}" })).toBe(hashWith(summed));
});

test("the hash of a GGUF file counts its beginning and, of a split one, every part", () => {
  const folder = makeFolder();
  const first = write("m-00001-of-00002.gguf", gguf({ fileType: 7 }), folder);
  const before = inspectModel(first).hash;
  write("m-00002-of-00002.gguf", "x", folder);
  const whole = inspectModel(first).hash;
  expect(whole).not.toBe(before);
  write("m-00001-of-00002.gguf", gguf({ fileType: 8 }), folder);
  expect(inspectModel(first).hash).not.toBe(whole);
});

test("an engine gets the form that it reads, or is told that it cannot", async () => {
  const options = { report: () => {} };
  const folder = hfFolder({ "config.json": config({ torch_dtype: "bfloat16" }) });
  expect(
    await resolveModel({ id: "m", path: folder, precision: "mixed", servedName: "n" }, "vllm", options),
  ).toMatchObject({
    id: "m",
    servedName: "n",
    path: folder,
    form: "hf",
    precision: "mixed",
  });
  await expect(resolveModel({ id: "m", path: folder }, "llamacpp", options)).rejects.toMatchObject({
    code: "MODEL_WRONG_FORM",
  });
  await expect(resolveModel({ id: "m", package: "gpt-5" }, "llamacpp", options)).rejects.toMatchObject({
    code: "MODEL_UNKNOWN_PACKAGE",
    hint: expect.stringContaining("smollm2-135m"),
  });
  await expect(resolveModel({ id: "m", package: "gemma3-270m" }, "vllm", options)).rejects.toMatchObject({
    code: "MODEL_WRONG_FORM",
  });
  await expect(resolveModel({ id: "m" }, "vllm", options)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
});
