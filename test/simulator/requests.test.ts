import { describe, expect, it } from "vitest";
import type { SimulatorDialect } from "../../src/simulator/options.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { createMemorySimulator } from "./memory.ts";
import { postBytes } from "./raw-client.ts";

/** What no capture shows: two servers that could not be recorded, and numbers that move. */

const naturalStop = { always: { naturalStop: { probability: 0.5, minTokens: 1 } } };
const profile = { ...instantProfile, prefillMs: 10, prefillMsPerToken: 1, decodeMs: 10 };

function answerOf(dialect: SimulatorDialect, path: string, body?: unknown, behaviour = {}) {
  const { connect, timeline } = createMemorySimulator({ dialect, contextLength: 2048, behaviour });
  const connection = connect();
  connection.send(body === undefined ? `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n` : postBytes(path, body));
  timeline.run(1_000_000);
  const text = connection.bytes().toString();
  const json = text.slice(text.indexOf("\r\n\r\n") + 4);
  return {
    status: Number(text.split(" ")[1]),
    text: json,
    json: json.startsWith("{") ? (JSON.parse(json) as Answer) : {},
  };
}
interface Answer {
  choices?: { finish_reason: string }[];
  usage?: {
    prompt_tokens: number;
    completion_tokens: number;
    prompt_tokens_details?: { cached_tokens: number } | null;
  };
  message?: string;
}

const chat = (more: Record<string, unknown>) => ({
  model: "m",
  messages: [{ role: "user", content: "Hi" }],
  max_tokens: 40,
  ...more,
});

describe("vLLM 0.6.4", () => {
  it("refuses unknown fields of either API with 400 and names them", () => {
    for (const [path, body] of [
      ["/v1/chat/completions", chat({ foo_bar: 1 })],
      ["/v1/completions", { model: "m", prompt: "x", foo_bar: 1 }],
    ] as const) {
      const { status, json } = answerOf("vllm-0.6.4", path, body);
      expect([status, json]).toMatchObject([400, { object: "error", type: "BadRequestError", code: 400 }]);
      expect(json.message).toContain("'type': 'extra_forbidden', 'loc': ['body', 'foo_bar']");
    }
  });

  it("takes what it knows: ignore_eos, min_tokens, stream_options, max_completion_tokens", () => {
    const body = chat({ ignore_eos: true, min_tokens: 2, max_completion_tokens: 9, top_k: 1, seed: 1 });
    expect(answerOf("vllm-0.6.4", "/v1/chat/completions", body, naturalStop)).toMatchObject({
      status: 200,
      json: { usage: { completion_tokens: 9 }, choices: [{ finish_reason: "length" }] },
    });
  });

  it("does not know a wrong model, nor a prompt with more than its context", () => {
    expect(answerOf("vllm-0.6.4", "/v1/chat/completions", chat({ model: "n" })).status).toBe(404);
    expect(
      answerOf("vllm-0.6.4", "/v1/completions", { model: "m", prompt: "word ".repeat(2100) }),
    ).toMatchObject({
      status: 400,
      json: { object: "error", type: "BadRequestError" },
    });
  });

  it("shows the metrics of its V0 engine", () => {
    const { text } = answerOf("vllm-0.6.4", "/metrics");
    for (const name of [
      "num_requests_running",
      "num_requests_swapped",
      "gpu_cache_usage_perc",
      "num_preemptions_total",
    ]) {
      expect(text).toMatch(new RegExp(`^vllm:${name}\\{model_name="m"\\} 0\\.0$`, "m"));
    }
    expect(text).not.toContain("kv_cache_usage_perc");
  });
});

describe("NIM 1.8", () => {
  it("takes ignore_eos only inside nvext", () => {
    expect(answerOf("nim-1.8", "/v1/chat/completions", chat({ ignore_eos: true })).status).toBe(400);
    const inNvext = answerOf(
      "nim-1.8",
      "/v1/chat/completions",
      chat({ nvext: { ignore_eos: true } }),
      naturalStop,
    );
    expect(inNvext).toMatchObject({ status: 200, json: { usage: { completion_tokens: 40 } } });
    const without = answerOf("nim-1.8", "/v1/chat/completions", chat({}), naturalStop);
    expect(without.json.choices?.[0]?.finish_reason).toBe("stop");
  });

  it("has health, version and unprefixed metrics under /v1", () => {
    expect(answerOf("nim-1.8", "/v1/health/ready")).toMatchObject({
      status: 200,
      json: { object: "health.response" },
    });
    expect(answerOf("nim-1.8", "/v1/version").json).toEqual({ release: "1.8.0", api: "1.8.0" });
    expect(answerOf("nim-1.8", "/v1/metrics").text).toMatch(/^num_requests_running\{model_name="m"\} 0\.0$/m);
    expect(answerOf("nim-1.8", "/metrics").status).toBe(404);
  });
});

describe("forcing the output length", () => {
  const finish = (dialect: SimulatorDialect, more: Record<string, unknown>) =>
    answerOf(dialect, "/v1/chat/completions", chat(more), naturalStop).json.choices?.[0]?.finish_reason;

  it("works by ignore_eos with vLLM, SGLang and llama.cpp, and not with TGI or llama-cpp-python", () => {
    for (const dialect of ["vllm-0.6.4", "vllm", "sglang-0.4.7", "sglang", "llamacpp"] as const) {
      expect([dialect, finish(dialect, { ignore_eos: true })]).toEqual([dialect, "length"]);
    }
    for (const dialect of ["tgi-2.4.1", "tgi", "llama-cpp-python"] as const) {
      expect([dialect, finish(dialect, { ignore_eos: true })]).toEqual([dialect, "stop"]);
    }
  });

  it("works by min_tokens with vLLM, SGLang and llama-cpp-python, and not with TGI or llama.cpp", () => {
    for (const dialect of ["vllm-0.6.4", "vllm", "sglang-0.4.7", "sglang", "llama-cpp-python"] as const) {
      expect([dialect, finish(dialect, { min_tokens: 40 })]).toEqual([dialect, "length"]);
    }
    for (const dialect of ["tgi-2.4.1", "tgi", "llamacpp"] as const) {
      expect([dialect, finish(dialect, { min_tokens: 40 })]).toEqual([dialect, "stop"]);
    }
  });
});

describe("the prefix cache", () => {
  /** Times to first token of the same prompt twice and of another, in milliseconds, and llama.cpp's own count. */
  const timesOf = (dialect: SimulatorDialect, more: Record<string, unknown> = {}, behaviour = {}) => {
    const { connect, timeline, simulator } = createMemorySimulator({ dialect, profile, behaviour });
    for (const prompt of ["word ".repeat(100), "word ".repeat(100), "other ".repeat(100)]) {
      connect().send(postBytes("/v1/completions", { model: "m", prompt, max_tokens: 1, ...more }));
      timeline.run(5_000_000);
    }
    return simulator.truth.requests.map(({ receivedUs, headersUs = 0, cachedTokens }) => [
      (headersUs - receivedUs) / 1000,
      cachedTokens,
    ]);
  };

  it("is on by default with SGLang, llama.cpp and new vLLM, and counts in its own blocks", () => {
    // 101 tokens: the trailing space is one.
    expect(timesOf("sglang")).toEqual([
      [111, 0],
      [11, 100],
      [111, 0],
    ]);
    expect(timesOf("llamacpp")).toEqual([
      [111, 0],
      [11, 100],
      [111, 0],
    ]);
    expect(timesOf("vllm")).toEqual([
      [111, 0],
      [15, 96],
      [111, 0],
    ]);
  });

  it("is off by default with vLLM 0.6.4, and where a request or the behaviour says so", () => {
    const cold = [
      [111, 0],
      [111, 0],
      [111, 0],
    ];
    expect(timesOf("vllm-0.6.4")).toEqual(cold);
    expect(timesOf("llamacpp", { cache_prompt: false })).toEqual(cold);
    expect(timesOf("sglang", {}, { prefixCache: false })).toEqual(cold);
    expect(timesOf("vllm-0.6.4", {}, { prefixCache: true })[1]).toEqual([15, 96]);
  });

  it("shows in the usage of llama.cpp", () => {
    const { connect, timeline } = createMemorySimulator({ dialect: "llamacpp" });
    const connection = connect();
    for (let i = 0; i < 2; i++) {
      connection.send(postBytes("/v1/completions", { prompt: "word ".repeat(20), max_tokens: 1 }));
      timeline.advance(1000);
    }
    expect(
      connection
        .bytes()
        .toString()
        .match(/"cached_tokens":\d+/g),
    ).toEqual(['"cached_tokens":0', '"cached_tokens":20']);
  });
});

describe("llama.cpp's own timings", () => {
  it("are the latency model's: prompt_ms to the first token, predicted_ms from the first to the last", () => {
    const { connect, timeline } = createMemorySimulator({
      dialect: "llamacpp",
      profile: { ...profile, decodeMs: 12.5 },
    });
    const connection = connect();
    connection.send(postBytes("/v1/completions", { prompt: "word ".repeat(50).trim(), max_tokens: 11 }));
    timeline.run(2_000_000);
    const text = connection.bytes().toString();
    const { timings } = JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as {
      timings: Record<string, number>;
    };
    expect(timings).toMatchObject({
      prompt_n: 50,
      prompt_ms: 60,
      predicted_n: 11,
      predicted_ms: 125,
      predicted_per_token_ms: 12.5,
    });
  });
});

describe("metrics", () => {
  it("are live: running, waiting, tokens, time to first token", () => {
    const { connect, timeline } = createMemorySimulator({
      dialect: "vllm",
      profile: { ...profile, maxBatch: 2 },
    });
    const page = () => {
      const connection = connect();
      connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
      const value = (name: string) => {
        const line = connection
          .bytes()
          .toString()
          .split("\n")
          .find((text) => text.startsWith(`vllm:${name}{`));
        return Number(line?.split(" ").at(-1));
      };
      return {
        running: value("num_requests_running"),
        waiting: value("num_requests_waiting"),
        prompt: value("prompt_tokens_total"),
        generated: value("generation_tokens_total"),
        first: value("time_to_first_token_seconds_count"),
        ended: value("e2e_request_latency_seconds_count"),
        firstSum: value("time_to_first_token_seconds_sum"),
      };
    };
    for (let i = 0; i < 3; i++) {
      connect().send(
        postBytes("/v1/completions", { model: "m", prompt: "word word", max_tokens: 5, stream: true }),
      );
    }
    timeline.advance(1000);
    // The first came alone into its prefill.
    expect(page()).toMatchObject({ running: 1, waiting: 2, prompt: 6, generated: 0, first: 0, ended: 0 });
    timeline.run();
    expect(page()).toMatchObject({ running: 0, waiting: 0, prompt: 6, generated: 15, first: 3, ended: 3 });
    // Prefills of 12 ms one after the other; the third waits for a place, which is free after four decodes more.
    expect(page().firstSum).toBeCloseTo((12 + 24 + 76) / 1000, 6);
  });
});
