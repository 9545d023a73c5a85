import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The rooms each room may import, beside itself. docs/architecture.md says why. */
const allowed: Record<string, readonly string[]> = {
  "src/load": [],
  "src/calibration": ["src/load"],
  "src/argo": [],
  "src/config": [
    "src/engines",
    "src/plugins",
    "src/simulator",
    "src/load",
    "src/servers/kubernetes-names.ts",
  ],
  "src/plugins": ["src/config/plan.ts", "src/engines"],
  "src/results": ["src/load/record.ts", "src/config/plan.ts", "src/config/cluster-plan.ts"],
  "src/profiling": ["src/config/plan.ts", "src/config/cluster-plan.ts", "src/results/schema"],
  "src/report": ["src/results", "src/config/plan.ts"],
  "src/engines": [
    "src/config/plan.ts",
    "src/config/cluster-plan.ts",
    "src/config/defined.ts",
    "src/hub/whole-model.ts",
    "src/servers",
    "src/results/schema",
  ],
  "src/servers": ["src/results/schema"],
  "src/hub": ["src/servers/process-table.ts"],
  "src/simulator": ["src/config/plan.ts"],
  "src/steps": [
    "src/calibration",
    "src/config",
    "src/engines",
    "src/load",
    "src/plugins",
    "src/profiling",
    "src/results",
    "src/servers",
  ],
  steps: [
    "src/steps",
    "src/config",
    "src/engines",
    "src/load",
    "src/profiling",
    "src/report",
    "src/results",
    "src/servers",
  ],
  pipelines: ["src/argo", "src/config", "src/servers/kubernetes-names.ts", "steps"],
  "src/runner": ["steps", "src/steps", "src/config", "src/engines", "src/results", "src/servers"],
  "src/workflows": ["src/config", "src/servers", "src/runner/line.ts", "src/runner/progress-view.ts"],
  "src/cli": [
    "pipelines",
    "steps",
    "src/calibration",
    "src/config",
    "src/engines",
    "src/hub",
    "src/load",
    "src/plugins",
    "src/report",
    "src/results",
    "src/runner",
    "src/servers",
    "src/simulator",
    "src/steps",
    "src/workflows",
  ],
};

/** Files that belong to no room and that every room may use. */
const shared = [
  "src/display-width.ts",
  "src/error.ts",
  "src/mask.ts",
  "src/simulated-header.ts",
  "src/version.ts",
];

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

function roomOf(path: string): string {
  const [first, second] = path.split("/");
  return first === "src" && second !== undefined && !second.endsWith(".ts") ? `src/${second}` : (first ?? "");
}

interface Import {
  readonly from: string;
  readonly to: string;
  /** Of types alone: nothing is loaded. */
  readonly isType: boolean;
}

const imports: Import[] = ["src", "steps", "pipelines"]
  .filter((folder) => readdirSync(root).includes(folder))
  .flatMap((folder) => sources(join(root, folder)))
  .flatMap((file) =>
    [
      ...readFileSync(file, "utf8").matchAll(
        /(?:\b(?:import|export) (type )?[^;"()]*?\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g,
      ),
    ].map((match) => ({
      from: relative(root, file),
      to: relative(root, resolve(dirname(file), match[2] ?? "")),
      isType: match[1] !== undefined,
    })),
  );

describe("the rooms", () => {
  it("have imports to look at", () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it("import only what the design lets them import", () => {
    const wrong = imports.filter(({ from, to }) => {
      const room = roomOf(from);
      if (shared.includes(to) || roomOf(to) === room || room === "src") return false;
      const rooms = allowed[room];
      if (rooms === undefined) return true;
      return !rooms.some((target) => to === target || to.startsWith(`${target}/`));
    });
    expect(wrong).toEqual([]);
  });

  it("hold no files that load each other in a circle", () => {
    const next = new Map<string, string[]>();
    for (const { from, to, isType } of imports) {
      if (!isType) next.set(from, [...(next.get(from) ?? []), to]);
    }
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      const at = path.indexOf(file);
      if (at >= 0) circles.push([...path.slice(at), file].join(" → "));
      if (at >= 0 || done.has(file)) return;
      for (const other of next.get(file) ?? []) visit(other, [...path, file]);
      done.add(file);
    };
    for (const file of next.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  it("never load a step's code from its contract, nor from a pipeline", () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        /^steps\/[^/]+\/run\.ts$/.test(to) &&
        (from.endsWith("/contract.ts") || from.startsWith("pipelines/")),
    );
    expect(wrong).toEqual([]);
  });

  it("keep undici inside its transports, and HTTP libraries out of everything above it", () => {
    const users = ["src", "steps"]
      .flatMap((folder) => sources(join(root, folder)))
      .filter((file) => /from "undici"/.test(readFileSync(file, "utf8")))
      .map((file) => relative(root, file));
    for (const file of users) expect(file).toMatch(/^src\/(load|hub)\/undici-|^src\/cli\//);
  });
});
