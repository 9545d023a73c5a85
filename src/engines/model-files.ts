import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LlmbenchError } from "../error.ts";
import { readGgufHeader } from "./gguf.ts";

/** A model on this machine's disk. */
export interface ModelFiles {
  /** What the engine is given: a GGUF file, or a folder in Hugging Face format. */
  readonly path: string;
  readonly form: "gguf" | "hf";
  /** Precision of the weights: "BF16", "F16", "Q4_K_M", "FP8"; absent where the files do not say. */
  readonly precision?: string;
  /** Changes with the files: see hashModel. */
  readonly hash: string;
}

/**
 * Looks at a model's files. A folder that holds no config.json but one GGUF file means that file.
 * Throws MODEL_NOT_FOUND, MODEL_NOT_A_MODEL, MODEL_SEVERAL_FILES.
 */
export function inspectModel(path: string): ModelFiles {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new LlmbenchError("MODEL_NOT_FOUND", `There is no model at ${path}`, {
      hint: "Correct the model's `path` in the config.",
    });
  }
  if (stat.isFile()) return inspectGguf(path);
  if (existsSync(join(path, "config.json"))) return inspectFolder(path);
  // Of a model that is split into several files, llama.cpp is given the first.
  const files = readdirSync(path).filter(
    (name) => name.endsWith(".gguf") && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/.test(name),
  );
  const [only, ...others] = files;
  if (only === undefined) throw notAModel(path, "it has neither a config.json nor a .gguf file");
  if (others.length === 0) return inspectGguf(join(path, only));
  throw new LlmbenchError("MODEL_SEVERAL_FILES", `${path} holds ${files.length} models.`, {
    hint: "Name one of these files in `path`.",
    details: files.sort(),
  });
}

function inspectGguf(path: string): ModelFiles {
  try {
    const { precision } = readGgufHeader(path);
    return { path, form: "gguf", ...(precision === undefined ? {} : { precision }), hash: hashGguf(path) };
  } catch (error) {
    throw notAModel(
      path,
      error instanceof RangeError ? "it is cut short" : error instanceof Error ? error.message : "",
    );
  }
}

function inspectFolder(path: string): ModelFiles {
  const config = readConfig(path);
  const precision = foldersPrecision(path, config);
  return { path, form: "hf", ...(precision === undefined ? {} : { precision }), hash: hashFolder(path) };
}

function notAModel(path: string, why: string): LlmbenchError {
  return new LlmbenchError("MODEL_NOT_A_MODEL", `${path} is not a model: ${why}.`, {
    hint: "A model is a folder in Hugging Face format (config.json beside .safetensors files) or a .gguf file.",
  });
}

function readConfig(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(join(path, "config.json"), "utf8")) as Record<string, unknown>;
  } catch (error) {
    throw notAModel(
      path,
      `its config.json cannot be read (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

/** The quantisation if there is one, else the type of the weights by the config, else by the weights themselves. */
function foldersPrecision(path: string, config: Record<string, unknown>): string | undefined {
  const text = asObject(config["text_config"]);
  const quantisation = asObject(config["quantization_config"] ?? text["quantization_config"]);
  const method = quantisation["quant_method"];
  if (typeof method === "string") {
    const bits = quantisation["bits"] ?? quantisation["w_bit"];
    return `${method.toUpperCase()}${typeof bits === "number" ? ` ${bits}-bit` : ""}`;
  }
  const type = config["torch_dtype"] ?? config["dtype"] ?? text["torch_dtype"] ?? text["dtype"];
  return typeof type === "string" ? precisionOfType(type) : safetensorsPrecision(path);
}

/** "bfloat16", "torch.float16", "half" in the words that llama.cpp uses too; undefined for "auto" and the unknown. */
export function precisionOfType(type: string): string | undefined {
  const names: Readonly<Record<string, string>> = {
    bfloat16: "BF16",
    bf16: "BF16",
    float16: "F16",
    half: "F16",
    f16: "F16",
    float32: "F32",
    float: "F32",
    f32: "F32",
    float8_e4m3fn: "FP8",
    f8_e4m3: "FP8",
  };
  return names[type.replace(/^torch\./, "").toLowerCase()];
}

/** Type of most weights of the first .safetensors file: 8 bytes of length, then a JSON header of that length. */
function safetensorsPrecision(path: string): string | undefined {
  const [first] = readdirSync(path)
    .filter((name) => name.endsWith(".safetensors"))
    .sort();
  if (first === undefined) return undefined;
  try {
    const length = Number(readStart(join(path, first), 8).readBigUInt64LE());
    const header = readStart(join(path, first), 8 + Math.min(length, 64 << 20))
      .subarray(8)
      .toString("utf8");
    const bytes = new Map<string, number>();
    for (const tensor of Object.values(JSON.parse(header) as Record<string, unknown>)) {
      const { dtype, data_offsets: offsets } = asObject(tensor);
      if (typeof dtype !== "string" || !Array.isArray(offsets)) continue;
      bytes.set(dtype, (bytes.get(dtype) ?? 0) + Number(offsets[1]) - Number(offsets[0]));
    }
    const [most] = [...bytes].sort((a, b) => b[1] - a[1]);
    return most === undefined ? undefined : (precisionOfType(most[0]) ?? most[0]);
  } catch {
    return undefined;
  }
}

/** Names and sizes of the files, and their SHA256SUMS if they have it, else all that is not weights. */
function hashFolder(path: string): string {
  const names = readdirSync(path, { withFileTypes: true })
    .filter((one) => !one.isDirectory() && !one.name.startsWith("."))
    .map(({ name }) => name)
    .filter((name) => name !== "llmbench-model.json") // when and from where: the same model on another share is the same
    .sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(`${name} ${statSync(join(path, name)).size}\n`);
  const described = names.includes("SHA256SUMS") ? ["SHA256SUMS"] : names.filter(isDescription);
  for (const name of described) hash.update(readFileSync(join(path, name)));
  return hash.digest("hex");
}

/** Configuration, tokenizer, chat template: small files that decide what the model does. */
function isDescription(name: string): boolean {
  return /\.(json|jinja|txt)$|^tokenizer\.model$/.test(name);
}

/** The same for a GGUF file, whose configuration and tokenizer are at its beginning; with all parts of a split one. */
function hashGguf(path: string): string {
  const folder = dirname(path);
  const stem = basename(path).replace(/-\d{5}-of-\d{5}\.gguf$/, "");
  const parts = readdirSync(folder)
    .filter((name) => name === basename(path) || (stem !== basename(path) && name.startsWith(`${stem}-`)))
    .filter((name) => name.endsWith(".gguf"))
    .sort();
  const hash = createHash("sha256");
  for (const name of parts) hash.update(`${name} ${statSync(join(folder, name)).size}\n`);
  const sums = join(folder, "SHA256SUMS");
  const lines = existsSync(sums)
    ? readFileSync(sums, "utf8")
        .split("\n")
        .filter((line) => parts.some((name) => line.endsWith(name)))
    : [];
  hash.update(lines.length > 0 ? lines.join("\n") : readStart(path, 1 << 20));
  return hash.digest("hex");
}

function readStart(path: string, length: number): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } finally {
    closeSync(file);
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
