import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ended, expectFailure, expectResumable, expectTidy, Playground } from "./playground.ts";

/** The disk is full, or will take no more of a file. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

/** A limit on the size of files, which everybody can set: `ulimit -f`, in blocks of 512 bytes. */
const limited = (bytes: number) => (command: readonly string[]) => [
  "/bin/sh",
  "-c",
  `ulimit -f ${Math.floor(bytes / 512)} && exec "$0" "$@"`,
  ...command,
];

async function runLimited(bytes: number): Promise<Ended> {
  return await here.start(["run", "config.yaml", "--id", "r"], limited(bytes)).ended;
}

function sizeOf(...path: string[]): number {
  return statSync(join(here.folder, "runs", "r", ...path)).size;
}

/** No file of a run is half there. */
function temporaryFiles(): string[] {
  const files = readdirSync(join(here.folder, "runs"), { recursive: true, encoding: "utf8" });
  return files.filter((name) => name.endsWith(".tmp"));
}

describe("a file that may not grow", () => {
  test("run.json: nothing starts, and nothing stands in the way of the next try", async () => {
    here.configure();
    const run = await runLimited(512);
    expectFailure(
      run,
      "RUN_FOLDER_UNWRITABLE",
      /^error: Cannot write .*\/run\.json: EFBIG: .*\nwhat to do: .*ulimit -f/m,
    );
    expect(temporaryFiles()).toEqual([]);
    expect((await here.llmbench("list")).stdout).toBe("No runs yet.\n");
    expect((await here.run()).status).toBe(0);
  });

  test("the records of a point: it is given up, and what was measured before is kept", async () => {
    // The first point's records fit, those of the second do not.
    here.configure({
      load: {
        warmup: 0,
        blocks: [
          { name: "few", outputTokens: 4, requests: 2 },
          { name: "many", outputTokens: 4, requests: 2000, concurrency: 8 },
        ],
      },
    });
    const run = await runLimited(16 * 1024);
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(
      /^error: cannot write .*\/many-\S*\/1\/requests\.ndjson\.gz\.partial: EFBIG: .*\nwhat to do: .*ulimit -f.*\n\(RECORD_WRITE\)\n/m,
    );
    expect(Object.keys(here.measured())).toEqual(["few-c1-out4"]);
    expectTidy(here);
    const before = here.measured();
    expect((await here.llmbench("run", "--resume", "r")).status).toBe(0);
    expect(here.measured()).toMatchObject(before);
    expect(Object.keys(here.measured())).toHaveLength(2);
  });

  test("results.json and the report: all that was measured is shown from the records", async () => {
    here.configure();
    expect((await here.run()).status).toBe(0);
    const results = sizeOf("results.json");
    const report = sizeOf("report", "index.html");
    expect(report).toBeGreaterThan(results + 2048);
    for (const [limit, file] of [
      [results - 1024, /results\.json/],
      [report - 1024, /index\.html/],
    ] as const) {
      rmSync(join(here.folder, "runs"), { recursive: true });
      const run = await runLimited(limit);
      expectFailure(run, "RUN_FOLDER_UNWRITABLE", file);
      expect(run.stderr).toMatch(/^what to do: .*ulimit -f/m);
      expect(temporaryFiles()).toEqual([]);
      expectTidy(here);
      await expectResumable(here, { status: "done" });
    }
  });
});

test("a server is not started where it cannot be written down", async () => {
  here.configure();
  mkdirSync(join(here.folder, "cache"));
  const inTheWay = join(here.folder, "cache", "servers");
  writeFileSync(inTheWay, "");
  const run = await here.run();
  expectFailure(
    run,
    "SERVER_NOT_REGISTERED",
    /^error: Cannot write down the server of faulty--tiny in .*\/servers: .*\nwhat to do: .*LLMBENCH_CACHE/m,
  );
  expect(here.processes()).toEqual([]);
  rmSync(inTheWay);
  await expectResumable(here, { status: "failed" });
});

describe.skipIf(!canMount())("a full disk", () => {
  // `runs` is a disk of its own of half a megabyte.
  beforeEach(() => {
    mkdirSync(join(here.folder, "runs"));
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", join(here.folder, "runs")]);
  });
  afterEach(() => void spawnSync("umount", ["--lazy", join(here.folder, "runs")]));

  const filler = () => join(here.folder, "runs", "filler");

  function fill(): void {
    const page = Buffer.alloc(4096);
    try {
      for (;;) appendFileSync(filler(), page);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENOSPC") throw error;
    }
  }

  test("that fills up while a point is measured ends the run; with room again it goes on", async () => {
    here.configure();
    here.behave({ rules: [{ when: { from: 4 }, effects: { slowHeadersMs: 1500 } }] });
    const llmbench = here.start(["run", "config.yaml", "--id", "r"]);
    await llmbench.says(/a-c1-out4 #1: /);
    while (
      !existsSync(
        join(here.folder, "runs/r/cells/faulty--tiny/points/a-c1-out8/1/requests.ndjson.gz.partial"),
      )
    )
      await new Promise((resolve) => setTimeout(resolve, 10));
    fill();
    const { status, stderr } = await llmbench.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^error: (cannot write|No space is left to write) .*\/a-c1-out8\/1\/.*\nwhat to do: .*ree some space.*--resume.*\n\((RECORD_WRITE|RUN_FOLDER_FULL)\)\n/m,
    );
    expect(stderr).toMatch(
      /^error: No space is left to write .*\/results\.json\.\nwhat to do: Free some space/m,
    );
    expect(stderr).not.toContain("INTERNAL");
    expect(Object.keys(here.measured())).toEqual(["a-c1-out4"]);
    expect(temporaryFiles()).toEqual([]);
    expectTidy(here);

    fill();
    const full = await here.llmbench("run", "--resume", "r");
    expectFailure(full, "RUN_FOLDER_FULL", /^error: No space is left to write .*\/\.lock-1\.\n/m);
    rmSync(filler());
    await expectResumable(here, { status: "incomplete" });
  });
});

function canMount(): boolean {
  const folder = join(process.env["TMPDIR"] ?? "/tmp", `llmbench-mount-${process.pid}`);
  mkdirSync(folder);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).status === 0;
  if (mounted) spawnSync("umount", [folder]);
  else process.stderr.write("no right to mount a small disk here: the tests of a full disk are skipped\n");
  rmSync(folder, { recursive: true });
  return mounted;
}
