import { fileURLToPath } from "node:url";

declare const LLMBENCH_LOAD_WORKER: string | undefined;

/** The program that a worker runs: a bundle carries it (scripts/bundle.mjs), a checkout bundles it when it is first wanted. */
export async function workerCode(): Promise<string> {
  if (typeof LLMBENCH_LOAD_WORKER === "string") return LLMBENCH_LOAD_WORKER;
  const { build } = await import("esbuild");
  const built = await build({
    entryPoints: [fileURLToPath(new URL("./worker-thread.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
  });
  return built.outputFiles[0]?.text ?? "";
}
