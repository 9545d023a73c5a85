import { describe, expect, it } from "vitest";
import { problemsOf } from "./problems.ts";

describe("A config is told of a mistake in its load:", () => {
  it("a key that belongs deeper", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  concurrency: [1, 4]",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:3 load.concurrency: unknown key here; it belongs in load.blocks[]",
      "  4 |   concurrency: [1, 4]",
      "    |   ^^^^^^^^^^^",
    ]);
  });

  it("a key that belongs elsewhere, as another tool calls it", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  max_tokens: 64",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:3 load.max_tokens: unknown key; outputTokens, in load.blocks[], is its name here",
      "  4 |   max_tokens: 64",
      "    |   ^^^^^^^^^^",
    ]);
  });

  it("a number in quotes", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      'load: { temperature: "0.7" }',
    ]);
    expect(problems).toEqual([
      'x.yaml:3:22 load.temperature: expected a number from 0 to 10; found "0.7"; remove the quotes',
      '  3 | load: { temperature: "0.7" }',
      "    |                      ^^^^^",
    ]);
  });

  it("yes for true", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  saveText: yes",
    ]);
    expect(problems).toEqual([
      'x.yaml:4:13 load.saveText: expected true or false; found "yes"; YAML 1.2 has only true and false: did you mean true?',
      "  4 |   saveText: yes",
      "    |             ^^^",
    ]);
  });

  it("a duration of zero", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "slos: { ttft: 0ms }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:15 slos.ttft: expected a duration such as "500ms", "30s" or "5m"; found "0ms"',
      "  3 | slos: { ttft: 0ms }",
      "    |               ^^^",
    ]);
  });

  it("an api that is near one", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load: { api: completion }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:14 load.api: expected one of completions, chat; found "completion"; did you mean "completions"?',
      "  3 | load: { api: completion }",
      "    |              ^^^^^^^^^^",
    ]);
  });

  it("a cache contract that there is none of", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load: { cache: shared-prefix:1.5 }",
    ]);
    expect(problems).toEqual([
      'x.yaml:3:16 load.cache: expected warm, cold, shared-prefix:TOKENS or shared-prefix:SHARE (between 0 and 1); found "shared-prefix:1.5"',
      "  3 | load: { cache: shared-prefix:1.5 }",
      "    |                ^^^^^^^^^^^^^^^^^",
    ]);
  });

  it("a shared prefix of prompts that have no length, or nothing else", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, cache: shared-prefix:0.5 }",
      "    - { name: b, cache: shared-prefix:100, inputTokens: [64, 110, 400] }",
    ]);
    expect(problems.filter((line) => line.startsWith("x.yaml"))).toEqual([
      "x.yaml:5:18 load.blocks[0].cache: a shared prefix needs prompts of a known length; give block a inputTokens",
      "x.yaml:6:18 load.blocks[1].cache: of prompts of 64, 110 tokens fewer than 16 would be their own; shorten the prefix, or raise inputTokens",
    ]);
  });

  it("a prompt and a dataset", async () => {
    const { problems } = await problemsOf(
      [
        "engines: { llamacpp: }",
        "models: { m: { path: m.gguf } }",
        "load:",
        "  prompt: Hello",
        "  dataset: prompts.jsonl",
      ],
      { "prompts.jsonl": "{}\n" },
    );
    expect(problems).toEqual([
      "x.yaml:5:3 load.dataset: give prompt or dataset, not both",
      "  5 |   dataset: prompts.jsonl",
      "    |   ^^^^^^^",
    ]);
  });

  it("a dataset that there is not", async () => {
    const { problems, folder } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  dataset: prompts.jsonl",
    ]);
    expect(problems).toEqual([
      `x.yaml:4:12 load.dataset: no such file: ${folder}/prompts.jsonl`,
      "  4 |   dataset: prompts.jsonl",
      "    |            ^^^^^^^^^^^^^",
    ]);
  });

  it("a dataset with a length of input", async () => {
    const { problems } = await problemsOf(
      [
        "engines: { llamacpp: }",
        "models: { m: { path: m.gguf } }",
        "load:",
        "  dataset: prompts.jsonl",
        "  blocks: [{ name: a, inputTokens: 512 }]",
      ],
      { "prompts.jsonl": "{}\n" },
    );
    expect(problems).toEqual([
      "x.yaml:5:23 load.blocks[0].inputTokens: the prompts of a dataset have their own lengths; remove inputTokens or dataset",
      "  5 |   blocks: [{ name: a, inputTokens: 512 }]",
      "    |                       ^^^^^^^^^^^",
    ]);
  });

  it("a field of the body that llmbench sets", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  body: { top_p: 0.9, stream: false }",
    ]);
    expect(problems).toEqual([
      "x.yaml:4:23 load.body.stream: llmbench sets this field itself: every answer is streamed",
      "  4 |   body: { top_p: 0.9, stream: false }",
      "    |                       ^^^^^^",
    ]);
  });

  it("no blocks", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load: { blocks: [] }",
    ]);
    expect(problems).toEqual([
      "x.yaml:3:17 load.blocks: expected at least one block; found an empty list",
      "  3 | load: { blocks: [] }",
      "    |                 ^^",
    ]);
  });

  it("a block without a name", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - concurrency: 4",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:7 load.blocks[0].name: missing; expected a name (letters and digits, between them also . _ -, at most 50)",
      "  5 |     - concurrency: 4",
      "    |       ^^^^^^^^^^^^^^",
    ]);
  });

  it("two blocks of one name", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - name: a",
      "    - name: A",
    ]);
    expect(problems).toEqual([
      'x.yaml:6:13 load.blocks[1].name: two blocks are named "A"; the first is blocks[0] (case does not count)',
      "  6 |     - name: A",
      "    |             ^",
    ]);
  });

  it("a concurrency and a rate", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, concurrency: 4, rate: 2, requests: 20 }",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:34 load.blocks[0].rate: give concurrency or rate, not both; what limits the requests in flight at a rate is maxConcurrency",
      "  5 |     - { name: a, concurrency: 4, rate: 2, requests: 20 }",
      "    |                                  ^^^^",
    ]);
  });

  it("a rate without an end", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, rate: 2 }",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:18 load.blocks[0].rate: a block with a rate needs requests, duration or precision, such as duration: 60s",
      "  5 |     - { name: a, rate: 2 }",
      "    |                  ^^^^",
    ]);
  });

  it("a rate with requests by the user", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, rate: 2, requests: { perUser: 6 } }",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:27 load.blocks[0].requests: a rate has no users to count by; give a number, or duration",
      "  5 |     - { name: a, rate: 2, requests: { perUser: 6 } }",
      "    |                           ^^^^^^^^",
    ]);
  });

  it("an arrival without a rate", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, concurrency: 2, arrival: constant }",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:34 load.blocks[0].arrival: only requests at a rate have it; add rate, or remove it",
      "  5 |     - { name: a, concurrency: 2, arrival: constant }",
      "    |                                  ^^^^^^^",
    ]);
  });

  it("requests and a duration", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, requests: 5, duration: 60s }",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:31 load.blocks[0].duration: give requests or duration, not both",
      "  5 |     - { name: a, requests: 5, duration: 60s }",
      "    |                               ^^^^^^^^",
    ]);
  });

  it("a value that is in a list twice", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, outputTokens: [32, 64, 32] }",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:41 load.blocks[0].outputTokens[2]: 32 is in the list already",
      "  5 |     - { name: a, outputTokens: [32, 64, 32] }",
      "    |                                         ^^",
    ]);
  });

  it("an empty list of values", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, concurrency: [] }",
    ]);
    expect(problems).toEqual([
      "x.yaml:5:31 load.blocks[0].concurrency: expected a whole number, 1 or more, or a list of them; found an empty list",
      "  5 |     - { name: a, concurrency: [] }",
      "    |                               ^^",
    ]);
  });

  it("a wrong value in a list", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - name: a",
      "      concurrency: [1, 2.5, four]",
    ]);
    expect(problems).toEqual([
      "x.yaml:6:24 load.blocks[0].concurrency[1]: expected a whole number, 1 or more; found 2.5",
      "  6 |       concurrency: [1, 2.5, four]",
      "    |                        ^^^",
      'x.yaml:6:29 load.blocks[0].concurrency[2]: expected a whole number, 1 or more; found "four"',
      "  6 |       concurrency: [1, 2.5, four]",
      "    |                             ^^^^",
    ]);
  });

  it("requests of a wrong form", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, requests: many }",
    ]);
    expect(problems).toEqual([
      'x.yaml:5:28 load.blocks[0].requests: expected a whole number, 1 or more, or {atLeast: N, perUser: N}; found "many"',
      "  5 |     - { name: a, requests: many }",
      "    |                            ^^^^",
    ]);
  });

  it("requests by the user with a misspelt key", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks:",
      "    - { name: a, requests: { atleast: 12, per_user: 6 } }",
    ]);
    expect(problems).toEqual([
      'x.yaml:5:30 load.blocks[0].requests.atleast: unknown key; did you mean "atLeast"?',
      "  5 |     - { name: a, requests: { atleast: 12, per_user: 6 } }",
      "    |                              ^^^^^^^",
      'x.yaml:5:43 load.blocks[0].requests.per_user: unknown key; did you mean "perUser"?',
      "  5 |     - { name: a, requests: { atleast: 12, per_user: 6 } }",
      "    |                                           ^^^^^^^^",
    ]);
  });

  it("requests that do not fit an overridden context", async () => {
    const { problems } = await problemsOf([
      "engines: { llamacpp: }",
      "models: { m: { path: m.gguf } }",
      "load:",
      "  blocks: [{ name: a, inputTokens: 1000, outputTokens: 64 }]",
      "cells:",
      "  overrides:",
      "    - model: m",
      "      settings:",
      "        contextLength: 1024",
    ]);
    expect(problems).toEqual([
      "x.yaml:9:24 cells.overrides[0].settings.contextLength: 1024 tokens are too few: the load has requests of 1064",
      "  9 |         contextLength: 1024",
      "    |                        ^^^^",
    ]);
  });
});
