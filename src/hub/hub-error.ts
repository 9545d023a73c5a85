import { LlmbenchError } from "../error.ts";
import type { HubAnswer } from "./client.ts";
import { PassingTrouble } from "./trouble.ts";

/** A limit that lasts longer than this is not waited for: a container must not hang for an hour. */
const longestWaitSeconds = 900;

/** What was asked for, in words for a person, and with what right. */
export interface Asked {
  readonly endpoint: string;
  readonly repo: string;
  readonly revision: string;
  /** The file, where it was one. */
  readonly path?: string;
  /** Where the token came from, when there is one. */
  readonly tokenName: string;
  readonly hasToken: boolean;
}

/**
 * What an answer that is none means. The codes of the header X-Error-Code, and that 401 is said of gated, private and
 * missing repositories alike: huggingface_hub/utils/_http.py, hf_raise_for_status.
 */
export async function answerError(answer: HubAnswer, asked: Asked): Promise<Error> {
  const said = (answer.header("x-error-message") ?? (await shortText(answer))).trim();
  const { status } = answer;
  const code = answer.header("x-error-code");
  const page = `${asked.endpoint}/${asked.repo}`;
  const { hasToken, tokenName } = asked;

  if (status === 429) return rateLimited(answer, asked);
  if (status === 408 || status >= 500) {
    const lasting = new LlmbenchError("HUB_FAILED", `${answer.place} answers ${status}${quoted(said)}`, {
      hint: "The hub is in trouble. What was fetched is kept: the same command goes on from there.",
    });
    return new PassingTrouble(`${answer.place} answers ${status}`, lasting);
  }
  if (code === "GatedRepo") {
    return new LlmbenchError(
      "HUB_GATED",
      `${asked.repo} is gated: its files are for who accepted its terms.`,
      {
        hint: hasToken
          ? `Accept the terms at ${page} with the account that the token in ${tokenName} belongs to; some owners answer after days. A fine-grained token also needs the right to read gated repositories.`
          : `Accept the terms at ${page}, make a token that may read, and put it in ${tokenName}.`,
        details: said === "" ? [] : [said],
      },
    );
  }
  if (code === "RevisionNotFound") {
    return new LlmbenchError("HUB_REVISION_NOT_FOUND", `${asked.repo} has no revision "${asked.revision}".`, {
      hint: `A branch, a tag or a whole commit of ${page}/commits.`,
    });
  }
  if (code === "EntryNotFound") {
    return new LlmbenchError(
      "HUB_FILE_NOT_FOUND",
      `${asked.repo} lists ${asked.path ?? "a file"} and does not have it.`,
      {
        hint: "Try again; if it stays so, the repository is damaged or the endpoint is no whole mirror.",
      },
    );
  }
  if (status === 401 && hasToken && /credential|token/i.test(said)) {
    return new LlmbenchError(
      "HUB_TOKEN_REFUSED",
      `The hub does not know the token in ${tokenName}${quoted(said)}`,
      {
        hint: `It may be expired, or cut short when it was stored: make one that may read at ${asked.endpoint}/settings/tokens.`,
      },
    );
  }
  if (status === 403) {
    return new LlmbenchError(
      "HUB_TOKEN_REFUSED",
      `The hub refuses ${asked.path ?? asked.repo}${quoted(said)}`,
      {
        hint: hasToken
          ? `The token in ${tokenName} lacks the right to read ${asked.repo}.`
          : `If it is private, put a token that may read it in ${tokenName}.`,
      },
    );
  }
  if (status === 401 || status === 404) {
    return new LlmbenchError(
      "HUB_REPO_NOT_FOUND",
      `The hub at ${asked.endpoint} has no model "${asked.repo}" for ${hasToken ? "this token" : "everyone"}.`,
      {
        hint: hasToken
          ? `Check the name; if it is private, the token in ${tokenName} must belong to someone who may read it.`
          : `Check the name (owner/name); if it is private or gated, put a token in ${tokenName}.`,
      },
    );
  }
  return new LlmbenchError("HUB_FAILED", `${answer.place} answers ${status}${quoted(said)}`, {
    hint: "Is this a hub? Check --endpoint and HF_ENDPOINT.",
  });
}

function quoted(said: string): string {
  return said === "" ? "." : `: ${said}`;
}

/** Error pages can be whole web sites: a sentence is enough. */
async function shortText(answer: HubAnswer): Promise<string> {
  const text = await answer.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === "string") return error.slice(0, 300);
  } catch {
    // No JSON: perhaps a page.
  }
  return /^\s*</.test(text) ? "" : text.slice(0, 300);
}

function rateLimited(answer: HubAnswer, asked: Asked): Error {
  const wait = secondsToWait(answer);
  const lasting = new LlmbenchError("HUB_RATE_LIMITED", `The hub at ${asked.endpoint} limits its requests.`, {
    hint:
      wait === undefined
        ? "Wait some minutes. A token raises the limit. What was fetched is kept."
        : `It allows more in ${wait} s. A token raises the limit. What was fetched is kept.`,
  });
  if (wait !== undefined && wait > longestWaitSeconds) return lasting;
  return new PassingTrouble(`the hub limits requests`, lasting, wait);
}

/**
 * `RateLimit: "api";r=0;t=55` (draft-ietf-httpapi-ratelimit-headers-09, which the hub speaks), else `Retry-After` in
 * seconds or as a date (RFC 9110, 10.2.3). A second more, since the hub counts in whole ones.
 */
function secondsToWait(answer: HubAnswer): number | undefined {
  const [, left, reset] = /;\s*r=(\d+)\s*;\s*t=(\d+)/.exec(answer.header("ratelimit") ?? "") ?? [];
  if (left === "0" && reset !== undefined) return Number(reset) + 1;
  const after = answer.header("retry-after")?.trim();
  if (after === undefined) return undefined;
  if (/^\d+$/.test(after)) return Number(after) + 1;
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : Math.max(1, Math.ceil((date - Date.now()) / 1000) + 1);
}
