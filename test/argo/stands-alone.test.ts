import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const room = fileURLToPath(new URL("../../src/argo", import.meta.url));
const files = readdirSync(room, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

describe("the language", () => {
  it("needs nothing at run time but its own files and yaml, and types from nowhere but Argo's and Kubernetes' models", () => {
    const imports = files.flatMap((file) =>
      [
        ...readFileSync(join(room, file), "utf8").matchAll(
          /^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"/gm,
        ),
      ].map(([, type, from = ""]) => ({ file, type: type !== undefined, from })),
    );
    expect(imports.length).toBeGreaterThan(100);
    const outside = imports.filter(({ file, from }) => !from.startsWith(file.includes("/") ? "." : "./"));
    const strangers = outside.filter(
      ({ type, from }) =>
        from !== "yaml" &&
        !(type && /^(?:@kubernetes-models\/argo-workflows|kubernetes-models)\//.test(from)),
    );
    expect(strangers).toEqual([]);
  });

  it("holds each file in less than 300 lines", () => {
    const long = files.filter((file) => readFileSync(join(room, file), "utf8").split("\n").length > 300);
    expect(long).toEqual([]);
  });
});
