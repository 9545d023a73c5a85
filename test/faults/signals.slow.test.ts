import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectResumable, expectTidy, Playground } from "./playground.ts";

/** Signals at other moments than in the middle of a point: see signals.test.ts. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

for (const signal of ["SIGINT", "SIGHUP"] as const) {
  test(`${signal} while the server loads ends it`, async () => {
    here.configure({ profile: { loadMs: 3_600_000 }, engine: { startTimeout: "1h" } });
    const llmbench = here.start(["run", "config.yaml", "--id", "r"]);
    await llmbench.says(/wait-healthy/);
    llmbench.process.kill(signal);
    const { status, stderr } = await llmbench.ended;
    expect(status).toBe(130);
    expect(stderr).toMatch(/^error: stopped before the end\nwhat to do: /m);
    expectTidy(here);
    const show = await here.llmbench("show", "r");
    expect(show.stdout).toMatch(/^r · interrupted[^]*Nothing was measured/);
  });
}

test("SIGTERM while an engine is installed ends the installation, and nothing was started", async () => {
  here.configure({ engines: { llamacpp: {} } });
  const python = join(here.folder, "bin", "python3");
  const described = JSON.stringify({ executable: python, version: [3, 12], hasVenv: true });
  writeFileSync(
    python,
    `#!/bin/sh\ncase "$*" in *"-m venv"*) exec sleep 3600;; *) echo '${described}';; esac\n`,
    { mode: 0o755 },
  );
  const llmbench = here.start(["run", "config.yaml", "--id", "r"]);
  await llmbench.says(/installing llama\.cpp/);
  llmbench.process.kill("SIGTERM");
  const { status, stderr } = await llmbench.ended;
  expect(status).toBe(130);
  expect(stderr).toMatch(/^error: stopped before the end\n/m);
  expect(stderr).not.toContain("deploy");
  expectTidy(here);
});

test("SIGTERM when the server does not stop by itself ends it after its time", async () => {
  here.configure({ engine: { stopTimeout: "1s" } });
  here.behave({
    process: { ignoreSigterm: true },
    rules: [{ when: { from: 4 }, effects: { hang: { afterChunk: 2 } } }],
  });
  const llmbench = here.start(["run", "config.yaml", "--id", "r"]);
  await llmbench.says(/a-c1-out4 #1: /);
  llmbench.process.kill("SIGTERM");
  expect((await llmbench.ended).status).toBe(130);
  expectTidy(here);
  await expectResumable(here, { status: "interrupted", again: ["a-c1-out8"] });
});
