import { describe, expect, it } from "vitest";
import { problemsOf } from "./problems.ts";

describe("A config is told of a mistake with its secrets:", () => {
  it("a variable outside env", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models:",
      '  m: { path: "${HOME}/m.gguf" }',
    ]);
    expect(problems).toEqual([
      "x.yaml:3:14 models.m.path: ${…} is for secrets in env only (names like *_KEY, *_TOKEN, *SECRET*, *PASSWORD*); write the value itself",
      '  3 |   m: { path: "${HOME}/m.gguf" }',
      "    |              ^^^^^^^^^^^^^^^^",
    ]);
  });

  it("a variable in env under a name that says no secret", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      '    env: { CUDA_VISIBLE_DEVICES: "${GPUS}" }',
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:34 engines.vllm.env.CUDA_VISIBLE_DEVICES: ${…} is for secrets in env only (names like *_KEY, *_TOKEN, *SECRET*, *PASSWORD*); write the value itself",
      '  3 |     env: { CUDA_VISIBLE_DEVICES: "${GPUS}" }',
      "    |                                  ^^^^^^^^^",
    ]);
  });

  it("a secret written down", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    env:",
      "      HF_TOKEN: hf_verysecret",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:17 engines.vllm.env.HF_TOKEN: named a secret, so its value does not belong in a config: write ${HF_TOKEN} here",
      "  4 |       HF_TOKEN: *************",
      "    |                 ^^^^^^^^^^^^^",
    ]);
  });

  it("a secret written down as a number", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    env: { API_PASSWORD: 12345, X: 1 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:26 engines.vllm.env.API_PASSWORD: named a secret, so its value does not belong in a config: write ${API_PASSWORD} here",
      "  3 |     env: { API_PASSWORD: *****, X: 1 }",
      "    |                          ^^^^^",
    ]);
  });

  it("a secret among the arguments", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    args: [--enforce-eager, --api-key, verysecret]",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:11 engines.vllm.args: --api-key is a secret, and arguments are visible to all; give it in env, if the engine takes it there",
      "  3 |     args: [--enforce-eager, --api-key, ***********",
      "    |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("a secret of a wrong form", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    env: { HF_TOKEN: [hf_verysecret] }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:22 engines.vllm.env.HF_TOKEN: expected text, a number, true or false, or {secret: NAME}; found a list",
      "  3 |     env: { HF_TOKEN: *************** }",
      "    |                      ^^^^^^^^^^^^^^^",
    ]);
  });

  it("a variable that is not set", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      '    env: { HF_TOKEN: "${NOT_SET_TOKEN}" }',
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:22 engines.vllm.env.HF_TOKEN: the environment variable NOT_SET_TOKEN is not set",
      '  3 |     env: { HF_TOKEN: "${NOT_SET_TOKEN}" }',
      "    |                      ^^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("a named secret that is not set", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    env: { WHATEVER: { secret: NOT_SET } }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:32 engines.vllm.env.WHATEVER.secret: the environment variable NOT_SET is not set",
      "  3 |     env: { WHATEVER: { secret: NOT_SET } }",
      "    |                                ^^^^^^^",
    ]);
  });

  it("a reference with a misspelt key", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    env: { WHATEVER: { secert: SET } }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:24 engines.vllm.env.WHATEVER.secert: unknown key; did you mean "secret"?',
      "  3 |     env: { WHATEVER: { secert: SET } }",
      "    |                        ^^^^^^",
    ]);
  });

  it("a reference of a form that only shells know", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      '    env: { HF_TOKEN: "${HF_TOKEN:?no token}" }',
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:22 engines.vllm.env.HF_TOKEN: expected ${NAME} or ${NAME:-default}",
      '  3 |     env: { HF_TOKEN: "${HF_TOKEN:?no token}" }',
      "    |                      ^^^^^^^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("a variable's name that is none", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  vllm:",
      "    env: { 2FAST: 1 }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:12 engines.vllm.env["2FAST"]: expected the name of an environment variable; found "2FAST"',
      "  3 |     env: { 2FAST: 1 }",
      "    |            ^^^^^",
    ]);
  });
});
