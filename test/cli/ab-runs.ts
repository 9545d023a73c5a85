import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import type { AbResult } from "../../src/results/schema/ab.ts";
import { Results } from "../../src/results/schema/results.ts";
import { type RunningSimulator, startSimulator } from "../../src/simulator/server.ts";
import { llmbench } from "./llmbench.ts";

/** Twelve blocks, each a few seconds where others have the processors. */
export const patience = 180_000;

// A machine that others use delays chunks: neither what the verdicts say of it nor the client's own error is tested here.
export const load = "--max-tokens 8 --requests 5 --warmup 1 --fail-on never --no-error-bars".split(" ");

const profile = (decodeMs: number) => ({
  loadMs: 0,
  prefillMs: 100,
  prefillMsPerToken: 0,
  decodeMs,
  decodeMsPerSequence: 0,
  maxBatch: 16,
  jitter: 0,
});

/** A folder for runs of `llmbench ab`, for the tests of one file. */
export class AbRuns {
  folder = "";
  readonly #simulators: RunningSimulator[] = [];

  constructor() {
    beforeAll(async () => {
      this.folder = await mkdtemp(join(tmpdir(), "llmbench-ab-"));
    });
    afterEach(async () => {
      for (const simulator of this.#simulators.splice(0)) await simulator.close();
    });
    afterAll(() => rm(this.folder, { recursive: true, force: true }));
  }

  readonly ab = (words: readonly string[], options: { stopWhen?: () => boolean } = {}) =>
    llmbench(["ab", ...words], { cwd: this.folder, ...options });

  /** URL of a simulated server that stands. */
  async simulate(decodeMs: number, behaviour: object = {}): Promise<string> {
    const simulator = await startSimulator({ dialect: "vllm", profile: profile(decodeMs), behaviour });
    this.#simulators.push(simulator);
    return simulator.url;
  }

  async resultsOf(id: string): Promise<Results> {
    return Results.parse(JSON.parse(await readFile(join(this.folder, "runs", id, "results.json"), "utf8")));
  }

  async abOf(id: string): Promise<AbResult> {
    const { ab: found } = await this.resultsOf(id);
    if (found === undefined) throw new Error(`${id} has no ab`);
    return found;
  }

  /** A config of two simulated variants. */
  async config(name: string, more: string, decodeMs: readonly [number, number]): Promise<string> {
    const engine = (ms: number) => `{ kind: vllm, simulated: ${JSON.stringify(profile(ms))} }`;
    await writeFile(
      join(this.folder, name),
      `engines:
  plain: ${engine(decodeMs[0])}
  other: ${engine(decodeMs[1])}
models: { m: {} }
failOn: never
errorBars: false
load: { warmup: 1, blocks: [{ name: few, outputTokens: 8, requests: 5 }] }
${more}`,
    );
    return name;
  }
}

export const comparison = ({ comparisons }: AbResult, metric: string) =>
  comparisons.find((each) => each.metric === metric);
