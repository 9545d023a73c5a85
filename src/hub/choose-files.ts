import { LlmbenchError } from "../error.ts";
import type { FileDigest } from "./digest.ts";
import { ownFiles } from "./model-record.ts";
import type { RepositoryFile } from "./repository.ts";

/** A file that is to be fetched: its size and hash are known. */
export interface ChosenFile {
  readonly path: string;
  readonly size: number;
  readonly digest: FileDigest;
}

/** Configuration, tokenizer, chat template, terms: small, and what an engine or a lawyer may ask for. */
const companions = /\.(json|txt|jinja|model|tiktoken)$|^tokenizer|^(licen[cs]e|notice|use_policy)/i;

/**
 * Which files of a repository make the model. Without patterns: the safetensors of the top folder, and what belongs
 * to them; PyTorch's .bin only where there are no safetensors; a GGUF file only where it is the only weights. Throws
 * HUB_NO_MATCH, HUB_NO_WEIGHTS, HUB_CHOOSE_FILES, HUB_ANSWER_INVALID.
 */
export function chooseFiles(
  files: readonly RepositoryFile[],
  include: readonly string[] | undefined,
  repo: string,
): ChosenFile[] {
  const offered = files.filter(({ path }) => !isReserved(path));
  const chosen = include === undefined ? chooseByDefault(offered, repo) : chooseBy(include, offered, repo);
  return withChecksums(chosen, repo);
}

/** Throws HUB_ANSWER_INVALID where a file could not be checked. */
export function withChecksums(files: readonly RepositoryFile[], repo: string): ChosenFile[] {
  return files.map(({ path, size, digest }) => {
    if (size !== undefined && digest !== undefined) return { path, size, digest };
    throw new LlmbenchError(
      "HUB_ANSWER_INVALID",
      `The hub names no size or no checksum of ${repo}/${path}.`,
      {
        hint: "A mirror must answer ?blobs=true as the hub does. Without a checksum no copy can be called complete.",
      },
    );
  });
}

/** What llmbench itself writes to a model's folder, and what hides. */
function isReserved(path: string): boolean {
  const [top = ""] = path.split("/");
  return top.startsWith(".") || ownFiles.includes(path);
}

function chooseBy(
  patterns: readonly string[],
  files: readonly RepositoryFile[],
  repo: string,
): RepositoryFile[] {
  const unused = patterns.filter((pattern) => !files.some(({ path }) => matcher(pattern).test(path)));
  if (unused.length > 0) {
    throw new LlmbenchError(
      "HUB_NO_MATCH",
      `No file of ${repo} matches ${unused.map((pattern) => `"${pattern}"`).join(" nor ")}.`,
      {
        hint: "`*` stands for any text, `/` included; `?` for one character. These are its files:",
        details: nameSome(files),
      },
    );
  }
  const matchers = patterns.map(matcher);
  return files.filter(({ path }) => matchers.some((one) => one.test(path)));
}

/** Patterns as the hub's own tools take them (Python's fnmatch): `*` crosses folders, a `/` at the end means all below. */
function matcher(pattern: string): RegExp {
  const whole = pattern.endsWith("/") ? `${pattern}*` : pattern;
  const source = whole
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s");
}

function chooseByDefault(files: readonly RepositoryFile[], repo: string): RepositoryFile[] {
  const top = files.filter(({ path }) => !path.includes("/"));
  const more = files.filter(({ path }) => /^additional_chat_templates\/[^/]+\.jinja$/.test(path));
  const weights = chooseWeights(top, files, repo);
  const drop = unwanted(weights);
  return [...weights, ...top.filter(({ path }) => companions.test(path) && !drop.test(path)), ...more];
}

function chooseWeights(
  top: readonly RepositoryFile[],
  files: readonly RepositoryFile[],
  repo: string,
): RepositoryFile[] {
  const safetensors = top.filter(({ path }) => path.endsWith(".safetensors"));
  // Mistral's own format lies beside the common one and holds the same weights again.
  const common = safetensors.filter(({ path }) => !path.startsWith("consolidated"));
  if (common.length > 0) return common;
  if (safetensors.length > 0) return safetensors;
  const pytorch = top.filter(({ path }) => /^pytorch_model.*\.bin$/.test(path));
  if (pytorch.length > 0) return pytorch;
  const gguf = top.filter(({ path }) => path.endsWith(".gguf"));
  const models = new Set(gguf.map(({ path }) => path.replace(/-\d{5}-of-\d{5}\.gguf$/, "")));
  if (models.size === 1) return gguf;
  if (models.size > 1) {
    throw new LlmbenchError("HUB_CHOOSE_FILES", `${repo} holds ${models.size} GGUF models.`, {
      hint: "Name the one to fetch, for example --include '*Q4_K_M*.gguf'. These are its files:",
      details: nameSome(gguf),
    });
  }
  throw new LlmbenchError("HUB_NO_WEIGHTS", `${repo} has no weights in its top folder.`, {
    hint: "Name the files to fetch with --include. These are its files:",
    details: nameSome(files),
  });
}

/** What describes weights that were not chosen: an index of files that are not there would mislead an engine. */
function unwanted(weights: readonly RepositoryFile[]): RegExp {
  const first = weights[0]?.path ?? "";
  if (first.startsWith("consolidated")) return /\.bin\.index\.json$/;
  if (first.endsWith(".safetensors")) return /^consolidated|^params\.json$|\.bin\.index\.json$/;
  return /^consolidated|^params\.json$|\.safetensors\.index\.json$/;
}

function nameSome(files: readonly RepositoryFile[]): string[] {
  const most = 30;
  const names = files.map(({ path }) => path).sort();
  const rest = names.length - most;
  return rest <= 0 ? names : [...names.slice(0, most), `and ${rest} more`];
}
