import { afterEach, beforeEach, expect, test } from "vitest";
import type { Behaviour } from "../../src/simulator/options.ts";
import { expectFailure, Playground } from "./playground.ts";

/** `llmbench bench` against a server that llmbench did not start: it is never stopped, and its faults are told. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

async function startServer(behaviour: Partial<Behaviour>): Promise<{ pid: number; url: string }> {
  const server = here.start(["simulate", "--dialect", "vllm", "--behaviour", JSON.stringify(behaviour)]);
  await server.says(/: ready\n/);
  const url = /(http:\S+)/.exec(server.stderr())?.[1] ?? "";
  return { pid: server.process.pid ?? 0, url };
}

const bench = (url: string) => [
  "bench",
  url,
  "--id",
  "r",
  "--warmup",
  "1",
  "--concurrency",
  "1,2",
  "--max-tokens",
  "4",
  "--requests",
  "3",
  "--fail-on",
  "never",
];

test("Ctrl-C still reports, and leaves the server alone", async () => {
  // The proof, the warm-up, and the three requests of the first point are answered.
  const { pid, url } = await startServer({
    rules: [{ when: { from: 5 }, effects: { hang: { afterChunk: 2 } } }],
  });
  const llmbench = here.start(bench(url));
  await llmbench.says(/c1-out4 #1: /);
  llmbench.process.kill("SIGINT");
  const { status, stdout, stderr } = await llmbench.ended;
  expect(status).toBe(130);
  expect(stderr).toMatch(/llmbench run --resume runs\/r\n\(INTERRUPTED\)/);
  expect(stdout).toMatch(/concurrency 1, 4 tokens out[^]*Report: /);
  expect(here.processes()).toEqual([pid]);
  expect(here.openFiles()).toEqual([]);
});

test("a server that goes away under load is told, and what was measured before is reported", async () => {
  const { url } = await startServer({
    process: { exit: { afterRequests: 6, status: 1, message: "simulated crash" } },
  });
  const run = await here.llmbench(...bench(url));
  expectFailure(
    run,
    "SERVER_DIED",
    /^error: .*: the server went away while c2-out4 was measured: .*ECONNREFUSED.*\nwhat to do: What was measured before is kept; /m,
  );
  expect(run.stdout).toMatch(/concurrency 1, 4 tokens out/);
  const resumed = await here.llmbench("run", "--resume", "r");
  expectFailure(resumed, "SERVER_UNREACHABLE", /^error: .* does not answer: /m);
  expect((await here.llmbench("show", "r")).stdout).toMatch(/concurrency 1, 4 tokens out/);
});
