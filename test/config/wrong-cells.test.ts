import { describe, expect, it } from "vitest";
import { problemsOf } from "./problems.ts";

describe("A config is told of a mistake in its cells:", () => {
  it("a key that is like none", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "cells:",
      "  colour: red",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:3 cells.colour: unknown key; known here: exclude, overrides, pools",
      "  4 |   colour: red",
      "    |   ^^^^^^",
    ]);
  });

  it("an excluded engine that there is not", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "cells:",
      "  exclude:",
      "    - { engine: lamacpp, model: m }",
    ]);
    expect(problems).toEqual([
      'x.yaml:5:17 cells.exclude[0].engine: engines has no "lamacpp"; it has llamacpp; did you mean "llamacpp"?',
      "  5 |     - { engine: lamacpp, model: m }",
      "    |                 ^^^^^^^",
    ]);
  });

  it("an override of a model that there is not", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "cells:",
      "  overrides:",
      "    - model: n",
      "      precision: BF16",
    ]);
    expect(problems).toEqual([
      'x.yaml:5:14 cells.overrides[0].model: models has no "n"; it has m',
      "  5 |     - model: n",
      "    |              ^",
    ]);
  });

  it("everything excluded", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "cells:",
      "  exclude:",
      "    - engine: llamacpp",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:3 cells.exclude: excludes every cell",
      "  4 |   exclude:",
      "    |   ^^^^^^^",
    ]);
  });

  it("an exclude without a selector", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "cells:",
      "  exclude: [{}]",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:13 cells.exclude[0]: says neither engine nor model, so it is about every cell",
      "  4 |   exclude: [{}]",
      "    |             ^^",
    ]);
  });

  it("an override that changes nothing", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "cells:",
      "  overrides:",
      "    - engine: llamacpp",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:7 cells.overrides[0]: changes nothing",
      "  5 |     - engine: llamacpp",
      "    |       ^^^^^^^^^^^^^^^^",
    ]);
  });

  it("an override of what is excluded", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: , vllm: }",
      "models: { m: { package: smollm2-135m } }",
      "cells:",
      "  exclude: [{ engine: vllm }]",
      "  overrides: [{ engine: vllm, args: --enforce-eager }]",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:15 cells.overrides[0]: is about no cell: what it selects is excluded",
      "  5 |   overrides: [{ engine: vllm, args: --enforce-eager }]",
      "    |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("an override of a setting that the engine lacks", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "cells:",
      "  overrides: [{ model: m, settings: { dtype: float16 } }]",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:39 cells.overrides[0].settings.dtype: llama.cpp has no such setting; it has contextLength, maxConcurrentRequests, prefixCache, threads",
      "  4 |   overrides: [{ model: m, settings: { dtype: float16 } }]",
      "    |                                       ^^^^^",
    ]);
  });

  it("a seed in an override", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "cells:",
      "  overrides: [{ model: m, load: { seed: 2 } }]",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:35 cells.overrides[0].load.seed: unknown key here; it belongs in load",
      "  4 |   overrides: [{ model: m, load: { seed: 2 } }]",
      "    |                                   ^^^^",
    ]);
  });

  it("a baseline that there is not", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "baseline: llama.cpp",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:11 baseline: engines has no "llama.cpp"; it has llamacpp; did you mean "llamacpp"?',
      "  3 | baseline: llama.cpp",
      "    |           ^^^^^^^^^",
    ]);
  });

  it("a baseline that is excluded", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: , vllm: }",
      "models: { m: { package: smollm2-135m } }",
      "cells:",
      "  exclude: [{ engine: vllm }]",
      "baseline: vllm",
    ]);
    expect(problems).toEqual([
      'x.yaml:5:11 baseline: every cell of "vllm" is excluded',
      "  5 | baseline: vllm",
      "    |           ^^^^",
    ]);
  });

  it("a key with nothing under it that must have a value", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "baseline:",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:1 baseline: expected the name of a variant; found nothing",
      "  3 | baseline:",
      "    | ^^^^^^^^",
    ]);
  });

  it("a package in a form that one engine does not read", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: , vllm: }",
      "models:",
      "  gemma: { package: gemma3-270m }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:21 models.gemma.package: this package is a GGUF file, which vLLM does not read; give a path, or exclude the pair",
      "  3 |   gemma: { package: gemma3-270m }",
      "    |                     ^^^^^^^^^^^",
    ]);
  });

  it("a package in such a form from an override, and not one that is excluded", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: , vllm: }",
      "models: { a: { path: /a }, b: { package: gemma3-270m } }",
      "cells:",
      "  exclude: [{ engine: vllm, model: b }]",
      "  overrides: [{ model: a, package: gemma3-270m }]",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:36 cells.overrides[0].package: this package is a GGUF file, which vLLM does not read; give a path, or exclude the pair",
      "  5 |   overrides: [{ model: a, package: gemma3-270m }]",
      "    |                                    ^^^^^^^^^^^",
    ]);
  });
});
