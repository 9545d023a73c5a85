import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { engineSpec, engines, metricsNamed } from "../../src/engines/index.ts";
import { readServerMetrics } from "../../src/engines/server-metrics.ts";
import { dialectNames, type EngineMetrics } from "../../src/engines/spec.ts";
import type { SimulatorDialect } from "../../src/simulator/options.ts";
import { type CaptureFolder, loadCapture } from "../fixtures/captures.ts";
import { createMemorySimulator } from "../simulator/memory.ts";
import { postBytes } from "../simulator/raw-client.ts";

const metrics = (names: EngineMetrics["names"]): EngineMetrics => ({ path: "/metrics", names });

describe("A page in Prometheus' text format", () => {
  it("is read by whole names, whatever labels follow", () => {
    const page = [
      "# HELP a:waiting Requests",
      'a:waiting_by_reason{reason="x"} 9.0',
      'a:waiting{engine="0",model="m{}} 1"} 3.0 1700000000000',
      "ba:waiting 7",
      "a:total 1.234567e+06",
      "",
    ].join("\n");
    const names = { requestsWaiting: ["a:waiting"], generationTokensTotal: ["none", "a:total"] };
    expect(readServerMetrics(page, metrics(names))).toEqual({
      requestsWaiting: 3,
      generationTokensTotal: 1_234_567,
    });
  });

  it("adds counts up over ranks and takes the fullest cache", () => {
    const page = 'run{rank="0"} 2\nrun{rank="1"} 3\nuse{rank="0"} 0.25\nuse{rank="1"} 0.5\nrun_other 7\n';
    expect(readServerMetrics(page, metrics({ requestsRunning: ["run"], cacheUsageShare: ["use"] }))).toEqual({
      requestsRunning: 5,
      cacheUsageShare: 0.5,
    });
  });

  it("counts SGLang's requests once, which it shows as a whole and by priority", () => {
    const page = 'run{tp="0",priority=""} 5\nrun{tp="0",priority="1"} 2\nrun{tp="0",priority="5"} 3\n';
    expect(readServerMetrics(page, metrics({ requestsRunning: ["run"] }))).toEqual({ requestsRunning: 5 });
  });

  it("leaves out what is no number and a last line that was cut", () => {
    expect(
      readServerMetrics("a NaN\nb 12", metrics({ requestsRunning: ["a"], requestsWaiting: ["b"] })),
    ).toEqual({});
    expect(readServerMetrics("<html>a 1</html>", metrics({ requestsRunning: ["a"] }))).toEqual({});
  });

  it("of a real llama.cpp says what its answers said", () => {
    const page = readFileSync(new URL("../fixtures/metrics/llamacpp.txt", import.meta.url), "utf8");
    // Three answers of 16 tokens; five prompt tokens each, of which four came from the cache from the second on.
    expect(readServerMetrics(page, engineSpec("llamacpp").metrics)).toEqual({
      requestsRunning: 0,
      requestsWaiting: 0,
      generationTokensTotal: 48,
      promptTokensTotal: 7,
      prefixCacheHitsTotal: 8,
    });
  });
});

/** Ours that a captured server does not have: names and types are all that its capture kept of its page. */
const captured: readonly (readonly [string, CaptureFolder, readonly string[]])[] = [
  ["vllm", "vllm-0.32", []],
  // Counters with labels are not there before they count.
  ["sglang", "sglang-0.4.7", ["preemptionsTotal"]],
  ["sglang", "sglang-0.5.23", ["preemptionsTotal"]],
  ["tgi", "tgi-2.4.1", []],
  ["tgi", "tgi-3.3.7", []],
  // Newer servers no longer say how full the cache is.
  ["llamacpp", "llamacpp", ["cacheUsageShare"]],
];

describe("Names of metrics", () => {
  test.each(captured)("of %s are read from a page of what %s serves", (kind, folder, absent) => {
    const lines = loadCapture(folder, "metrics")
      .response.toString("utf8")
      .split("\n")
      .flatMap((line) => /^(\S+) (counter|gauge|histogram|summary)$/.exec(line)?.slice(1, 3) ?? [])
      .join(" ")
      .match(/\S+ \S+/g);
    // The page that such a list is of, each value 1.
    const page = (lines ?? []).flatMap((line) => {
      const [name, type] = line.split(" ");
      return type === "histogram" || type === "summary"
        ? [`${name}_sum 1`, `${name}_count 1`]
        : [`${name}{model_name="m"} 1`];
    });
    const { metrics } = engineSpec(kind);
    const wanted = Object.keys(metrics.names).filter((name) => !absent.includes(name));
    expect(wanted.length).toBeGreaterThan(2);
    expect(readServerMetrics(`${page.join("\n")}\n`, metrics)).toEqual(
      Object.fromEntries(wanted.map((name) => [name, 1])),
    );
  });

  it("are there for every engine but one of unknown make", () => {
    expect(dialectNames.filter((name) => metricsNamed(name) === undefined)).toEqual(["openai"]);
    for (const { metrics } of engines) expect(Object.keys(metrics.names).length).toBeGreaterThan(1);
  });

  test.each([
    ["vllm-0.6.4", "vllm"],
    ["vllm", "vllm"],
    ["sglang-0.4.7", "sglang"],
    ["sglang", "sglang"],
    ["tgi-2.4.1", "tgi"],
    ["tgi", "tgi"],
    ["nim-1.8", "nim"],
    ["llamacpp", "llamacpp"],
  ] as const)("are in the page of the simulator's %s, which counts what it answers", (dialect, kind) => {
    const { connect, timeline } = createMemorySimulator({ dialect: dialect satisfies SimulatorDialect });
    const { metrics } = engineSpec(kind);
    for (let i = 0; i < 3; i++)
      connect().send(postBytes("/v1/completions", { model: "m", prompt: "a b c d", max_tokens: 5 }));
    timeline.run();
    const connection = connect();
    connection.send(`GET ${metrics.path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    timeline.run();
    const said = readServerMetrics(connection.bytes().toString(), metrics);
    const cached = metrics.promptTokens === "computed" ? (said.prefixCacheHitsTotal ?? Number.NaN) : 0;
    expect(said).toMatchObject({ requestsRunning: 0, requestsWaiting: 0, generationTokensTotal: 15 });
    expect((said.promptTokensTotal ?? Number.NaN) + cached).toBe(12);
  });
});
