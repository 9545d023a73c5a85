import { describe, expect, it } from "vitest";
import { SimulatorDialect } from "../../src/simulator/options.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { createMemorySimulator } from "./memory.ts";
import { postBytes } from "./raw-client.ts";
import { SIMULATED_LINE } from "./skeleton.ts";

/** Heads of the answers in `bytes`, each as its lines. */
function headsOf(bytes: Buffer): string[][] {
  return [...bytes.toString("latin1").matchAll(/HTTP\/1\.1 [\s\S]*?(?=\r\n\r\n)/g)].map(([head]) =>
    head.split("\r\n"),
  );
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const generation = (more: object, headers: readonly string[] = []) =>
  postBytes("/v1/completions", { model: "m", prompt: "x", max_tokens: 2, ...more }, headers);
const effects = (value: object) => [`x-sim-effects: ${JSON.stringify(value)}`];

describe.each(SimulatorDialect.options)("a simulator that speaks %s", (dialect) => {
  it.each<[string, Buffer | string]>([
    ["models", get("/v1/models")],
    ["health", get("/health")],
    ["metrics", get("/metrics")],
    ["a path it has not", get("/nowhere")],
    ["an answer as a whole", generation({ stream: false })],
    ["a stream", generation({ stream: true })],
    ["a body it cannot read", postBytes("/v1/completions", "{")],
    ["a refusal", generation({ stream: true }, effects({ reject: { status: 503 } }))],
    ["garbage", generation({ stream: true }, effects({ garbage: "json" }))],
    ["what is no request", "nonsense\r\n\r\n"],
  ])("says in its last header that it is one: %s", async (_name, bytes) => {
    const { connect, timeline } = createMemorySimulator({ dialect });
    const connection = connect();
    connection.send(bytes);
    timeline.run(1e6);
    const heads = headsOf(connection.bytes());
    expect(heads).toHaveLength(1);
    expect(heads[0]?.at(-1)).toBe(SIMULATED_LINE);
    expect(heads[0]?.filter((line) => line === SIMULATED_LINE)).toHaveLength(1);
  });

  it("says so while it loads, wherever it answers at all", () => {
    const { connect } = createMemorySimulator({ dialect, profile: { ...instantProfile, loadMs: 1000 } });
    const connection = connect();
    connection.send(get("/health"));
    for (const head of headsOf(connection.bytes())) expect(head.at(-1)).toBe(SIMULATED_LINE);
  });
});
