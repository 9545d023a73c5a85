import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { toYaml } from "../../src/argo/index.ts";

/** PyYAML reads YAML 1.1, as Kubernetes does. */
function python(yaml: string): unknown {
  const program =
    "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin.buffer.read()))))";
  return JSON.parse(execFileSync("python3", ["-c", program], { input: yaml, encoding: "utf8" }));
}

/** PyYAML where it is installed. */
const pythons = (() => {
  try {
    execFileSync("python3", ["-c", "import yaml"], { stdio: "ignore" });
    return [python];
  } catch {
    return [];
  }
})();

/** Text that some reader takes for something else. */
const traps = [
  ..."yes no on off y n Y N true False NULL null ~ = <<".split(" "),
  ..."010 0o10 0x1F 0b11 1_000 1e3 1.5E+3 +1 -1 .5 1. 007 09 12:30 1:30:15 -190:20:30 190:20:30.15".split(
    " ",
  ),
  ..."2026-11-24 2026-11-24T01:02:03Z 2001-12-14t21:59:43.10-05:00 .inf -.INF .nan 0 1.0 685.230_15e+03".split(
    " ",
  ),
  ..."10s 5m 1Gi 500m - ? : a:b a: #a a#b &a *a !a %a @a `a {{x}} [a] {a} 'a' \"a\" | > ,".split(" "),
  "",
  " ",
  " leading",
  "trailing ",
  "a: b",
  "a #b",
  "{{inputs.parameters.x}}",
  "two\nlines",
  "ends with a newline\n",
  "two newlines\n\n",
  "\nbegins with one",
  "  indented\nfirst line",
  "tab\there",
  "trailing blank \nin a line",
  "carriage\r\nreturn",
  "next\u0085line",
  "line\u2028separator",
  "\ufeffmark",
  "emoji 🚀",
  "nul\u0000byte",
  "---",
  "...",
  "--- a",
];

describe("the YAML", () => {
  it("is read alike by YAML 1.2, by the yaml package's YAML 1.1 and by PyYAML", () => {
    const object = {
      traps,
      ...Object.fromEntries(traps.map((trap, index) => [`key ${index} ${trap}`, trap])),
    };
    const yaml = toYaml({ object });
    expect(parse(yaml)).toEqual(object);
    expect(parse(yaml, { version: "1.1" })).toEqual(object);
    for (const read of pythons) expect(read(yaml)).toEqual([object]);
  });

  it("keeps keys that a reader would take for something else", () => {
    const object = Object.fromEntries(traps.filter((trap) => trap !== "<<").map((trap) => [trap, 1]));
    const yaml = toYaml({ object });
    expect(parse(yaml, { version: "1.1" })).toEqual(object);
    for (const read of pythons) expect(read(yaml)).toEqual([object]);
  });

  it("keeps any text", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constantFrom(...traps, "\n", " ", ":", "_", "."),
      fc.stringMatching(/^[-+]?[0-9][0-9_.:eExXoObB+-]{0,8}$/),
    );
    const text = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(""));
    const texts = fc
      .sample(text, { numRuns: 3000, seed: 1 })
      .filter((each) => Buffer.from(each).toString() === each);
    const yaml = toYaml({ object: { texts } });
    expect(parse(yaml)).toEqual({ texts });
    for (const read of pythons) expect(read(yaml)).toEqual([{ texts }]);
  });

  it("does not depend on the order in which an object was written", () => {
    const one = {
      kind: "Workflow",
      metadata: { name: "a", labels: { x: "1", y: "2" } },
      spec: { onExit: "b" },
    };
    const other = {
      spec: { onExit: "b" },
      metadata: { labels: { y: "2", x: "1" }, name: "a" },
      kind: "Workflow",
    };
    expect(toYaml({ object: one })).toBe(toYaml({ object: other }));
  });

  it("writes text of several lines as a block and long lines whole", () => {
    const source = `echo one\n${"x".repeat(200)}\n`;
    expect(toYaml({ object: { source } })).toBe(`source: |\n  echo one\n  ${"x".repeat(200)}\n`);
  });

  it("writes an object that occurs twice twice", () => {
    const shared = { a: "b" };
    expect(toYaml({ object: { one: shared, two: shared } })).not.toMatch(/[&*]/);
  });
});
