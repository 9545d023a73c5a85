import { expect, test } from "vitest";
import { dialectNamed } from "../../src/engines/index.ts";
import { buildRequest } from "../../src/engines/request.ts";
import type { DialectName, GenerationRequest } from "../../src/engines/spec.ts";

const asked: GenerationRequest = {
  api: "chat",
  servedName: "smollm2",
  prompt: "Explain",
  maxTokens: 64,
  temperature: 0,
  forceOutputLength: true,
  stream: true,
  extraBody: {},
};

const common = {
  model: "smollm2",
  messages: [{ role: "user", content: "Explain" }],
  max_tokens: 64,
  temperature: 0,
  stream: true,
  stream_options: { include_usage: true },
};

const bodies: Record<DialectName, unknown> = {
  "vllm-0.6.4": { ...common, ignore_eos: true, min_tokens: 64 },
  vllm: { ...common, ignore_eos: true, min_tokens: 64 },
  "sglang-0.4.7": { ...common, ignore_eos: true, min_tokens: 64 },
  sglang: { ...common, ignore_eos: true, min_tokens: 64 },
  "tgi-2.4.1": { ...common, model: "tgi" },
  tgi: { ...common, model: "tgi" },
  "nim-1.8": { ...common, nvext: { ignore_eos: true } },
  nim: { ...common, ignore_eos: true },
  trtllm: { ...common, ignore_eos: true, min_tokens: 64 },
  lmdeploy: { ...common, ignore_eos: true },
  llamacpp: { ...common, ignore_eos: true },
  openai: common,
};

test.each(Object.entries(bodies))("%s gets exactly the fields that it knows", (name, body) => {
  const built = buildRequest(dialectNamed(name as DialectName), asked);
  expect(built.body).toEqual(body);
  expect(built.path).toBe("/v1/chat/completions");
});

test("nothing forces the length when the config does not ask for it", () => {
  const { body } = buildRequest(dialectNamed("vllm"), { ...asked, forceOutputLength: false });
  expect(body).toEqual(common);
});

test("a completion carries the prompt as it is", () => {
  const { path, body } = buildRequest(dialectNamed("openai"), {
    ...asked,
    api: "completions",
    stream: false,
    seed: 7,
  });
  expect(path).toBe("/v1/completions");
  expect(body).toEqual({ model: "smollm2", prompt: "Explain", max_tokens: 64, temperature: 0, seed: 7 });
});

test("chat messages go through as they are, and not to completions", () => {
  const prompt = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
  ];
  expect(buildRequest(dialectNamed("vllm"), { ...asked, prompt }).body).toMatchObject({ messages: prompt });
  expect(() => buildRequest(dialectNamed("vllm"), { ...asked, prompt, api: "completions" })).toThrow(
    expect.objectContaining({ code: "REQUEST_PROMPT_FORM" }),
  );
});

test("continuous usage is sent only where it is asked for and known", () => {
  const continuous = { ...asked, continuousUsage: true };
  expect(buildRequest(dialectNamed("vllm"), continuous).body["stream_options"]).toEqual({
    include_usage: true,
    continuous_usage_stats: true,
  });
  expect(buildRequest(dialectNamed("llamacpp"), continuous).body["stream_options"]).toEqual({
    include_usage: true,
  });
});

test("extra fields are merged last, object into object", () => {
  const { body } = buildRequest(dialectNamed("nim-1.8"), {
    ...asked,
    extraBody: {
      temperature: 0.5,
      nvext: { top_k: 1 },
      stop: ["x"],
      stream_options: { include_usage: false },
    },
  });
  expect(body).toEqual({
    ...common,
    temperature: 0.5,
    nvext: { ignore_eos: true, top_k: 1 },
    stop: ["x"],
    stream_options: { include_usage: false },
  });
});
