import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What images are built with. Every call throws when the tool fails; its output has been shown then. */
export interface Builder {
  readonly tool: "docker" | "podman" | "buildah";
  build(context: string, name: string, base: string): void;
  archive(name: string, file: string): void;
  /** Pushes and returns the digest under which the registry has it. `insecure`: it may speak plain HTTP. */
  push(local: string, remote: string, insecure: boolean): string;
}

/** Runs a program to its end; what it prints is shown. Throws when it fails. */
export function run(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args[0]} ended with status ${status}`);
}

function works(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

function output(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args[0]} ended with status ${status}: ${stderr}`);
  return stdout.trim();
}

const docker: Builder = {
  tool: "docker",
  build: (context, name, base) =>
    run("docker", ["build", "--quiet", "--build-arg", `BASE=${base}`, "--tag", name, context]),
  archive: (name, file) => run("docker", ["save", "--output", file, name]),
  push: (local, remote) => {
    run("docker", ["tag", local, remote]);
    run("docker", ["push", "--quiet", remote]);
    const digests = output("docker", ["image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', remote]);
    return digestOf(
      digests.split("\n").find((line) => line.startsWith(remote.replace(/:[^:/]+$/, "@"))) ?? "",
      remote,
    );
  },
};

/** podman and buildah share their words. */
function withContainersTools(tool: "podman" | "buildah"): Builder {
  return {
    tool,
    build: (context, name, base) =>
      run(tool, ["build", "--quiet", "--build-arg", `BASE=${base}`, "--tag", name, context]),
    archive: (name, file) => {
      rmSync(file, { force: true });
      run(tool, ["push", "--quiet", name, `oci-archive:${file}:${name}`]);
    },
    push: (local, remote, insecure) => {
      const folder = mkdtempSync(join(tmpdir(), "llmbench-push-"));
      try {
        const file = join(folder, "digest");
        const verify = insecure ? ["--tls-verify=false"] : [];
        run(tool, ["push", "--quiet", ...verify, "--digestfile", file, local, `docker://${remote}`]);
        return digestOf(readFileSync(file, "utf8").trim(), remote);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function digestOf(text: string, remote: string): string {
  const digest = /sha256:[0-9a-f]{64}$/.exec(text)?.[0];
  if (digest === undefined) throw new Error(`no digest came back for ${remote}`);
  return digest;
}

/** The tool that was asked for, else the first that works here: docker needs its daemon. */
export function findBuilder(wanted: string | undefined, fail: (message: string) => never): Builder {
  const known: readonly [Builder, () => boolean][] = [
    [docker, () => works("docker", ["info"])],
    [withContainersTools("podman"), () => works("podman", ["info"])],
    [withContainersTools("buildah"), () => works("buildah", ["--version"])],
  ];
  const names = known.map(([{ tool }]) => tool).join(", ");
  if (wanted !== undefined && !known.some(([{ tool }]) => tool === wanted))
    return fail(`--builder is one of ${names}; found ${wanted}`);
  const found = known.find(([{ tool }, isThere]) => (wanted === undefined || tool === wanted) && isThere());
  return found?.[0] ?? fail(`none of ${wanted ?? names} works here; install one, or start docker's daemon`);
}
