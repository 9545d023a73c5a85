import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { LlmbenchError } from "../../src/error.ts";
import { verifyModel } from "../../src/hub/verify-model.ts";
import { sha256 } from "./fake-hub.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "llmbench-verify-"));
  put({
    "config.json": "{}",
    "model-1.safetensors": "one",
    "model-2.safetensors": "two",
    "model.safetensors.index.json": '{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}',
  });
  sum(readdirSync(folder));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    contents[path] = text;
    writeFileSync(join(folder, path), text);
  }
}

const contents: Record<string, string> = {};

function sum(paths: readonly string[], more = ""): void {
  const lines = paths.map((path) => `${sha256(contents[path] ?? "")}  ${path}\n`);
  writeFileSync(join(folder, "SHA256SUMS"), lines.join("") + more);
}

function verify() {
  return verifyModel({ folder, signal: new AbortController().signal, report: () => undefined });
}

async function findings(): Promise<readonly string[]> {
  const error = await verify().then(
    () => undefined,
    (thrown: unknown) => thrown as LlmbenchError,
  );
  expect(error?.code).toBe("MODEL_INCOMPLETE");
  return error?.details ?? [];
}

it("passes a folder that is what its sums say", async () => {
  expect(await verify()).toMatchObject({ files: 4, source: undefined });
});

it("finds every file that is missing or has other bytes, of the same size too", async () => {
  put({ "model-1.safetensors": "eno" });
  rmSync(join(folder, "model-2.safetensors"));
  expect(await findings()).toEqual([
    "model-2.safetensors: named by model.safetensors.index.json, missing",
    "model-2.safetensors: missing",
    "model-1.safetensors: other bytes than SHA256SUMS says",
  ]);
});

it("finds weights that nobody summed, a fetch that is not finished, and lines that are none", async () => {
  put({ "model-3.safetensors": "three", "notes.md": "fine" });
  mkdirSync(join(folder, ".llmbench-partial"));
  sum(["config.json", "model-1.safetensors", "model-2.safetensors"], "nonsense\n");
  expect(await findings()).toEqual([
    "SHA256SUMS: no checksum and name: nonsense",
    "model-3.safetensors: not in SHA256SUMS, and an engine would load it",
    ".llmbench-partial: a fetch is not finished",
  ]);
});

it("finds a shard that the index names and the sums do not", async () => {
  rmSync(join(folder, "model-2.safetensors"));
  sum(["config.json", "model-1.safetensors", "model.safetensors.index.json"]);
  expect(await findings()).toEqual(["model-2.safetensors: named by model.safetensors.index.json, missing"]);
});

it("reads sums as other programs write them", async () => {
  const line = `${sha256("one").toUpperCase()} *./model-1.safetensors\r\n`;
  sum(["config.json", "model-2.safetensors", "model.safetensors.index.json"], line);
  expect(await verify()).toMatchObject({ files: 4 });
});

it("asks for sums where there are none, and for a model where there is none", async () => {
  rmSync(join(folder, "SHA256SUMS"));
  await expect(verify()).rejects.toMatchObject({ code: "MODEL_NO_SUMS" });
  rmSync(folder, { recursive: true });
  await expect(verify()).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  mkdirSync(folder);
});
