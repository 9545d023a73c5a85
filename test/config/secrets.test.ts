import { describe, expect, it } from "vitest";
import { isSecretName, maskLine, resolveSecretEnv, resolveSecrets } from "../../src/config/secrets.ts";
import { LlmbenchError } from "../../src/error.ts";
import { planOf, problemsOf } from "./problems.ts";

const model = "models: { m: { path: /m } }";
const environment = { HF_TOKEN: "hf_verysecret", MY_LICENCE: "abcdef" };
const config = [
  "engines:",
  "  vllm:",
  "    env:",
  "      HF_TOKEN: ${HF_TOKEN}",
  "      API_KEY: Bearer ${HF_TOKEN}",
  "      DB_PASSWORD: ${UNSET:-none at all}",
  "      LICENCE: { secret: MY_LICENCE }",
  "      PLAIN: 0o17",
  "      FLAG: true",
  model,
];

const thrown = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe("A secret", () => {
  it("is in the plan by the name of its variable only", async () => {
    const plan = await planOf(config, {}, { environment });
    const server = plan.cells[0]?.server;
    expect(server).toMatchObject({
      env: {
        HF_TOKEN: "${HF_TOKEN}",
        API_KEY: "Bearer ${HF_TOKEN}",
        DB_PASSWORD: "${UNSET:-none at all}",
        LICENCE: "${MY_LICENCE}",
        PLAIN: "0o17",
        FLAG: "true",
      },
      secretEnv: ["HF_TOKEN", "API_KEY", "DB_PASSWORD", "LICENCE"],
    });
    for (const value of Object.values(environment)) expect(JSON.stringify(plan)).not.toContain(value);
  });

  it("has its value when the server starts, and is to be masked from then on", async () => {
    const plan = await planOf(config, {}, { environment });
    const { env, values } = resolveSecrets(plan, environment);
    expect(env.get("vllm--m")).toEqual({
      HF_TOKEN: "hf_verysecret",
      API_KEY: "Bearer hf_verysecret",
      DB_PASSWORD: "none at all",
      LICENCE: "abcdef",
      PLAIN: "0o17",
      FLAG: "true",
    });
    expect(values).toEqual(["hf_verysecret", "abcdef"]);
  });

  it("takes its default where the variable is empty, as a shell does", () => {
    const server = { env: { A_KEY: "${A:-b}" }, secretEnv: ["A_KEY"] };
    expect(resolveSecretEnv(server, { A: "" })).toEqual({ A_KEY: "b" });
    expect(resolveSecretEnv(server, { A: "a" })).toEqual({ A_KEY: "a" });
    expect(resolveSecretEnv({ ...server, env: { A_KEY: "${A:-}" } }, {})).toEqual({ A_KEY: "" });
  });

  it("keeps a value that looks like a reference as it is", () => {
    const server = { env: { A_KEY: "${A}", B: "${C}" }, secretEnv: ["A_KEY"] };
    expect(resolveSecretEnv(server, { A: "${B}$&" })).toEqual({ A_KEY: "${B}$&", B: "${C}" });
  });

  it("whose variable is gone when the server starts is an error that names it", async () => {
    const plan = await planOf(config, {}, { environment });
    const error = thrown(() => resolveSecrets(plan, { HF_TOKEN: "x" }));
    expect(error).toBeInstanceOf(LlmbenchError);
    expect(error).toMatchObject({
      code: "CONFIG_SECRET_UNSET",
      exitStatus: 2,
      message: "The environment variable MY_LICENCE, which LICENCE is taken from, is not set.",
    });
  });

  it("need not be set where a config is only checked", async () => {
    const plan = await planOf(config, {}, { environment: null });
    expect(plan.cells).toHaveLength(1);
  });

  it("in an override is one as well", async () => {
    const lines = [
      "engines: { vllm: }",
      model,
      "cells: { overrides: [{ engine: vllm, env: { A_KEY: verysecret } }] }",
    ];
    const { problems } = await problemsOf(lines);
    expect(problems).toEqual([
      "x.yaml:3:52 cells.overrides[0].env.A_KEY: named a secret, so its value does not belong in a config: write ${A_KEY} here",
      "  3 | cells: { overrides: [{ engine: vllm, env: { A_KEY: ********** } }] }",
      "    |                                                    ^^^^^^^^^^",
    ]);
  });

  it("never appears in what is said of a config, wherever it was written", async () => {
    const places = [
      ["engines: { vllm: { env: { HF_TOKEN: verysecret } } }", model],
      ["engines: { vllm: { env: { HF_TOKEN: [verysecret], HF_TOKN: 1 } } }", model],
      ["engines: { vllm: { args: --api-key verysecret } }", model],
      ['engines: { vllm: { args: ["--api-key", "verysecret"] } }', model],
      ["engines: { vllm: { apiKey: verysecret } }", model],
      ["HF_TOKEN: verysecret", "engines: { vllm: }", model],
      ["engines:", "  vllm:", "    env:", "      HF_TOKEN: verysecret", "       X: 1", model],
      ["engines:", "  vllm:", "    env: { HF_TOKEN: 'verysecret'", model],
    ];
    for (const lines of places) {
      const { error, problems } = await problemsOf(lines);
      expect(error?.code).toBe("CONFIG_INVALID");
      expect(problems.join("\n")).not.toContain("verysecret");
    }
  });
});

describe("What is named a secret", () => {
  it.each(["HF_TOKEN", "NGC_API_KEY", "MY_SECRET_THING", "PASSWORD", "DB_PASSWORD_FILE", "hf_token"])(
    "is %s",
    (name) => {
      expect(isSecretName(name)).toBe(true);
    },
  );

  it.each(["TOKENIZERS_PARALLELISM", "MAX_TOKENS", "KEYBOARD", "CUDA_VISIBLE_DEVICES", "MONKEY"])(
    "is not %s",
    (name) => {
      expect(isSecretName(name)).toBe(false);
    },
  );
});

describe("A line that is shown", () => {
  it.each([
    ["  HF_TOKEN: abc # why", "  HF_TOKEN: *** # why"],
    ["env: { HF_TOKEN: abc, OTHER: x }", "env: { HF_TOKEN: ***, OTHER: x }"],
    ['"HF_TOKEN": "a b"', '"HF_TOKEN": *****'],
    ["HF_TOKEN: ${HF_TOKEN}", "HF_TOKEN: ${HF_TOKEN}"],
    ["X: { secret: HF_TOKEN }", "X: { secret: HF_TOKEN }"],
    ["args: --api-key=abc --hf-token def --x 1", "args: --api-key=*** --hf-token *** --x 1"],
    ["# HF_TOKEN must be set", "# HF_TOKEN must be set"],
    ["outputTokens: [32, 64]", "outputTokens: [32, 64]"],
  ])("as %j is %j", (line, shown) => {
    expect(maskLine(line)).toBe(shown);
  });
});
