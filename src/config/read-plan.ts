import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { Plugin } from "../plugins/load-plugins.ts";
import { builtInCatalog, type Catalog } from "./catalog.ts";
import { checkConfig } from "./check-config.ts";
import type { KnownNames } from "./check-names.ts";
import { checkReferences } from "./check-references.ts";
import { explainIssues, valueAt } from "./explain-issues.ts";
import { type Finding, onKey, onValue, type Path, related } from "./finding.ts";
import { lockedStepsImage } from "./image-lock.ts";
import { keepSpelling } from "./keep-spelling.ts";
import { type Folders, resolvePath } from "./paths.ts";
import type { Plan } from "./plan.ts";
import { readPlugins, readSteps } from "./read-plugins.ts";
import { readConfigText } from "./read-text.ts";
import { renderFindings } from "./render-findings.ts";
import { resolveConfig } from "./resolve.ts";
import { salvageConfig } from "./salvage.ts";
import { Config } from "./schema.ts";
import type { Environment } from "./secrets.ts";
import { readYaml } from "./yaml-document.ts";

export interface ReadPlanOptions {
  /** Where secrets are looked up; null leaves it to the moment a server starts. Default: this process's. */
  readonly environment?: Environment | null;
  /** Default: the engines and packages that there are. */
  readonly catalog?: Catalog;
  /** What `~` stands for. Default: the user's home folder. */
  readonly home?: string;
  /** Where images.lock.json is looked for. Default: the working directory. */
  readonly lockFolder?: string;
}

/** The plan of a config file: see readConfig. */
export async function readPlan(file: string, options: ReadPlanOptions = {}): Promise<Plan> {
  return (await readConfig(file, options)).plan;
}

/**
 * Reads a config file and resolves it to a plan; its plugins are in use from then on. Throws LlmbenchError with exit
 * status 2: CONFIG_NOT_FOUND, CONFIG_UNREADABLE, or CONFIG_INVALID with every finding of the file in `details`.
 */
export async function readConfig(
  file: string,
  options: ReadPlanOptions = {},
): Promise<{ readonly plan: Plan; readonly plugins: readonly Plugin[] }> {
  const text = await readConfigText(file);
  const folders = { config: dirname(resolve(file)), home: options.home ?? homedir() };
  const environment = options.environment === undefined ? process.env : options.environment;
  const document = readYaml(text);
  const reject = (findings: readonly Finding[]): never => {
    const problems = renderFindings(findings, file, text, document);
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    throw new LlmbenchError("CONFIG_INVALID", `${file} has ${count}.`, {
      exitStatus: ExitStatus.usage,
      details: problems.flat(),
      hint: "Every key is in docs/configuration.md; llmbench init prints a config to start from.",
    });
  };

  if (document.data === undefined) return reject(document.findings);
  const data = keepSpelling(document.data, document.places);
  if (data === null)
    return reject([...document.findings, onKey([], "the file is empty; expected engines and models")]);
  const plugins = await readPlugins(data, folders);
  const steps = readSteps(data, plugins);
  const catalog = options.catalog ?? builtInCatalog();
  const parsed = Config.safeParse(data);
  const shape = [
    ...document.findings,
    ...(parsed.success ? [] : explainIssues(parsed.error.issues, data, document.places)),
  ];
  const config = parsed.success ? parsed.data : salvageConfig(data);
  const onCluster = Boolean(valueAt(data, ["cluster"]));
  // A cluster's secrets and files are the cluster's: nothing of it is looked for here.
  const stepsImage = onCluster ? await findStepsImage(data, options.lockFolder ?? process.cwd()) : undefined;
  const datasets = config === undefined || onCluster ? noDatasets : await hashDatasets(config, folders);
  const meaning = [
    ...checkReferences(data, onCluster ? null : environment),
    ...(config === undefined
      ? []
      : checkConfig(
          config,
          { ...namesIn(data), onCluster, enginesMissing: plugins.findings.length > 0 },
          catalog,
        )),
    ...plugins.findings,
    ...steps.findings,
    ...datasets.findings,
    ...(stepsImage?.findings ?? []),
  ];
  // What was taken out for its shape is not to be missed a second time.
  const findings = [
    ...shape,
    ...meaning.filter((late) => !shape.some((early) => related(early.path, late.path))),
  ];
  if (findings.length > 0 || config === undefined) return reject(findings);

  const sha256 = createHash("sha256").update(text).digest("hex");
  const plan = resolveConfig(config, {
    file,
    sha256,
    folders,
    catalog,
    datasets: datasets.hashes,
    plugins: plugins.loaded,
    steps: steps.planned,
    stepsImage: stepsImage?.image,
  });
  return { plan, plugins: plugins.loaded };
}

/** The image of the steps that was pushed last, where the config names none. */
async function findStepsImage(
  data: unknown,
  folder: string,
): Promise<{ readonly image?: string; readonly findings: readonly Finding[] }> {
  if (valueAt(data, ["cluster", "steps", "image"]) !== undefined) return { findings: [] };
  const found = await lockedStepsImage(folder);
  if ("image" in found) return { image: found.image, findings: [] };
  const text = `missing, and ${found.why}; expected the name of an image, or push it: npm run images -- --push REGISTRY`;
  return { findings: [onKey(["cluster", "steps", "image"], text)] };
}

function namesIn(data: unknown): Pick<KnownNames, "engines" | "models" | "pools"> {
  const keys = (...path: string[]) => Object.keys((valueAt(data, path) as object | undefined) ?? {});
  return { engines: keys("engines"), models: keys("models"), pools: keys("cluster", "pools") };
}

interface Datasets {
  readonly hashes: ReadonlyMap<string, string>;
  readonly findings: readonly Finding[];
}
const noDatasets: Datasets = { hashes: new Map(), findings: [] };

async function hashDatasets(config: Config, folders: Folders): Promise<Datasets> {
  const hashes = new Map<string, string>();
  const findings: Finding[] = [];
  for (const [path, dataset] of datasetsOf(config)) {
    const file = resolvePath(dataset, folders);
    try {
      hashes.set(file, await hashFile(file));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const why = {
        ENOENT: "no such file",
        EISDIR: "a folder, not a file",
        EACCES: "not allowed to read it",
      };
      const reason = why[code as keyof typeof why] ?? String(error);
      findings.push(onValue(path, `${reason}: ${file}`));
    }
  }
  return { hashes, findings };
}

function datasetsOf(config: Config): [Path, string][] {
  const found: [Path, string][] = [];
  if (config.load?.dataset !== undefined) found.push([["load", "dataset"], config.load.dataset]);
  for (const [i, override] of (config.cells?.overrides ?? []).entries())
    if (override.load?.dataset !== undefined)
      found.push([["cells", "overrides", i, "load", "dataset"], override.load.dataset]);
  return found;
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
