import { randomInt } from "node:crypto";
import { z } from "zod";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { isStatus } from "../servers/kubernetes/api-error.ts";
import { applyObject, type Standing, standingOf } from "./apply-object.ts";
import { argoMissing, type ClusterRuns } from "./cluster-runs.ts";
import { ClusterObject, pathOf, titleOf } from "./object-paths.ts";

/** One file of a built config, with its objects. */
interface ManifestFile {
  readonly path: string;
  readonly objects: readonly unknown[];
}

interface ReadFile {
  readonly path: string;
  readonly objects: readonly ClusterObject[];
}

export interface SubmitOptions {
  /** In the order in which they are applied, then the runs. */
  readonly files: readonly ManifestFile[];
  /** Also what gives rights, takes storage, or starts runs by the clock. */
  readonly applyAll: boolean;
  /** Name of the run folder; that of an earlier run goes on with it. */
  readonly run?: string;
  /** The config, as the person named it. */
  readonly config: string;
  /** What a person should know, a line each. */
  readonly say: (line: string) => void;
}

export interface Submitted {
  readonly run: string;
  readonly workflows: readonly string[];
}

/** What is looked at and left alone without --apply: nobody's rights change by the way. */
const careful = /^(?:access|storage|nightly|models)\.yaml$/;
/** Without these no pod of a run can be made. */
const needed = new Set(["Namespace", "ServiceAccount", "PersistentVolumeClaim"]);

/** Applies what a run needs and creates its Workflows. Throws SUBMIT_NOT_APPLIED, ARGO_NOT_INSTALLED. */
export async function submitRun(runs: ClusterRuns, options: SubmitOptions): Promise<Submitted> {
  const { applyAll, say } = options;
  const files = options.files.map(({ path, objects }) => ({
    path,
    objects: objects.map((object) => ClusterObject.parse(object)),
  }));
  if ((await runs.client.get("/apis/argoproj.io/v1alpha1")) === undefined)
    throw argoMissing(runs.client.connection.server);
  const applied = files.filter(({ objects }) => objects.length > 0 && !objects.some(isRun));
  if (!applyAll)
    await lookAt(
      runs,
      applied.filter(({ path }) => careful.test(path)),
      options,
    );
  for (const { path, objects } of applied) {
    if (!applyAll && careful.test(path)) continue;
    for (const object of objects) {
      const change = await applyObject(runs.client, object);
      say(`${change.padEnd(9)} ${titleOf(object)} (${path})`);
    }
  }
  return await createRuns(runs, files.flatMap(({ objects }) => objects).filter(isRun), options.run);
}

const isRun = ({ kind }: ClusterObject): boolean => kind === "Workflow";

/** Says how what is left alone stands, and refuses where a run could not begin. */
async function lookAt(
  runs: ClusterRuns,
  files: readonly ReadFile[],
  { config, say }: SubmitOptions,
): Promise<void> {
  const missing: string[] = [];
  const notes: string[] = [];
  const how = "kubectl apply -f of that file, or --apply";
  for (const { path, objects } of files) {
    const standings = await Promise.all(
      objects.map(async (object) => ({ object, standing: await standingOf(runs.client, object) })),
    );
    const those = (wanted: Standing) =>
      standings.filter(({ standing }) => standing === wanted).map(({ object }) => object);
    const [absent, differing, unseen] = [those("absent"), those("differs"), those("not looked at")];
    missing.push(
      ...absent.filter(({ kind }) => needed.has(kind)).map((object) => `${titleOf(object)} (${path})`),
    );
    if (absent.length > 0) {
      const what = path === "nightly.yaml" ? "no runs by the clock" : `not there: ${listed(absent)}`;
      notes.push(`left      ${path}: ${what} (${how})`);
    }
    if (differing.length > 0)
      notes.push(`left      ${path}: other than built: ${listed(differing)} (${how})`);
    if (unseen.length > 0) notes.push(`left      ${path}: you may not look at ${listed(unseen)}`);
  }
  if (missing.length === 0) {
    for (const note of notes) say(note);
    return;
  }
  throw new LlmbenchError(
    "SUBMIT_NOT_APPLIED",
    `Without these no step of the run can start in namespace ${runs.namespace}:`,
    {
      exitStatus: ExitStatus.usage,
      details: missing,
      hint: `llmbench build ${config} writes the files, and \`kubectl apply --server-side -k\` of its folder applies them. Or: llmbench submit ${config} --apply`,
    },
  );
}

/** A few by name, more by number. */
function listed(objects: readonly ClusterObject[]): string {
  const [first, second, ...more] = objects.map(titleOf);
  const named = [first, second].filter((title) => title !== undefined).join(", ");
  return more.length === 0 ? named : `${named} and ${more.length} more`;
}

/** More than one part: all in one run folder, so under one name. */
async function createRuns(
  runs: ClusterRuns,
  objects: readonly ClusterObject[],
  given: string | undefined,
): Promise<Submitted> {
  const suffix = newSuffix();
  const named = objects.map((object) => ({
    object,
    name: `${object.metadata.generateName ?? ""}${suffix}`,
  }));
  const run = given ?? named[0]?.name ?? "";
  for (const { object, name } of named) {
    const { generateName: _made, ...metadata } = object.metadata;
    const spec = z.looseObject({}).parse(object["spec"]);
    const own = name === run ? spec : { ...spec, arguments: { parameters: [{ name: "run", value: run }] } };
    await create(runs, { ...object, metadata: { ...metadata, name, namespace: runs.namespace }, spec: own });
  }
  return { run, workflows: named.map(({ name }) => name) };
}

async function create(runs: ClusterRuns, object: ClusterObject): Promise<void> {
  try {
    await runs.client.create(pathOf(object), object);
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    throw new LlmbenchError("CLUSTER_NAMESPACE_UNKNOWN", `There is no namespace ${runs.namespace}.`, {
      exitStatus: ExitStatus.usage,
      hint: "llmbench submit CONFIG --apply makes it",
      cause: error,
    });
  }
}

/** As the cluster makes them: five letters and digits that cannot be mistaken for each other. */
function newSuffix(): string {
  const letters = "bcdfghjklmnpqrstvwxz2456789";
  return Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join("");
}
