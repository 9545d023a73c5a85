import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectFailure, expectResumable, expectTidy, Playground, unwrapped } from "./playground.ts";

/** What goes wrong with an engine, as a user meets it: message, exit status, nothing left, what is kept, going on. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

test("an engine that is not installed is named before anything starts; installed, the run goes on", async () => {
  here.configure({ engine: { process: { command: ["my-engine", ...here.serverCommand().slice(1)] } } });
  const run = await here.run();
  expectFailure(
    run,
    "SERVER_COMMAND_NOT_FOUND",
    /^error: faulty--tiny: the command "my-engine" was not found\.\nwhat to do: .*process\.command/m,
  );
  expect(run.stderr).not.toContain("deploy");
  expectTidy(here);
  symlinkSync("sh", join(here.folder, "bin", "my-engine"));
  await expectResumable(here, {
    status: "failed",
    says: /"my-engine" was not found\. \(SERVER_COMMAND_NOT_FOUND\)/,
  });
});

test("a wrong model path is named before anything starts; put right, the run goes on", async () => {
  const model = join(here.folder, "no-model");
  here.configure({ model });
  const run = await here.run();
  expectFailure(
    run,
    "MODEL_NOT_FOUND",
    new RegExp(`^error: There is no model at ${model}\nwhat to do: .*path`, "m"),
  );
  expectTidy(here);
  mkdirSync(model);
  writeFileSync(join(model, "config.json"), "{}");
  await expectResumable(here, { status: "failed", says: /There is no model at / });
});

test("a server that dies while it loads fails at once, with its last words and what they mean", async () => {
  here.configure({ profile: { loadMs: 60_000 }, engine: { startTimeout: "10m" } });
  here.behave({ process: { exitWhileLoading: { afterMs: 20, status: 3, message: "CUDA out of memory" } } });
  const run = await here.run();
  expectFailure(
    run,
    "SERVER_EXITED",
    /^error: faulty--tiny: the server exited with status 3 after \S+ s, before it was ready\.\n[^]*CUDA out of memory\nwhat to do: The GPU has too little free memory.* Log: .*server\.log\n/m,
  );
  expectTidy(here);
  here.configure();
  const show = await here.llmbench("show", "r");
  expect(unwrapped(show.stdout)).toMatch(/Nothing was measured: faulty--tiny failed \(SERVER_EXITED\)/);
});

test("a server that dies in the middle of a point ends the cell with its reason; what was measured is kept", async () => {
  here.configure();
  // The completion that proves that it is ready, the warm-up, the first point, half of the second.
  here.behave({ process: { exit: { afterRequests: 5, status: 139, message: "Segmentation fault" } } });
  const run = await here.run();
  expectFailure(
    run,
    "SERVER_DIED",
    /^error: faulty--tiny: the server exited with status 139 while a-c1-out8 was measured\.\n[^]*Segmentation fault\nwhat to do: .*llmbench run --resume runs\/r\n/m,
  );
  expect(Object.keys(here.measured())).toEqual(["a-c1-out4"]);
  expectTidy(here);
  await expectResumable(here, {
    status: "failed",
    says: /exited with status 139 while a-c1-out8 was measured/,
  });
});
