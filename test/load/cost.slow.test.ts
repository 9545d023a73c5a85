import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

// Other work on the machine spoils a run of one client and not of the other: then once more.
it("measuring costs at most three times what bare undici does, in flat memory", { retry: 2 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-cost-"));
  const report = join(folder, "bench.json");
  const main = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
  const run = promisify(execFile);
  const args = [
    "--import",
    "tsx",
    main,
    "--rounds",
    "3",
    "--scenarios",
    "unthrottled,long",
    "--without-peers",
    "--json",
    report,
  ];
  // Its exit status says the same as its report.
  const { stdout } = await run(process.execPath, args).catch((error: { stdout: string }) => error);
  process.stderr.write(stdout);
  const { results } = JSON.parse(readFileSync(report, "utf8")) as {
    results: {
      usPerChunk?: { ours: { median: number }; bare: { median: number } };
      maxRssMb?: number;
      earlyMb?: number;
      lateMb?: number;
    }[];
  };
  rmSync(folder, { recursive: true });
  const { usPerChunk } = results[0] ?? {};
  expect((usPerChunk?.ours.median ?? Number.NaN) / (usPerChunk?.bare.median ?? Number.NaN)).toBeLessThan(3);
  const long = results.find(({ lateMb }) => lateMb !== undefined);
  expect(long?.maxRssMb).toBeLessThan(300);
  expect((long?.lateMb ?? Number.NaN) / (long?.earlyMb ?? Number.NaN)).toBeLessThan(1.2);
});
