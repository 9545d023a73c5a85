import { describe, expect, it } from "vitest";
import { problemsOf } from "./problems.ts";

describe("A config that is no YAML, or not the YAML of a config, is told of", () => {
  it("an empty file", async () => {
    const { problems } = await problemsOf([]);
    expect(problems).toEqual([
      "x.yaml:1:1 the file is empty; expected engines and models",
      "  1 |",
      "    | ^",
    ]);
  });

  it("a file of comments only", async () => {
    const { problems } = await problemsOf(["# nothing yet"]);
    expect(problems).toEqual([
      "x.yaml:1:1 the file is empty; expected engines and models",
      "  1 | # nothing yet",
      "    | ^",
    ]);
  });

  it("a list at the top", async () => {
    const { problems } = await problemsOf(["- vllm", "- sglang"]);
    expect(problems).toEqual([
      "x.yaml:1:1 expected a mapping with engines, models and load; found a list",
      "  1 | - vllm",
      "    | ^^^^^^",
    ]);
  });

  it("a text at the top", async () => {
    const { problems } = await problemsOf(["vllm"]);
    expect(problems).toEqual([
      'x.yaml:1:1 expected a mapping with engines, models and load; found "vllm"',
      "  1 | vllm",
      "    | ^^^^",
    ]);
  });

  it("a key given twice", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "failOn: never",
      "name: a",
      "failOn: invalid",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:1 failOn: key given twice; the first is on line 3",
      "  5 | failOn: invalid",
      "    | ^^^^^^",
    ]);
  });

  it("a tab as indent", async () => {
    const { problems } = await problemsOf(["engines:", "\tvllm:", "models: { m: { path: m } }"]);
    expect(problems).toEqual(["x.yaml:2:1 a tab cannot indent YAML; use spaces", "  2 |  vllm:", "    | ^"]);
  });

  it("a bracket that is never closed", async () => {
    const { problems } = await problemsOf(["engines: { vllm: ", "models: { m: { path: m } }"]);
    expect(problems).toEqual([
      "x.yaml:1:18 } is missing, or what it should close is not indented",
      "  1 | engines: { vllm:",
      "    |                  ^",
    ]);
  });

  it("a colon in a text without quotes", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "description: first: second",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:14 a mapping cannot begin in the middle of a line; put text that contains ": " in quotes',
      "  3 | description: first: second",
      "    |              ^",
    ]);
  });

  it("two documents", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "---",
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:1 a config is one document; remove the line ---",
      "  3 | ---",
      "    | ^^^",
    ]);
  });

  it("YAML 1.1 asked for", async () => {
    const { problems } = await problemsOf([
      "%YAML 1.1",
      "---",
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:1:1 configs are YAML 1.2; remove the line %YAML 1.1",
      "  1 | %YAML 1.1",
      "    | ^^^^^^^^^",
    ]);
  });

  it("an alias without an anchor", async () => {
    const { problems } = await problemsOf(["engines: { vllm: *base }", "models: { m: { path: m } }"]);
    expect(problems).toEqual([
      "x.yaml:1:18 engines.vllm: no anchor &base stands above this",
      "  1 | engines: { vllm: *base }",
      "    |                  ^^^^^",
    ]);
  });

  it("an anchor that contains itself", async () => {
    const { problems } = await problemsOf(["engines: &e { vllm: *e }", "models: { m: { path: m } }"]);
    expect(problems).toEqual([
      "x.yaml:1:21 engines.vllm: the anchor &e contains itself",
      "  1 | engines: &e { vllm: *e }",
      "    |                     ^^",
    ]);
  });

  it("a merge key", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  a: &a { kind: vllm }",
      "  b:",
      "    <<: *a",
      "    kind: sglang",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:4:5 engines.b["<<"]: merge keys (<<) are not part of YAML 1.2; share a whole value: settings: *anchor',
      "  4 |     <<: *a",
      "    |     ^^",
    ]);
  });

  it("a tag", async () => {
    const { problems } = await problemsOf([
      "name: !secret x",
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:1:7 tags (!…) mean nothing in a config",
      "  1 | name: !secret x",
      "    |       ^^^^^^^",
    ]);
  });

  it("a mistake behind an alias", async () => {
    const { problems } = await problemsOf([
      "engines:",
      "  a: { kind: vllm, settings: &s { dtyp: float16 } }",
      "  b: { kind: sglang, settings: *s }",
      "models: { m: { path: m } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:2:35 engines.a.settings.dtyp: unknown key; did you mean "dtype"?',
      "  2 |   a: { kind: vllm, settings: &s { dtyp: float16 } }",
      "    |                                   ^^^^",
    ]);
  });

  it("a key that is a list", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "[a, b]: c",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:1 expected a key that is plain text",
      "  3 | [a, b]: c",
      "    | ^^^^^^",
    ]);
  });
});
