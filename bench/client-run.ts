import { execFile } from "node:child_process";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

/** What a run of `bench/client.ts` says of itself. */
interface ClientRun {
  readonly ok: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly rss: readonly number[];
  readonly maxRssBytes?: number;
  /** Ours where the server waits: each request's number, sent and first text on the machine's clock, microseconds. */
  readonly stamps?: readonly [i: number, sentUs: number, firstTextUs: number][];
}

interface ClientLoad {
  readonly streams: number;
  readonly tokens: number;
  /** First text after, and a write each, ms. */
  readonly ttftMs?: number;
  readonly gapMs?: number;
}

const run = promisify(execFile);

/** One file that Node runs, as users have one. */
export async function bundle(source: URL, folder: string): Promise<string> {
  const outfile = join(folder, `${basename(source.pathname, ".ts")}.mjs`);
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  return outfile;
}

/** Runs a client in a process of its own. Rejects unless every request was answered. */
export async function runClient(
  script: string,
  kind: "ours" | "bare",
  port: string,
  load: ClientLoad,
  requests: number,
): Promise<ClientRun> {
  const takesMs = (load.ttftMs ?? 0) + load.tokens * (load.gapMs ?? 0);
  const numbers = [requests, load.streams, load.tokens, takesMs].map(String);
  const { stdout } = await run(process.execPath, [script, kind, port, ...numbers, `${script}.ndjson.gz`], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const result = JSON.parse(stdout) as ClientRun;
  if (result.ok !== requests) throw new Error(`${kind}: ${result.ok} of ${requests} requests were answered`);
  return result;
}
