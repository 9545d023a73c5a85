import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LlmbenchError } from "../error.ts";
import { runProgram } from "./run-program.ts";

/** Takes a line of progress; a notice is what must be known before a download: its size, its terms. */
export type Report = (line: string, kind?: "notice") => void;

export interface InstallOptions {
  readonly report: Report;
  readonly signal?: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs `pip install` or `pip download` on the text of a requirements file; wheels only, dependencies never.
 * Throws INSTALL_* with what to do.
 */
export async function runPip(
  python: string,
  command: "install" | "download",
  requirements: string,
  options: InstallOptions & { folder: string; what: string },
): Promise<void> {
  const file = join(options.folder, "requirements.txt");
  writeFileSync(file, requirements);
  const how = "--no-input --no-deps --only-binary :all: --progress-bar off".split(" ");
  const hashes = requirements.includes("--hash=") ? ["--require-hashes"] : [];
  const target = command === "download" ? ["--dest", options.folder] : [];
  const args = ["-I", "-m", "pip", command, ...how, ...hashes, ...target, "-r", file];
  const { code, lines } = await runProgram(python, args, {
    env: pipEnvironment(options.env),
    cwd: options.folder,
    signal: options.signal,
    onLine: (line) => reportDownload(line, options.report),
  });
  options.signal?.throwIfAborted();
  if (code !== 0) throw pipError(options.what, lines);
}

/** Without what would lead pip out of the virtual environment. */
export function pipEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { PYTHONPATH: _path, PYTHONHOME: _home, PIP_TARGET: _target, PIP_PREFIX: _prefix, ...rest } = env;
  return { ...rest, PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0", PIP_DISABLE_PIP_VERSION_CHECK: "1" };
}

/** "  Downloading torch-2.13.0-cp311-….whl (527.4 MB)"; what is smaller than a megabyte is not worth a line. */
function reportDownload(line: string, report: Report): void {
  const [, file, size] = /^\s*Downloading\s+(\S+).*\(([\d.]+ [MG]B)\)/.exec(line) ?? [];
  if (file === undefined) return;
  const [name, version] = file.replace(/^.*\//, "").split("-");
  report(`downloading ${name} ${version} (${size})`);
}

const failures: readonly { pattern: RegExp; code: string; says: string; hint: string }[] = [
  {
    pattern: /DO NOT MATCH THE HASHES/,
    code: "INSTALL_HASH_MISMATCH",
    says: "what came is not what was published (its hash differs)",
    hint: "Try again; if it stays so, the package index or a proxy alters files: check PIP_INDEX_URL and pip's config.",
  },
  {
    pattern:
      /name resolution|Name or service not known|nodename nor servname|NewConnectionError|Failed to establish|Max retries exceeded|ConnectTimeout|ProxyError|SSLError|Network is unreachable|Connection (refused|reset)|Read timed out/i,
    code: "INSTALL_NO_NETWORK",
    says: "the package index could not be reached",
    hint: "Check the network, and PIP_INDEX_URL, HTTPS_PROXY and PIP_CERT. Once installed, no network is needed.",
  },
  {
    pattern: /No space left on device/,
    code: "INSTALL_NO_SPACE",
    says: "the disk is full",
    hint: "Free space, or choose another folder with LLMBENCH_CACHE.",
  },
  {
    pattern: /No matching distribution found|is not a supported wheel/,
    code: "INSTALL_NO_WHEEL",
    says: "there is no build for this system and Python, or the package index lacks it",
    hint: "Builds exist for Linux (glibc) and macOS on x86-64 and arm64. Another Python, or another package index (PIP_INDEX_URL), may have it.",
  },
  {
    pattern: /No module named pip/,
    code: "INSTALL_NO_PIP",
    says: "this Python has no pip",
    hint: "Install it: on Debian and Ubuntu, apt install python3-venv python3-pip.",
  },
];

function pipError(what: string, lines: readonly string[]): LlmbenchError {
  const text = lines.join("\n");
  const known = failures.find(({ pattern }) => pattern.test(text));
  const details = lines.filter((line) => line.trim() !== "").slice(-10);
  if (known === undefined) {
    return new LlmbenchError("INSTALL_FAILED", `${what} could not be installed.`, { details });
  }
  return new LlmbenchError(known.code, `${what} could not be installed: ${known.says}.`, {
    hint: known.hint,
    details,
  });
}
