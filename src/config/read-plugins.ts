import { LlmbenchError } from "../error.ts";
import { loadPlugin, type Plugin, usePlugins } from "../plugins/load-plugins.ts";
import { didYouMean, valueAt } from "./explain-issues.ts";
import { describeValue, type Finding, onKey, onValue, type Path } from "./finding.ts";
import { nearest } from "./nearest.ts";
import { type Folders, resolvePath } from "./paths.ts";
import { StepName, type StepPlan } from "./plan.ts";

export interface ReadPlugins {
  readonly loaded: readonly Plugin[];
  readonly findings: readonly Finding[];
}

/** Takes the plugins of a config into use before it is checked: it names what they add. */
export async function readPlugins(data: unknown, folders: Folders): Promise<ReadPlugins> {
  const loaded: Plugin[] = [];
  const findings: Finding[] = [];
  const files = valueAt(data, ["plugins"]);
  usePlugins([]);
  for (const [i, file] of (Array.isArray(files) ? (files as unknown[]) : []).entries()) {
    // Anything else is for the schema to say.
    if (typeof file !== "string" || file === "") continue;
    try {
      const plugin = await loadPlugin(resolvePath(file, folders));
      usePlugins([...loaded, plugin]);
      loaded.push(plugin);
    } catch (error) {
      if (!(error instanceof LlmbenchError)) throw error;
      findings.push(onValue(["plugins", i], describe(error)));
    }
  }
  return { loaded, findings };
}

/** What is wrong and what to do, below one another. */
function describe({ message, details, hint }: LlmbenchError): string {
  return [message, ...details, ...(hint === undefined ? [] : [hint])].join("\n    ");
}

/** The steps that a config names, and what is wrong with what it gives them. */
export function readSteps(
  data: unknown,
  { loaded, findings: troubles }: ReadPlugins,
): { readonly planned: readonly StepPlan[]; readonly findings: readonly Finding[] } {
  const known = loaded.flatMap(({ steps }) => steps);
  const planned: StepPlan[] = [];
  const findings: Finding[] = [];
  const named = valueAt(data, ["steps"]);
  if (typeof named !== "object" || named === null || Array.isArray(named)) return { planned, findings };
  for (const [name, given] of Object.entries(named)) {
    const step = known.find((one) => one.name === name);
    if (step === undefined) {
      // It may be one of the plugin that could not be loaded.
      if (troubles.length === 0)
        findings.push(
          onKey(
            ["steps", name],
            unknownStep(
              name,
              known.map((one) => one.name),
            ),
          ),
        );
      continue;
    }
    const input: unknown = given ?? {};
    const checked = step.input.safeParse(input);
    if (!checked.success) {
      findings.push(...checked.error.issues.flatMap((issue) => explain(issue, ["steps", name], data)));
      continue;
    }
    const { after, outputs, resources } = step;
    planned.push({ name, after, input, outputs: [...outputs], resources });
  }
  return { planned, findings };
}

function unknownStep(name: string, known: readonly string[]): string {
  if (StepName.options.some((step) => step === name))
    return "every cell has this step by itself; take it out";
  const has = known.length === 0 ? "no plugin adds one" : `plugins add ${known.join(", ")}`;
  const near = nearest(name, known);
  return `there is no such step; ${has}${near === undefined ? "" : didYouMean(near)}`;
}

/** In the plugin's words, or zod's. */
function explain(
  issue: {
    readonly path: readonly PropertyKey[];
    readonly message: string;
    readonly code: string | undefined;
  },
  above: Path,
  data: unknown,
): Finding[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))];
  if ("keys" in issue && Array.isArray(issue.keys))
    return issue.keys.map((key) => onKey([...path, String(key)], "the step takes nothing of this name"));
  const value = valueAt(data, path);
  return value === undefined
    ? [onKey(path, `missing; ${issue.message}`)]
    : [onValue(path, `${issue.message}; found ${describeValue(value, path)}`)];
}
