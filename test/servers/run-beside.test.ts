import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { runBeside } from "../../src/servers/run-beside.ts";

describe("a command beside the server", () => {
  it("answers with its exit status and both outputs, also when it fails", async () => {
    expect(await runBeside(["sh", "-c", "echo out; echo err >&2; exit 3"])).toEqual({
      exitStatus: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it("is status 127 where there is no such program", async () => {
    expect((await runBeside(["llmbench-has-no-such-program"])).exitStatus).toBe(127);
  });

  it("pours its output as bytes into a stream that is given, and leaves that open", async () => {
    const sink = new PassThrough();
    const bytes = buffer(sink);
    const done = await runBeside(["sh", "-c", "head -c 300000 /dev/zero; printf '\\377'"], { stdout: sink });
    expect(done).toMatchObject({ exitStatus: 0, stdout: "" });
    expect(sink.writableEnded).toBe(false);
    sink.end();
    const got = await bytes;
    expect(got.length).toBe(300_001);
    expect(got.at(-1)).toBe(0xff);
  });

  it("is ended by its signal, and rejects", async () => {
    await expect(runBeside(["sleep", "600"], { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});
