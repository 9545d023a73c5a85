import { describe, expect, it } from "vitest";
import { html, raw } from "../../src/report/html/html.ts";
import { renderHtml } from "../../src/report/render-html.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { cell, point, results } from "../fixtures/results.ts";
import { emptyRun, hostileRun, localRun, openLoopRun, simulatedRun, troubledRun } from "../fixtures/runs.ts";
import { ALL_RUNS, assembledRun } from "./all-runs.ts";
import { checkHtml } from "./html-check.ts";

const pages = new Map<() => Results, Promise<string>>();

/** The page of a run, rendered once for all tests. */
function pageOf(make: () => Results): Promise<string> {
  const page = pages.get(make) ?? renderHtml(make());
  pages.set(make, page);
  return page;
}

/** The page's words, without markup. */
function words(page: string): string {
  return page
    .replace(/<style>[\s\S]*?<\/style>/g, "")
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&#39;", "'")
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ");
}

describe("html", () => {
  it("escapes what is put in, and nothing that is HTML already", () => {
    const name = `<b>&"'`;
    expect(
      html`<p title="${name}">${name}${html`<i>${1}</i>`}${raw("<br>")}${undefined}${false}${["a", "<"]}</p>`
        .text,
    ).toBe('<p title="&lt;b&gt;&amp;&quot;&#39;">&lt;b&gt;&amp;&quot;&#39;<i>1</i><br>a&lt;</p>');
  });

  it("leaves no control character that HTML forbids", () => {
    expect(html`${"a\u001b[31m\u0000\tb\n"}`.text).toBe("a\ufffd[31m\ufffd\tb\n");
  });
});

describe("the checker of this test", () => {
  it.each([
    ["<p><b></p></b>", "closes"],
    ["<h1>a</h1><p>a < b</p>", "a bare <"],
    ["<h1>a</h1><p>a & b</p>", "a bare &"],
    ['<h1 id="a">a</h1><p id="a">b</p>', "there twice"],
    ['<h1>a</h1><a href="#b">b</a>', "nothing has the id b"],
    ["<h1>a</h1><h3>b</h3>", "skips a level"],
    ["<h1>a</h1><table><tr><th>b</th></tr></table>", "without scope"],
    ["<div><h1>a</h1>", "never closed"],
  ])("finds what is wrong in %s", (page, problem) => {
    expect(checkHtml(page).problems.join("\n")).toContain(problem);
  });
});

describe.each(ALL_RUNS)("the page of %s", (_, make) => {
  it("is well-formed: tags balanced, ids unique, references met, headings in order, tables with scopes and captions", async () => {
    expect(checkHtml(await pageOf(make)).problems).toEqual([]);
  });

  it("has no script, no frame, no handler, and asks nothing of the network", async () => {
    const { elements } = checkHtml(await pageOf(make));
    const tags = new Set(elements.map(({ tag }) => tag));
    for (const tag of [
      "script",
      "iframe",
      "object",
      "embed",
      "link",
      "img",
      "image",
      "use",
      "foreignObject",
      "base",
      "form",
    ]) {
      expect(tags).not.toContain(tag);
    }
    const names = elements.flatMap(({ attributes }) => [...attributes]);
    expect(
      names.filter(
        ([name]) => name.startsWith("on") || ["src", "srcset", "xlink:href", "action"].includes(name),
      ),
    ).toEqual([]);
    expect(names.filter(([name, value]) => name === "href" && !value.startsWith("#"))).toEqual([]);
    const styles = elements.filter(({ tag }) => tag === "style").map(({ text }) => text);
    expect(styles.join("")).not.toMatch(/@import|url\(/);
  });

  it("names every drawing and describes it", async () => {
    const { elements } = checkHtml(await pageOf(make));
    for (const svg of elements.filter(
      ({ tag, attributes }) => tag === "svg" && attributes.get("aria-hidden") !== "true",
    )) {
      expect(svg.attributes.get("role")).toBe("img");
      const inside = elements.filter(({ parent }) => parent === svg);
      expect(inside.find(({ tag }) => tag === "title")?.text).toBeTruthy();
      expect(inside.find(({ tag }) => tag === "desc")?.text).toBeTruthy();
    }
  });

  it("is the same, byte for byte, each time", async () => {
    expect(await renderHtml(make())).toBe(await pageOf(make));
  });
});

describe("the page", () => {
  it("shows a hostile name as text everywhere", async () => {
    const page = await pageOf(hostileRun);
    expect(page).not.toContain('<script>alert("x")');
    expect(page).not.toMatch(/\p{Cc}(?<![\n\t])/u);
    expect(page).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;");
    expect(
      checkHtml(page).elements.filter(({ tag }) => tag === "title" && !page.includes("<svg")).length,
    ).toBe(0);
  });

  it("says simulated above everything else, and only where it is so", async () => {
    const page = words(await pageOf(simulatedRun));
    expect(page.indexOf("Simulated. The engines of this run are simulated")).toBeGreaterThan(0);
    expect(page.indexOf("Simulated. The engines of this run are simulated")).toBeLessThan(
      page.indexOf("What was run"),
    );
    expect(words(await pageOf(localRun))).not.toMatch(/simulated/i);
  });

  it("says what differs in the work before any table", async () => {
    const page = words(await pageOf(troubledRun));
    expect(page.indexOf("Not the same work")).toBeGreaterThan(0);
    expect(page.indexOf("Weights differ: bfloat16 (vllm), Q4_1 (llamacpp).")).toBeLessThan(
      page.indexOf("What was run"),
    );
  });

  it("has each plot with its table, and none of the seed's invented figures", async () => {
    const { elements } = checkHtml(await pageOf(simulatedRun));
    const figures = elements.filter(({ tag }) => tag === "figure");
    const inside = (tag: string, figure: unknown) =>
      elements.some((element) => {
        let up = element.parent;
        while (up !== undefined && up !== figure) up = up.parent;
        return element.tag === tag && up === figure;
      });
    expect(figures).toHaveLength(8);
    for (const figure of figures)
      expect([inside("svg", figure), inside("table", figure)]).toEqual([true, true]);
    const titles = elements.filter(({ tag }) => tag === "h2").map(({ text }) => text);
    expect(titles).toEqual([
      "What it shows",
      "What was run",
      "Results",
      "Throughput and latency against concurrency",
      "Throughput by output length",
      "Latency against output tokens",
      "TTFT distribution",
      "TPOT distribution",
      "Relative to vllm",
      "Heat map of latency",
      "Start-up by phase",
      "Verdicts",
      "Settings and versions",
      "How to read this",
    ]);
    expect(titles.join()).not.toMatch(/radar|score|projection|pie/i);
  });

  it("has the text of every verdict with its code and what to do", async () => {
    const page = words(await pageOf(troubledRun));
    expect(page).toContain("3 of 12 requests failed (25 %): 2 × reset, 1 × timeout. The limit is 5 %.");
    expect(page).toContain("failed-requests");
    expect(page).toContain("The finish reasons in results.json say how they ended");
    expect(page).toContain("The run counts as failed when a verdict is invalid.");
  });

  it("names what failed, with the last lines of its log, and what is incomplete", async () => {
    const page = words(await pageOf(troubledRun));
    expect(page).toContain(
      "sglang ended with exit status 1 before it was ready. Read the last lines of its log",
    );
    expect(page).toContain("RuntimeError: engine core <init> failed & gone");
    expect(page).toContain("batching-c8-out64/1: no summary.json, 7 whole records");
    expect(page).toContain("llmbench run --resume mixed-20261124-100000");
  });

  it("names the config's file, but no folder of the machine that read it", async () => {
    const run = localRun();
    const source = (file: string) => ({
      ...run,
      run: { ...run.run, plan: { ...run.run.plan, source: { file, sha256: "a".repeat(64) } } },
    });
    expect(words(await renderHtml(source("configs/mine.yaml")))).toContain("configs/mine.yaml (SHA-256");
    const page = words(await renderHtml(source("/home/someone/secret-project/mine.yaml")));
    expect(page).toContain(" mine.yaml (SHA-256");
    expect(page).not.toContain("someone");
  });

  it("says of a workflow's run how that is gone on with", async () => {
    const failed = troubledRun();
    const page = words(await renderHtml({ ...failed, run: { ...failed.run, executor: "argo" } }));
    expect(page).toContain("llmbench retry mixed-20261124-100000 , or argo retry of its Workflow, measures");
    expect(page).not.toContain("llmbench run --resume mixed");
  });

  it("never shows the figure of an invalid point", async () => {
    const page = words(await pageOf(troubledRun));
    const row = /batching: concurrency 4, 64 tokens out vllm (.*?) invalid failed-requests/.exec(page)?.[1];
    expect(row).toBe("— — — — — 0 / 15");
  });

  it("has every setting and version, with secrets masked even where a plan holds one", async () => {
    const page = await pageOf(localRun);
    expect(page).not.toContain("plain-secret-value");
    const text = words(page);
    expect(text).toContain(
      "llamacpp --host 127.0.0.1 --port 41234 --model /models/smollm2-135m-q4_1.gguf --parallel 4 --threads 1",
    );
    expect(text).toContain("OMP_NUM_THREADS=1 HF_TOKEN='***'");
    for (const fact of [
      "b6789 (4c2e5f1)",
      "3f9c2a71d0e4b865",
      "llmbench 0.1.0, Node 20.20.2",
      "AMD EPYC 7763, 2 cores",
      "“Explain quantum computing in detail”",
    ]) {
      expect(text).toContain(fact);
    }
  });

  it("shows lowest and highest in place of an interval, and no percentile, where there are five requests", async () => {
    const { elements } = checkHtml(await pageOf(localRun));
    const notes = elements.filter(({ tag }) => tag === "small").map(({ text }) => text);
    expect(notes.some((note) => /^\([\d.,]+–[\d.,]+\)$/.test(note))).toBe(true);
    const text = words(await pageOf(localRun));
    expect(text).toMatch(/llamacpp-1slot TTFT 5 [\d.]+ [\d.]+ — — — — [\d.]+ /);
  });

  it("counts from the scheduled time, and says so, where requests arrive at a rate", async () => {
    const text = words(await pageOf(openLoopRun));
    expect(text).toContain("mean latencies, counted from the scheduled time where requests arrive at a rate");
    expect(text).toContain("User TTFT, mean, ms");
  });

  it("shows an empty run without a table or a plot", async () => {
    const { elements } = checkHtml(await pageOf(emptyRun));
    expect(elements.some(({ tag }) => tag === "table" || tag === "figure")).toBe(false);
  });

  it("is well-formed for results assembled from a run folder", async () => {
    expect(checkHtml(await renderHtml(await assembledRun())).problems).toEqual([]);
  });

  it("is smaller than 2 MB for twenty cells", async () => {
    expect(Buffer.byteLength(await renderHtml(twentyCells()))).toBeLessThan(2_000_000);
  });
});

/** Ten variants of two models at fifteen loads each. */
function twentyCells(): Results {
  const cells = ["model-a", "model-b"].flatMap((model) =>
    Array.from({ length: 10 }, (_, i) =>
      cell({
        variant: `variant-${i}`,
        engine: "vllm",
        engineVersion: "1",
        model,
        points: [
          ...[32, 64, 128, 256, 512].map((outputTokens, p) =>
            point({
              block: "protocol",
              outputTokens,
              requests: 20,
              ttftMs: 20 + i,
              tpotMs: 20 + i,
              seed: i * 100 + p,
            }),
          ),
          ...[1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((concurrency, p) =>
            point({
              block: "sweep",
              concurrency,
              outputTokens: 128,
              requests: 700,
              ttftMs: 20 * concurrency,
              tpotMs: 20 + concurrency,
              seed: i * 100 + 50 + p,
            }),
          ),
        ],
        server: { reported: { template: "x".repeat(50_000) } },
      }),
    ),
  );
  return results({ id: "twenty", name: "twenty", cells });
}
