import { describe, expect, it } from "vitest";
import { throughputOf } from "../../src/report/estimates.ts";
import { findKnee } from "../../src/report/knee.ts";
import { makePlots } from "../../src/report/plots/all.ts";
import { CSS_PALETTE, cssVariables, DARK, LIGHT, seriesStyle } from "../../src/report/plots/palette.ts";
import { ratioOf } from "../../src/report/plots/relative.ts";
import { startupPhases } from "../../src/report/plots/startup.ts";
import { renderSvg } from "../../src/report/plots/svg.ts";
import { groupFindings } from "../../src/report/verdicts.ts";
import { cell, point, results } from "../fixtures/results.ts";
import { abRun, localRun, simulatedRun } from "../fixtures/runs.ts";

const tableText = (run: ReturnType<typeof localRun>, id: string) => {
  const table = makePlots(run, LIGHT).find((plot) => plot.id === id)?.table;
  return table?.groups.map((group) => [
    group.title,
    ...group.rows.map((row) => row.map((each) => each.text).join(" ")),
  ]);
};

describe("findKnee", () => {
  const entries = (values: Readonly<Record<number, number>>) =>
    Object.entries(values).map(([concurrency, value]) => {
      const each = point({
        block: "b",
        concurrency: Number(concurrency),
        outputTokens: 64,
        requests: 600,
        ttftMs: 10,
        tpotMs: 10,
        seed: 1,
      });
      if (each.metrics) each.metrics.outputTokensPerSecond = { value, interval: null };
      return {
        cell: cell({ variant: "v", engine: "vllm", engineVersion: "1", model: "m", points: [each] }),
        point: each,
      };
    });
  const knee = (values: Readonly<Record<number, number>>) =>
    findKnee(entries(values), (entry) => throughputOf(entry.point, "window"));

  it.each([
    [{ 1: 100, 2: 190, 4: 300, 8: 310, 16: 312 }, 4],
    [{ 1: 100, 2: 104 }, 1],
    [{ 1: 100, 2: 106, 4: 200 }, undefined],
    [{ 1: 100 }, undefined],
    [{ 16: 100, 1: 50, 8: 99 }, 8],
  ])("finds in %o that throughput levels off at %s", (values, expected) => {
    expect(knee(values)).toBe(expected);
  });

  it("is named in the table of the sweep", () => {
    expect(tableText(localRun(), "by-concurrency")?.[0]?.[1]).toMatch(/^llamacpp-1slot 1 .* here$/);
    expect(tableText(localRun(), "by-concurrency")?.[0]?.join("\n")).not.toMatch(/4slots .* here/);
  });
});

describe("ratioOf", () => {
  const estimate = (value: number, low: number, high: number) =>
    ({ value, low, high, spread: "interval", count: 30 }) as const;

  it("spans what both intervals allow", () => {
    expect(ratioOf(estimate(20, 18, 22), estimate(10, 8, 12))).toEqual({ value: 2, low: 1.5, high: 2.75 });
  });

  it("claims no range where one has only a lowest and highest", () => {
    expect(ratioOf(estimate(20, 18, 22), { ...estimate(10, 8, 12), spread: "range" })).toEqual({ value: 2 });
  });

  it("is nothing against nothing", () => {
    expect(ratioOf(estimate(20, 18, 22), estimate(0, 0, 0))).toBeNull();
  });
});

describe("startupPhases", () => {
  it("leaves out phases that a local process does not have", () => {
    const startup = {
      scheduledMs: null,
      pulledMs: null,
      startedMs: 20,
      portOpenMs: 240,
      readyMs: 1390,
      firstCompletionMs: 1620,
    };
    expect(startupPhases(startup)).toEqual([
      { phase: 2, fromMs: 0, toMs: 20 },
      { phase: 3, fromMs: 20, toMs: 240 },
      { phase: 4, fromMs: 240, toMs: 1390 },
      { phase: 5, fromMs: 1390, toMs: 1620 },
    ]);
  });

  it("never runs backwards when a stamp is earlier than the one before", () => {
    const startup = {
      scheduledMs: null,
      pulledMs: null,
      startedMs: 300,
      portOpenMs: 240,
      readyMs: 400,
      firstCompletionMs: null,
    };
    expect(startupPhases(startup).map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [0, 300],
      [300, 300],
      [300, 400],
    ]);
  });
});

describe("makePlots", () => {
  it("makes what the measured loads allow", () => {
    expect(makePlots(localRun(), LIGHT).map((plot) => plot.id)).toEqual([
      "by-concurrency",
      "throughput-by-output-length",
      "latency-by-output-length",
      "ttft-distribution",
      "tpot-distribution",
      "relative",
      "latency-heat-map",
      "startup",
    ]);
  });

  it("makes of an A/B what its pairs show, and no ratio of its own beside it", () => {
    const plots = makePlots(abRun(), LIGHT);
    expect(plots[0]?.id).toBe("ab");
    expect(plots.map(({ id }) => id)).not.toContain("relative");
    const rows = plots[0]?.table.groups.flatMap((group) => group.rows) ?? [];
    expect(rows).toHaveLength(8);
    expect(rows.map(([metric, , finding]) => [metric?.text, finding?.text])).toContainEqual([
      "TPOT",
      "better",
    ]);
    expect(rows.map(([metric, , finding]) => [metric?.text, finding?.text])).toContainEqual([
      "TTFT",
      "no difference shown",
    ]);
  });

  it("leaves invalid points out of every plot and table", () => {
    const run = localRun();
    for (const each of run.cells[1]?.points ?? []) {
      each.verdict = {
        status: "invalid",
        reasons: [{ code: "failed-requests", status: "invalid", text: "…" }],
        notes: [],
      };
    }
    const plots = makePlots(run, LIGHT);
    expect(plots.some((plot) => plot.id === "relative")).toBe(false);
    for (const plot of plots.filter((each) => each.id !== "startup" && each.id !== "latency-heat-map")) {
      expect(JSON.stringify(plot)).not.toContain("llamacpp-4slots");
    }
    expect(tableText(run, "latency-heat-map")?.[0]?.[2]).toMatch(/^llamacpp-4slots( —)+$/);
  });

  it("takes the chosen baseline, else the first variant", () => {
    const titles = (run: ReturnType<typeof localRun>) =>
      makePlots(run, LIGHT).find((plot) => plot.id === "relative")?.title;
    expect(titles(simulatedRun())).toBe("Relative to vllm");
    expect(titles(localRun())).toBe("Relative to llamacpp-1slot");
    const unknown = localRun();
    unknown.run.plan.baseline = "gone";
    expect(titles(unknown)).toBe("Relative to llamacpp-1slot");
  });

  it("never mixes throughput in the window with throughput over the full run", () => {
    const sweep = (requests: number) =>
      point({
        block: "b",
        concurrency: requests,
        outputTokens: 64,
        requests: 8,
        ttftMs: 10,
        tpotMs: 10,
        seed: requests,
      });
    // Eight requests have a window at concurrency 1 and 2 and none at 4.
    const run = results({
      id: "r",
      name: "r",
      cells: [
        cell({ variant: "v", engine: "vllm", engineVersion: "1", model: "m", points: [1, 2, 4].map(sweep) }),
      ],
    });
    const panels = makePlots(run, LIGHT).find((each) => each.id === "by-concurrency")?.panels;
    expect(panels?.[0]?.title).toBe("Throughput, full run, tokens/s");
  });

  it("draws the same bytes each time, with nothing hidden and no ids to clash", async () => {
    for (const plot of makePlots(simulatedRun(), CSS_PALETTE)) {
      for (const panel of plot.panels) {
        const svg = await renderSvg(panel.spec);
        expect(svg).toBe(await renderSvg(panel.spec));
        expect(svg).not.toMatch(/ id="|opacity="0"|url\(#|NaN|undefined|null/);
      }
    }
  });

  it("takes every colour from the page's variables, so that dark mode reaches all of them", async () => {
    for (const plot of makePlots(simulatedRun(), CSS_PALETTE)) {
      for (const panel of plot.panels) {
        const colors = (await renderSvg(panel.spec)).matchAll(/(?:fill|stroke)="([^"]+)"/g);
        for (const [, color = ""] of colors)
          expect(color).toMatch(/^(none|transparent|var\(--[a-z0-9-]+\))$/);
      }
    }
  });
});

describe("the palettes", () => {
  const luminance = (hex: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => {
      const part = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string) => {
    const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };

  it.each([
    ["light", LIGHT],
    ["dark", DARK],
  ] as const)("of %s mode have text at 4.5:1 and marks at 3:1 (WCAG 2.2)", (_, palette) => {
    expect(contrast(palette.ink, palette.surface)).toBeGreaterThan(7);
    expect(contrast(palette.muted, palette.surface)).toBeGreaterThan(4.5);
    for (const color of palette.series) expect(contrast(color, palette.surface)).toBeGreaterThanOrEqual(3);
    for (const [i, color] of palette.heat.entries())
      expect(contrast(color, palette.heatInk[i] ?? "")).toBeGreaterThanOrEqual(4.5);
  });

  it("name the same variables in both modes", () => {
    const names = (text: string) => [...text.matchAll(/--([\w-]+):/g)].map(([, name]) => name);
    expect(names(cssVariables(DARK))).toEqual(names(cssVariables(LIGHT)));
  });

  it("tell twenty variants apart by colour, shape or dash", () => {
    const looks = Array.from({ length: 20 }, (_, i) => JSON.stringify(seriesStyle(LIGHT, i)));
    expect(new Set(looks).size).toBe(20);
  });
});

describe("a load that stands in two blocks", () => {
  const shape = { concurrency: 1, outputTokens: 32, requests: 5, ttftMs: 10, tpotMs: 10, seed: 1 };
  const points = () => ["length", "batching"].map((block) => point({ block, ...shape }));
  const twice = results({
    id: "twice",
    name: "twice",
    cells: ["a", "b"].map((variant) =>
      cell({ variant, engine: "vllm", engineVersion: "1", model: "m", points: points() }),
    ),
  });

  it("is named with its block in the table of ratios and among the findings", () => {
    expect(
      tableText(twice, "relative")?.[0]
        ?.slice(1)
        .map((row) => row?.replace(/ b .*/, "")),
    ).toEqual(["concurrency 1, 32 tokens out (length)", "concurrency 1, 32 tokens out (batching)"]);
    const places = groupFindings(twice).flatMap(({ findings }) => findings.map(({ place }) => place));
    expect(places).toEqual(expect.arrayContaining(["a, c1 · 32 out (length)", "b, c1 · 32 out (batching)"]));
  });
});

describe("a strict comparison", () => {
  it("has no ratios where the work differed, and has them where it did not", () => {
    const plots = (differences: boolean) => {
      const run = localRun();
      run.run.plan.strict = true;
      if (differences) run.differences = [{ kind: "finish", text: "They ended apart.", cells: [] }];
      return makePlots(run, LIGHT).map(({ id }) => id);
    };
    expect(plots(true)).not.toContain("relative");
    expect(plots(false)).toContain("relative");
  });
});
