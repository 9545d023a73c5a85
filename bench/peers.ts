import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "../src/servers/cache-folder.ts";

/** Other load generators, each in a Python environment of its own in the user's cache folder. */

const run = promisify(execFile);

export interface PeerRun {
  readonly url: string;
  readonly streams: number;
  readonly requests: number;
  readonly tokens: number;
  readonly folder: string;
}

interface Peer {
  readonly version: string;
  readonly words: (run: PeerRun) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const peers = {
  guidellm: {
    version: "0.8.1",
    words: ({ url, streams, requests, tokens, folder }) => [
      "run",
      "--disable-console",
      "--backend",
      `kind=openai_http,target=${url},model=bench,request_format=/v1/chat/completions,max_tokens=${tokens}`,
      "--profile",
      `kind=concurrent,streams=${streams}`,
      "--constraint",
      `kind=max_requests,count=${requests}`,
      "--data",
      `kind=json_file,path=${join(folder, "prompts.jsonl")}`,
      "--metrics",
      "kind=generative,sample_size=0",
      "--output",
      `kind=json,path=${join(folder, "guidellm.json")}`,
    ],
    env: { HF_HUB_OFFLINE: "1" },
  },
  aiperf: {
    version: "0.13.0",
    words: ({ url, streams, requests, tokens, folder }) => [
      "profile",
      "-m",
      "bench",
      "--url",
      url,
      "--endpoint-type",
      "chat",
      "--streaming",
      "--input-file",
      join(folder, "prompts.jsonl"),
      "--custom-dataset-type",
      "single_turn",
      "--extra-inputs",
      `max_completion_tokens:${tokens}`,
      "--tokenizer",
      join(folder, "tokenizer"),
      "--use-server-token-count",
      "--concurrency",
      `${streams}`,
      "--request-count",
      `${requests}`,
      "--ui",
      "none",
      "--no-gpu-telemetry",
      "--no-server-metrics",
      "--export-level",
      "summary",
      "--output-artifact-dir",
      join(folder, "aiperf"),
    ],
    env: {},
  },
} as const satisfies Record<string, Peer>;
export type PeerName = keyof typeof peers;
export const peerNames = Object.keys(peers) as PeerName[];

function environmentOf(name: PeerName): string {
  return join(cacheFolder(), "peers", name);
}

/** Those that are installed. */
export function presentPeers(): PeerName[] {
  return peerNames.filter((name) => existsSync(join(environmentOf(name), "bin", name)));
}

/** Fetches from PyPI those that are not there: some gigabytes, since one of them brings torch. */
export async function installPeers(): Promise<void> {
  for (const name of peerNames.filter((one) => !presentPeers().includes(one))) {
    const folder = environmentOf(name);
    process.stderr.write(`${name} ${peers[name].version} from PyPI into ${folder}\n`);
    await mkdir(folder, { recursive: true });
    await run("python3", ["-m", "venv", folder]);
    await run(join(folder, "bin/pip"), ["install", "-q", `${name}==${peers[name].version}`]);
  }
}

/** Prompts of fifty words, and a tokenizer that splits at blanks, which one of them wants. */
export async function preparePeers(folder: string): Promise<void> {
  const words = Array.from({ length: 50 }, (_, k) => `word${k}`);
  const lines = Array.from({ length: 2048 }, (_, i) => JSON.stringify({ text: `${i} ${words.join(" ")}` }));
  await writeFile(join(folder, "prompts.jsonl"), `${lines.join("\n")}\n`);
  if (!presentPeers().includes("aiperf")) return;
  const script = [
    "import sys",
    "from tokenizers import Tokenizer, models, pre_tokenizers",
    "from transformers import PreTrainedTokenizerFast",
    "made = Tokenizer(models.WordLevel({'[UNK]': 0}, unk_token='[UNK]'))",
    "made.pre_tokenizer = pre_tokenizers.Whitespace()",
    "PreTrainedTokenizerFast(tokenizer_object=made, unk_token='[UNK]').save_pretrained(sys.argv[1])",
  ].join("\n");
  await run(join(environmentOf("aiperf"), "bin/python"), ["-c", script, join(folder, "tokenizer")]);
}

/** Runs one and says how much CPU its whole process tree took, ms. Rejects with what it said where it fails. */
export async function runPeer(name: PeerName, options: PeerRun): Promise<number> {
  const bin = join(environmentOf(name), "bin");
  // Of all that it started and waited for, as the kernel counts it.
  const script = [
    "import resource, subprocess, sys",
    "ended = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)",
    "sys.stderr.buffer.write(ended.stderr[-2000:])",
    "used = resource.getrusage(resource.RUSAGE_CHILDREN)",
    "print((used.ru_utime + used.ru_stime) * 1000)",
    "sys.exit(ended.returncode)",
  ].join("\n");
  const { words, env } = peers[name];
  const { stdout } = await run(join(bin, "python"), ["-c", script, join(bin, name), ...words(options)], {
    env: { ...process.env, ...env },
    cwd: options.folder,
  });
  return Number(stdout);
}
