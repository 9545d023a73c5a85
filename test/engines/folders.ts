import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that is removed when the test ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-engines-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeProgram(path: string, script: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/**
 * A `python3` that says it has a version, makes "virtual environments" that hold a copy of itself, and whose pip
 * writes a line to `pip-runs` beside it and says and exits what FAKE_PIP and FAKE_PIP_STATUS say.
 */
export function fakePython(folder: string, version = [3, 12], hasVenv = true): string {
  const about = JSON.stringify({ executable: join(folder, "python3"), version, hasVenv });
  return writeProgram(
    join(folder, "python3"),
    `case "$*" in
  *"-m venv"*) [ -z "$FAKE_VENV" ] || { echo "$FAKE_VENV" >&2; exit 1; }
    for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
  *"-m pip"*) echo run >> "${folder}/pip-runs"; echo "$FAKE_PIP"; exit "\${FAKE_PIP_STATUS:-0}" ;;
  *json*) echo '${about}' ;;
  *importlib.metadata*) [ -z "$FAKE_VERSION" ] || echo "$FAKE_VERSION" ;;
  *) exit "\${FAKE_CHECK_STATUS:-0}" ;;
esac`,
  );
}
