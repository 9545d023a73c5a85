import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readPlan } from "../../src/config/read-plan.ts";
import { problemsOf, shortest } from "./problems.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-files-"));
  await mkdir(join(folder, "folder.yaml"));
  await writeFile(join(folder, "local.yaml"), shortest.join("\n"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("A config file", () => {
  it("that is not there is an error that names the nearest one", async () => {
    await expect(readPlan(join(folder, "locale.yaml"))).rejects.toMatchObject({
      code: "CONFIG_NOT_FOUND",
      exitStatus: 2,
      message: `There is no file ${folder}/locale.yaml.`,
      hint: `Did you mean ${folder}/local.yaml?`,
    });
    await expect(readPlan(join(folder, "local"))).rejects.toMatchObject({
      hint: `Did you mean ${folder}/local.yaml?`,
    });
  });

  it("that is like no other, or in no folder, is an error that says how to start", async () => {
    for (const file of [
      join(folder, "something-else.yaml"),
      join(folder, "nowhere/x.yaml"),
      join(folder, "local.yaml/x"),
    ])
      await expect(readPlan(file)).rejects.toMatchObject({
        code: "CONFIG_NOT_FOUND",
        hint: "llmbench init prints a config to start from.",
      });
  });

  it("that is a folder is an error", async () => {
    await expect(readPlan(join(folder, "folder.yaml"))).rejects.toMatchObject({
      code: "CONFIG_UNREADABLE",
      exitStatus: 2,
      message: `${folder}/folder.yaml is a folder.`,
    });
  });

  it.each([
    ["binary", Buffer.from([0x47, 0x47, 0x55, 0x46, 0x00, 0x01]), "is not text: byte 5 is zero."],
    ["UTF-16", Buffer.from("\ufeffa: 1", "utf16le"), "is UTF-16."],
    ["Latin-1", Buffer.from("description: caf\xe9\n", "latin1"), "is not UTF-8."],
    ["far too large", Buffer.alloc(1_200_000, "#"), "is 1.2 MB large, which no config is."],
  ])("that is %s is an error", async (_, bytes, why) => {
    const { error, folder: at } = await problemsOf(bytes);
    expect(error?.code).toBe("CONFIG_UNREADABLE");
    expect(error?.message).toBe(`${at}/x.yaml ${why}`);
    expect(error?.hint).toBeTruthy();
  });

  it("may have a byte order mark and the line ends of Windows, and errors are where they are", async () => {
    const { plan } = await problemsOf(`\ufeff${shortest.join("\r\n")}\r\n`);
    expect(plan?.cells).toHaveLength(1);
    const { problems } = await problemsOf(`\ufeff${shortest.join("\r\n")}\r\nfailOn: allways\r\n`);
    expect(problems).toEqual([
      'x.yaml:3:9 failOn: expected one of invalid, suspect, never; found "allways"',
      "  3 | failOn: allways",
      "    |         ^^^^^^^",
    ]);
  });

  it("is told of by the name it was given by, with the number of its problems", async () => {
    const { error, folder: at } = await problemsOf(["engins: {}", "modls: {}", "lod: {}"]);
    expect(error?.message).toBe(`${at}/x.yaml has 3 problems.`);
    expect(error?.exitStatus).toBe(2);
    expect(error?.details.filter((line) => line.startsWith(`${at}/x.yaml:`))).toHaveLength(3);
    expect(error?.hint).toBe(
      "Every key is in docs/configuration.md; llmbench init prints a config to start from.",
    );
  });

  it("is told of all its mistakes at once, by line, whatever their kind", async () => {
    const { problems } = await problemsOf([
      "name: a b",
      "engines:",
      "  vllm: { kind: vlm }",
      "  llamacpp: { settings: { dtype: float16 } }",
      "models:",
      "  m: { path: m.gguf, package: gemma3-270m }",
      "cells:",
      "  exclude: [{ engine: sglang }]",
      "load:",
      "  temprature: 1",
      "  dataset: gone.jsonl",
      "baseline: lamacpp",
    ]);
    expect(problems.filter((_, i) => i % 3 === 0).map((line) => line.split(" ")[0])).toEqual([
      "x.yaml:1:7",
      "x.yaml:3:17",
      "x.yaml:4:27",
      "x.yaml:6:22",
      "x.yaml:8:23",
      "x.yaml:10:3",
      "x.yaml:11:12",
      "x.yaml:12:11",
    ]);
  });
});

describe("Whatever a file holds", () => {
  const expectOrderly = async (text: string) => {
    // problemsOf throws anything that is no LlmbenchError.
    const { plan, error, problems } = await problemsOf(text);
    if (plan !== undefined) return;
    expect(error?.exitStatus).toBe(2);
    for (const line of problems.filter((_, i) => i % 3 === 0))
      expect(line).toMatch(/^x\.yaml:[1-9]\d*:[1-9]\d* \S/);
  };

  it("reading it ends in a plan or in errors with a place: any text", async () => {
    const yaml = fc
      .array(
        fc.constantFrom(
          "a",
          ":",
          ": ",
          "- ",
          "\n",
          "  ",
          "\t",
          "{",
          "}",
          "[",
          "]",
          '"',
          "'",
          "&a ",
          "*a",
          "!",
          "#",
          "|",
          "%",
          "?",
          "engines",
          "llamacpp",
          "${",
          "é",
          "\u2028",
        ),
        { maxLength: 30 },
      )
      .map((parts) => parts.join(""));
    await expect(
      fc.assert(fc.asyncProperty(fc.oneof(yaml, fc.string()), expectOrderly), { numRuns: 250 }),
    ).resolves.toBeUndefined();
  });

  it("reading it ends in a plan or in errors with a place: any data under the keys of a config", async () => {
    const keys = fc.constantFrom(
      "engines",
      "models",
      "cells",
      "load",
      "blocks",
      "overrides",
      "exclude",
      "env",
      "vllm",
      "settings",
      "simulated",
      "requests",
      "concurrency",
      "name",
      "path",
      "__proto__",
      "constructor",
      "HF_TOKEN",
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "medium", withCrossShrink: true },
        fc.constantFrom<unknown>(
          null,
          true,
          0,
          -1,
          1.5,
          Number.NaN,
          1e300,
          "",
          "vllm",
          "m",
          "${A}",
          "~/x",
          "5s",
        ),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(keys, tie("value"), { maxKeys: 5 }),
      ),
    }));
    const config = fc.record(
      { engines: value, models: value, cells: value, load: value },
      { requiredKeys: [] },
    );
    const property = fc.asyncProperty(config, (data) =>
      expectOrderly(stringify(data, { aliasDuplicateObjects: false })),
    );
    await expect(fc.assert(property, { numRuns: 250 })).resolves.toBeUndefined();
  });

  it("an alias bomb is refused before it goes off", async () => {
    const lines = ["engines: &a0 { vllm: }"];
    for (let i = 1; i <= 30; i++)
      lines.push(`x${i}: &a${i} [*a${i - 1}, *a${i - 1}, *a${i - 1}, *a${i - 1}]`);
    const { problems } = await problemsOf(lines);
    expect(problems.some((line) => line.includes("has more parts than any config needs"))).toBe(true);
  });
});
