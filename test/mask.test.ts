import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMasker, MASK } from "../src/mask.ts";

describe("a masker", () => {
  it("hides a secret wherever it stands in a text", () => {
    const { text } = createMasker(["s3cr3t-key"]);
    expect(text("Authorization: Bearer s3cr3t-key; again s3cr3t-key.")).toBe(
      "Authorization: Bearer ***; again ***.",
    );
    expect(text("nothing here")).toBe("nothing here");
  });

  it("hides it as it looks in JSON, in a URL and in base64", () => {
    const secret = 'pa"ss/w\\rd?';
    const { text } = createMasker([secret]);
    for (const form of [
      JSON.stringify({ key: secret }),
      `https://x/?k=${encodeURIComponent(secret)}`,
      btoa(secret),
    ]) {
      const masked = text(form);
      expect(masked).toContain(MASK);
      expect(masked).not.toContain("w\\rd");
      expect(masked).not.toContain("w\\\\rd");
    }
  });

  it("leaves no rest of a secret that contains another", () => {
    const { text } = createMasker(["token", "token-and-more"]);
    expect(text("token-and-more, token")).toBe("***, ***");
  });

  it("hides a short secret only where it is the whole text, and takes an empty one for none", () => {
    const { text } = createMasker(["1", "", "  "]);
    expect(text("1")).toBe(MASK);
    expect(text("101 requests")).toBe("101 requests");
    expect(text("")).toBe("");
    expect(createMasker([]).text("as it is")).toBe("as it is");
  });

  it("hides secrets with the spaces of a file's last line", () => {
    expect(createMasker(["hf_abcdef\n"]).text("HF_TOKEN=hf_abcdef")).toBe("HF_TOKEN=***");
  });

  it("goes through plain data without changing the original, keys included", () => {
    const { json } = createMasker(["hf_abcdef"]);
    const data = {
      env: { HF_TOKEN: "hf_abcdef" },
      command: ["--token=hf_abcdef"],
      n: 1,
      none: null,
      hf_abcdef: true,
    };
    expect(json(data)).toEqual({
      env: { HF_TOKEN: MASK },
      command: ["--token=***"],
      n: 1,
      none: null,
      [MASK]: true,
    });
    expect(data.env.HF_TOKEN).toBe("hf_abcdef");
  });

  it("leaves no secret of four letters or more in any text that has it", () => {
    const secrets = fc.array(fc.string({ unit: "grapheme", minLength: 4, maxLength: 20 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        secrets,
        fc.array(fc.string({ maxLength: 5 }), { minLength: 5, maxLength: 5 }),
        (values, around) => {
          const usable = values.filter((value) => value.trim().length >= 4 && !MASK.includes(value.trim()));
          const { text, json } = createMasker(usable);
          const plain = usable.map((value, i) => `${around[i]}${value}`).join(around[4]);
          for (const masked of [
            text(plain),
            JSON.stringify(json({ plain })),
            text(JSON.stringify({ plain })),
          ]) {
            for (const value of usable) expect(masked.includes(value.trim())).toBe(false);
          }
        },
      ),
      { seed: 1 },
    );
  });

  it("takes a secret with a lone surrogate as it is", () => {
    expect(createMasker(["abcd\ud800"]).text("x abcd\ud800 y")).toBe("x *** y");
  });
});
