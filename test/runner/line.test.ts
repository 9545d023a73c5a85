import { describe, expect, it } from "vitest";
import { displayWidth } from "../../src/display-width.ts";
import { fitLine, formatSeconds } from "../../src/runner/line.ts";

describe("The live line", () => {
  const parts = [
    "llamacpp-four-slots--smollm2-135m",
    "sweep",
    "3/8 batching-c4-out64",
    "7/24 req, 61.2 tok/s",
  ];

  it("stands as it is where it fits", () => {
    expect(fitLine(parts, 100)).toBe(parts.join("  "));
  });

  it("gives way at the cell's name first, which keeps both its ends", () => {
    expect(fitLine(parts, 80)).toBe(
      "llamacpp-four-…-smollm2-135m  sweep  3/8 batching-c4-out64  7/24 req, 61.2 tok/s",
    );
  });

  it.each([0, 1, 5, 20, 40, 79])("takes no more than %i columns, whatever it is made of", (width) => {
    for (const name of ["模型四槽--大きい", "🎉".repeat(30), "e\u0301".repeat(60)]) {
      expect(displayWidth(fitLine([name, ...parts.slice(1)], width))).toBeLessThanOrEqual(width);
    }
  });

  it("is never cut inside a character", () => {
    expect(fitLine(["🎉".repeat(40)], 21)).not.toMatch(/\p{Surrogate}/u);
  });

  it("cannot be steered by a server's words", () => {
    expect(fitLine(["cell", "\u001b[2Jgone\nnext"], 80)).toBe("cell  [2Jgone next");
  });
});

describe("Time left", () => {
  it.each([
    [0.4, "0 s"],
    [95, "1 min 35 s"],
    [3725, "1 h 2 min"],
    [-3, "0 s"],
  ])("of %d s is %s", (seconds, words) => {
    expect(formatSeconds(seconds)).toBe(words);
  });
});
