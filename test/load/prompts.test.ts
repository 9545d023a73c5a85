import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cacheContract, sharedShare, withNonces } from "../../src/load/cache-contract.ts";
import { datasetPrompts, loadDataset } from "../../src/load/dataset.ts";
import { learnPromptLength } from "../../src/load/input-length.ts";
import { fixedPrompt, type Prompt, requestSource } from "../../src/load/request-source.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llmbench-prompts-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(content: string): string {
  const path = join(folder, "set.jsonl");
  writeFileSync(path, content);
  return path;
}

const textOf = (prompt: Prompt) => (prompt.kind === "text" ? prompt.text : JSON.stringify(prompt.messages));

describe("a data set", () => {
  it("may have prompts, texts, chats and ShareGPT's conversations", async () => {
    const chat = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
    ];
    const talk = [
      { from: "human", value: "One?" },
      { from: "gpt", value: "1" },
      { from: "human", value: "Two?" },
      { from: "gpt", value: "2" },
    ];
    const lines = [
      { prompt: "a prompt" },
      { text: "a text", more: 1 },
      { messages: chat },
      { id: "x", conversations: talk },
      { conversations: talk.slice(0, 2) },
      { conversations: [{ from: "gpt", value: "I begin" }] },
    ];
    const dataset = await loadDataset(
      file(`\ufeff${lines.map((line) => JSON.stringify(line)).join("\n")}\n\n`),
    );
    expect(dataset.prompts).toEqual([
      { kind: "text", text: "a prompt" },
      { kind: "text", text: "a text" },
      { kind: "messages", messages: chat },
      {
        kind: "messages",
        messages: [
          { role: "user", content: "One?" },
          { role: "assistant", content: "1" },
          { role: "user", content: "Two?" },
        ],
      },
      { kind: "text", text: "One?" },
    ]);
    expect(dataset.skipped).toBe(1);
    expect(dataset.sha256).toMatch(/^[0-9a-f]{64}$/);
    const array = await loadDataset(file(JSON.stringify(lines, null, 2)));
    expect(array.prompts).toEqual(dataset.prompts);
  });

  it.each([
    ['{"prompt":"a"}\n{"prompt":', "set.jsonl:2: not JSON"],
    ['{"prompt":"a"}\n\n{"promt":"b"}', 'set.jsonl:3: none of "prompt"'],
    ['{"prompt":5}', 'set.jsonl:1: "prompt" is not a text'],
    ['{"messages":"hi"}', 'set.jsonl:1: "messages" is not a list'],
    ['{"messages":[{"role":"user"}]}', 'set.jsonl:1: "messages"[0] has no "content"'],
    ['{"conversations":[{"from":"dog","value":"wuff"}]}', 'set.jsonl:1: "from": "dog" is none of'],
    ['"text"', "set.jsonl:1: not an object"],
    ['[{"prompt":"a"},7]', "set.jsonl: entry 2: not an object"],
    ['[\n{"prompt":"a"},\n{"prompt" "b"}]', "set.jsonl:3: not JSON"],
  ])("%s is refused with its place", async (content, message) => {
    await expect(loadDataset(file(content))).rejects.toMatchObject({
      code: "DATASET_INVALID",
      message: expect.stringContaining(message) as string,
    });
  });

  it("that is empty or not there is refused", async () => {
    await expect(loadDataset(file("\n"))).rejects.toMatchObject({ code: "DATASET_EMPTY" });
    await expect(loadDataset(join(folder, "none"))).rejects.toMatchObject({ code: "DATASET_UNREADABLE" });
  });

  it("is gone through whole, in an order that the seed decides, then in another", () => {
    const prompts: Prompt[] = Array.from({ length: 20 }, (_, k) => ({ kind: "text", text: `${k}` }));
    const order = (seed: number, from: number) => {
      const source = datasetPrompts({ prompts }, seed);
      return Array.from({ length: 20 }, (_, i) => textOf(source(from + i)));
    };
    expect([...order(1, 0)].sort()).toEqual(prompts.map((prompt) => textOf(prompt)).sort());
    expect(order(1, 0)).toEqual(order(1, 0));
    expect(order(1, 0)).not.toEqual(order(2, 0));
    expect(order(1, 20)).not.toEqual(order(1, 0));
    expect(new Set(order(1, 20)).size).toBe(20);
  });
});

describe("requests of prompts", () => {
  it("make each body once where the prompt is the same", () => {
    let made = 0;
    const source = requestSource({
      path: "/v1/completions",
      headers: { authorization: "Bearer x" },
      prompts: fixedPrompt("hello"),
      body: (prompt) => {
        made++;
        return { prompt: textOf(prompt), stream: true };
      },
    });
    expect(source(0)).toBe(source(1));
    expect(made).toBe(1);
    expect(source(0)).toMatchObject({ method: "POST", path: "/v1/completions" });
    expect(source(0).headers).toEqual({ "content-type": "application/json", authorization: "Bearer x" });
    expect(Buffer.from(source(0).body ?? []).toString()).toBe('{"prompt":"hello","stream":true}');
  });

  it("make a body for each prompt that differs", () => {
    const source = requestSource({
      path: "/",
      prompts: (i) => ({ kind: "text", text: `${i}` }),
      body: (prompt) => ({ prompt: textOf(prompt) }),
    });
    expect([0, 1].map((i) => Buffer.from(source(i).body ?? []).toString())).toEqual([
      '{"prompt":"0"}',
      '{"prompt":"1"}',
    ]);
  });
});

describe("prompts of a wanted length", () => {
  /** Tokenizers unlike each other, each with what its server's chat template adds. */
  const servers: Record<string, (text: string) => number> = {
    "a token a word": (text) => text.split(" ").length,
    "a chat template of 31 tokens": (text) => text.split(" ").length + 31,
    "two tokens for words over five letters": (text) =>
      text.split(" ").reduce((sum, word) => sum + (word.length > 5 ? 2 : 1), 4),
    "four letters a token, blanks apart": (text) =>
      text.split(" ").reduce((sum, word) => sum + Math.ceil(word.length / 4), 1),
    "a byte a token": (text) => Buffer.byteLength(text),
  };

  it.each(
    Object.entries(servers).flatMap(([name, tokenize]) =>
      [64, 100, 512, 4000].map((tokens) => [name, tokens, tokenize] as const),
    ),
  )("%s: %d tokens are found in a few requests, for every prompt", async (_name, tokens, tokenize) => {
    let asked = 0;
    const learned = await learnPromptLength({
      tokens,
      seed: 5,
      probe: (text) => {
        asked++;
        return Promise.resolve(tokenize(text));
      },
    });
    expect(learned.probes).toBe(asked);
    expect(asked).toBeLessThanOrEqual(8);
    const prompts = Array.from({ length: 50 }, (_, i) => textOf(learned.prompts(i)));
    expect(new Set(prompts).size).toBe(50);
    for (const prompt of prompts)
      expect(Math.abs(tokenize(prompt) - tokens)).toBeLessThanOrEqual(tokens * 0.02);
    expect(textOf(learned.prompts(7))).toBe(prompts[7]);
  });

  it("shorter than the chat template are refused with the least that can be had", async () => {
    const learning = learnPromptLength({
      tokens: 16,
      seed: 1,
      probe: (text) => Promise.resolve(text.split(" ").length + 30),
    });
    await expect(learning).rejects.toMatchObject({
      code: "INPUT_LENGTH_UNREACHABLE",
      hint: expect.stringContaining("ask for 31 tokens or more") as string,
    });
  });

  it("are given up where the server's counts do not depend on the prompt", async () => {
    const learning = learnPromptLength({
      tokens: 100,
      seed: 1,
      probe: () => Promise.resolve(7),
      maxProbes: 6,
    });
    await expect(learning).rejects.toMatchObject({ code: "INPUT_LENGTH_UNREACHABLE" });
  });
});

describe("a cache contract", () => {
  const words = (text: string) => text.split(" ");
  const inCommon = (a: string, b: string) => {
    const others = words(b);
    const first = words(a).findIndex((word, i) => word !== others[i]);
    return first === -1 ? words(a).length : first;
  };
  const learn = (sharedShare: number, seed = 1) =>
    learnPromptLength({ tokens: 100, seed, sharedShare, probe: async (text) => words(text).length });

  it("is warm, or cold where prompts have a length, unless the load says otherwise", () => {
    expect(cacheContract({})).toEqual({ kind: "warm" });
    expect(cacheContract({ inputTokens: 64 })).toEqual({ kind: "cold" });
    expect(cacheContract({ inputTokens: 64, cache: "warm" })).toEqual({ kind: "warm" });
    const prefix = cacheContract({ inputTokens: 400, cache: "shared-prefix:100" });
    expect(prefix).toEqual({ kind: "shared-prefix", size: 100 });
    expect(prefix.kind === "shared-prefix" && sharedShare(prefix, 400)).toBe(0.25);
  });

  it("cold begins a thousand prompts in a thousand ways, the same for a seed and others for another", () => {
    const prompts = withNonces(fixedPrompt("Explain quantum computing in detail"), 7);
    const texts = Array.from({ length: 1000 }, (_, i) => textOf(prompts(i)));
    expect(new Set(texts.map((text) => words(text).slice(0, 6).join(" "))).size).toBe(1000);
    expect(texts.every((text) => text.endsWith("Explain quantum computing in detail"))).toBe(true);
    expect(textOf(prompts(3))).toBe(texts[3]);
    const again = withNonces(fixedPrompt("Explain quantum computing in detail"), 8);
    expect(inCommon(textOf(again(0)), texts[0] as string)).toBeLessThan(3);
  });

  it("cold puts its words before the first message of a chat", () => {
    const chat = {
      kind: "messages",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi" },
      ],
    } as const;
    const [first, second] = JSON.parse(textOf(withNonces(() => chat, 1)(0))) as { content: string }[];
    expect(first?.content).toMatch(/^(?:[a-z]+ ){5}[a-z]+\. Be brief\.$/);
    expect(second?.content).toBe("Hi");
  });

  it("shared-prefix gives all prompts of one length the same beginning and no more", async () => {
    const { prompts, tokens } = await learn(0.6);
    expect(tokens).toBe(100);
    const texts = Array.from({ length: 50 }, (_, i) => textOf(prompts(i)));
    expect(new Set(texts).size).toBe(50);
    for (const text of texts.slice(1)) {
      expect(words(text)).toHaveLength(100);
      // By chance a word or two after it may be the same.
      expect(inCommon(text, texts[0] as string)).toBeGreaterThanOrEqual(60);
      expect(inCommon(text, texts[0] as string)).toBeLessThan(65);
    }
  });

  it("never asks for a prompt that was sent to learn its length", async () => {
    const sent: string[] = [];
    const { prompts } = await learnPromptLength({
      tokens: 40,
      seed: 1,
      probe: async (text) => {
        sent.push(text);
        return words(text).length;
      },
    });
    const asked = Array.from({ length: 100 }, (_, i) => textOf(prompts(i)));
    expect(asked.filter((text) => sent.includes(text))).toEqual([]);
  });
});
