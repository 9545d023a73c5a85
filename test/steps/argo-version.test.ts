import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkArgoVersion } from "../../steps/prepare/argo-version.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-argo-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** An executor that says this when it is asked for its version: `argoexec version --short` of v4.1.2 prints `argoexec: v4.1.2`. */
async function executor(words: string): Promise<string> {
  const path = join(folder, "argoexec");
  await writeFile(path, `#!/bin/sh\n[ "$*" = "version --short" ] || exit 2\n${words}\n`);
  await chmod(path, 0o755);
  return path;
}

describe("the version of Argo Workflows", () => {
  it.each(["v4.1.2", "v3.6.0", "v3.7.14", "v10.0.0-rc1"])(
    "is %s where the executor says so",
    async (version) => {
      expect(await checkArgoVersion(await executor(`echo "argoexec: ${version}"`))).toBe(version);
    },
  );

  it.each(["v3.5.15", "v2.12.13"])("%s is too old", async (version) => {
    await expect(checkArgoVersion(await executor(`echo "argoexec: ${version}"`))).rejects.toMatchObject({
      code: "ARGO_TOO_OLD",
      message: `This workflow runs on Argo Workflows ${version}; it needs 3.6 or newer.`,
    });
  });

  it.each([
    ["an executor that does not say", "echo latest+unknown"],
    ["one that fails", "exit 1"],
  ])("was not looked at with %s", async (_, words) => {
    expect(await checkArgoVersion(await executor(words))).toBe("not looked at");
  });

  it("was not looked at where there is no executor", async () => {
    expect(await checkArgoVersion(join(folder, "none"))).toBe("not looked at");
  });
});
