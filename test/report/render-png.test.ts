import { afterEach, describe, expect, it, vi } from "vitest";
import { makePlots } from "../../src/report/plots/all.ts";
import { LIGHT } from "../../src/report/plots/palette.ts";
import { composeSvg, renderPng } from "../../src/report/render-png.ts";
import { HOSTILE, hostileRun, localRun, simulatedRun } from "../fixtures/runs.ts";
import { checkHtml } from "./html-check.ts";

afterEach(() => {
  vi.doUnmock("@resvg/resvg-js");
  vi.resetModules();
});

describe("renderPng", () => {
  it("draws each plot as a PNG of twice its size", async () => {
    const files = await renderPng(localRun());
    expect(files.map((file) => file.name)).toEqual(
      makePlots(localRun(), LIGHT).map((plot) => `${plot.id}.png`),
    );
    for (const { content } of files) {
      const bytes = Buffer.from(content as Uint8Array);
      expect(bytes.subarray(0, 8).toString("latin1")).toBe("\u0089PNG\r\n\u001a\n");
      expect([976, 1920]).toContain(bytes.readUInt32BE(16));
    }
  });

  it("says what to do where the package is missing", async () => {
    vi.resetModules();
    vi.doMock("@resvg/resvg-js", () => {
      throw new Error("Cannot find package");
    });
    const fresh = await import("../../src/report/render-png.ts");
    await expect(fresh.renderPng(localRun())).rejects.toMatchObject({
      code: "PNG_NOT_AVAILABLE",
      hint: expect.stringContaining("npm install @resvg/resvg-js"),
    });
  });
});

describe("composeSvg", () => {
  it("says simulated inside the picture", async () => {
    const [plot] = makePlots(simulatedRun(), LIGHT);
    expect(await composeSvg(plot!, "vllm is simulated: a model.")).toContain("Simulated. vllm is simulated");
    expect(await composeSvg(plot!, undefined)).not.toContain("Simulated");
  });

  it("is well-formed whatever variants are called", async () => {
    for (const plot of makePlots(hostileRun(), LIGHT)) {
      const svg = await composeSvg(plot, undefined);
      expect(svg).not.toContain(HOSTILE);
      expect(checkHtml(svg).problems.filter((problem) => problem !== "not one h1")).toEqual([]);
    }
  });
});
