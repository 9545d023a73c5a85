import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import type { BuildFailure, Message, Metafile } from "esbuild";
import { ExitStatus, LlmbenchError } from "../error.ts";

/** What a plugin imports of llmbench, and the one thing that its bundle leaves out. */
export const apiName = "llm-inference-benchmark";

/** A ConfigMap, which carries it to the cluster, has room for 1 MiB. */
const longestBytes = 500_000;

export interface PluginBundle {
  /** A module whose default export takes a `require` and gives what the plugin exports by default. */
  readonly text: string;
  readonly sha256: string;
}

/**
 * A plugin's file and all that it imports as one file. The same files give the same bytes. Throws PLUGIN_NOT_FOUND,
 * PLUGIN_NO_BUNDLER, PLUGIN_NOT_BUNDLED, PLUGIN_TOO_BIG.
 */
export async function bundlePlugin(file: string): Promise<PluginBundle> {
  try {
    await access(file);
  } catch (error) {
    throw pluginError("PLUGIN_NOT_FOUND", `${file} cannot be read.`, { cause: error });
  }
  const { text, metafile } = await runEsbuild(file);
  const bytes = Buffer.byteLength(text);
  if (bytes > longestBytes) {
    throw pluginError(
      "PLUGIN_TOO_BIG",
      `${file} is ${kilobytes(bytes)} with all that it imports; at most ${kilobytes(longestBytes)}.`,
      {
        hint: `take out what it does not need; zod comes with ${apiName}, and data belongs on the share`,
        details: largest(metafile),
      },
    );
  }
  return { text, sha256: sha256Of(text) };
}

export const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");

async function runEsbuild(file: string): Promise<{ text: string; metafile: Metafile }> {
  const esbuild = await import("esbuild").catch(() => undefined);
  if (esbuild === undefined) {
    throw pluginError("PLUGIN_NO_BUNDLER", `${file} is bundled by esbuild, which is not installed.`, {
      hint: "npm install esbuild, beside llmbench; it was left out with optional dependencies",
    });
  }
  try {
    const { outputFiles, metafile } = await esbuild.build({
      absWorkingDir: dirname(file),
      entryPoints: [file],
      bundle: true,
      platform: "node",
      target: "node20",
      // Not ESM: its imports would be looked up beside it, where llmbench is not.
      format: "cjs",
      external: [apiName],
      supported: { "dynamic-import": false },
      logOverride: { "empty-import-meta": "error" },
      banner: { js: "export default function (require) {\nconst module = { exports: {} };" },
      footer: { js: "return module.exports.default;\n}" },
      legalComments: "none",
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    return { text: outputFiles[0]?.text ?? "", metafile };
  } catch (error) {
    if (!(error instanceof Error && "errors" in error)) throw error;
    const { errors } = error as BuildFailure;
    throw pluginError(
      "PLUGIN_NOT_BUNDLED",
      `${file} cannot be bundled: ${errors[0]?.text ?? error.message}`,
      {
        cause: error,
        details: errors.map(describeMessage),
      },
    );
  }
}

function describeMessage({ text, location }: Message): string {
  return location === null ? text : `${location.file}:${location.line}:${location.column} ${text}`;
}

/** The files that take most of a bundle, largest first. */
function largest({ outputs }: Metafile): string[] {
  return Object.values(outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput)
    .slice(0, 5)
    .map(([path, { bytesInOutput }]) => `${kilobytes(bytesInOutput)}: ${path}`);
}

const kilobytes = (bytes: number): string => `${Math.ceil(bytes / 1000)} kB`;

export function pluginError(
  code: string,
  message: string,
  options: { readonly hint?: string; readonly details?: readonly string[]; readonly cause?: unknown } = {},
): LlmbenchError {
  return new LlmbenchError(code, message, {
    exitStatus: ExitStatus.usage,
    hint: "docs/extending.md says what a plugin holds.",
    ...options,
  });
}
