import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { programPath } from "../program/program.ts";
import { llmbench } from "./llmbench.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-init-"));
  await mkdir(join(folder, "deep/er"), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const schemaOf = (config: string): string | undefined =>
  /^# yaml-language-server: \$schema=(.+)$/.exec(config.split("\n")[0] ?? "")?.[1];

it("A new config names a schema that an editor finds from where the config lies", async () => {
  expect(await llmbench(["init", "deep/er/my.yaml"], { cwd: folder })).toMatchObject({ status: 0 });
  const config = await readFile(join(folder, "deep/er/my.yaml"), "utf8");
  const path = resolve(folder, "deep/er", schemaOf(config) ?? "nothing");
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual(configJsonSchema());
  expect(await llmbench(["validate", "deep/er/my.yaml"], { cwd: folder })).toMatchObject({ status: 0 });
});

it("A new config for a cluster is checked here, and is for the cluster to run", async () => {
  const cwd = join(folder, "deep");
  expect(await llmbench(["init", "--cluster", "c.yaml"], { cwd })).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("llmbench build c.yaml"),
  });
  expect(await llmbench(["validate", "c.yaml"], { cwd })).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("on the cluster in namespace llm-bench"),
  });
  expect(await llmbench(["run", "c.yaml"], { cwd })).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringMatching(
      /c\.yaml runs on a cluster \(namespace llm-bench\), not here\.[^]*llmbench build c\.yaml[^]*CONFIG_FOR_CLUSTER/,
    ),
  });
});

it("A config on standard output is taken for one of the folder it is printed in", async () => {
  const { stdout } = await llmbench(["init"], { cwd: join(folder, "deep") });
  const path = resolve(folder, "deep", schemaOf(stdout) ?? "nothing");
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual(configJsonSchema());
});

it("Where the program came without its schema, the config says how to print it", async () => {
  const alone = join(folder, "alone/bin/llmbench.mjs");
  await cp(await programPath(), alone);
  const { stdout } = await llmbench(["init"], { cwd: folder, program: alone });
  expect(schemaOf(stdout)).toBeUndefined();
  expect(stdout).toContain("`llmbench schema config` prints");
  await cp(join(root, "schemas"), join(folder, "alone/schemas"), { recursive: true });
  const { stdout: beside } = await llmbench(["init"], { cwd: folder, program: alone });
  expect(schemaOf(beside)).toBe("alone/schemas/config.schema.json");
});
