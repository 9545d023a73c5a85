import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { detectServer, type Get } from "../../src/engines/detect.ts";
import { readAllRecords } from "../../src/load/record-reader.ts";
import { findProgram } from "../../src/servers/find-program.ts";
import { ProcessBackend } from "../../src/servers/process.ts";
import { listProcesses } from "../../src/servers/process-table.ts";
import type { RunningServer } from "../../src/servers/server.ts";
import { llmbench } from "../cli/llmbench.ts";
import { type Completion, completeReal, resolveReal } from "./real-engine.ts";

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), "llmbench-llamacpp-"));
const logPath = join(folder, "server.log");
const backend = new ProcessBackend({ logPath: () => logPath, registryFolder: join(folder, "servers") });
// An empty cache, and no llama-server that might be on this machine's PATH.
const PATH = (process.env["PATH"] ?? "")
  .split(":")
  .filter((one) => !existsSync(join(one, "llama-server")))
  .join(":");
const env: NodeJS.ProcessEnv = { ...process.env, PATH, LLMBENCH_CACHE: join(folder, "cache") };

beforeAll(async () => {
  await resolveReal("llamacpp", "smollm2-135m", { env });
});

afterAll(() => {
  backend.killAllNow();
  rmSync(folder, { recursive: true, force: true });
});

function getFrom(server: RunningServer): Get {
  return async (path) => {
    const answer = await fetch(server.url + path, { headers: { "accept-encoding": "identity" } });
    return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
  };
}

test("the real llama.cpp of an empty cache answers, says what it is, and is gone again", async () => {
  const resolved = await resolveReal("llamacpp", "smollm2-135m", { env });
  expect(resolved.model).toMatchObject({ form: "gguf", precision: "Q4_1" });
  const answers: Completion[] = [];
  const complete = async (server: RunningServer, signal: AbortSignal) =>
    void answers.push(await completeReal(resolved, server, signal));
  const { server, startup } = await backend.waitReady(resolved.spec, complete, never);
  expect(answers[0]).toMatchObject({
    choices: [{ finish_reason: "length" }],
    usage: { completion_tokens: 8 },
  });
  expect(startup.firstCompletionMs).toBeGreaterThan(startup.readyMs ?? Number.POSITIVE_INFINITY);

  const found = await detectServer(getFrom(server), "auto");
  expect(found).toMatchObject({
    engine: "llamacpp",
    // 1024 tokens for each of the two slots.
    models: [{ id: "smollm2-135m", maxLength: 1024 }],
    reported: { total_slots: 2, model_ftype: "Q4_1" },
  });
  await backend.remove(resolved.spec);
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");
});

const linux = process.platform === "linux";
test.skipIf(!linux)(
  "the server has HTTP threads for as many connections opened ahead as in flight",
  async () => {
    const concurrency = 12;
    const resolved = await resolveReal("llamacpp", "smollm2-135m", { env, concurrency });
    const complete = async (server: RunningServer, signal: AbortSignal) =>
      void (await completeReal(resolved, server, signal));
    const { server } = await backend.waitReady(resolved.spec, complete, never);
    // Counted, not timed: with too few, a connection may wait up to 15 s behind idle ones, or be lucky.
    expect(readdirSync(`/proc/${server.pid}/task`).length).toBeGreaterThanOrEqual(2 * concurrency + 2);
    await backend.remove(resolved.spec);
  },
);

/** What the server itself measured of each answer, beside what was recorded of it; medians, ms. */
async function timingsOf(file: string) {
  const { records } = await readAllRecords(file);
  const rows = records.map(({ serverTimings: server, tokens, sentUs = 0, ...record }) => {
    const { headersUs = 0, firstTextUs = 0, lastTextUs = 0 } = record;
    if (server === undefined) throw new Error("an answer without timings");
    return {
      tpot: (lastTextUs - firstTextUs) / 1000 / ((tokens.output ?? 0) - 1),
      serverTpot: server.predictedMs / (server.predictedTokens - 1),
      promptMs: server.promptMs,
      beyondPrompt: (firstTextUs - sentUs) / 1000 - server.promptMs,
      toHeaders: (headersUs - sentUs) / 1000,
      cached: server.cachedTokens ?? 0,
    };
  });
  const names = ["tpot", "serverTpot", "promptMs", "beyondPrompt", "toHeaders", "cached"] as const;
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  const medians = names.map((name) => [name, median(rows.map((row) => row[name]))] as const);
  return { count: rows.length, ...(Object.fromEntries(medians) as Record<(typeof names)[number], number>) };
}

test("`llmbench bench` and the server agree on what a token and a prompt took", async () => {
  const resolved = await resolveReal("llamacpp", "smollm2-135m", {
    env,
    server: { settings: { contextLength: 2048 } },
  });
  const complete = async (server: RunningServer, signal: AbortSignal) =>
    void (await completeReal(resolved, server, signal));
  const { server } = await backend.waitReady(resolved.spec, complete, never);
  const measure = async (id: string, ...more: string[]) => {
    const load = ["--concurrency", "1", "--max-tokens", "64", "--requests", "20", "--fail-on", "never"];
    const ended = await llmbench(["bench", server.url, ...load, "--out", folder, "--id", id, ...more], {
      cwd: folder,
    });
    expect(ended).toMatchObject({ status: 0 });
    const files = readdirSync(join(folder, id), { recursive: true, encoding: "utf8" });
    const seen = await timingsOf(join(folder, id, files.find((file) => file.endsWith(".ndjson.gz")) ?? ""));
    console.info(id, seen);
    expect(seen.count).toBe(20);
    expect(Math.abs(seen.tpot - seen.serverTpot)).toBeLessThan(0.05 * seen.serverTpot + 1);
    return seen;
  };
  expect((await measure("as-it-is")).cached).toBeGreaterThan(0);
  const uncached = await measure("uncached", "--body", '{"cache_prompt":false}');
  expect(uncached.cached).toBe(0);
  // The way there, and what the server does before it takes its own time: HTTP, the chat template, the tokenizer. It
  // sends the headers then (`toHeaders`).
  expect(uncached.beyondPrompt).toBeGreaterThan(0);
  expect(uncached.beyondPrompt).toBeLessThan(5);
  await backend.remove(resolved.spec);
});

test("the second start needs neither network nor pip nor Python on PATH", async () => {
  const offline = {
    ...env,
    PATH: "/nowhere",
    PIP_INDEX_URL: "http://127.0.0.1:9/",
    HTTPS_PROXY: "http://127.0.0.1:9",
  };
  const lines: string[] = [];
  const resolved = await resolveReal("llamacpp", "smollm2-135m", {
    env: offline,
    report: (line) => lines.push(line),
  });
  expect(lines).toEqual([]);
  const complete = async (server: RunningServer, signal: AbortSignal) =>
    void (await completeReal(resolved, server, signal));
  await backend.waitReady(resolved.spec, complete, never);
  await backend.remove(resolved.spec);
});

test("without network an empty cache says that it needs one", async () => {
  const offline = {
    ...env,
    LLMBENCH_CACHE: join(folder, "empty"),
    PIP_INDEX_URL: "http://127.0.0.1:9/",
    PIP_RETRIES: "1",
  };
  await expect(resolveReal("llamacpp", "smollm2-135m", { env: offline })).rejects.toMatchObject({
    code: "INSTALL_NO_NETWORK",
  });
});

test("a flag that the server lacks, and a file that is no model, fail with their reason", async () => {
  const flag = await resolveReal("llamacpp", "smollm2-135m", { env, server: { args: ["--no-such-flag"] } });
  const complete = async () => {};
  await expect(backend.waitReady(flag.spec, complete, never)).rejects.toMatchObject({
    code: "SERVER_EXITED",
    hint: expect.stringContaining("does not know an argument"),
    details: expect.arrayContaining(["error: invalid argument: --no-such-flag"]),
  });
  const model = await resolveReal("llamacpp", "smollm2-135m", { env, server: { args: ["-m", "/dev/null"] } });
  await expect(backend.waitReady(await ensured(model.spec), complete, never)).rejects.toMatchObject({
    code: "SERVER_EXITED",
    hint: expect.stringContaining("cannot read the model"),
  });
});

test("the launcher is Python that compiles and knows every flag that the engine's spec gives", async () => {
  const { spec, python = "" } = await resolveReal("llamacpp", "smollm2-135m", {
    env,
    server: { settings: { contextLength: 8, maxConcurrentRequests: 1, threads: 1, prefixCache: false } },
  });
  const [, launcher = "", ...args] = spec.command;
  const check = `import sys, runpy; sys.argv = sys.argv[1:]
import xllamacpp
class Stop(Exception): pass
def server(params): raise Stop(params.n_ctx, params.n_parallel, params.cpuparams.n_threads, params.cache_prompt, params.endpoint_metrics)
xllamacpp.Server = server
try: runpy.run_path(sys.argv[0])
except Stop as got: print(got.args)`;
  const filled = args.map((word) => word.replace("{port}", "1").replace("{host}", "127.0.0.1"));
  const said = execFileSync(python, ["-c", check, launcher, ...filled], { encoding: "utf8" });
  expect(said.trim()).toBe("(8, 1, 1, False, True)");
});

const unshare = findProgram("unshare");

test.skipIf(unshare === undefined || process.getuid?.() !== 0)(
  "as the first process of a container it ends at SIGTERM, while it loads and when it serves",
  async () => {
    const { spec } = await resolveReal("llamacpp", "smollm2-135m", { env });
    const words = spec.command.map((word) => word.replace("{port}", "0").replace("{host}", "127.0.0.1"));
    for (const until of [/./, /listening/i]) {
      const contained = spawn(unshare as string, ["--pid", "--fork", "--kill-child", ...words], {
        env: { ...env, ...spec.env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      onTestFinished(() => void contained.kill("SIGKILL"));
      const ended = once(contained, "exit");
      let said = "";
      for (const stream of [contained.stdout, contained.stderr])
        stream.on("data", (bytes: Buffer) => void (said += bytes.toString()));
      await expect.poll(() => said, { timeout: 30_000 }).toMatch(until);
      const [first] = listProcesses().filter(({ parent }) => parent === contained.pid);
      process.kill(first?.pid ?? 0, "SIGTERM");
      expect(await ended).toEqual([143, null]);
    }
  },
);

async function ensured<Spec extends Parameters<typeof backend.ensure>[0]>(spec: Spec): Promise<Spec> {
  await backend.ensure(spec);
  return spec;
}
