import { describe, expect, it } from "vitest";
import { displayWidth } from "../../src/display-width.ts";
import { packagedModels } from "../../src/engines/packages.ts";
import { createProgressView } from "../../src/runner/progress-view.ts";

/** What is left on the screen: a carriage return with "erase line" takes the line before it away. */
function screenOf(live: boolean, play: (view: ReturnType<typeof createProgressView>) => void): string[] {
  let written = "";
  const stream = { columns: 80, write: (text: string) => (written += text) };
  const view = createProgressView(stream, { color: false, live });
  play(view);
  view.close();
  return written.split("\n").flatMap((line) => line.split("\r\u001b[2K").slice(-1));
}

const cell = "llamacpp-1slot--gemma3-270m";
const terms = packagedModels.flatMap((model) => model.terms ?? [])[0] ?? "";

describe("what must be known before a download", () => {
  it("stays whole on a terminal of 80 columns, whatever comes after it", () => {
    const screen = screenOf(true, (view) => {
      view({ kind: "note", cell, text: "looking for it" });
      view({ kind: "notice", cell, text: terms });
      view({ kind: "note", cell, text: "downloading gemma3 1.0.0 (56.6 MB)" });
      view({ kind: "cell-finished", cell, status: "done", seconds: 5 });
    });
    expect(terms).toContain("https://");
    expect(screen.map((line) => line.trim()).join(" ")).toContain(terms);
    for (const line of screen) expect(displayWidth(line)).toBeLessThan(80);
    expect(screen.at(-2)).toBe(`✓ ${cell} 5 s`);
  });

  it("is a plain line with its cell elsewhere", () => {
    expect(screenOf(false, (view) => view({ kind: "notice", cell, text: terms }))[0]).toBe(
      `${cell}: ${terms}`,
    );
  });
});
