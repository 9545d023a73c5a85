import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addTypes, installPackage, typeErrors } from "./installed.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "llmbench-installed-")));

beforeAll(async () => {
  await installPackage(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("for who has installed it, the package", () => {
  it("has types, for both compilers, which catch mistakes in a plugin and in a patch", async () => {
    await addTypes(folder);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          skipLibCheck: true,
          module: "nodenext",
          target: "es2023",
          noEmit: true,
          allowImportingTsExtensions: true,
          types: ["node"],
        },
        include: ["*.ts"],
      }),
    );
    writeFileSync(
      join(folder, "mistakes.ts"),
      `import { defineStep, z } from "llm-inference-benchmark";
import { container } from "llm-inference-benchmark/argo";
defineStep({
  name: "wrong",
  after: "warmup",
  output: z.object({ n: z.number() }),
  // @ts-expect-error -- a number was promised
  run: async () => ({ n: "1" }),
});
defineStep({
  name: "wrong",
  // @ts-expect-error -- no server is up yet
  after: "deploy",
  output: z.object({ n: z.number() }),
  run: async (_input, cell) => ({ n: cell.id.length }),
});
container("c", {}, (c) =>
  c.run({
    image: "i",
    command: ["c"],
    // @ts-expect-error -- no such field of Argo's
    patch: { hostAlias: [] },
  }),
);
`,
    );
    expect(await typeErrors(folder, "typescript")).toBe("");
    expect(await typeErrors(folder, "typescript-5.9")).toBe("");
  });
});
