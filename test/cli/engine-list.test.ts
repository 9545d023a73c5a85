import { describe, expect, it } from "vitest";
import { describeEngines } from "../../src/cli/engine-list.ts";
import { type EngineAvailability, listEngines } from "../../src/engines/availability.ts";

describe("`llmbench engines` on a terminal of 80 columns", () => {
  it("says of a bare machine what to do for each engine, in lines that fit", async () => {
    const bare = { PATH: "/nowhere", LLMBENCH_CACHE: "/nowhere/cache" };
    const found = await listEngines(bare);
    const text = describeEngines(found, 80);
    for (const line of text.split("\n")) expect(line.length).toBeLessThan(80);
    for (const { title, engine } of found) expect(text).toContain(`  ${title} (kind: ${engine})\n`);
    expect(text).toContain("\n      llmbench engines install llamacpp\n");
    // The same for all that are images: said once.
    expect(text.match(/llmbench bench URL/g)).toHaveLength(1);
  });

  it("puts first what is ready, with its version and its whole path", () => {
    const where = `/a/${"very/".repeat(20)}long/path`;
    const engines: EngineAvailability[] = [
      { engine: "sglang", title: "SGLang", status: "missing", remedy: "Install it." },
      { engine: "llamacpp", title: "llama.cpp", status: "ready", where, version: "b4567" },
    ];
    expect(describeEngines(engines, 80)).toBe(
      [
        "Ready on this machine:",
        "  llama.cpp b4567 (kind: llamacpp)",
        `    ${where}`,
        "",
        "Not found on this machine:",
        "  SGLang (kind: sglang)",
        "    Install it.",
        "",
      ].join("\n"),
    );
  });
});
