import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { expectFailure, expectResumable, expectTidy, Playground, unwrapped } from "./playground.ts";

/** Faults of an engine that take their time, or that are a variation of those in server-faults.test.ts. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

async function occupy(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, server };
}

test("all that is missing is said at once", async () => {
  here.configure({
    engines: { vllm: {}, other: { kind: "sglang", process: { venv: "no-venv" } } },
    model: join(here.folder, "no-model"),
  });
  const run = await here.run();
  expectFailure(run, "PREPARE_FAILED", /^error: 2 things are missing before the run can start$/m);
  expect(run.stderr).toMatch(
    /vLLM was not found on this machine\. \(ENGINE_NOT_INSTALLED\)\n {4}what to do: .*venv/,
  );
  expect(run.stderr).toMatch(/no-venv is not a virtual environment\. \(ENGINE_NO_VENV\)\n {4}what to do: /);
  expectTidy(here);
  const { stdout } = await here.llmbench("show", "r");
  expect(unwrapped(stdout)).toMatch(/vllm failed: vllm: vLLM was not found.*other failed: other: .*no-venv/);
});

test("a port that another program keeps fails the server, not that program; free again, the run goes on", async () => {
  const { port, server } = await occupy();
  here.configure();
  here.insistOnPort(port, "always");
  const run = await here.run();
  expectFailure(
    run,
    "SERVER_PORT_TAKEN",
    /^error: faulty--tiny: the server could not have its port: another program has it\.\n[^]*EADDRINUSE[^]*^what to do: .*\{port\}.*server\.log$/m,
  );
  expect(server.listening).toBe(true);
  expectTidy(here);
  here.insistOnPort(undefined);
  await expectResumable(here, { status: "failed", says: /SERVER_PORT_TAKEN/ });
});

test("a port that is taken in between costs a start, no more", async () => {
  const { port } = await occupy();
  here.configure();
  here.insistOnPort(port, "once");
  expect(await here.run()).toMatchObject({ status: 0 });
  expect(Object.keys(here.measured())).toHaveLength(2);
  expectTidy(here);
});

test("a server that listens on a port of its own choice is told so", async () => {
  const { port, server } = await occupy();
  await new Promise((resolve) => server.close(resolve));
  here.configure({ engine: { startTimeout: "3s" } });
  here.insistOnPort(port, "always");
  expectFailure(
    await here.run(),
    "SERVER_NOT_READY",
    process.platform === "linux"
      ? new RegExp(`^what to do: It was given port \\d+ and listens on ${port}: write \\{port\\}`, "m")
      : /^what to do: /m,
  );
  expectTidy(here);
});

test("a server that never gets ready fails after its time, with what was waited for", async () => {
  here.configure({ engine: { startTimeout: "2s" } });
  here.behave({ process: { neverReady: true } });
  expectFailure(
    await here.run(),
    "SERVER_NOT_READY",
    /^error: faulty--tiny: the server was not ready after 2 s: still waiting for .*\.\n[^]*^what to do: .*startTimeout/m,
  );
  expectTidy(here);
  await expectResumable(here, { status: "failed", says: /not ready after 2 s/ });
});

test("a server that hangs in the middle of a point ends the cell after its time; what was measured is kept", async () => {
  here.configure({ load: { timeout: "2s" } });
  here.behave({ rules: [{ when: { from: 5 }, effects: { hang: { afterChunk: 2 } } }] });
  const run = await here.run();
  expectFailure(
    run,
    "SERVER_SILENT",
    /^error: faulty--tiny: the server runs but no longer answers as it should: no whole answer within the time limit\. Of the requests of a-c1-out8, 1 failed and 1 did not\.\n/m,
  );
  expect(Object.keys(here.measured())).toEqual(["a-c1-out4"]);
  expectTidy(here);
  await expectResumable(here, { status: "failed", says: /no longer answers as it should/ });
});

test("a server that answers garbage from some point on ends the cell with what came; what was measured is kept", async () => {
  here.configure();
  here.behave({ rules: [{ when: { from: 4 }, effects: { garbage: "json" } }] });
  const run = await here.run();
  expectFailure(
    run,
    "SERVER_SILENT",
    /^error: faulty--tiny: the server runs but no longer answers as it should: not an answer of this API: .*\. Of the requests of a-c1-out8, 2 failed and 0 did not\.\n/m,
  );
  expect(Object.keys(here.measured())).toEqual(["a-c1-out4"]);
  expectTidy(here);
  await expectResumable(here, { status: "failed", says: /no longer answers as it should/ });
});

test("a server that answers garbage now and then is measured, and the verdict names the garbage", async () => {
  here.configure({ failOn: "invalid" });
  here.behave({ rules: [{ when: { indices: [4] }, effects: { garbage: "html" } }] });
  const run = await here.run();
  expect(run.status).toBe(3);
  expect(run.stderr).toMatch(
    /a-c1-out8 #1 invalid: .*1 of 2 requests failed \(50 %\)\..*not an answer of this API/,
  );
  expectTidy(here);
  const show = await here.llmbench("show", "r");
  expect(unwrapped(show.stdout)).toMatch(/^r · done.*1 of 2 requests failed/);
  // A busy machine may spoil the next try too, in its own way.
  const before = here.measured();
  here.behave({});
  expect([0, 3]).toContain((await here.llmbench("run", "--resume", "r")).status);
  expect(here.measured()["a-c1-out8"]).not.toBe(before["a-c1-out8"]);
  expectTidy(here);
});
