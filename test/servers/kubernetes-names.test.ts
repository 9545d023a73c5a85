import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isLabelKey,
  isLabelValue,
  kubernetesName,
  LABEL_PATTERN,
  labelValue,
  SUBDOMAIN_PATTERN,
  taskNames,
} from "../../src/servers/kubernetes-names.ts";

describe("The name of a Kubernetes object", () => {
  it.each([
    ["vllm--llama-3-8b", "vllm--llama-3-8b"],
    ["a", "a"],
    ["a".repeat(63), "a".repeat(63)],
    ["vLLM--Mistral-7B-Instruct-v0.3", "vllm-mistral-7b-instruct-v0-3-e08a89aa"],
    ["0.6.4", expect.stringMatching(/^x-[0-9a-f]{8}$/)],
    ["7b-chat", expect.stringMatching(/^b-chat-[0-9a-f]{8}$/)],
    ["ends-", expect.stringMatching(/^ends-[0-9a-f]{8}$/)],
    ["", expect.stringMatching(/^x-[0-9a-f]{8}$/)],
  ])("of %j is %s", (text, name) => {
    expect(kubernetesName(text)).toEqual(name);
  });

  it("is valid and within its length, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 200 }),
        fc.integer({ min: 12, max: 63 }),
        (text, longest) => {
          const name = kubernetesName(text, longest);
          expect(name).toMatch(/^[a-z](?:[-a-z0-9]*[a-z0-9])?$/);
          expect(name.length).toBeLessThanOrEqual(longest);
        },
      ),
    );
  });

  it("is another for another text, even where only case, dots or the end differ", () => {
    const long = "x".repeat(70);
    const texts = ["a.b", "a_b", "A-b", "a-b", "a b", `${long}1`, `${long}2`];
    expect(new Set(texts.map((text) => kubernetesName(text))).size).toBe(texts.length);
  });
});

describe("The value of a label", () => {
  it("is the text itself where Kubernetes allows it, else ends in a hash", () => {
    expect(labelValue("vLLM--Mistral-7B-Instruct-v0.3")).toBe("vLLM--Mistral-7B-Instruct-v0.3");
    expect(labelValue("NVIDIA A10")).toMatch(/^NVIDIA-A10-[0-9a-f]{8}$/);
    expect(labelValue("")).toBe("");
  });

  it("is valid whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        expect(isLabelValue(labelValue(text))).toBe(true);
      }),
    );
  });
});

describe("What Kubernetes takes", () => {
  it.each([
    ["node.kubernetes.io/instance-type", true],
    ["nvidia.com/gpu.product", true],
    ["pool", true],
    ["a/b/c", false],
    ["/b", false],
    ["Example.com/b", false],
    ["a/", false],
    ["sp ace", false],
  ])("as a label's key: %s is %s", (text, valid) => {
    expect(isLabelKey(text)).toBe(valid);
  });

  it("as the name of a namespace", () => {
    expect(["llm-bench", "7b"].map((text) => LABEL_PATTERN.test(text))).toEqual([true, true]);
    expect(["a.b", "LLM", "", "a".repeat(64)].map((text) => LABEL_PATTERN.test(text))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it("as the name of a Secret", () => {
    expect(["ngc-api", "a.b", "0a"].map((text) => SUBDOMAIN_PATTERN.test(text))).toEqual([true, true, true]);
    expect(["NGC", "a_b", "-a", "", "a..b"].map((text) => SUBDOMAIN_PATTERN.test(text))).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("The names of an Argo template's tasks", () => {
  it("are readable, and tell apart what would be the same", () => {
    const names = taskNames(["vllm--v0.3", "vllm--v0_3", "tgi--m", "sglang--m.x"]);
    expect(names.get("tgi--m")).toBe("tgi--m");
    expect(names.get("sglang--m.x")).toBe("sglang--m-x");
    expect(names.get("vllm--v0.3")).toMatch(/^vllm--v0-3-[0-9a-f]{8}$/);
    expect(new Set(names.values()).size).toBe(4);
  });

  it("are valid for Argo whatever the texts", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ maxLength: 160 }), { maxLength: 20 }), (texts) => {
        const names = [...taskNames(texts).values()];
        for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9-]{0,127}$/);
        expect(new Set(names).size).toBe(texts.length);
      }),
    );
  });
});
