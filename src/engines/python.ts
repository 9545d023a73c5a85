import { LlmbenchError } from "../error.ts";
import { runProgram } from "./run-program.ts";

export interface Python {
  /** The interpreter itself, not a shim in front of it. */
  readonly executable: string;
  /** Major and minor version, e.g. [3, 11]. */
  readonly version: readonly [number, number];
  readonly hasVenv: boolean;
}

export interface PythonRange {
  readonly oldest: readonly [number, number];
  readonly newest?: readonly [number, number];
}

const describe =
  "import json, sys, importlib.util as u\n" +
  "has = lambda name: u.find_spec(name) is not None\n" +
  "print(json.dumps({'executable': sys.executable, 'version': sys.version_info[:2], " +
  "'hasVenv': has('venv') and has('ensurepip')}))";

/**
 * The first Python on PATH within the range that can make virtual environments.
 * Throws INSTALL_NO_PYTHON or INSTALL_NO_VENV, with what to install.
 */
export async function findPython(range: PythonRange, env: NodeJS.ProcessEnv = process.env): Promise<Python> {
  const found: Python[] = [];
  for (const name of candidateNames) {
    const python = await askPython(name, env);
    if (python === undefined) continue;
    if (isWithin(python.version, range) && python.hasVenv) return python;
    found.push(python);
  }
  const usable = found.find(({ version }) => isWithin(version, range));
  const wanted = `Python ${rangeInWords(range)}`;
  if (usable !== undefined) {
    const [major, minor] = usable.version;
    throw new LlmbenchError(
      "INSTALL_NO_VENV",
      `${usable.executable} (Python ${major}.${minor}) cannot make virtual environments.`,
      { hint: `On Debian and Ubuntu: apt install python3-venv. ${wanted} is needed.` },
    );
  }
  const versions = [...new Set(found.map(({ version }) => version.join(".")))];
  throw new LlmbenchError(
    "INSTALL_NO_PYTHON",
    `${wanted} is needed and was not found on PATH${versions.length === 0 ? "" : ` (found ${versions.join(", ")})`}.`,
    {
      hint: `Install ${wanted}, for example with your system's packages, so that \`python3\` or \`python3.12\` starts it.`,
    },
  );
}

const candidateNames = ["python3", ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`), "python"];

/** What a Python says of itself; undefined when it does not start (shims of version managers may not). */
async function askPython(name: string, env: NodeJS.ProcessEnv = process.env): Promise<Python | undefined> {
  const { code, stdout } = await runProgram(name, ["-I", "-c", describe], { env, timeoutMs: 20_000 });
  if (code !== 0) return undefined;
  try {
    return JSON.parse(stdout) as Python;
  } catch {
    return undefined;
  }
}

/** Version of an installed distribution by the first of these names that there is; undefined when there is none. */
export async function distributionVersion(
  python: string,
  names: readonly string[],
  options: { env?: NodeJS.ProcessEnv } = {},
): Promise<string | undefined> {
  const script =
    "import sys, importlib.metadata as m\n" +
    "for name in sys.argv[1:]:\n" +
    "    try:\n        print(m.version(name)); break\n" +
    "    except m.PackageNotFoundError: pass";
  const { code, stdout } = await runProgram(python, ["-c", script, ...names], {
    ...options,
    timeoutMs: 60_000,
  });
  const version = stdout.trim().split("\n").at(-1);
  return code === 0 && version ? version : undefined;
}

function isWithin([major, minor]: readonly [number, number], { oldest, newest }: PythonRange): boolean {
  const number = major * 100 + minor;
  const limit = newest === undefined ? Number.POSITIVE_INFINITY : newest[0] * 100 + newest[1];
  return number >= oldest[0] * 100 + oldest[1] && number <= limit;
}

function rangeInWords({ oldest, newest }: PythonRange): string {
  return newest === undefined ? `${oldest.join(".")} or later` : `${oldest.join(".")} to ${newest.join(".")}`;
}
