import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/**
 * Each file of `mistakes/` holds one mistake, marked by `@ts-expect-error`: that every mark is needed is part of
 * `npm run typecheck`. Here the marks are taken off, both compilers print what they have to say, and the documentation
 * shows it.
 */
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, "test/argo/mistakes");
const document = join(root, "docs/argo-language.md");
const mark = /^[ \t]*\/\/ @ts-expect-error\n/gm;

interface Mistake {
  readonly file: string;
  readonly title: string;
  /** As the documentation shows it: without imports. */
  readonly code: string;
  /** As it is compiled. */
  readonly source: string;
  readonly wrongLines: readonly number[];
}

interface Complaint {
  readonly line: number;
  readonly text: string;
}

const mistakes = readdirSync(folder)
  .filter((file) => file !== "steps.ts")
  .sort()
  .map((file): Mistake => {
    const text = readFileSync(join(folder, file), "utf8");
    const lines = text.split("\n");
    const marks = lines.flatMap((line, index) => (line.includes("@ts-expect-error") ? [index] : []));
    return {
      file,
      title: lines[0]?.replace("// ", "") ?? "",
      source: text.replaceAll(mark, "").replaceAll("../../../src", join(root, "src")),
      code: text
        .replaceAll(mark, "")
        .replaceAll(/^(?:\/\/ .*|import [^;]*;)\n/gm, "")
        .trim(),
      wrongLines: marks.map((index, earlier) => index + 1 - earlier),
    };
  });

const scratch = mkdtempSync(join(tmpdir(), "argo-mistakes-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function compile(compiler: string): Promise<ReadonlyMap<string, readonly Complaint[]>> {
  const tsc = join(root, "node_modules", compiler, "bin/tsc");
  const output = await promisify(execFile)(process.execPath, [tsc, "-p", scratch, "--pretty", "false"]).then(
    ({ stdout }) => stdout,
    (failure: { stdout: string }) => failure.stdout,
  );
  const found = new Map<string, Complaint[]>();
  // A complaint begins at the start of a line; what explains it is indented.
  for (const complaint of output.split(/\n(?! )/)) {
    const parts = /^(\S+?)\((\d+),\d+\): (error TS\d+: [^]*)$/.exec(complaint.trimEnd());
    if (parts === null) continue;
    const [, path = "", line = "", text = ""] = parts;
    const name = path.replace(/^.*\//, "");
    const readable = text.replaceAll(/import\("[^"]*"\)\./g, "").replaceAll("\\u2026", "…");
    const list = found.get(name) ?? [];
    list.push({ line: Number(line), text: readable });
    found.set(name, list);
  }
  return found;
}

let now: ReadonlyMap<string, readonly Complaint[]>;
let before: ReadonlyMap<string, readonly Complaint[]>;

beforeAll(async () => {
  for (const { file, source } of mistakes) writeFileSync(join(scratch, file), source);
  const steps = readFileSync(join(folder, "steps.ts"), "utf8");
  writeFileSync(join(scratch, "steps.ts"), steps.replaceAll("../../../src", join(root, "src")));
  const options = { noEmit: true, incremental: false, typeRoots: [join(root, "node_modules/@types")] };
  // What is right must stay right in both: the examples, and a definition with every word.
  const include = ["*.ts", join(root, "examples/*.ts"), join(root, "test/argo/everything.ts")];
  const config = { extends: join(root, "tsconfig.json"), compilerOptions: options, include };
  writeFileSync(join(scratch, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
  [now, before] = await Promise.all([compile("typescript"), compile("typescript-5.9")]);
}, 120_000);

describe("the compiler", () => {
  it("has nothing to say about the examples, nor about what the mistakes are made with", () => {
    expect(
      [...now.keys(), ...before.keys()].filter((file) => !mistakes.some((each) => each.file === file)),
    ).toEqual([]);
  });

  it.each(mistakes)("catches, in TypeScript 7.0 and 5.9: $title", ({ file, wrongLines }) => {
    expect([...new Set(now.get(file)?.map(({ line }) => line))]).toEqual(wrongLines);
    expect([...new Set(before.get(file)?.map(({ line }) => line))]).toEqual(wrongLines);
  });

  it("says what the documentation shows", async () => {
    const sections = mistakes.map(({ title, code, file }) => {
      const texts = now.get(file)?.map(({ text }) => text) ?? [];
      return `### ${title}\n\n\`\`\`ts\n${code}\n\`\`\`\n\n\`\`\`text\n${texts.join("\n")}\n\`\`\`\n`;
    });
    const text = readFileSync(document, "utf8");
    const [head = "", rest = ""] = text.split("<!-- mistakes: written by a test -->\n");
    const [, tail = ""] = rest.split("<!-- end of mistakes -->");
    const whole = `${head}<!-- mistakes: written by a test -->\n\n${sections.join("\n")}\n<!-- end of mistakes -->${tail}`;
    await expect(whole).toMatchFileSnapshot(document);
  });
});
