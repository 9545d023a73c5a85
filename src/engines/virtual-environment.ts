import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LlmbenchError } from "../error.ts";
import { cacheFolder } from "../servers/cache-folder.ts";
import { withLock } from "./folder-lock.ts";
import { type InstallOptions, pipEnvironment, runPip } from "./pip.ts";
import { findPython, type PythonRange } from "./python.ts";
import { runProgram } from "./run-program.ts";

/** A virtual environment as it shall be. */
export interface Recipe {
  /** Folder name and what a person calls it. */
  readonly name: string;
  readonly title: string;
  readonly python: PythonRange;
  /** Requirements files, installed one after the other. */
  readonly requirements: readonly string[];
  /** Python that fails when what was installed does not work on this machine. */
  readonly check: string;
  /** Said before anything is fetched. */
  readonly size: string;
  /** Space on the disk that it takes, bytes. */
  readonly bytes: number;
}

export interface Environment {
  readonly folder: string;
  readonly python: string;
}

/** The environment of a recipe if it is there and whole; touches nothing and needs no network. */
export function findEnvironment(recipe: Recipe, env?: NodeJS.ProcessEnv): Environment | undefined {
  const folder = folderOf(recipe, env);
  const python = join(folder, "bin", "python");
  // The interpreter is a link: it is gone when the system's Python was replaced.
  if (!existsSync(python)) return undefined;
  try {
    return readFileSync(join(folder, stampFile), "utf8") === hashOf(recipe) ? { folder, python } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The environment of a recipe in the user's cache folder, made if it is not there. It counts only once its stamp is
 * written, last: a half-made one is made again. Two processes make one between them. Throws INSTALL_*.
 */
export async function ensureEnvironment(recipe: Recipe, options: InstallOptions): Promise<Environment> {
  const found = findEnvironment(recipe, options.env);
  if (found !== undefined) return found;
  return await withLock(`${folderOf(recipe, options.env)}.lock`, options, async () => {
    return findEnvironment(recipe, options.env) ?? (await makeEnvironment(recipe, options));
  });
}

const stampFile = "llmbench-complete";

async function makeEnvironment(recipe: Recipe, options: InstallOptions): Promise<Environment> {
  const base = await findPython(recipe.python, options.env);
  const folder = folderOf(recipe, options.env);
  const python = join(folder, "bin", "python");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  checkSpace(recipe, folder);
  options.report(`installing ${recipe.title} into ${folder} (${recipe.size})`, "notice");

  const env = pipEnvironment(options.env);
  const made = await runProgram(base.executable, ["-I", "-m", "venv", folder], {
    env,
    signal: options.signal,
  });
  options.signal?.throwIfAborted();
  if (made.code !== 0) throw venvError(base.executable, made.lines);
  for (const requirements of recipe.requirements) {
    await runPip(python, "install", requirements, { ...options, folder, what: recipe.title });
  }
  const checked = await runProgram(python, ["-I", "-c", recipe.check], { env, signal: options.signal });
  options.signal?.throwIfAborted();
  if (checked.code !== 0) {
    throw new LlmbenchError(
      "INSTALL_BROKEN",
      `${recipe.title} was installed but does not work on this machine.`,
      {
        hint: "Its build may need a newer system or processor; name another with process.command or process.venv.",
        details: checked.lines.slice(-10),
      },
    );
  }
  writeFileSync(join(folder, `${stampFile}.new`), hashOf(recipe));
  renameSync(join(folder, `${stampFile}.new`), join(folder, stampFile));
  options.report(`installed ${recipe.title}`);
  return { folder, python };
}

function venvError(python: string, lines: readonly string[]): LlmbenchError {
  const noVenv = lines.some((line) => /ensurepip|No module named venv/.test(line));
  return new LlmbenchError(
    noVenv ? "INSTALL_NO_VENV" : "INSTALL_FAILED",
    `${python} could not make a virtual environment.`,
    {
      ...(noVenv ? { hint: "On Debian and Ubuntu: apt install python3-venv." } : {}),
      details: lines.slice(-10),
    },
  );
}

function checkSpace({ title, bytes }: Recipe, folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new LlmbenchError(
    "INSTALL_NO_SPACE",
    `${title} needs ${inGigabytes(bytes)} of disk; ${folder} has ${inGigabytes(free)} free.`,
    { hint: "Free space, or choose another folder with LLMBENCH_CACHE." },
  );
}

function inGigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function folderOf(recipe: Recipe, env?: NodeJS.ProcessEnv): string {
  return join(cacheFolder(env), "environments", `${recipe.name}-${hashOf(recipe).slice(0, 12)}`);
}

function hashOf({ requirements }: Recipe): string {
  return createHash("sha256").update(requirements.join("\n--\n")).digest("hex");
}
