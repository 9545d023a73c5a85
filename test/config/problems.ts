import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "../../src/config/plan.ts";
import { type ReadPlanOptions, readPlan } from "../../src/config/read-plan.ts";
import { LlmbenchError } from "../../src/error.ts";

/** The shortest config that is valid. */
export const shortest = ["engines: { llamacpp: }", "models: { m: { path: m.gguf } }"];

export interface Trial {
  /** The folder the config was in; gone by now. */
  readonly folder: string;
  readonly plan: Plan | undefined;
  readonly error: LlmbenchError | undefined;
  /** The details of CONFIG_INVALID, with the config called x.yaml. */
  readonly problems: readonly string[];
}

/** Reads a config of these lines (or this text), with other files beside it. */
export async function problemsOf(
  lines: readonly string[] | string | Buffer,
  files: Readonly<Record<string, string>> = {},
  options: Partial<ReadPlanOptions> = {},
): Promise<Trial> {
  const folder = await mkdtemp(join(tmpdir(), "llmbench-config-"));
  const file = join(folder, "x.yaml");
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    await writeFile(
      file,
      typeof lines === "string" || Buffer.isBuffer(lines) ? lines : `${lines.join("\n")}\n`,
    );
    const plan = await readPlan(file, {
      environment: { SET: "value" },
      home: "/home/me",
      lockFolder: folder,
      ...options,
    });
    return { folder, plan, error: undefined, problems: [] };
  } catch (error) {
    if (!(error instanceof LlmbenchError)) throw error;
    const problems = error.details.map((line) =>
      line.replace(`${folder}/x.yaml`, "x.yaml").replace(/(?:\.\.\/)+[^ ]*\/images\.lock/, "images.lock"),
    );
    return { folder, plan: undefined, error, problems };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The plan of a config that must be valid. */
export async function planOf(
  lines: readonly string[] | string,
  files?: Readonly<Record<string, string>>,
  options?: Partial<ReadPlanOptions>,
): Promise<Plan> {
  const { plan, error } = await problemsOf(lines, files, options);
  if (plan === undefined) throw new Error([error?.message, ...(error?.details ?? [])].join("\n"));
  return plan;
}
