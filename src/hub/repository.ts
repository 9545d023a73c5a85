import { z } from "zod";
import { LlmbenchError } from "../error.ts";
import type { HubClient } from "./client.ts";
import type { FileDigest } from "./digest.ts";
import { type Asked, answerError } from "./hub-error.ts";
import { networkTrouble, PassingTrouble } from "./trouble.ts";

/** A model on a hub at one commit. */
export interface Repository {
  readonly commit: string;
  readonly files: readonly RepositoryFile[];
}

export interface RepositoryFile {
  /** Below the repository's root, with `/`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number | undefined;
  readonly digest: FileDigest | undefined;
}

/**
 * GET /api/models/<repo>/revision/<revision>?blobs=true. A large file has `lfs.sha256`; of every other `blobId` is git's
 * hash of its bytes (huggingface_hub/hf_api.py, RepoSibling).
 */
const ModelInfo = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.number().int().nonnegative().nullish(),
      blobId: z
        .string()
        .regex(/^[0-9a-f]{40}$/i)
        .nullish(),
      lfs: z
        .object({ sha256: z.string().regex(/^[0-9a-f]{64}$/i), size: z.number().int().nonnegative() })
        .nullish(),
    }),
  ),
});

/** Reads what a repository holds. Throws HUB_* or PassingTrouble. */
export async function readRepository(
  client: HubClient,
  asked: Asked,
  signal: AbortSignal,
): Promise<Repository> {
  const path = `/api/models/${asked.repo}/revision/${encodeURIComponent(asked.revision)}?blobs=true`;
  let status: number;
  let text: string;
  try {
    const answer = await client.get(path, { signal });
    ({ status } = answer);
    if (status !== 200) throw await answerError(answer, asked);
    text = await answer.text();
  } catch (error) {
    throw asHubError(error, asked.endpoint);
  }
  const info = ModelInfo.safeParse(parseOrUndefined(text));
  if (!info.success) {
    throw new LlmbenchError("HUB_ANSWER_INVALID", `${asked.endpoint} does not answer like a hub.`, {
      hint: "Check --endpoint and HF_ENDPOINT; a mirror must speak the hub's API, not only hold its files.",
      details: info.error.issues.map((issue) => `${issue.path.join(".") || "(top)"}: ${issue.message}`),
    });
  }
  return {
    commit: info.data.sha,
    files: info.data.siblings.map(({ rfilename, size, blobId, lfs }) => ({
      path: safePath(rfilename),
      size: lfs?.size ?? size ?? undefined,
      digest: lfs
        ? { kind: "sha256", hex: lfs.sha256.toLowerCase() }
        : blobId
          ? { kind: "git", hex: blobId.toLowerCase() }
          : undefined,
    })),
  };
}

/** The path of a file's content at a commit, which the hub may answer with a redirect to where its bytes are. */
export function contentPath(repo: string, commit: string, file: string): string {
  return `/${repo}/resolve/${commit}/${file.split("/").map(encodeURIComponent).join("/")}`;
}

/** What was thrown while the hub was asked: our own errors as they are, all else is the network's. */
export function asHubError(error: unknown, endpoint: string): Error {
  if (error instanceof LlmbenchError || error instanceof PassingTrouble) return error;
  return networkTrouble(error, endpoint);
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A name must not lead out of the folder, nor hide a line in SHA256SUMS. */
function safePath(path: string): string {
  const parts = path.split("/");
  const wrong =
    path === "" ||
    /[\p{Cc}\\]/u.test(path) ||
    parts.some((part) => part === "" || part === "." || part === "..");
  if (!wrong) return path;
  throw new LlmbenchError("HUB_PATH_UNSAFE", `The repository names a file ${JSON.stringify(path)}.`, {
    hint: "Such a name could lead out of the folder; nothing was fetched. Tell the repository's owner.",
  });
}
