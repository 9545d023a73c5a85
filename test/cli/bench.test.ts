import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { MeasurementSummary } from "../../src/results/schema/summary.ts";
import { ProcessBackend } from "../../src/servers/process.ts";
import type { ServerSpec } from "../../src/servers/server.ts";
import type { SimulatorDialect } from "../../src/simulator/options.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { type RunningSimulator, startSimulator } from "../../src/simulator/server.ts";
import { programPath } from "../program/program.ts";
import { fakeServer } from "../servers/backend.ts";
import { llmbench } from "./llmbench.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-bench-"));
  await programPath();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const simulators: RunningSimulator[] = [];
afterEach(async () => {
  for (const simulator of simulators.splice(0)) await simulator.close();
});
async function simulate(
  behaviour: object,
  dialect: SimulatorDialect = "vllm",
  profile = instantProfile,
): Promise<string> {
  const simulator = await startSimulator({ dialect, behaviour, profile });
  simulators.push(simulator);
  return simulator.url;
}

// Without latency a server makes any lag of this machine look large: verdicts are not what is tested here.
const small = [
  "--concurrency",
  "1",
  "--max-tokens",
  "4",
  "--requests",
  "5",
  "--warmup",
  "1",
  "--fail-on",
  "never",
  "--no-error-bars",
];
const bench = (url: string, id: string, more: readonly string[] = [], env: Record<string, string> = {}) =>
  llmbench(["bench", url, ...small, "--id", id, ...more], { cwd: folder, env });

/** The first JSON value of every JSON and records file of a run, by its path in the run. */
async function jsonFiles(id: string): Promise<ReadonlyMap<string, Record<string, unknown>>> {
  const root = join(folder, "runs", id);
  const paths = await readdir(root, { recursive: true });
  const found = new Map<string, Record<string, unknown>>();
  for (const path of paths) {
    if (!/\.(json|ndjson\.gz)$/.test(path)) continue;
    const bytes = await readFile(join(root, path));
    const text = path.endsWith(".gz")
      ? (gunzipSync(bytes).toString().split("\n")[0] ?? "")
      : bytes.toString();
    found.set(path, JSON.parse(text) as Record<string, unknown>);
  }
  return found;
}

describe("A bench against a simulator", () => {
  it("is marked as simulated in every file and on every page, as a simulated config is", async () => {
    const { status, stdout } = await bench(await simulate({}), "marked");
    expect(status).toBe(0);
    expect(stdout).toContain("SIMULATED");
    const marks = [...(await jsonFiles("marked"))]
      .filter(([path]) => !path.endsWith("status.json"))
      .map(([path, value]) => [path.replace(/.*\//, ""), value["simulated"]]);
    expect(Object.fromEntries(marks)).toEqual({
      "run.json": true,
      "server.json": true,
      "warmup.json": true,
      "requests.ndjson.gz": true,
      "server-metrics.json": true,
      "summary.json": true,
      "results.json": true,
    });
    const page = await readFile(join(folder, "runs/marked/report/index.html"), "utf8");
    expect(page).toContain("come from a latency model");
    const cells = JSON.parse(await readFile(join(folder, "runs/marked/results.json"), "utf8")) as {
      cells: { simulated: boolean; points: { verdict: { notes: { code: string }[] } }[] }[];
    };
    expect(cells.cells[0]?.simulated).toBe(true);
    expect(cells.cells[0]?.points[0]?.verdict.notes).toContainEqual(
      expect.objectContaining({ code: "simulated" }),
    );
  });
});

describe("A bench that looks for its own error", () => {
  it("replays a load once, prints a bar with each statistic, and leaves no process and no file", async () => {
    // Slow enough that a busy machine's client carries it: a point that it could not has no figures, and no bars.
    const url = await simulate({}, "vllm", { ...instantProfile, prefillMs: 80, decodeMs: 30 });
    const sizes = small
      .filter((word) => word !== "--no-error-bars")
      .map((word) => (word === "5" ? "12" : word));
    const ended = await llmbench(["bench", url, ...sizes, "--repetitions", "2", "--id", "barred"], {
      cwd: folder,
    });
    expect(ended.status).toBe(0);
    expect(ended.stdout).toContain("The client's own error, at most: median TTFT ±");
    const files = await jsonFiles("barred");
    const summaries = [...files].filter(([path]) => path.endsWith("summary.json"));
    expect(summaries).toHaveLength(2);
    const replays = summaries.map(
      ([, summary]) => (summary as unknown as MeasurementSummary).instrument?.replay,
    );
    expect(replays[0]).toMatchObject({ connections: 1, unfinished: 0 });
    expect(replays[1]).toEqual(replays[0]);
    for (const [, summary] of summaries) {
      const { metrics, instrument } = summary as unknown as MeasurementSummary;
      expect(metrics.ttftMs.clientErrorMs?.p50).toBeGreaterThan(0);
      expect(metrics.interChunkMs.clientErrorMs?.p50).toBeGreaterThan(0);
      expect(instrument?.gc?.count).toBeGreaterThanOrEqual(0);
    }
    const paths = await readdir(join(folder, "runs/barred"), { recursive: true });
    expect(paths.filter((path) => /replay|partial/.test(path))).toEqual([]);
    const page = await readFile(join(folder, "runs/barred/report/index.html"), "utf8");
    expect(page).toMatch(/± [\d.]+/);
  }, 120_000);

  it("has no bars where they are not wanted", async () => {
    expect((await bench(await simulate({}), "bare")).status).toBe(0);
    const results = await readFile(join(folder, "runs/bare/results.json"), "utf8");
    expect(results).not.toContain("clientErrorMs");
    expect(results).not.toContain("readDelayMs");
  });
});

describe("A bench beside a server of another run", () => {
  it("is suspect, names that server, and is valid again once it is gone", async () => {
    const backend = new ProcessBackend({
      logPath: () => join(folder, "other.log"),
      registryFolder: join(folder, "cache/servers"),
    });
    onTestFinished(() => backend.killAllNow());
    const other: ServerSpec = {
      runId: "nightly",
      cellId: "tgi--m",
      command: [process.execPath, fakeServer, "--port", "{port}"],
      env: {},
      secretEnv: [],
      readiness: { path: "/health", timeoutSeconds: 5 },
      startTimeoutSeconds: 20,
      stopTimeoutSeconds: 10,
      specHash: "other",
      simulated: true,
    };
    await backend.ensure(other);
    const url = await simulate({});
    expect(await bench(url, "beside")).toMatchObject({ status: 0 });
    expect(await reasonsOf("beside")).toContainEqual(
      expect.objectContaining({
        code: "shared-node",
        status: "suspect",
        text: "Another benchmark's server was up on this machine: tgi--m of run nightly.",
      }),
    );
    await backend.remove(other);
    expect(await bench(url, "alone")).toMatchObject({ status: 0 });
    expect((await reasonsOf("alone")).map(({ code }) => code)).not.toContain("shared-node");
  });
});

describe("A bench of a server that others use meanwhile", () => {
  it("is suspect, with the tokens that the server counted beside those of its answers", async () => {
    // It takes long enough that the other's requests fall into it.
    const url = await simulate({}, "vllm", { ...instantProfile, decodeMs: 20 });
    const asked = { model: "simulated", prompt: "word", max_tokens: 50 };
    const ask = () => fetch(`${url}/v1/completions`, { method: "POST", body: JSON.stringify(asked) });
    const over = new AbortController();
    const other = (async () => {
      while (!over.signal.aborted) {
        await (await ask()).text();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const ended = await bench(url, "others", ["--server-metrics", "50ms"]);
    over.abort();
    await other;
    expect(ended.status).toBe(0);
    const reasons = await reasonsOf("others");
    expect(reasons.map(({ code }) => code)).toContain("other-clients");
    expect(reasons.find(({ code }) => code === "other-clients")).toMatchObject({
      status: "suspect",
      text: expect.stringMatching(/\d+ output tokens by the server's own counters and 20 by the usage/),
    });
  }, 120_000);

  it("is not looked at with --server-metrics off", async () => {
    expect(await bench(await simulate({}), "unseen", ["--server-metrics", "off"])).toMatchObject({
      status: 0,
    });
    const files = await jsonFiles("unseen");
    expect([...files.keys()].filter((path) => path.endsWith("server-metrics.json"))).toEqual([]);
  }, 120_000);
});

describe("A URL that cannot be a base", () => {
  it.each([
    ["http://me:key-12345@127.0.0.1:9", "a user or password"],
    ["http://127.0.0.1:9/v1?api-version=2", "?api-version=2"],
  ])("is refused, not cut down to what can: %s", async (url, said) => {
    const { status, stderr } = await bench(url, "url");
    expect(status).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain("key-12345");
  });
});

describe("A header that cannot be sent", () => {
  it.each<[string, readonly string[], Record<string, string>, string]>([
    ["frames the request", ["--header", "Content-Length: 5"], {}, "content-length is set by llmbench itself"],
    ["holds what Latin-1 does not", ["--header", "X-Team: ż"], {}, "the value of x-team cannot be sent"],
    [
      "is a key with a line end in it",
      ["--api-key-env", "MY_BENCH_KEY"],
      { MY_BENCH_KEY: "key-12345\n" },
      "--api-key-env MY_BENCH_KEY: its value cannot be sent",
    ],
  ])("is refused before anything is asked: it %s", async (_what, given, env, said) => {
    const { status, stderr } = await bench("http://127.0.0.1:9", "header", given, env);
    expect(status).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain("key-12345");
  });
});

describe("A server that wants a key", () => {
  it("refuses a bench without one, and the message says which option gives it", async () => {
    const { status, stderr } = await bench(await simulate({ apiKey: "key-12345" }), "none");
    expect(status).toBe(1);
    expect(stderr).toContain("SERVER_UNAUTHORIZED");
    expect(stderr).toContain("--api-key-env NAME");
  });

  it("is measured with the key of --api-key-env, also when the run is resumed", async () => {
    const url = await simulate({ apiKey: "key-12345" });
    const given = ["--api-key-env", "MY_BENCH_KEY"];
    expect(await bench(url, "by-env", given, { MY_BENCH_KEY: "key-12345" })).toMatchObject({ status: 0 });
    await takeSummaryAway("by-env");
    const unset = await llmbench(["run", "--resume", "by-env"], { cwd: folder });
    expect(unset).toMatchObject({ status: 2, stderr: expect.stringContaining("export MY_BENCH_KEY=") });
    const env = { MY_BENCH_KEY: "key-12345" };
    const resumed = await llmbench(["run", "--resume", "by-env"], { cwd: folder, env });
    expect(resumed.status).toBe(0);
    await holdsNoSecret("by-env");
  });

  it("is measured with the key of a secret --header, which a resumed run asks for by name", async () => {
    const url = await simulate({ apiKey: "key-12345" }, "llamacpp");
    const given = ["--header", "Authorization: Bearer key-12345"];
    expect(await bench(url, "by-header", given)).toMatchObject({ status: 0 });
    await takeSummaryAway("by-header");
    const unset = await llmbench(["run", "--resume", "by-header"], { cwd: folder });
    expect(unset.status).toBe(2);
    expect(unset.stderr).toContain("CONFIG_SECRET_UNSET");
    expect(unset.stderr).toContain('all that stood after "authorization:" in --header');
    expect(unset.stderr).toContain("export LLMBENCH_HEADER_AUTHORIZATION='…'");
    const env = { LLMBENCH_HEADER_AUTHORIZATION: "Bearer key-12345" };
    const resumed = await llmbench(["run", "--resume", "by-header"], { cwd: folder, env });
    expect(resumed.status).toBe(0);
    await holdsNoSecret("by-header");
  });
});

async function reasonsOf(id: string): Promise<readonly { readonly code: string }[]> {
  const text = await readFile(join(folder, "runs", id, "results.json"), "utf8");
  const { cells } = JSON.parse(text) as {
    cells: { points: { verdict: { reasons: { code: string }[] } }[] }[];
  };
  return cells.flatMap(({ points }) => points.flatMap(({ verdict }) => verdict.reasons));
}

/** What an interruption leaves: a measurement without its summary. */
async function takeSummaryAway(id: string): Promise<void> {
  const root = join(folder, "runs", id);
  const paths = (await readdir(root, { recursive: true })).filter((path) => path.endsWith("summary.json"));
  expect(paths).toHaveLength(1);
  await rm(join(root, paths[0] ?? ""));
}

async function holdsNoSecret(id: string): Promise<void> {
  const files = await jsonFiles(id);
  expect([...files.keys()].filter((path) => path.endsWith("summary.json"))).toHaveLength(1);
  for (const [path, value] of files) expect(JSON.stringify(value), path).not.toContain("key-12345");
}
