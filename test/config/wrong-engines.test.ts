import { describe, expect, it } from "vitest";
import { problemsOf } from "./problems.ts";

describe("A config is told of a mistake in its engines and models:", () => {
  it("no engines and no models", async () => {
    const { problems } = await problemsOf(["name: x"]);
    expect(problems).toEqual([
      "x.yaml:1:1 engines: missing; expected a mapping of variant names to engines",
      "  1 | name: x",
      "    | ^^^^^^^",
      "x.yaml:1:1 models: missing; expected a mapping of model names to models",
      "  1 | name: x",
      "    | ^^^^^^^",
    ]);
  });

  it("engines with nothing under it", async () => {
    const { problems } = await problemsOf(["engines:", "models:", "  m: { path: m }"]);
    expect(problems).toEqual([
      "x.yaml:1:1 engines: expected a mapping of variant names to engines; found nothing",
      "  1 | engines:",
      "    | ^^^^^^^",
    ]);
  });

  it("engines that are an empty mapping", async () => {
    const { problems } = await problemsOf(["engines: {}", "models: { m: { path: m } }"]);
    expect(problems).toEqual([
      "x.yaml:1:1 engines: expected at least one engine; found none",
      "  1 | engines: {}",
      "    | ^^^^^^^",
    ]);
  });

  it("engines given as a list", async () => {
    const { problems } = await problemsOf(["engines: [vllm, sglang]", "models: { m: { path: m } }"]);
    expect(problems).toEqual([
      "x.yaml:1:10 engines: expected a mapping of variant names to engines; found a list",
      "  1 | engines: [vllm, sglang]",
      "    |          ^^^^^^^^^^^^^^",
    ]);
  });

  it("a misspelt key at the top", async () => {
    const { problems } = await problemsOf(["engins: { llamacpp: }", "models: { m: { path: m.gguf } }"]);
    expect(problems).toEqual([
      'x.yaml:1:1 engins: unknown key; did you mean "engines"?',
      "  1 | engins: { llamacpp: }",
      "    | ^^^^^^",
    ]);
  });

  it("a misspelt key of an engine", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    setings: { dtype: float16 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:5 engines.vllm.setings: unknown key; did you mean "settings"?',
      "  3 |     setings: { dtype: float16 }",
      "    |     ^^^^^^^",
    ]);
  });

  it("a misspelt setting", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    settings: { contextLenght: 2048 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:17 engines.vllm.settings.contextLenght: unknown key; did you mean "contextLength"?',
      "  3 |     settings: { contextLenght: 2048 }",
      "    |                 ^^^^^^^^^^^^^",
    ]);
  });

  it("a key in the spelling of a command line", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    settings: { context-length: 2048 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:17 engines.vllm.settings.context-length: unknown key; did you mean "contextLength"?',
      "  3 |     settings: { context-length: 2048 }",
      "    |                 ^^^^^^^^^^^^^^",
    ]);
  });

  it("a key as another tool calls it", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    settings: { max_model_len: 2048 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:17 engines.vllm.settings.max_model_len: unknown key; did you mean "contextLength"?',
      "  3 |     settings: { max_model_len: 2048 }",
      "    |                 ^^^^^^^^^^^^^",
    ]);
  });

  it("a kind that is near one", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  fast: { kind: vlm }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:2:17 engines.fast.kind: expected one of vllm, sglang, tgi, nim, trtllm, lmdeploy, llamacpp; found "vlm"; did you mean "vllm"?',
      "  2 |   fast: { kind: vlm }",
      "    |                 ^^^",
    ]);
  });

  it("a variant that is no engine and has no kind", async () => {
    const { problems } = await problemsOf([
      "engines:",
      '  vlm: { version: "0.6.4" }',
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:2:3 engines.vlm: no engine has this name; add kind: one of vllm, sglang, tgi, nim, trtllm, lmdeploy, llamacpp; did you mean "vllm"?',
      '  2 |   vlm: { version: "0.6.4" }',
      "    |   ^^^",
    ]);
  });

  it("a variant whose name cannot be a folder", async () => {
    const { problems } = await problemsOf([
      "engines:",
      '  "my vllm": { kind: vllm }',
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:2:3 engines["my vllm"]: expected a name (letters and digits, between them also . _ -, at most 50); found "my vllm"',
      '  2 |   "my vllm": { kind: vllm }',
      "    |   ^^^^^^^^^",
    ]);
  });

  it("variants that differ in case only", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  VLLM: { kind: vllm }",
      "  vllm:",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:3 engines.vllm: differs from "VLLM" in case only, and names become folders',
      "  3 |   vllm:",
      "    |   ^^^^",
    ]);
  });

  it("a variant with the separator of cells in its name", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm--pr: { kind: vllm }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:2:3 engines.vllm--pr: -- separates variant, model and pool in the name of a cell; use one -",
      "  2 |   vllm--pr: { kind: vllm }",
      "    |   ^^^^^^^^",
    ]);
  });

  it("a setting that the engine lacks", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  llamacpp:",
      "    settings: { tensorParallel: 2 }",
      "models: { m: { path: m.gguf } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:17 engines.llamacpp.settings.tensorParallel: llama.cpp has no such setting; it has contextLength, maxConcurrentRequests, prefixCache, threads",
      "  3 |     settings: { tensorParallel: 2 }",
      "    |                 ^^^^^^^^^^^^^^",
    ]);
  });

  it("an engine that has no local process", async () => {
    const { problems } = await problemsOf([
      "engines:",
      '  tgi: { version: "2.4.1" }',
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:2:3 engines.tgi: llmbench cannot start Text Generation Inference on this machine; say how in process.command, write simulated: true, or add a cluster",
      '  2 |   tgi: { version: "2.4.1" }',
      "    |   ^^^",
    ]);
  });

  it("a version that is a number", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm: { version: 0.10 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:2:20 engines.vllm.version: expected a version in quotes, such as "0.6.4"; found 0.10; put it in quotes: "0.10"',
      "  2 |   vllm: { version: 0.10 }",
      "    |                    ^^^^",
    ]);
  });

  it("a version that is none", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm: { version: latest }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:2:20 engines.vllm.version: expected a version in quotes, such as "0.6.4"; found "latest"',
      "  2 |   vllm: { version: latest }",
      "    |                    ^^^^^^",
    ]);
  });

  it("a whole number that is too small", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    settings: { maxConcurrentRequests: 0 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:40 engines.vllm.settings.maxConcurrentRequests: expected a whole number, 1 or more; found 0",
      "  3 |     settings: { maxConcurrentRequests: 0 }",
      "    |                                        ^",
    ]);
  });

  it("a share that is a percentage", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    settings: { gpuMemoryShare: 90 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:33 engines.vllm.settings.gpuMemoryShare: expected a number from 0.05 to 1; found 90",
      "  3 |     settings: { gpuMemoryShare: 90 }",
      "    |                                 ^^",
    ]);
  });

  it("a profile with an unknown part", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    simulated: { decodeMS: 8, batch: 4 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:18 engines.vllm.simulated.decodeMS: unknown key; did you mean "decodeMs"?',
      "  3 |     simulated: { decodeMS: 8, batch: 4 }",
      "    |                  ^^^^^^^^",
      "x.yaml:3:31 engines.vllm.simulated.batch: unknown key; known here: decodeMs, decodeMsPerSequence, jitter, loadMs, maxBatch, prefillMs, prefillMsPerToken",
      "  3 |     simulated: { decodeMS: 8, batch: 4 }",
      "    |                               ^^^^^",
    ]);
  });

  it("a simulated that is text", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    simulated: fast",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:16 engines.vllm.simulated: expected true, false or a profile; found "fast"',
      "  3 |     simulated: fast",
      "    |                ^^^^",
    ]);
  });

  it("a duration without a unit", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm: { startTimeout: 600 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:2:25 engines.vllm.startTimeout: expected a duration such as "500ms", "30s" or "5m"; found 600',
      "  2 |   vllm: { startTimeout: 600 }",
      "    |                         ^^^",
    ]);
  });

  it("a command and a virtual environment", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    process: { command: vllm serve, venv: ~/venv }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:37 engines.vllm.process.venv: give command or venv, not both",
      "  3 |     process: { command: vllm serve, venv: ~/venv }",
      "    |                                     ^^^^",
    ]);
  });

  it("a command that needs a shell", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      '    process: { command: "cd vllm && vllm serve" }',
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:25 engines.vllm.process.command: the line has the shell character & outside quotes, and no shell reads it; quote it, or give a list of words",
      '  3 |     process: { command: "cd vllm && vllm serve" }',
      "    |                         ^^^^^^^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("a command with a quote that never ends", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    process:",
      "      command: python -c 'import vllm",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:16 engines.vllm.process.command: the line has a ' that never ends; quote it, or give a list of words",
      "  4 |       command: python -c 'import vllm",
      "    |                ^^^^^^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("arguments that are a mapping", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    args: { enforce-eager: true }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:11 engines.vllm.args: expected one line of text, or a list of words; found a mapping",
      "  3 |     args: { enforce-eager: true }",
      "    |           ^^^^^^^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("a path and a package", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models:",
      "  m: { path: m.gguf, package: smollm2-135m }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:22 models.m.package: give path or package, not both",
      "  3 |   m: { path: m.gguf, package: smollm2-135m }",
      "    |                      ^^^^^^^",
    ]);
  });

  it("neither a path nor a package", async () => {
    const { problems } = await problemsOf(["engines: { llamacpp: }", "models:", "  m:"]);
    expect(problems).toEqual([
      'x.yaml:3:3 models.m: add path or package: "llamacpp" really serves this model',
      "  3 |   m:",
      "    |   ^",
    ]);
  });

  it("a package that there is not", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models:",
      "  m: { package: smollm-135m }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:17 models.m.package: llmbench has no such package; it has smollm2-135m, gemma3-270m; did you mean "smollm2-135m"?',
      "  3 |   m: { package: smollm-135m }",
      "    |                 ^^^^^^^^^^^",
    ]);
  });

  it("weights that llama.cpp cannot read", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models:",
      "  m: { path: model.safetensors }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:14 models.m.path: llama.cpp reads GGUF files; found .safetensors",
      "  3 |   m: { path: model.safetensors }",
      "    |              ^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("one file of a model instead of its folder", async () => {
    const { problems } = await problemsOf([
      "engines: { vllm: }",
      "models:",
      "  m: { path: llama/model-00001-of-00004.safetensors }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:14 models.m.path: expected the model's folder, not one file of it; found .safetensors",
      "  3 |   m: { path: llama/model-00001-of-00004.safetensors }",
      "    |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("requests that do not fit the context", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  llamacpp:",
      "    settings: { contextLength: 256 }",
      "models: { m: { path: m.gguf } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:32 engines.llamacpp.settings.contextLength: 256 tokens are too few: the load has requests of 512",
      "  3 |     settings: { contextLength: 256 }",
      "    |                                ^^^",
    ]);
  });

  it("a verdict that is none", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "failOn: valid",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:9 failOn: expected one of invalid, suspect, never; found "valid"',
      "  3 | failOn: valid",
      "    |         ^^^^^",
    ]);
  });

  it("a name that is too long", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:7 name: expected a name (letters and digits, between them also . _ -, at most 50); found "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"',
      "  3 | name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
      "    |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ]);
  });
});
