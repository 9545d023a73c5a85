import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The images that the sources here become, under the names that `npm run images` gives them: callers need not say. */
export default function setUp(): void {
  const { env } = process;
  if (env["KUBECONFIG"] === undefined) return;
  if (env["LLMBENCH_IMAGE"] !== undefined && env["LLMBENCH_LLAMACPP_IMAGE"] !== undefined) return;
  const script = fileURLToPath(new URL("../../scripts/images.ts", import.meta.url));
  const listed = execFileSync(process.execPath, ["--import", "tsx", script, "--list"], { encoding: "utf8" });
  const named = (name: string) => listed.split("\n").find((line) => line.startsWith(`localhost/${name}:`));
  env["LLMBENCH_IMAGE"] ??= named("llmbench");
  env["LLMBENCH_LLAMACPP_IMAGE"] ??= named("llmbench-llamacpp-cpu");
}
