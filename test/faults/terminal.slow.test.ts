import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectResumable, expectTidy, Playground } from "./playground.ts";

/** A person at a terminal: Ctrl-C, and a window that is closed. Needs Python, which can make a terminal. */

const terminal = fileURLToPath(new URL("terminal.py", import.meta.url));
const python = findPython();
if (python === undefined) process.stderr.write("no python3 on PATH: the tests at a terminal are skipped\n");

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

/** At a terminal, in the middle of the second point, which never ends by itself. */
async function startAtTerminal(): Promise<ReturnType<Playground["start"]>> {
  here.configure();
  here.behave({ rules: [{ when: { from: 4 }, effects: { hang: { afterChunk: 2 } } }] });
  const llmbench = here.start(["run", "config.yaml", "--id", "r"], (command) => [
    python ?? "",
    terminal,
    ...command,
  ]);
  await llmbench.says(/2\/2 a-c1-out8/);
  return llmbench;
}

test.skipIf(python === undefined)(
  "Ctrl-C once: stops in order, shows the results, leaves the screen in order",
  async () => {
    const llmbench = await startAtTerminal();
    llmbench.process.stdin.write("interrupt\n");
    const { status, stderr } = await llmbench.ended;
    expect(status).toBe(130);
    const screen = stderr.replaceAll("\r\n", "\n").split("\u001b[2K");
    expect(screen.join("")).toMatch(
      /SIGINT: stopping in order; once more stops at once\n[^]*\nerror: stopped before the end\n[^]*\(INTERRUPTED\)\n[^]*Report: /,
    );
    expectTidy(here);
    await expectResumable(here, { status: "interrupted", again: ["a-c1-out8"] });
  },
);

test.skipIf(python === undefined)(
  "a closed terminal: the run stops in order and ends as interrupted, not by a crash",
  async () => {
    const llmbench = await startAtTerminal();
    llmbench.process.stdin.write("hang-up\n");
    expect((await llmbench.ended).status).toBe(130);
    expectTidy(here);
    await expectResumable(here, { status: "interrupted", again: ["a-c1-out8"] });
  },
);

/** The interpreter itself, since a shim in front of it may need more on PATH than a playground has. */
function findPython(): string | undefined {
  const asked = spawnSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" });
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}
