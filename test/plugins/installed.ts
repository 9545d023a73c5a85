import { execFile } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { programPath } from "../program/program.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** Puts somebody else's package into a folder, with llmbench installed as npm would. */
export async function installPackage(folder: string): Promise<void> {
  cpSync(join(checkout, "test/fixtures/plugin-package"), folder, { recursive: true });
  const modules = join(folder, "node_modules");
  const llmbench = join(modules, "llm-inference-benchmark");
  mkdirSync(join(llmbench, "dist"), { recursive: true });
  copyFileSync(join(checkout, "package.json"), join(llmbench, "package.json"));
  const dist = dirname(await programPath());
  for (const file of ["api.mjs", "argo.mjs", "llmbench.mjs"])
    copyFileSync(join(dist, file), join(llmbench, "dist", file));
  const needed = [
    "zod",
    "yaml",
    "@kubernetes-models",
    "kubernetes-models",
    "@types",
    "undici-types",
    "esbuild",
  ];
  for (const name of needed) symlinkSync(join(checkout, "node_modules", name), join(modules, name));
}

/** Adds the types that the package is published with. */
export async function addTypes(folder: string): Promise<void> {
  const out = join(folder, "node_modules/llm-inference-benchmark/dist/types");
  const tsc = join(checkout, "node_modules/typescript/bin/tsc");
  await run(process.execPath, [tsc, "-p", join(checkout, "tsconfig.types.json"), "--outDir", out]);
}

/** What the compiler has to say of a folder's files, in strict mode. */
export async function typeErrors(folder: string, compiler: string): Promise<string> {
  const tsc = join(checkout, "node_modules", compiler, "bin/tsc");
  return await run(process.execPath, [tsc, "-p", folder, "--pretty", "false"]).then(
    ({ stdout }) => stdout,
    (failure: { stdout: string }) => failure.stdout,
  );
}

/** Runs a TypeScript file of a folder and resolves to what it prints. */
export async function runFile(folder: string, file: string, input: string): Promise<string> {
  const running = run(
    process.execPath,
    ["--import", join(checkout, "node_modules/tsx/dist/loader.mjs"), file],
    {
      cwd: folder,
    },
  );
  running.child.stdin?.end(input);
  return (await running).stdout;
}
