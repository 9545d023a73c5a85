import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { displayWidth, padEnd, padStart, printable, shorten, wrap } from "../src/display-width.ts";

describe("displayWidth", () => {
  it.each([
    ["llamacpp", 8],
    ["e\u0301", 1],
    ["模型", 4],
    ["🚀", 2],
    ["✓ – …", 5],
  ])("counts the columns of %s", (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe("shorten", () => {
  it("leaves what fits, and takes out of the middle what does not", () => {
    expect(shorten("llamacpp-4slots", 15)).toBe("llamacpp-4slots");
    expect(shorten("llamacpp-4slots", 9)).toBe("llam…lots");
    expect(shorten("模型模型模型", 7)).toBe("模…模型");
  });

  it("never is wider than asked, in any script", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), fc.nat(30), (text, width) => {
        const clean = printable(text);
        return displayWidth(shorten(clean, width)) <= width;
      }),
    );
  });
});

describe("wrap", () => {
  it("keeps a first indent and gives the other lines their own", () => {
    expect(wrap("  one two three", 9, 4)).toEqual(["  one two", "    three"]);
  });

  it("cuts a word that is longer than a line and loses nothing", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 50 })),
        fc.integer({ min: 10, max: 60 }),
        (words, width) => {
          const text = words
            .map((word) => printable(word).replaceAll(" ", ""))
            .filter((word) => word !== "")
            .join(" ");
          const lines = wrap(text, width, 2);
          expect(lines.every((line) => displayWidth(line) <= width)).toBe(true);
          expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
        },
      ),
    );
  });
});

describe("printable", () => {
  it("takes out what could steer the terminal and turns line ends into spaces", () => {
    expect(printable("a\u001b[31mb\u0007\r\n  c\u202ed")).toBe("a[31mb cd");
  });
});

describe("padding", () => {
  it("counts columns, not characters", () => {
    expect(padStart("模", 4)).toBe("  模");
    expect(padEnd("模", 4)).toBe("模  ");
  });
});
